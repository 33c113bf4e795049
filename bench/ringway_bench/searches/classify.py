# SPDX-License-Identifier: BSD-2-Clause
"""Load classification, relevant bounds and conditional throughput of RFC 9971.

A trial is *full-length* when it was asked to last as long as the goal's trials at least, *short* otherwise; *lossy* when its
loss ratio is above the goal's. Of all trials at one load only four sums of seconds matter for the classification.
"""
from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LOWER, UNDECIDED, UPPER = 1, 0, -1
ROUNDING = 1e-9  # seconds that are missing by rounding alone are not missing: a lower bound would have no throughput


@dataclass(frozen=True)
class Target:
    """What a load is classified by: a goal, or a coarser one that leads to it."""

    seconds: float  # of a full-length trial
    sum_seconds: float  # so many seconds of trials decide
    loss_ratio: float
    exceed_ratio: float  # what part of those seconds may be lossy
    width: int = 1  # of the interval between the bounds, in levels


def classify(good: float, bad: float, short_good: float, short_bad: float, sum_seconds: float, exceed_ratio: float) -> int:
    """LOWER when even lossy trials for all of the missing time would not change it, UPPER when even loss-free ones would not."""
    excess = bad + max(0.0, short_bad - short_good * exceed_ratio / (1.0 - exceed_ratio))
    whole = max(good + excess, sum_seconds)
    may_be_lossy = whole * exceed_ratio
    if excess > may_be_lossy:
        return UPPER
    if whole - good <= may_be_lossy:
        return LOWER
    return UNDECIDED


def quantile_loss(full_length: Iterable[tuple[float, float]], sum_seconds: float, exceed_ratio: float) -> float:
    """The loss ratio that, at most, 1 - exceed_ratio of the time has, missing time counting as all lost; `full_length` are
    (loss ratio, seconds). One minus it, times the load, is the conditional throughput."""
    ordered = sorted(full_length)
    whole = max(sum_seconds, sum(s for _, s in ordered))
    remaining = whole * (1.0 - exceed_ratio)
    for loss, seconds in ordered:
        remaining -= seconds
        if remaining <= whole * ROUNDING:
            return loss
    return 1.0


class Ledger:
    """Every trial of a search, and what it makes of each load, for several targets at once.

    Loads are numbers in order (levels). `version` grows whenever a bound of any target changes.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = tuple(targets)
        self.version = 0
        self._sums: dict[int, list[list[float]]] = {}  # level -> per target good, bad, short good, short bad
        self._trials: dict[int, list[tuple[float, float, float]]] = {}  # level -> seconds asked for, loss ratio, seconds
        self._lower: list[list[int]] = [[] for _ in self.targets]  # levels of that class, in order
        self._upper: list[list[int]] = [[] for _ in self.targets]
        self._bounds: list[tuple[int | None, int | None]] = [(None, None) for _ in self.targets]

    def add(self, level: int, seconds: float, loss_ratio: float, effective: float | None = None) -> None:
        """`effective`: the seconds that it counts for, if not those that it was asked to last."""
        counted = seconds if effective is None else effective
        if level not in self._sums:
            self._sums[level] = [[0.0] * 4 for _ in self.targets]
            self._trials[level] = []
        self._trials[level].append((seconds, loss_ratio, counted))
        for n, (target, sums) in enumerate(zip(self.targets, self._sums[level])):
            sums[(0 if seconds >= target.seconds else 2) + (loss_ratio > target.loss_ratio)] += counted
            now = classify(sums[0], sums[1], sums[2], sums[3], target.sum_seconds, target.exceed_ratio)
            if now != UNDECIDED or level in self._lower[n] or level in self._upper[n]:
                self._file(n, level, now)

    def _file(self, n: int, level: int, now: int) -> None:
        before = self.class_of(n, level)
        if before == now:
            return
        if before != UNDECIDED:
            (self._lower[n] if before == LOWER else self._upper[n]).remove(level)
        if now != UNDECIDED:
            insort(self._lower[n] if now == LOWER else self._upper[n], level)
        upper = self._upper[n][0] if self._upper[n] else None
        lower = max((v for v in self._lower[n] if upper is None or v < upper), default=None)
        if self._bounds[n] != (lower, upper):
            self._bounds[n] = (lower, upper)
            self.version += 1

    def bounds(self, n: int) -> tuple[int | None, int | None]:
        """The relevant ones of target number `n`: the highest LOWER level below the lowest UPPER one, and that."""
        return self._bounds[n]

    def class_of(self, n: int, level: int) -> int:
        return LOWER if level in self._lower[n] else UPPER if level in self._upper[n] else UNDECIDED

    def highest_lower(self, n: int) -> int | None:
        """Also one above the upper bound: loss inversion."""
        return self._lower[n][-1] if self._lower[n] else None

    def sums(self, n: int, level: int) -> list[float]:
        """Seconds at a level: good, bad, short good, short bad."""
        return list(self._sums[level][n]) if level in self._sums else [0.0] * 4

    def conditional_loss(self, n: int, level: int) -> float:
        target = self.targets[n]
        full = ((loss, s) for asked, loss, s in self._trials.get(level, []) if asked >= target.seconds)
        return quantile_loss(full, target.sum_seconds, target.exceed_ratio)
