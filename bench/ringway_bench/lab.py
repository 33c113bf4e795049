# SPDX-License-Identifier: BSD-2-Clause
"""Where a scenario's devices are put on wires: the runner's Lab, on real interfaces."""
from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from statistics import median
from typing import Any

from . import duts, wire
from .duts import DutSpec
from .errors import NotMeasurable, UsageError
from .generator import Traffic
from .model import Outcome
from .platform import interfaces
from .scenario import Scenario
from .searches.repeat import summary
from .tools import Tools
from .wire import Wire

SINKS = ("plain", "count", "sample", "analyse")
KINDS = {"afxdp": "ringway-afxdp", "xdp": "ringway-xdp"}
SINK_SECONDS, SINK_ROUNDS = 1.0, 3  # of what says what the sink costs


class WireCell:
    """A device that runs, warmed up."""

    def __init__(self, wire_: Wire) -> None:
        self.wire = wire_
        self.measurer = wire_

    def describe(self) -> dict[str, Any]:
        return self.wire.describe()

    def check(self, load: float) -> dict[str, Any]:
        return self.wire.check(load, 1.0)

    def interfaces(self) -> dict[str, Any]:
        """What the ends of this wire are: driver, offloads, channels, rings, NAPI."""
        bed = self.wire.bed
        ports = {"generator": (bed.gen.ns, bed.gen.name), "sink": (bed.sink.ns, bed.sink.name)}
        ports |= {f"device {name}": (place.ns, name) for place in bed.places for name in place.ports}
        return interfaces(ports)


class WireLab:
    def __init__(self, scenario: Scenario, tools: Tools) -> None:
        """Raises UsageError for what is wrong in a device or in the topology: before anything is made."""
        self.tools = tools
        self.scenario = scenario
        self.specs = {name: self._spec(name) for name in scenario.duts}
        kind = scenario.topology.get("kind", "")
        self.external = kind == "external"
        for spec in self.specs.values():
            if not self.external:
                wire.fits(kind, spec)

    def _spec(self, name: str) -> DutSpec:
        own = self.scenario.dut.get(name)
        spec = duts.from_table(name, own, f"{self.scenario.path or self.scenario.name}: [dut.{name}]") if own is not None else duts.load(name)
        return spec.with_settings(self.scenario.settings.get(name, {}))

    def traffic(self, size: int, flows: int) -> Traffic:
        return Traffic(size=size, flows=flows, engine=self.scenario.engine, protocol=self.scenario.protocol)

    @contextlib.contextmanager
    def open(self, dut: str, size: int, flows: int) -> Iterator[WireCell]:
        spec = None if self.external else self.specs[dut]
        with wire.on(self.scenario.topology, self.tools, spec, self.traffic(size, flows)) as w:
            yield WireCell(w)

    def calibrate(self, size: int, flows: int) -> dict[str, Any]:
        if self.external:
            limit = self.scenario.calibrate.get("ceiling")
            if not isinstance(limit, (int, float)) or limit <= 0:
                raise UsageError("topology external: [calibrate] ceiling = frames per second is needed: there the generator cannot be "
                                 "joined to the sink directly (measure it in `ringway-bench selftest`, or cable it back to back)")
            return {"engine": self.scenario.engine, "ceiling": float(limit), "given": True}
        found = calibrate(self.tools, self.traffic(size, flows), seconds=float(self.scenario.calibrate.get("seconds", 1.0)))
        if self.scenario.calibrate.get("sink_cost") and size == self.scenario.sizes[0]:
            for kind, name in KINDS.items():
                cost = sink_cost(self.tools, name, size, SINK_SECONDS, SINK_ROUNDS, ("plain", "count"))["of_plain"]["count"]
                if cost is not None:
                    found["sink_cost"][kind] = 1 - cost
        return found


def calibrate(tools: Tools, traffic: Traffic, trials: int = 3, seconds: float = 1.0) -> dict[str, Any]:
    """The generator against nothing but a sink; what it loses even then is told as `loss`."""
    with wire.on("loop", tools, None, traffic, warm_up=0.5) as w:
        free = [w.trial(math.inf, seconds) for _ in range(trials)]
        paced = [w.trial(median(o.rate for o in free), seconds) for _ in range(trials)]
        third = w.trial(median(o.rate for o in paced) / 3, seconds)
        stamped = w.analysed(min(100_000.0, third.load), seconds)
    lost = sum(o.lost for o in (*free, *paced, third))
    latency = stamped.record.get("latency") or {}
    return {
        "engine": traffic.engine, "sink": "count",
        # A paced frame costs the clock: this is what searches may ask for, and 100 %.
        "ceiling": median(o.rate for o in paced), "unpaced": median(o.rate for o in free), "loss": lost,
        "pacing_error": third.rate / third.load - 1, "departure_ns": third.record.get("departure_ns"),
        "latency_bias_ns": {k: latency[k] for k in ("p50", "p99", "max") if k in latency}, "sink_cost": {},
        "trials": [o.as_json() for o in (*free, *paced, third, stamped)],
    }


def valid_trial(w: Wire, load: float, seconds: float, attempts: int = 4) -> Outcome:
    """The first valid one of some; raises NotMeasurable when there is none: for uses that have no budget of their own."""
    seen = [w.trial(load, seconds)]
    while not seen[-1].valid and len(seen) < attempts:
        seen.append(w.trial(load, seconds))
    if not seen[-1].valid:
        raise NotMeasurable(f"not measurable here: {len(seen)} trials in a row were disturbed "
                            f"({summary(r for o in seen for r in o.reasons)})")
    return seen[-1]


def sink_cost(tools: Tools, name: str, size: int, seconds: float, rounds: int,
              sinks: tuple[str, ...] = SINKS) -> dict[str, Any]:
    """What a device forwards into each sink, of what it forwards into a plain interface; frames are stamped throughout where they are
    for the analysis, so that only the sink differs."""
    rates: dict[str, list[float]] = {s: [] for s in sinks}
    traffic = Traffic(size=size, options=("--stamp",))
    for _ in range(rounds):
        for sink in sinks:
            with wire.on("p2p", tools, duts.load(name), traffic, sink=sink, warm_up=0.3) as w:
                try:
                    rates[sink].append(valid_trial(w, math.inf, seconds).forwarding_rate)
                except NotMeasurable:
                    pass  # its row stays shorter
    plain = median(rates["plain"]) if rates["plain"] else 0.0
    return {"device": name, "rates": rates, "of_plain": {s: median(r) / plain if r and plain else None for s, r in rates.items()}}
