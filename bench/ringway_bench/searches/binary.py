# SPDX-License-Identifier: BSD-2-Clause
"""Binary searches: RFC 2544 throughput, and ETSI GS NFV-TST 009 12.3.3, binary search with loss verification.

The second repeats a lossy trial at the same load, at most max(r) trials there in all, unless more than z frames were lost. With
max(r) = 1 it is the first: one trial decides. Both start at the maximum load and halve [0, maximum] until the interval is not
wider than the resolution. The result of either may be verified by one trial of another duration (`final_seconds`); where that
fails, its load is an upper bound and the search goes on below. Bounds and throughput are rates that were really offered.
"""
from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..model import Found, Measurer
from . import check
from .repeat import Limits, NoTraffic, OutOfBudget, Repeating


@dataclass(frozen=True)
class BinarySearch:
    method: str  # "rfc2544", "tst009": only what the result is called
    seconds: float = 60.0  # of a trial
    loss_ratio: float = 0.0  # a trial passes with at most so much
    resolution: float = 0.005  # of the maximum load
    max_r: int = 1  # trials at one load, the first included
    z: float = float("inf")  # lost frames above which a trial is not repeated
    final_seconds: float = 0.0  # of the verification at the end; 0: none
    confirm: bool = True  # ask the bounds once more at the end
    probes: int = 2  # loads to look at far below the result, and as many far above

    def run(self, measurer: Measurer, limits: Limits) -> Found:
        book = Repeating(measurer, limits, 60 * max(self.seconds, 0.1) + 10 * self.final_seconds)
        return _Run(self, book).result()


class _Run:
    def __init__(self, search: BinarySearch, book: Repeating) -> None:
        self.search = search
        self.book = book
        self.limits = book.limits
        self.resolution = search.resolution * book.limits.maximum
        self.low = 0.0
        self.high = book.limits.maximum
        self.best: float | None = None
        self.upper: float | None = None  # the lowest load that failed
        self.passed: set[float] = set()
        self.resumed = 0
        self.notes: dict[str, Any] = {}

    def result(self) -> Found:
        state = "found"
        try:
            self.search_and_verify()
            if self.best is None or self.upper is None:
                state = "irregular"
                self.notes["why"] = ("no load passed" if self.best is None else
                                     "the maximum load passed: the device is at least as fast as the generator")
            elif not self.steady():
                state = "unstable"
            elif self.inverted():
                state = "irregular"
        except NoTraffic as e:
            state, self.best, self.upper, self.notes["why"] = "no traffic", None, None, str(e)
        except OutOfBudget as e:
            state, self.notes["why"] = "out of budget", str(e)
        self.book.conclude()
        return self.found(state)

    def found(self, state: str) -> Found:
        lower = None if self.best is None else self.book.rate(self.best)
        upper = None if self.upper is None else self.book.rate(self.upper)
        goal = asdict(self.search)
        goal["z"] = None if goal["z"] == float("inf") else goal["z"]
        extra = {"lower_load": self.best, "upper_load": self.upper, "invalid": self.book.invalid, "resumed": self.resumed,
                 "maximum": self.limits.maximum, "minimum": self.limits.minimum, **self.notes}
        return Found(method=self.search.method, goal=goal, state=state, value=lower, lower=lower, upper=upper,
                     seconds=self.book.spent, trials=self.book.record(), extra=extra)

    def bisect(self) -> None:
        """The loop of the standard. Loads below the minimum are not tried: the minimum is, and when it fails, that is the end."""
        search, trial = self.search, self.book.trial
        load = self.high if self.upper is None else self.middle()
        here = 0
        while self.high - self.low > self.resolution and self.high > self.limits.minimum:
            outcome = trial(load, search.seconds)
            here += 1
            if outcome.loss_ratio <= search.loss_ratio:
                self.low = self.best = load
                self.passed.add(load)
            elif here < search.max_r and outcome.lost <= search.z:
                continue  # maybe a transient: the same load again
            else:
                self.high = self.upper = load
            here, load = 0, self.middle()

    def middle(self) -> float:
        return max((self.low + self.high) / 2, self.limits.minimum)

    def below(self, load: float) -> None:
        """Goes on below a load that turned out to be an upper bound."""
        self.high = self.upper = load
        self.passed = {p for p in self.passed if p < load}
        self.best = max(self.passed, default=None)
        self.low = self.best or 0.0
        self.resumed += 1

    def search_and_verify(self) -> None:
        self.bisect()
        while self.search.final_seconds and self.best is not None:
            if self.book.trial(self.best, self.search.final_seconds).loss_ratio <= self.search.loss_ratio:
                return
            self.below(self.best)
            self.bisect()

    def passes(self, load: float) -> bool:
        return self.book.trial(load, self.search.seconds).loss_ratio <= self.search.loss_ratio

    def always(self, load: float, times: int, wanted: bool) -> bool:
        return check.all_of(times, lambda: self.passes(load), wanted)

    def steady(self) -> bool:
        if not self.search.confirm or self.best is None or self.upper is None:
            return True
        times = 3 * self.search.max_r
        broken = check.contradicted(self.passes, self.best, self.upper, times, times)
        if broken:
            self.notes["why"] = broken
        return not broken

    def inverted(self) -> bool:
        """Whether the device loses far below what it carries, or carries far above what it loses. In the first case the search
        goes on below that load: no lower bound is reported above a load that failed for good."""
        if not self.search.probes or self.best is None or self.upper is None:
            return False
        times, number = 3 * self.search.max_r, self.search.probes
        for load in check.probes_between(self.upper, self.limits.maximum, number):
            if self.always(load, times, True):
                self.notes["why"] = f"{load:.0f} frames/s passed {times} times, above the upper bound"
                return True
        for load in check.probes_between(self.limits.minimum, self.best, number):
            if self.always(load, times, False):
                self.notes["why"] = f"{load:.0f} frames/s failed {times} times, below loads that passed"
                self.below(load)
                self.search_and_verify()
                return True
            self.passed.add(load)
        return False
