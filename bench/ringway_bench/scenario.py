# SPDX-License-Identifier: BSD-2-Clause
"""A scenario: which devices, on which wire, with which traffic, measured how, and how often.

    name = "default"
    topology = "p2p"                   # or a table: { kind = "chain", length = 3 }
    rounds = 3
    duts = ["ringway-afxdp", "testpmd-afxdp", "bridge"]
    control = "ringway-afxdp"          # runs once more under a second name: the A/A control
    sizes = [60]                       # bytes without FCS; 60 is the classic 64
    flows = [1]

    [[method]]
    name = "ndr"                       # what the results call it
    kind = "mlrsearch"                 # what `ringway-bench list` names
    ...                                # its parameters

    [settings.testpmd-afxdp]           # of a device, instead of its defaults
    burst = 64

    [dut.mine]                         # a device of one's own, as in bench/duts/*.toml
    command = ["my-forwarder", "{port0}", "{port1}"]

Every unknown key, name or value is a UsageError that says where it stands.
"""
from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from typing import Any

from .errors import UsageError

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (60, 9000)


@dataclass
class Method:
    name: str
    kind: str
    params: dict[str, Any] = field(default_factory=dict)
    sizes: list[int] | None = None  # only at these sizes; None: at all
    flows: list[int] | None = None
    rounds: int | None = None  # only in so many rounds, the first ones
    duts: list[str] | None = None  # only of these devices

    def applies(self, dut: str, size: int, flows: int, round_number: int) -> bool:
        return ((self.sizes is None or size in self.sizes) and (self.flows is None or flows in self.flows)
                and (self.rounds is None or round_number <= self.rounds) and (self.duts is None or dut in self.duts))

    def results(self) -> list[str]:
        """What its results are called: a search for several goals has one for each."""
        goals = self.params.get("goals", [])
        return [self.name] if len(goals) < 2 else [g if isinstance(g, str) else str(g.get("name")) for g in goals]


@dataclass
class Scenario:
    name: str
    duts: list[str]
    methods: list[Method]
    topology: dict[str, Any] = field(default_factory=lambda: {"kind": "p2p"})
    rounds: int = 3
    control: str | None = None
    sizes: list[int] = field(default_factory=lambda: [60])
    flows: list[int] = field(default_factory=lambda: [1])
    engine: str = "xdp"
    protocol: str = "udp"
    seed: int = 1
    compare: list[list[str]] = field(default_factory=list)  # [over, under]; empty: the first against each other one
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    dut: dict[str, dict[str, Any]] = field(default_factory=dict)
    calibrate: dict[str, Any] = field(default_factory=dict)
    path: str = ""

    def as_json(self) -> dict[str, Any]:
        all_of_it = dict(vars(self))
        all_of_it["methods"] = [dict(vars(m)) for m in self.methods]
        return all_of_it

    def pairs(self) -> list[tuple[str, str]]:
        if self.compare:
            return [(a, b) for a, b in self.compare]
        return [(self.duts[0], other) for other in self.duts[1:]]


#: key -> (type, what it should be)
KEYS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "name": (str, "a string"), "topology": ((str, dict), "a name or a table with `kind`"), "rounds": (int, "a number from 1 on"),
    "duts": (list, "a list of names"), "control": (str, "the name of one of `duts`"), "sizes": (list, "a list of bytes"),
    "flows": (list, "a list of numbers"), "engine": (str, "xdp or afxdp"), "protocol": (str, "a string"), "seed": (int, "a number"),
    "compare": (list, "a list of [over, under]"), "settings": (dict, "tables by device"), "dut": (dict, "tables by name"),
    "calibrate": (dict, "a table"), "method": (list, "[[method]] tables"),
}
CALIBRATE: dict[str, type | tuple[type, ...]] = {"seconds": (int, float), "ceiling": (int, float), "sink_cost": bool}
METHOD_KEYS = {"name", "kind", "sizes", "flows", "rounds", "duts"}


def builtin() -> dict[str, str]:
    """name -> path of the scenarios that come with the program."""
    folder = os.path.join(os.path.dirname(HERE), "scenarios")
    return {os.path.splitext(f)[0]: os.path.join(folder, f) for f in sorted(os.listdir(folder)) if f.endswith(".toml")}


def load(name: str) -> Scenario:
    """A file, or the name of one that comes with the program. Raises UsageError."""
    path = name if name.endswith(".toml") or os.path.sep in name else builtin().get(name, "")
    if not path:
        raise UsageError(f"no scenario '{name}'; there are: {', '.join(builtin())}, or a file that ends in .toml")
    try:
        with open(path, "rb") as f:
            table = tomllib.load(f)
    except OSError as e:
        raise UsageError(f"{path}: {e.strerror}") from None
    except tomllib.TOMLDecodeError as e:
        raise UsageError(f"{path}: {e}") from None
    scenario = from_table(table, path)
    scenario.path = path
    return scenario


