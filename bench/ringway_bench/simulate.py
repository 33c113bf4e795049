# SPDX-License-Identifier: BSD-2-Clause
"""Devices that are not there: measurers with a known truth, to prove searches on.

A device answers a trial as a real one would: below what it can carry it loses nothing, above it forwards what it can. How that
varies is what distinguishes them. `lossy(load, seconds, loss_ratio)` is the probability that such a trial loses more than
`loss_ratio`: what a search has to find follows from it.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from .model import Measurer, Outcome
from .searches.recovery import Overloaded


@dataclass
class Device:
    """A clean edge at `capacity`; others change `carries`. `ceiling` is what the generator does when asked for all it can."""

    capacity: float  # frames per second
    ceiling: float = 1e7
    short: float = 0.0  # by how much of a load the generator falls short, as one that never catches up does
    rng: Random = field(default_factory=lambda: Random(1))
    trials: list[tuple[float, float]] = field(default_factory=list)  # loads and seconds that were asked for

    def carries(self, load: float, seconds: float) -> float:
        """Frames per second that get through in this trial."""
        return min(load, self.capacity)

    def trial(self, load: float, seconds: float) -> Outcome:
        self.trials.append((load, seconds))
        rate = min(load, self.ceiling) * (1 - self.short)
        offered = max(1, round(rate * seconds))
        carried = self.carries(rate, seconds)
        received = offered if carried >= rate else min(offered, math.floor(carried * seconds))
        return Outcome(load, seconds, offered, received, seconds)

    def lossy(self, load: float, seconds: float = 1.0, loss_ratio: float = 0.0) -> float:
        return float(load * (1 - self.short) * (1 - loss_ratio) > self.capacity)


@dataclass
class SoftEdge(Device):
    """What it carries is drawn anew in each trial, from a logistic distribution around `capacity`."""

    spread: float = 0.01  # scale of the distribution, as a part of the capacity

    def carries(self, load: float, seconds: float) -> float:
        u = self.rng.random() or 0.5
        return min(load, self.capacity * max(0.0, 1 + self.spread * math.log(u / (1 - u))))

    def lossy(self, load: float, seconds: float = 1.0, loss_ratio: float = 0.0) -> float:
        x = (load * (1 - self.short) * (1 - loss_ratio) / self.capacity - 1) / self.spread
        return float(1 / (1 + math.exp(-x))) if x > -700 else 0.0


@dataclass
class Noisy(Device):
    """A clean edge, and in each second with probability `chance` something takes `loss` of that trial's frames, at any load."""

    chance: float = 0.05
    loss: float = 0.01

    def carries(self, load: float, seconds: float) -> float:
        carried = min(load, self.capacity)
        return carried * (1 - self.loss) if self.rng.random() < 1 - (1 - self.chance) ** seconds else carried

    def lossy(self, load: float, seconds: float = 1.0, loss_ratio: float = 0.0) -> float:
        if load * (1 - self.short) * (1 - loss_ratio) > self.capacity:
            return 1.0
        hit = 1 - math.pow(1 - self.chance, seconds)
        return hit if self.loss > loss_ratio else 0.0


@dataclass
class Inverted(Device):
    """Loses `loss` at loads between `low` and `high`, and nothing above them up to its capacity."""

    low: float = 0.0
    high: float = 0.0
    loss: float = 0.02

    def carries(self, load: float, seconds: float) -> float:
        carried = min(load, self.capacity)
        return carried * (1 - self.loss) if self.low <= load <= self.high else carried

    def lossy(self, load: float, seconds: float = 1.0, loss_ratio: float = 0.0) -> float:
        inside = self.low <= load * (1 - self.short) <= self.high and self.loss > loss_ratio
        return max(float(inside), super().lossy(load, seconds, loss_ratio))


@dataclass
class Drifting(Device):
    """Its capacity changes by the factor 1 + `drift` after every trial, however long."""

    drift: float = -0.01

    def carries(self, load: float, seconds: float) -> float:
        carried = min(load, self.capacity)
        self.capacity *= 1 + self.drift
        return carried


@dataclass
class Dead(Device):
    def carries(self, load: float, seconds: float) -> float:
        return 0.0


@dataclass
class Adding(Device):
    """Puts out `more` frames than it got: a bridge that floods, a sink that counts what is not the generator's."""

    more: int = 1

    def trial(self, load: float, seconds: float) -> Outcome:
        outcome = super().trial(load, seconds)
        return replace(outcome, received=outcome.received + self.more)


@dataclass
class Disturbed:
    """Another measurer of whose trials the part `share` is invalid."""

    measurer: Measurer
    share: float
    rng: Random = field(default_factory=lambda: Random(1))

    def trial(self, load: float, seconds: float) -> Outcome:
        outcome = self.measurer.trial(load, seconds)
        if self.rng.random() >= self.share:
            return outcome
        return replace(outcome, valid=False, reasons=("stolen time",), received=outcome.received // 2)


@dataclass
class Buffering(Device):
    """Takes bursts: what comes faster than `capacity` waits in a buffer of `buffer` frames."""

    buffer: int = 1000

    def burst(self, frames: int) -> Outcome:
        seconds = frames / self.ceiling
        fits = self.buffer + math.floor(self.capacity * seconds)
        return Outcome(float("inf"), seconds, frames, min(frames, fits), seconds)

    def recover(self, high: float, low: float, high_seconds: float, low_seconds: float) -> Overloaded:
        """Until the buffer has drained to half at the lower load it goes on losing one frame in a hundred."""
        before, after = self.trial(high, high_seconds), Device(self.capacity).trial(low, low_seconds)
        bad = 0.0
        if before.lost:
            bad = self.buffer / 2 / (self.capacity - low) if low < self.capacity else low_seconds
        step = 0.1
        intervals = []
        for n in range(round(low_seconds / step)):
            begin = n * step
            intervals.append(((n + 1) * step, math.ceil(low * min(step, bad - begin) / 100) if begin < bad else 0))
        lost = sum(n for _, n in intervals)
        return Overloaded(before, replace(after, received=after.received - lost), tuple(intervals))

    def reset(self, load: float, seconds: float, restart: Callable[[], None], away: float = 0.25) -> Outcome:
        """Forwards nothing for `away` seconds after `restart`."""
        restart()
        outcome = self.trial(load, seconds)
        return replace(outcome, received=outcome.received - round(load * away))
