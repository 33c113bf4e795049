# SPDX-License-Identifier: BSD-2-Clause
"""How long a device takes to be well again: after overload (RFC 2544 26.5), and after it was restarted (RFC 6201)."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from ..errors import UsageError
from ..model import Found, Outcome
from .repeat import HANDFUL, Disturbed, Limits
from .simple import spread


@dataclass(frozen=True)
class Overloaded:
    """What a measurer saw of one overload and what followed."""

    high: Outcome  # the trial at the higher load
    low: Outcome  # the one at the lower load that follows at once
    intervals: tuple[tuple[float, int], ...]  # of `low`: seconds since the reduction at an interval's end, frames lost in it

    @property
    def seconds(self) -> float:
        """From the reduction to the end of the last interval with loss; 0 when there was none."""
        return max((at for at, lost in self.intervals if lost), default=0.0)

    @property
    def recovered(self) -> bool:
        """Whether the loss ended before the trial did."""
        return not self.intervals or self.intervals[-1][1] == 0


class RecoveryMeasurer(Protocol):
    def recover(self, high: float, low: float, high_seconds: float, low_seconds: float) -> Overloaded:
        """Offers `high` frames per second and then, without a pause, `low`; tells when the losses were."""
        ...


class ResetMeasurer(Protocol):
    def reset(self, load: float, seconds: float, restart: Callable[[], None]) -> Outcome:
        """A trial at `load` during which `restart` is called once, early; long enough that the device is back before its end."""
        ...


@dataclass(frozen=True)
class SystemRecovery:
    """Overload for a while, then less: the time until loss stops, averaged. The value is in seconds."""

    throughput: float = 0.0  # frames per second, found before
    high: float = 1.5  # of the throughput, or the maximum load if that is less
    low: float = 0.75
    high_seconds: float = 60.0
    low_seconds: float = 10.0
    repeats: int = 3

    def run(self, measurer: RecoveryMeasurer, limits: Limits) -> Found:
        if not 0 < self.throughput <= limits.maximum:
            raise UsageError(f"recovery: throughput {self.throughput:g} should be above 0 and at most the maximum of"
                             f" {limits.maximum:.0f} frames/s")
        high = min(self.high * self.throughput, limits.maximum)
        low = self.low * self.throughput
        seen = [measurer.recover(high, low, self.high_seconds, self.low_seconds) for _ in range(self.repeats)]
        valid = [s for s in seen if s.high.valid and s.low.valid]
        trials = [o for s in seen for o in (s.high, s.low)]
        invalid = len(seen) - len(valid)
        if not valid or (len(seen) >= HANDFUL and 2 * invalid > len(seen)):
            raise Disturbed(f"not measurable here: {invalid} of {len(seen)} overloads were disturbed", trials)
        times = [s.seconds for s in valid]
        state = "found" if all(s.recovered for s in valid) else "irregular"
        if all(s.low.received == 0 for s in valid):
            state = "no traffic"
        extra: dict[str, Any] = {"high_load": high, "invalid": invalid, "overloaded": [s.high.lost > 0 for s in valid],
                                 **spread(times), "intervals": [list(s.intervals) for s in seen]}
        if state == "irregular":
            extra["why"] = f"still losing {self.low_seconds:g} s after the reduction"
        elif not any(extra["overloaded"]):
            state, extra["why"] = "irregular", "the higher load was no overload: nothing was lost"
        return Found(method="recovery", goal=asdict(self), state=state, unit="s", extra=extra,
                     value=None if state == "no traffic" else sum(times) / len(times),
                     seconds=self.repeats * (self.high_seconds + self.low_seconds), trials=[o.as_json() for o in trials])


@dataclass(frozen=True)
class ResetTime:
    """Frames that a restart costs / the rate at which they were offered. The value is the mean, in seconds."""

    load: float = 0.0  # frames per second; at most the throughput, or the loss is not the restart's
    seconds: float = 10.0
    repeats: int = 3
    kind: str = "planned"  # or "kill": only what the result says of how the callback restarts
    restart: Callable[[], None] | None = field(default=None, compare=False)

    def run(self, measurer: ResetMeasurer, limits: Limits) -> Found:
        if self.restart is None:
            raise UsageError("reset: nothing that restarts the device")
        if not 0 < self.load <= limits.maximum:
            raise UsageError(f"reset: load {self.load:g} should be above 0 and at most {limits.maximum:.0f} frames/s")
        outcomes = [measurer.reset(self.load, self.seconds, self.restart) for _ in range(self.repeats)]
        valid = [o for o in outcomes if o.valid and o.offered]
        invalid = len(outcomes) - len(valid)
        if not valid or (len(outcomes) >= HANDFUL and 2 * invalid > len(outcomes)):
            raise Disturbed(f"not measurable here: {invalid} of {len(outcomes)} restarts were disturbed", outcomes)
        times = [o.lost / o.rate for o in valid]
        state = "found" if all(o.received > 0 for o in valid) else "no traffic"
        goal = {k: v for k, v in vars(self).items() if k != "restart"}
        return Found(method="reset", goal=goal, state=state, unit="s", seconds=self.repeats * self.seconds,
                     value=sum(times) / len(times) if state == "found" else None, trials=[o.as_json() for o in outcomes],
                     extra={"invalid": invalid, **spread(times)})