def from_table(table: dict[str, Any], where: str) -> Scenario:
    _known(table, where)
    methods = [_method(m, f"{where}: [[method]] {n + 1}") for n, m in enumerate(table.get("method", []))]
    if not methods:
        raise UsageError(f"{where}: no [[method]]: nothing would be measured")
    rest = {k: v for k, v in table.items() if k not in ("method", "topology")}
    topology = table.get("topology", "p2p")
    fields: dict[str, Any] = {"name": os.path.splitext(os.path.basename(where))[0], "duts": [], **rest}
    scenario = Scenario(methods=methods, topology={"kind": topology} if isinstance(topology, str) else topology, **fields)
    check(scenario, where)
    return scenario


def _known(table: dict[str, Any], where: str) -> None:
    for key, value in table.items():
        if key not in KEYS:
            raise UsageError(f"{where}: unknown key '{key}' (there are: {', '.join(KEYS)})")
        kind, wanted = KEYS[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise UsageError(f"{where}: {key} should be {wanted}")


def _method(table: Any, where: str) -> Method:
    if not isinstance(table, dict) or not isinstance(table.get("kind"), str):
        raise UsageError(f"{where}: should be a table with `kind`")
    params = {k: v for k, v in table.items() if k not in METHOD_KEYS}
    return Method(name=str(table.get("name", table["kind"])), kind=table["kind"], params=params, sizes=table.get("sizes"),
                  flows=table.get("flows"), rounds=table.get("rounds"), duts=table.get("duts"))


def check(s: Scenario, where: str) -> None:
    """What can be wrong without asking the machine. The names of devices, topologies and methods are checked by those who have them."""
    if not s.duts or not all(isinstance(d, str) for d in s.duts):
        raise UsageError(f"{where}: duts should name at least one device")
    for twice in {d for d in s.duts if s.duts.count(d) > 1}:
        raise UsageError(f"{where}: '{twice}' stands twice in duts (an A/A control is `control = \"{twice}\"`)")
    if s.rounds < 1:
        raise UsageError(f"{where}: rounds should be a number from 1 on")
    if not all(isinstance(x, int) and SIZES[0] <= x <= SIZES[1] for x in s.sizes) or not s.sizes:
        raise UsageError(f"{where}: sizes should be bytes from {SIZES[0]} to {SIZES[1]}")
    if not all(isinstance(x, int) and x >= 1 for x in s.flows) or not s.flows:
        raise UsageError(f"{where}: flows should be numbers from 1 on")
    if s.engine not in ("xdp", "afxdp"):
        raise UsageError(f"{where}: engine '{s.engine}': there are xdp and afxdp")
    if s.control is not None and s.control not in s.duts:
        raise UsageError(f"{where}: control '{s.control}' is none of duts")
    for key, value in s.calibrate.items():
        if key not in CALIBRATE or not isinstance(value, CALIBRATE[key]) or (not isinstance(value, bool) and value <= 0):
            raise UsageError(f"{where}: [calibrate] {key} = {value}: there are seconds (of a trial), ceiling (frames/s) and sink_cost (true)")
    for pair in s.compare:
        if len(pair) != 2 or any(d not in s.duts for d in pair):
            raise UsageError(f"{where}: compare: {pair} should be two of duts")
    for d in s.settings:
        if d not in s.duts:
            raise UsageError(f"{where}: [settings.{d}] is for none of duts")
    _check_methods(s, where)


def _check_methods(s: Scenario, where: str) -> None:
    """Filters name what there is; in no cell two methods have one name; `of` names one that runs before it."""
    for m in s.methods:
        there: dict[str, list[Any]] = {"sizes": s.sizes, "flows": s.flows, "duts": s.duts}
        for key, have in there.items():
            given: Any = getattr(m, key)
            if given is not None and (not isinstance(given, list) or not set(given) <= set(have)):
                raise UsageError(f"{where}: method '{m.name}': {key} should be some of {have}")
        if m.rounds is not None and (not isinstance(m.rounds, int) or m.rounds < 1):
            raise UsageError(f"{where}: method '{m.name}': rounds should be a number from 1 on")
    for dut, size, flows in ((d, x, y) for d in s.duts for x in s.sizes for y in s.flows):
        seen: set[str] = set()
        for m in (m for m in s.methods if m.applies(dut, size, flows, 1)):
            if m.name in seen:
                raise UsageError(f"{where}: two methods are called '{m.name}'")
            of = m.params.get("of")
            if of is not None and of not in seen:
                raise UsageError(f"{where}: method '{m.name}': of = '{of}' is no method before it")
            seen.update(m.results())
