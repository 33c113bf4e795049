# SPDX-License-Identifier: BSD-2-Clause
"""Devices under test as they are described: a few lines of TOML each, those in bench/duts/ and a user's own.

    title = "My forwarder"
    kind = "command"                   # afxdp | xdp | kernel | dpdk | command
    command = ["{bin}/my-forwarder", "--burst", "{burst}", "{port0}", "{port1}"]
    ready = "forwarding"               # a line that it prints; "forwards": frames are sent until one arrives; "none"

and, where the defaults do not fit:

    stop = "SIGINT"                    # or "SIGTERM", or a command: ["my-forwarder", "--stop"]
    ready_within = 30                  # seconds
    setup = ["ip link ..."]            # shell lines in the device's namespace, before; `teardown`: after
    version = ["my-forwarder", "--version"]
    missing = "my-forwarder is missing: apt install my-forwarder"
    pinned = true                      # started with taskset; false: it pins itself
    cpu = "own"                        # or "generator's": it runs on the CPU of whoever sends to it
    pairs = "one"                      # a process for each pair of ports; "all": one for all of them
    ports = "{port}"                   # words of `{ports}` for each port; {n} is its number
    report = "text"                    # "ringway": a JSON report in {json}, at the end and on SIGUSR1
    ring = "burst"                     # slots of its RX ring: a number, or the setting that says it; what it can be kept away for
    destination = "{mac0}"             # where frames have to be sent to, if that matters: here its first port
    environment = { NAME = "value" }

    [settings.burst]                   # `tune` chooses among `values`, a scenario sets one
    default = 32
    values = [32, 64]
    about = "frames taken at a time"
    apply = "echo {value} > /sys/class/net/{port}/..."   # not on the command line: done for each port unless it is the default

In commands: {bin}, {cpu}, {generator_cpu}, {port0}, {port1}, {ports}, {pair}, {mac0}, {mac1} (the ports' own addresses),
{peer_mac0}, {peer_mac1} (of what is behind them), {destination} (that frames are sent to), {json}, and every setting.
"""
from __future__ import annotations

import os
import re
import string
import tomllib
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import UsageError

HERE = os.path.dirname(os.path.realpath(__file__))
LIBRARY = os.path.join(os.path.dirname(HERE), "duts")
KINDS = ("afxdp", "xdp", "kernel", "dpdk", "command")
PLACEHOLDERS = {"bin", "cpu", "generator_cpu", "port0", "port1", "ports", "pair", "mac0", "mac1", "peer_mac0", "peer_mac1",
                "destination", "json"}
Value = int | float | str | bool


@dataclass(frozen=True)
class Setting:
    default: Value
    values: tuple[Value, ...]  # empty: any of the default's type
    about: str = ""
    apply: str = ""  # a shell line for each port; empty: it stands in the command


@dataclass(frozen=True)
class DutSpec:
    """A device, with the values that its settings have."""

    name: str
    title: str
    kind: str = "command"
    command: tuple[str, ...] = ()  # empty: setup is all of it (a bridge)
    ready: str = "forwards"
    ready_within: float = 30.0
    stop: str | tuple[str, ...] = "SIGINT"
    setup: tuple[str, ...] = ()
    teardown: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    missing: str = ""
    pinned: bool = True
    cpu: str = "own"
    pairs: str = "one"
    ports: tuple[str, ...] = ("{port}",)
    report: str = "text"
    ring: int | str = 0
    destination: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)
    chosen: dict[str, Value] = field(default_factory=dict)

    @property
    def in_kernel(self) -> bool:
        return self.cpu == "generator's"

    def values(self) -> dict[str, Value]:
        """Every setting with the value that it has."""
        return {k: self.chosen.get(k, s.default) for k, s in self.settings.items()}

    def with_settings(self, chosen: dict[str, Any]) -> DutSpec:
        """The same device with some settings of its own. Raises UsageError."""
        for key, value in chosen.items():
            setting = self.settings.get(key)
            if setting is None:
                there = f"there are: {', '.join(self.settings)}" if self.settings else "it has none"
                raise UsageError(f"device {self.name}: unknown setting '{key}' ({there})")
            if setting.values and value not in setting.values:
                raise UsageError(f"device {self.name}: {key} = {value}: it can be {', '.join(map(str, setting.values))}")
            if type(value) is not type(setting.default):
                raise UsageError(f"device {self.name}: {key} = {value!r} should be like {setting.default!r}")
        return replace(self, chosen={**self.chosen, **chosen})

    def ring_size(self) -> int:
        """Slots of the ring between the kernel and this device; 0: it has none, or nobody knows."""
        if isinstance(self.ring, int):
            return self.ring
        return int(self.values()[self.ring])


_TEXTS = {"title", "ready", "missing", "cpu", "pairs", "report", "destination"}
_LISTS = {"command", "setup", "teardown", "version"}
_KEYS = _TEXTS | _LISTS | {"kind", "ready_within", "stop", "pinned", "ports", "ring", "environment", "settings"}
_CHOICES = {"kind": KINDS, "cpu": ("own", "generator's"), "pairs": ("one", "all"), "report": ("text", "ringway")}


def library() -> dict[str, str]:
    """name -> path of the devices that come with the program."""
    return {os.path.splitext(f)[0]: os.path.join(LIBRARY, f) for f in sorted(os.listdir(LIBRARY)) if f.endswith(".toml")}


