# SPDX-License-Identifier: BSD-2-Clause
"""Which load a goal wants measured next. A goal is reached through coarser targets, each with fewer seconds and twice the width
of the next; the first of six strategies that has a load to offer is followed."""
from __future__ import annotations

from dataclasses import dataclass

from .classify import Ledger
from .loads import split


@dataclass(frozen=True)
class Candidate:
    level: int
    seconds: float
    width: int

    def rank(self) -> tuple[int, float, int]:
        """Lower loads first, then longer trials, then larger widths."""
        return (self.level, -self.seconds, -self.width)


class Selector:
    """Of one goal. `chain` are the numbers of its targets in the ledger, the coarsest first."""

    def __init__(self, ledger: Ledger, chain: list[int], top: int, expansion: int, first: tuple[int, int]) -> None:
        self.ledger = ledger
        self.rest = list(chain)
        self.top = top
        self.expansion = expansion
        self._aim(first)

    def _aim(self, inherited: tuple[int | None, int | None]) -> None:
        """At the next target, from the bounds of the last one."""
        self.now = self.rest.pop(0)
        self.target = self.ledger.targets[self.now]
        self.first_low, self.first_high = inherited
        low, high = inherited
        span = high - low if low is not None and high is not None else 0
        self.step = max(self.target.width, span) * self.expansion
        self.asked: int | None = None  # the last load that an extension asked for

    def reached(self) -> bool:
        low, high = self.ledger.bounds(self.now)
        if low is not None and high is not None:
            return high - low <= self.target.width
        return low == self.top or high == 0

    def nominate(self) -> Candidate | None:
        """None when the goal is reached."""
        while self.reached():
            if not self.rest:
                return None
            self._aim(self.ledger.bounds(self.now))
        low, high = self.ledger.bounds(self.now)
        self._expand(low, high)
        for strategy in (self.halve, self.refine_low, self.refine_high, self.extend_low, self.extend_high, self.bisect):
            level = strategy(low, high)
            if level is not None and (low is None or level > low) and (high is None or level < high):
                return Candidate(level, self.target.seconds, self.target.width)
        raise AssertionError(f"no load between {low} and {high} of {self.top}")

    def _expand(self, low: int | None, high: int | None) -> None:
        """An extension that did not find the other bound is followed by a longer one."""
        if self.asked is not None and self.asked in (low, high):
            self.step *= self.expansion
        self.asked = None

    def halve(self, low: int | None, high: int | None) -> int | None:
        """The middle of the bounds of the coarser target, which is twice as wide."""
        if self.first_low is None or self.first_high is None:
            return None
        span = self.first_high - self.first_low
        return split(self.first_low, self.first_high, self.target.width) if 1 < span / self.target.width <= 2 else None

    def refine_low(self, low: int | None, high: int | None) -> int | None:
        return self.first_low

    def refine_high(self, low: int | None, high: int | None) -> int | None:
        return self.first_high

    def extend_low(self, low: int | None, high: int | None) -> int | None:
        if low is not None or high is None:
            return None
        level = high - self.step
        self.asked = 0 if level < self.target.width else level
        return self.asked

    def extend_high(self, low: int | None, high: int | None) -> int | None:
        if high is not None or low is None:
            return None
        level = low + self.step
        self.asked = self.top if level > self.top - self.target.width else level
        return self.asked

    def bisect(self, low: int | None, high: int | None) -> int | None:
        return None if low is None or high is None else split(low, high, self.target.width)
