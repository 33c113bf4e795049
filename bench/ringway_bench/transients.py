# SPDX-License-Identifier: BSD-2-Clause
"""What happens when the load or the device changes during a trial: recovery from overload (RFC 2544 26.5), reset (RFC 6201)."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .errors import BenchError, DutError, UsageError
from .generator import Sent
from .model import Outcome
from .searches import Overloaded
from .wire import Wire


class Recovering:
    """A searches.RecoveryMeasurer."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def recover(self, high: float, low: float, high_seconds: float, low_seconds: float) -> Overloaded:
        """One run of the generator that changes its rate without a pause."""
        w = self.wire
        outcome = w.changing(high, high_seconds, low, low_seconds)
        timeline = [(float(t), int(offered), int(received)) for t, offered, received in outcome.record["then"]["timeline"]]
        if not timeline:
            raise BenchError("ringway-gen: it told nothing after its rate had changed")
        at, lost = losses(timeline, outcome.lost)
        _, offered, _ = timeline[0]
        before = Outcome(high, high_seconds, offered, offered - lost[0], high_seconds, outcome.valid, outcome.reasons, outcome.record)
        after = Outcome(low, low_seconds, outcome.offered - offered, outcome.offered - offered - (outcome.lost - lost[0]), low_seconds,
                        outcome.valid, outcome.reasons, {"started": outcome.record["started"]})
        intervals = tuple((at[i], lost[i] - lost[i - 1]) for i in range(1, len(at)))
        return Overloaded(before, after, intervals)


def losses(timeline: list[tuple[float, int, int]], in_all: int) -> tuple[list[float], list[int]]:
    """(times, frames lost until then), of counters that were read while frames were under way.

    Those count as not yet received. What was lost for good until a moment is at most the least difference of any later
    moment, the end with its `in_all` included: a queue that empties is no loss. So an end of losses is told too early by
    at most the time in which the device's queues run empty.
    """
    at, lost, least = [], [], in_all
    for t, offered, received in reversed(timeline):
        least = min(least, max(0, offered - received))
        at.append(t)
        lost.append(least)
    return at[::-1], lost[::-1]


class Resetting:
    """A searches.ResetMeasurer: the device is ended and started again during a trial."""

    def __init__(self, wire: Wire, kind: str) -> None:
        if wire.spec is None or not wire.spec.command:
            raise UsageError("reset: there is no program to restart" if wire.spec is None else
                             f"reset: {wire.spec.name} is no program that could be restarted")
        self.wire, self.kind = wire, kind

    def restart(self) -> None:
        """Planned: asked to end. kill: SIGKILL. Then started again, and ready."""
        self.wire.restart(kill=self.kind == "kill")

    def reset(self, load: float, seconds: float, restart: Callable[[], None]) -> Outcome:
        """`restart` is called after a fifth of the trial; the value of interest is its loss."""
        w, done = self.wire, False
        began = time.monotonic()

        def look() -> None:
            nonlocal done
            if not done and time.monotonic() - began > seconds / 5:
                done = True
                restart()

        sent: Sent = w.generator.run(w.traffic, rate=load, seconds=seconds, sink="count", watch=look)
        if not done:
            raise DutError(f"{w.spec.name if w.spec else ''}: the trial was over before the restart")
        w.look_again()
        record: dict[str, Any] = {**sent.record(), "restart": self.kind}
        return Outcome(load, seconds, sent.offered, sent.received, sent.elapsed, record=record)
