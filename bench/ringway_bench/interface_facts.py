# SPDX-License-Identifier: BSD-2-Clause
"""What an interface was while it was measured: driver, queues, offloads, NAPI."""
from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import BenchError
from .process import run


def interface_record(ns: str | None, ifname: str) -> dict[str, Any]:
    """Of an interface in a named network namespace, or in ours (None). Raises BenchError where there is none; what its driver
    does not tell is left out."""
    link = run("ip", *(["-n", ns] if ns else []), "-details", "link", "show", "dev", ifname)
    record: dict[str, Any] = {"interface": ifname, **link_facts(link)}
    asked = {"driver": ("-i", driver), "features": ("-k", features), "channels": ("-l", channels), "rings": ("-g", channels),
             "coalescing": ("-c", coalescing)}
    for name, (option, read) in asked.items():
        said = run("ethtool", option, ifname, ns=ns, check=False)
        if (value := read(said)):
            record[name] = value
    for name in ("gro_flush_timeout", "napi_defer_hard_irqs", "threaded"):
        number = run("cat", f"/sys/class/net/{ifname}/{name}", ns=ns, check=False).strip()
        if number:
            record[name] = int(number)
    threads = napi_threads(ifname) if record.get("threaded") else {}
    if threads:
        record["napi_threads"] = threads
    return record


def link_facts(text: str) -> dict[str, Any]:
    """Of `ip -details link show`."""
    found: dict[str, Any] = {"up": bool(re.search(r"<[^>]*\bUP\b", text)), "xdp": "none"}
    for key, pattern in (("mtu", r"\bmtu (\d+)"), ("rx_queues", r"\bnumrxqueues (\d+)"), ("tx_queues", r"\bnumtxqueues (\d+)"),
                         ("gso_max_size", r"\bgso_max_size (\d+)"), ("promiscuity", r"\bpromiscuity (\d+)")):
        if (match := re.search(pattern, text)) is not None:
            found[key] = int(match[1])
    if (match := re.search(r"\bqdisc (\S+)", text)) is not None:
        found["qdisc"] = match[1]
    if (match := re.search(r"\bprog/xdp(\w*) id (\d+)", text)) is not None:
        found["xdp"] = {"": "native", "generic": "generic", "offload": "offload"}.get(match[1], match[1])
    return found


def driver(text: str) -> dict[str, str]:
    found = dict(re.findall(r"^(driver|version|firmware-version|bus-info): (\S.*)$", text, re.M))
    return {k: v for k, v in found.items() if v != "N/A"}


def features(text: str) -> dict[str, Any]:
    """Of `ethtool -k`: whether GRO is on, what else is on, and what is not as it was asked for."""
    rows = re.findall(r"^\t*([\w-]+): (on|off)(.*)$", text, re.M)
    if not rows:
        return {}
    state = {name: value for name, value, _ in rows}
    return {"gro": state.get("generic-receive-offload") == "on", "on": [n for n, v, _ in rows if v == "on"],
            # what `ethtool -K` can change and is off: `tx off txvlan off` is among them on every wire here
            "off": [n for n, v, rest in rows if v == "off" and "fixed" not in rest],
            "differs": [n for n, _, rest in rows if "requested" in rest]}


def channels(text: str) -> dict[str, dict[str, int]]:
    """Of `ethtool -l` or `-g`: {"maximum": {...}, "current": {...}}."""
    maximum, found, current = text.partition("Current hardware settings:")
    if not found:
        return {}
    return {when: {k.strip().lower().replace(" ", "_"): int(v) for k, v in re.findall(r"^([\w ]+):\s+(\d+)$", part, re.M)}
            for when, part in (("maximum", maximum), ("current", current))}


def coalescing(text: str) -> dict[str, Any]:
    """Of `ethtool -c`: what is set."""
    found: Mapping[str, str] = dict(re.findall(r"^([\w-]+):\s+(\d+)$", text, re.M))
    adaptive = re.search(r"Adaptive RX: (\w+)\s+TX: (\w+)", text)
    values: dict[str, Any] = {k: int(v) for k, v in found.items() if int(v) != 0}
    if adaptive and "on" in adaptive.groups():
        values["adaptive"] = {"rx": adaptive[1], "tx": adaptive[2]}
    return values


def napi_threads(ifname: str) -> dict[str, list[int]]:
    """Name -> the CPUs that it may run on. A namespace does not show in a thread's name: those of all interfaces of this name."""
    found = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            comm = Path(f"/proc/{int(entry)}/comm").read_text(encoding="ascii", errors="replace").strip()
            if comm.startswith(f"napi/{ifname}-"):
                found[f"{comm} ({entry})"] = sorted(os.sched_getaffinity(int(entry)))
    return found


def interfaces(ports: Mapping[str, tuple[str | None, str]]) -> dict[str, Any]:
    """role -> record, for a report; where one has vanished, what was said of it."""
    found: dict[str, Any] = {}
    for role, (ns, ifname) in ports.items():
        try:
            found[role] = interface_record(ns, ifname)
        except BenchError as e:
            found[role] = {"interface": ifname, "error": str(e)}
    return found
