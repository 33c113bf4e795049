# SPDX-License-Identifier: BSD-2-Clause
"""Methods that search nothing: maximum receive rate, frame loss rate, soak."""
from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import UsageError
from ..model import Found, Measurer, Outcome
from .repeat import Limits, NoTraffic, OutOfBudget, Repeating


def spread(values: list[float]) -> dict[str, Any]:
    """Of at least one value."""
    return {"count": len(values), "mean": statistics.fmean(values), "median": statistics.median(values),
            "stdev": statistics.stdev(values) if len(values) > 1 else 0.0, "min": min(values), "max": max(values)}


def point(outcome: Outcome) -> dict[str, Any]:
    """Of a curve."""
    return {"load": outcome.load, "rate": outcome.rate, "loss_ratio": outcome.loss_ratio, "lost": outcome.lost,
            "forwarding_rate": outcome.forwarding_rate}


@dataclass(frozen=True)
class MaximumReceiveRate:
    """What arrives per second while as much is offered as the generator makes; loss is ignored. The value is the mean."""

    trials: int = 10
    seconds: float = 1.0

    def run(self, measurer: Measurer, limits: Limits) -> Found:
        book = Repeating(measurer, limits, 4 * self.trials * self.seconds + 60)
        state, extra, rates = "found", dict[str, Any](), list[float]()
        try:
            for _ in range(self.trials):
                rates.append(book.trial(float("inf"), self.seconds).forwarding_rate)
        except (NoTraffic, OutOfBudget) as e:
            state = "no traffic" if isinstance(e, NoTraffic) else "out of budget"
            extra["why"] = str(e)
        book.conclude()
        if state == "no traffic":
            rates = []
        extra.update({"invalid": book.invalid, **(spread(rates) if rates else {})})
        return Found(method="mrr", goal=asdict(self), state=state, value=statistics.fmean(rates) if rates else None,
                     seconds=book.spent, trials=book.record(), extra=extra)


@dataclass(frozen=True)
class FrameLossRate:
    """RFC 2544 26.3: at the maximum load, then at less by `step` of it each time, until two trials in a row lose nothing.

    `extra["curve"]` is the result; the value is the loss ratio at the maximum load.
    """

    seconds: float = 60.0
    step: float = 0.1  # of the maximum; the RFC allows finer ones, no coarser ones

    def run(self, measurer: Measurer, limits: Limits) -> Found:
        book = Repeating(measurer, limits, 3 * self.seconds / self.step + 60)
        state, curve, extra = "irregular", list[dict[str, Any]](), dict[str, Any]()
        try:
            for load in self.loads(limits):
                curve.append(point(book.trial(load, self.seconds)))
                if len(curve) > 1 and curve[-1]["lost"] == curve[-2]["lost"] == 0:
                    state = "found"
                    break
            else:
                extra["why"] = "no two trials in a row without loss"
        except (NoTraffic, OutOfBudget) as e:
            state = "no traffic" if isinstance(e, NoTraffic) else "out of budget"
            extra["why"] = str(e)
        book.conclude()
        extra.update({"curve": curve, "invalid": book.invalid, "maximum": limits.maximum})
        return Found(method="loss-rate", goal=asdict(self), state=state, value=curve[0]["loss_ratio"] if curve else None,
                     unit="ratio", seconds=book.spent, trials=book.record(), extra=extra)

    def loads(self, limits: Limits) -> list[float]:
        number = round(1 / self.step)
        loads = (limits.maximum * (1 - n * self.step) for n in range(number + 1))
        return [load for load in loads if load >= limits.minimum]


@dataclass(frozen=True)
class Soak:
    """One load for long, a result for each interval, and whether any lost more than `alarm`.

    Intervals are trials of their own, with the measurer's pause between them. A disturbed one is kept and not repeated, and
    does not alarm. The value is the loss ratio of all valid intervals together.
    """

    load: float = 0.0  # frames per second; 0: half of the maximum
    seconds: float = 21600.0
    interval: float = 300.0
    alarm: float = 1e-9  # loss ratio of an interval

    def run(self, measurer: Measurer, limits: Limits) -> Found:
        number = max(1, round(self.seconds / self.interval))
        load = self.load or limits.maximum / 2
        if load > limits.maximum:
            raise UsageError(f"soak: load {load:g} should be at most the maximum of {limits.maximum:.0f} frames/s")
        outcomes: list[Outcome] = []
        alarms: list[int] = []
        for n in range(number):
            outcomes.append(measurer.trial(load, self.interval))
            if outcomes[-1].valid and outcomes[-1].loss_ratio > self.alarm:
                alarms.append(n)
        valid = [o for o in outcomes if o.valid and o.offered]
        offered, lost = sum(o.offered for o in valid), sum(o.lost for o in valid)
        state = "unstable" if alarms else "found"
        if offered == lost:
            state = "no traffic" if valid else "irregular"
        extra = {"curve": [point(o) for o in outcomes], "alarms": alarms, "invalid": len(outcomes) - len(valid),
                 "maximum": limits.maximum}
        return Found(method="soak", goal=asdict(self), state=state, value=lost / offered if offered else None, unit="ratio",
                     seconds=number * self.interval, trials=[o.as_json() for o in outcomes], extra=extra)