def load(name: str) -> DutSpec:
    """One of the library, or a file that ends in .toml. Raises UsageError."""
    path = name if name.endswith(".toml") else library().get(name, "")
    if not path:
        raise UsageError(f"no device '{name}'; there are: {', '.join(library())}, or a file that ends in .toml")
    try:
        with open(path, "rb") as f:
            table = tomllib.load(f)
    except OSError as e:
        raise UsageError(f"{path}: {e.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UsageError(f"{path}: {e}") from None
    return from_table(os.path.splitext(os.path.basename(path))[0], table, path)


def from_table(name: str, table: dict[str, Any], where: str) -> DutSpec:
    """A device of a scenario's own ([dut.NAME]). `where` is for messages. Raises UsageError."""
    for key in table:
        if key not in _KEYS:
            raise UsageError(f"{where}: unknown key '{key}' (there are: {', '.join(sorted(_KEYS))})")
    fields: dict[str, Any] = {}
    for key, value in table.items():
        if key in _TEXTS | {"kind"}:
            fields[key] = _text(value, key, where)
        elif key in _LISTS:
            fields[key] = _texts(value, key, where)
    fields.update(_others(table, where))
    for key, choices in _CHOICES.items():
        if key in fields and fields[key] not in choices:
            raise UsageError(f"{where}: {key} = '{fields[key]}': there are {', '.join(choices)}")
    fields.setdefault("title", name)
    if "cpu" not in fields:
        fields["cpu"] = "generator's" if fields.get("kind") in ("xdp", "kernel") else "own"
    spec = DutSpec(name=name, **fields)
    _check(spec, where)
    return spec


def _others(table: dict[str, Any], where: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "pinned" in table:
        if not isinstance(table["pinned"], bool):
            raise UsageError(f"{where}: pinned should be true or false")
        fields["pinned"] = table["pinned"]
    if "ready_within" in table:
        if not _number(table["ready_within"]) or table["ready_within"] <= 0:
            raise UsageError(f"{where}: ready_within should be seconds, more than 0")
        fields["ready_within"] = float(table["ready_within"])
    if "stop" in table:
        stop = table["stop"]
        fields["stop"] = stop if stop in ("SIGINT", "SIGTERM") else _texts(stop, "stop (SIGINT, SIGTERM or a command)", where)
    if "ports" in table:
        ports = table["ports"]
        fields["ports"] = (ports,) if isinstance(ports, str) else _texts(ports, "ports", where)
    if "ring" in table:
        if not isinstance(table["ring"], (int, str)) or isinstance(table["ring"], bool):
            raise UsageError(f"{where}: ring should be a number of slots or the name of a setting")
        fields["ring"] = table["ring"]
    if "environment" in table:
        environment = table["environment"]
        if not isinstance(environment, dict) or not all(isinstance(v, str) for v in environment.values()):
            raise UsageError(f"{where}: environment should be a table of strings")
        fields["environment"] = dict(environment)
    settings = table.get("settings", {})
    if not isinstance(settings, dict):
        raise UsageError(f"{where}: settings should be tables by name")
    fields["settings"] = {k: _setting(k, v, where) for k, v in settings.items()}
    return fields


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key} should be a string")
    return value


def _texts(value: Any, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise UsageError(f"{where}: {key} should be a list of strings")
    return tuple(value)


def _setting(name: str, table: Any, where: str) -> Setting:
    where = f"{where}: [settings.{name}]"
    if not isinstance(table, dict) or "default" not in table:
        raise UsageError(f"{where} should be a table with `default`")
    for key in table:
        if key not in ("default", "values", "about", "apply"):
            raise UsageError(f"{where}: unknown key '{key}' (there are: default, values, about, apply)")
    default, values = table["default"], table.get("values", [])
    if not isinstance(default, (int, float, str, bool)):
        raise UsageError(f"{where}: default should be a number, a string, true or false")
    if not isinstance(values, list) or any(type(v) is not type(default) for v in values):
        raise UsageError(f"{where}: values should be a list, each like the default")
    if values and default not in values:
        raise UsageError(f"{where}: the default {default} is none of its values")
    about, apply = (_text(table.get(key, ""), key, where) for key in ("about", "apply"))
    return Setting(default, tuple(values), about, apply)


def placeholders(text: str, where: str) -> list[str]:
    """Names between braces. Raises UsageError for braces that are no placeholder."""
    try:
        return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    except ValueError as e:
        raise UsageError(f"{where}: '{text}': {e}") from None


def _check(spec: DutSpec, where: str) -> None:
    if not spec.command and not spec.setup:
        raise UsageError(f"{where}: neither command nor setup: nothing would forward")
    if not spec.command and spec.ready not in ("forwards", "none"):
        raise UsageError(f"{where}: ready = '{spec.ready}': without a command nobody says that")
    for name in spec.settings:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or name in PLACEHOLDERS:
            raise UsageError(f"{where}: [settings.{name}]: such a name cannot be a placeholder")
    known = PLACEHOLDERS | set(spec.settings)
    lines = [*spec.command, *spec.setup, *spec.teardown, *spec.version, spec.destination]
    lines += spec.stop if isinstance(spec.stop, tuple) else ()
    for line in lines:
        _all_known(line, known, where)
    for line in spec.ports:
        _all_known(line, known | {"port", "n"}, where)
    for name, setting in spec.settings.items():
        _all_known(setting.apply, known | {"port", "value"}, f"{where}: [settings.{name}]")
    if isinstance(spec.ring, str) and (spec.ring not in spec.settings or not isinstance(spec.settings[spec.ring].default, int)):
        raise UsageError(f"{where}: ring = '{spec.ring}' is no setting that is a number")
    if spec.report == "ringway" and not any("{json}" in word for word in spec.command):
        raise UsageError(f"{where}: report = 'ringway' needs {{json}} in the command: the file of its report")


def _all_known(text: str, known: set[str], where: str) -> None:
    for name in placeholders(text, where):
        if name not in known:
            raise UsageError(f"{where}: '{{{name}}}' in '{text}' is unknown (there are: {', '.join(sorted(known))})")
