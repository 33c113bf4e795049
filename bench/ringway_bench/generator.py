# SPDX-License-Identifier: BSD-2-Clause
"""ringway-gen for one trial: what is sent, and what became of it."""
from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import BenchError, UsageError
from .process import Process, last_lines
from .testbed import Bed
from .tools import Tools

SINKS = ("count", "analyse", "sample", "plain")  # plain: nothing is attached; the interface's own counter, read by the caller
WATCHED_EVERY = 0.25  # seconds: whether the device lives
_KEPT = ("engine", "late", "refused", "longest_gap_us", "longest_burst", "restarts", "restart_gap_us", "accepted_by",
         "departure_ns", "idle_turns", "turn_ns", "intervals", "then")
_COUNTED = ("name", "packets", "bytes")  # what every sink says; the rest is its analysis


@dataclass(frozen=True)
class Traffic:
    """What the frames are. Defaults are ringway-gen's own, and are not given to it."""

    size: int | str = 60  # bytes without FCS, or what --size takes: a list, imix, a genome
    flows: int = 1
    engine: str = "xdp"
    protocol: str = "udp"
    distribution: str = "rr"
    vary: tuple[str, ...] = ()
    destination: str = ""  # MAC address; empty: as the wire and the device want it
    options: tuple[str, ...] = ()  # more of ringway-gen's, as they are

    def words(self) -> list[str]:
        words = ["--size", str(self.size), "--flows", str(self.flows)]
        for name, value, default in (("engine", self.engine, "xdp"), ("protocol", self.protocol, "udp"),
                                     ("distribution", self.distribution, "rr"), ("vary", ",".join(self.vary), ""),
                                     ("dst-mac", self.destination, "")):
            if value != default:
                words += [f"--{name}", value]
        return words + list(self.options)


@dataclass(frozen=True)
class Sent:
    """One run of the generator."""

    offered: int  # its device accepted them
    received: int  # at the sink; 0 with sink "plain"
    refused: int  # by the device: the far end had no room for them
    elapsed: float  # seconds from the first frame to the last, one interval included; restarts of the engine left out
    report: dict[str, Any]  # all that it said
    analysed: dict[str, Any] | None  # of the sink, where it analyses

    def record(self) -> dict[str, Any]:
        """What of it belongs into a trial's record."""
        r = self.report
        kept = {k: r[k] for k in _KEPT if k in r}
        if self.analysed is not None:
            kept.update({k: v for k, v in self.analysed.items() if k == "latency"},
                        analysed={k: v for k, v in self.analysed.items() if k != "latency"})
        return kept


class Generator:
    """Sends into a wire's first port, counts at its sink. One run at a time."""

    def __init__(self, tools: Tools, bed: Bed) -> None:
        self._tools = tools
        self._bed = bed

    def command(self, traffic: Traffic, *, rate: float, seconds: float | None = None, count: int | None = None,
                burst: int | None = None, sink: str = "count", stamp: bool = False,
                then: tuple[float, float] | None = None) -> list[str]:
        if sink not in SINKS:
            raise UsageError(f"sink '{sink}': there are {', '.join(SINKS)}")
        words = [self._tools.gen, str(self._bed.gen), "--cpu", str(self._tools.generator_cpu), "--json", "-", "-q"]
        words += [*traffic.words(), "--rate", "max" if math.isinf(rate) else str(max(1, round(rate)))]
        if burst is not None:
            words += ["--burst", str(burst)]
        if count is not None:
            words += ["--count", str(count)]
        if seconds is not None:
            words += ["--duration", f"{seconds:g}"]
        if then is not None:
            words += ["--then", f"{max(1, round(then[0]))},{then[1]:g}"]
        if sink != "plain":
            words += ["--sink", str(self._bed.sink)]
        if sink in ("analyse", "sample"):
            words += ["--sink-mode", sink]
        return words + (["--stamp"] if stamp or sink in ("analyse", "sample") else [])

    def run(self, traffic: Traffic, *, rate: float = math.inf, seconds: float | None = None, count: int | None = None,
            burst: int | None = None, sink: str = "count", stamp: bool = False, then: tuple[float, float] | None = None,
            watch: Callable[[], None] = lambda: None) -> Sent:
        """Until it has sent `count` frames, `burst` of them back to back, or for `seconds`, and `then` at another (rate, for seconds). `watch` is called all the while, and
        ends it by raising. Raises BenchError where ringway-gen says no or does not end."""
        command = self.command(traffic, rate=rate, seconds=seconds, count=count, burst=burst, sink=sink, stamp=stamp, then=then)
        expected = (seconds if seconds is not None else 0.0) + (then[1] if then is not None else 0.0)
        if count is not None and not math.isinf(rate):
            expected = max(expected, count / rate)
        deadline = time.monotonic() + 1.2 * expected + 30
        process = Process(command)
        try:
            while process.wait(WATCHED_EVERY) is None:
                watch()
                if time.monotonic() > deadline:
                    raise BenchError(f"ringway-gen: no end after {1.2 * expected + 30:.0f} s: {' '.join(command)}")
            if process.code != 0:
                raise BenchError(last_lines(process.stderr, 1) or f"ringway-gen: exit status {process.code}")
            return parse(process.stdout)
        finally:
            process.kill()


def parse(text: str) -> Sent:
    """What it wrote. Raises BenchError for what is no such report."""
    try:
        report = json.loads(text)
        sinks = report.pop("sinks")
        received = sum(int(s["packets"]) for s in sinks)
        looked_at = len(sinks) == 1 and "duplicated" in sinks[0]
        analysed = {k: v for k, v in sinks[0].items() if k not in _COUNTED} if looked_at else None
        restarts = float(report.get("restart_gap_us") or 0.0) / 1e6
        return Sent(offered=int(report["offered"]), received=received, refused=int(report["refused"]),
                    elapsed=max(0.0, float(report["duration_s"]) - restarts), report=report, analysed=analysed)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as e:
        raise BenchError(f"ringway-gen: its report is none: {type(e).__name__} {e}") from None
