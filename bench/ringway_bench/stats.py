# SPDX-License-Identifier: BSD-2-Clause
"""The few statistics that the bench claims anything by.

Rounds on one machine are few, skewed and not normal, so nothing here assumes a distribution: the interval of the median is
that of the sign test, which is exact for any of them. With 7 rounds it reaches from the smallest to the largest.
"""
from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import comb, floor, sqrt
from statistics import NormalDist, median
from typing import NamedTuple

BCA_PAIRS = 20  # below that a bootstrap knows too few values, and its interval is too narrow


class Interval(NamedTuple):
    """From `low` to `high`, which holds the median with probability `confidence`, or more when values are equal."""

    low: float
    high: float
    confidence: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def sign_confidence(n: int, rank: int) -> float:
    """How surely the median lies between the `rank`-th smallest and the `rank`-th largest (from 1) of n values."""
    return 1 - 2 * sum(comb(n, i) for i in range(rank)) / (1 << n)


def sign_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The narrowest interval of the sign test that reaches `confidence`; smallest to largest where none does (fewer than 6).

    Its own confidence stands in it: 5 values reach 93.75 %, 3 only 75 %. Raises ValueError without values.
    """
    if not values:
        raise ValueError("no values: no interval")
    ordered, n = sorted(values), len(values)
    rank = 1
    while rank + 1 <= (n + 1) // 2 and sign_confidence(n, rank + 1) >= confidence:
        rank += 1
    return Interval(ordered[rank - 1], ordered[n - rank], max(0.0, sign_confidence(n, rank)))


def mad(values: Sequence[float]) -> float:
    """The median absolute deviation from the median, as it is (not scaled to a normal distribution's sigma)."""
    middle = median(values)
    return median(abs(v - middle) for v in values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of them lie, linear between neighbours. Raises ValueError without values."""
    if not values:
        raise ValueError("no values: no percentile")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def spread(values: Sequence[float]) -> float:
    """(p90 - p10) / median: how well a figure repeats. Raises ValueError without values or when the median is 0."""
    middle = median(values) if values else 0
    if middle == 0:
        raise ValueError("no spread relative to a median of 0")
    return (percentile(values, 0.9) - percentile(values, 0.1)) / middle


def bca(values: Sequence[float], statistic: Callable[[Sequence[float]], float] = median, *, confidence: float = 0.95,
        resamples: int = 5000, seed: int = 1) -> tuple[float, float] | None:
    """Efron's bias-corrected and accelerated bootstrap interval; None from fewer than 20 values, or when they do not differ.

    The bias is where the statistic lies among its resamples (equal ones count half), the acceleration is the skew of the
    statistic with one value left out. Seeded, so that a report made twice says the same.
    """
    n = len(values)
    if n < BCA_PAIRS:
        return None
    rng, seen = random.Random(seed), statistic(values)
    drawn = sorted(statistic(rng.choices(values, k=n)) for _ in range(resamples))
    below = (sum(d < seen for d in drawn) + 0.5 * sum(d == seen for d in drawn)) / resamples
    if drawn[0] == drawn[-1] or not 0 < below < 1:
        return None
    normal = NormalDist()
    bias = normal.inv_cdf(below)
    acceleration = _acceleration([statistic([*values[:i], *values[i + 1:]]) for i in range(n)])

    def end(share: float) -> float:
        z = bias + normal.inv_cdf(share)
        return percentile(drawn, normal.cdf(bias + z / (1 - acceleration * z)))
    return end((1 - confidence) / 2), end((1 + confidence) / 2)


def _acceleration(left_out: Sequence[float]) -> float:
    middle = sum(left_out) / len(left_out)
    cubes = sum((middle - v) ** 3 for v in left_out)
    squares = sum((middle - v) ** 2 for v in left_out)
    return cubes / (6 * squares * sqrt(squares)) if squares > 0 else 0.0
