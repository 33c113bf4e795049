# SPDX-License-Identifier: BSD-2-Clause
"""MLRsearch (RFC 9971): throughput for several goals at once, from many short trials.

What a load is worth is decided as the RFC says (classify.py). How loads are chosen is free; this follows FD.io's ideas: a
first trial at the maximum, then where its forwarding rate points, coarse targets before fine ones (selector.py), loads
numbered on a logarithmic scale (loads.py). Differences: loss ratios divide by the frames that were offered, not by those that
were intended; bounds and throughputs are rates that were really offered; a trial counts the seconds that it was asked to last;
and a result is looked at once more (check.py) before it is called found.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import UsageError
from ..model import Found, Measurer, Outcome
from . import check
from .classify import LOWER, UNDECIDED, UPPER, Ledger, Target
from .loads import Scale
from .repeat import Limits, NoTraffic, OutOfBudget, Repeating
from .selector import Selector

Stop = NoTraffic | OutOfBudget | None
FAR = (4, 0.1)  # loss inversion is told when it spans more than so many widths and such a part of the load


@dataclass(frozen=True)
class Goal:
    """As RFC 9971 has it; by default FD.io's NDR."""

    name: str = "ndr"
    final_seconds: float = 1.0  # of a full-length trial
    sum_seconds: float = 21.0  # of trials at a load that decide
    loss_ratio: float = 0.0
    exceed_ratio: float = 0.5  # what part of those may lose more
    width: float = 0.005  # (upper - lower) / upper
    initial_seconds: float = 1.0  # of the first trials
    preceding: int = 2  # coarser targets before the final one
    expansion: int = 2  # of the step, when a bound is not found where it was looked for

    def __post_init__(self) -> None:
        for wrong, what in (
                (not 0 <= self.loss_ratio < 1, "loss_ratio should be from 0 to less than 1"),
                (not 0 <= self.exceed_ratio < 1, "exceed_ratio should be from 0 to less than 1"),
                (not 0 < self.width < 1, "width should be between 0 and 1"),
                (not 0 < self.initial_seconds <= self.final_seconds <= self.sum_seconds,
                 "should be 0 < initial_seconds <= final_seconds <= sum_seconds"),
                (self.preceding < 0 or self.expansion < 2, "preceding should be 0 or more, expansion 2 or more")):
            if wrong:
                raise UsageError(f"goal '{self.name}': {what}")

    def targets(self, scale: Scale) -> list[Target]:
        """The coarsest first; the seconds shrink geometrically down to those of an initial trial."""
        made = []
        width = scale.width(self.width)
        for n in range(self.preceding + 1):
            share = n / self.preceding if self.preceding else 0.0
            seconds = self.sum_seconds * (self.initial_seconds / self.sum_seconds) ** share
            if n and n == self.preceding:
                seconds = self.initial_seconds  # exactly
            made.append(Target(min(self.final_seconds, seconds), seconds, self.loss_ratio, self.exceed_ratio, width << n))
        return made[::-1]


#: FD.io's goals, the quick one of the default scenario, and those that equal RFC 2544's and TST 009's rules.
GOALS = {g.name: g for g in (
    Goal("ndr"),
    Goal("pdr", loss_ratio=0.005),
    Goal("ndr-quick", sum_seconds=7.0, width=0.02),
    Goal("pdr-quick", sum_seconds=7.0, width=0.02, loss_ratio=0.005),
    Goal("rfc2544", final_seconds=60.0, sum_seconds=60.0, exceed_ratio=0.0),
    Goal("tst009", final_seconds=60.0, sum_seconds=120.0),
)}


@dataclass(frozen=True)
class MlrSearch:
    goals: Sequence[Goal] = (GOALS["ndr"],)
    warm_up: float = 1.0  # seconds of a first trial at the maximum that does not count; 0: none
    confirm: bool = True  # ask the bounds once more at the end
    probes: int = 2  # loads to look at far below the result, and as many far above

    def __post_init__(self) -> None:
        names = [g.name for g in self.goals]
        if not names or len(set(names)) < len(names):
            raise UsageError("mlrsearch needs at least one goal, each with a name of its own")

    def run(self, measurer: Measurer, limits: Limits) -> list[Found]:
        """One Found for each goal, in their order, each with the trials of all."""
        longest = max(g.sum_seconds for g in self.goals)
        book = Repeating(measurer, limits, max(1200.0, 40 * longest))
        return _Run(self, book).results()


class _Run:
    def __init__(self, search: MlrSearch, book: Repeating) -> None:
        self.search = search
        self.book = book
        self.scale = Scale(book.limits.minimum, book.limits.maximum, [g.width for g in search.goals])
        targets: list[Target] = []
        self.chains: list[list[int]] = []
        for goal in search.goals:
            made = goal.targets(self.scale)
            self.chains.append(list(range(len(targets), len(targets) + len(made))))
            targets += made
        self.finals = [chain[-1] for chain in self.chains]
        self.ledger = Ledger(targets)
        self.unstable: dict[str, str] = {}  # goal -> why

    def results(self) -> list[Found]:
        stopped: Stop = None
        try:
            if self.search.warm_up:
                self.book.trial(self.scale.load(self.scale.top), self.search.warm_up)
            first = self.begin()
            self.selectors = [Selector(self.ledger, chain, self.scale.top, goal.expansion, first)
                              for goal, chain in zip(self.search.goals, self.chains)]
            self.loop()
            self.confirm()
            if self.search.probes and not self.unstable and self.probe():
                self.loop()
        except (NoTraffic, OutOfBudget) as e:
            stopped = e
        self.book.conclude()
        trials = self.book.record()
        return [self.found(goal, n, stopped, trials) for goal, n in zip(self.search.goals, self.finals)]

    def measure(self, level: int, seconds: float) -> Outcome:
        outcome = self.book.trial(self.scale.load(level), seconds)
        self.ledger.add(level, seconds, outcome.loss_ratio)
        return outcome

    def begin(self) -> tuple[int, int]:
        """At most three trials; two levels to start from."""
        firsts = [self.ledger.targets[chain[0]] for chain in self.chains]
        loss = min(t.loss_ratio for t in firsts)
        seconds = max(t.seconds for t in firsts)
        width = max(t.width for t in firsts)
        top = self.scale.top

        def forwarded(level: int, outcome: Outcome) -> int:
            return self.scale.level(self.scale.load(level) * (1 - outcome.loss_ratio) / (1 - loss))

        level = forwarded(top, self.measure(top, seconds))
        if level >= top:
            return top, top
        level = min(level, top - width)
        if level < width:
            level = 0
        outcome = self.measure(level, seconds)
        if outcome.loss_ratio > loss:
            other = min(forwarded(level, outcome), level - width)
            other = 0 if other < width else other
        else:
            other = min(level + width, top)
        if other != level and other != top:
            self.measure(other, seconds)
        return min(level, other), max(level, other)

    def loop(self) -> None:
        """Measures what the goals nominate until none does."""
        while True:
            candidates = [c for c in (s.nominate() for s in self.selectors) if c is not None]
            if not candidates:
                return
            best = min(candidates, key=lambda c: c.rank())
            version = self.ledger.version
            while self.ledger.version == version:  # until a bound moves all nominations stay what they are
                self.measure(best.level, best.seconds)

    def regular(self) -> list[tuple[Goal, int, int, int]]:
        """Goals that have both bounds, and these."""
        have = []
        for goal, n in zip(self.search.goals, self.finals):
            low, high = self.ledger.bounds(n)
            if low is not None and high is not None:
                have.append((goal, n, low, high))
        return have

    def confirm(self) -> None:
        """By trials that are not in the ledger: they end with the first that agrees, which would bias it."""
        if not self.search.confirm:
            return
        for goal, _, low, high in self.regular():
            def passes(level: float, goal: Goal = goal) -> bool:
                return self.book.trial(self.scale.load(int(level)), goal.final_seconds).loss_ratio <= goal.loss_ratio

            at_low, at_high = check.attempts(goal.exceed_ratio), check.attempts(1 - goal.exceed_ratio)
            broken = check.contradicted(passes, low, high, at_low, at_high)
            if broken:
                self.unstable[goal.name] = broken

    def probe(self) -> bool:
        """Looks far below and above the bounds; whether one of them is another one now."""
        have = self.regular()
        if not have:
            return False
        version = self.ledger.version
        limits, load = self.book.limits, self.scale.load
        low, high = min(low for *_, low, _ in have), max(high for *_, high in have)
        for place in check.probes_between(load(high), limits.maximum, self.search.probes):
            self.look(self.scale.level(place), [n for _, n, *_ in have], UPPER)
        for place in check.probes_between(limits.minimum, load(low), self.search.probes):
            self.look(self.scale.level(place), [n for _, n, *_ in have], LOWER)
        return self.ledger.version != version

    def look(self, level: int, finals: list[int], expected: int) -> None:
        """Trials at a level until each goal has one that is as expected, or has classified the level."""
        seconds = max(self.ledger.targets[n].seconds for n in finals)
        while any(self.ledger.class_of(n, level) == UNDECIDED and self.ledger.sums(n, level)[0 if expected == LOWER else 1] == 0
                  for n in finals):
            self.measure(level, seconds)

    def inversion(self, n: int) -> str | None:
        """What says that the device loses more at a lower load than at a much higher one."""
        high, best = self.ledger.bounds(n)[1], self.ledger.highest_lower(n)
        if high is None or best is None or best - high <= FAR[0] * self.ledger.targets[n].width:
            return None
        low, up = self.scale.load(high), self.scale.load(best)
        return f"{low:.0f} frames/s lose more than {up:.0f} frames/s" if up - low > FAR[1] * up else None

    def state(self, goal: Goal, n: int, stopped: Stop) -> tuple[str, str | None]:
        low, high = self.ledger.bounds(n)
        if isinstance(stopped, NoTraffic):
            return "no traffic", str(stopped)
        narrow = low is not None and high is not None and high - low <= self.ledger.targets[n].width
        if stopped is not None and not narrow and low != self.scale.top and high != 0:
            return "out of budget", str(stopped)
        if high is None:
            return "irregular", "the maximum load is a lower bound: the device is at least as fast as the generator"
        if low is None:
            return "irregular", "the minimum load is an upper bound"
        inverted = self.inversion(n)
        if inverted:
            return "irregular", inverted
        return ("unstable", self.unstable[goal.name]) if goal.name in self.unstable else ("found", None)

    def found(self, goal: Goal, n: int, stopped: Stop, trials: list[dict[str, Any]]) -> Found:
        low, high = self.ledger.bounds(n)
        state, why = self.state(goal, n, stopped)
        rates = [None if level is None else self.book.rate(self.scale.load(level)) for level in (low, high)]
        lower, upper = (None, None) if state == "no traffic" else rates
        loss = None if low is None else self.ledger.conditional_loss(n, low)
        value = None if lower is None or loss is None else lower * (1 - loss)
        extra: dict[str, Any] = {
            "lower_load": None if low is None else self.scale.load(low),
            "upper_load": None if high is None else self.scale.load(high), "conditional_loss": loss, "invalid": self.book.invalid,
            "warm_up_trials": int(self.search.warm_up > 0),
            "maximum": self.scale.maximum, "minimum": self.scale.minimum,
            "width_used": -math.expm1(-self.scale.unit * self.ledger.targets[n].width)}
        if why is not None:
            extra["why"] = why
        if goal.width < goal.loss_ratio:
            extra["warning"] = "width below the loss ratio: the throughput may lie above the upper bound"
        return Found(method="mlrsearch", goal=asdict(goal), state=state, value=value, lower=lower, upper=upper,
                     seconds=self.book.spent, trials=trials, extra=extra)

