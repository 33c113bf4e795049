# SPDX-License-Identifier: BSD-2-Clause
"""Trials that count: what was disturbed from outside is made again at the same load, within a budget; nothing is forgotten."""
from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import BenchError, DutError, NotMeasurable, UsageError
from ..model import Measurer, Outcome

HANDFUL = 5  # so many trials at least before a whole search is called disturbed
LEFT = 0.97  # of what the generator sustained in one trial
SUSTAINED = 0.985  # of the load that was asked for: a trial that offers less is off its rate
LEAD = 10  # ... and so many more invalid than valid ones before it is given up on the way, where chance would give up too often


@dataclass(frozen=True)
class Limits:
    """Within what a search may ask for trials."""

    maximum: float  # frames per second: the generator's calibrated ceiling, and "100 %"
    minimum: float = 9001.0  # frames per second: no trial below
    seconds: float | None = None  # of all trials and what is between them; None: what the method thinks right
    trials: int = 2000

    def __post_init__(self) -> None:
        if not 0 < self.minimum < self.maximum < float("inf"):
            raise UsageError(f"loads from {self.minimum:g} to {self.maximum:g} frames/s: should be 0 < minimum < maximum")
        if self.trials < 1 or (self.seconds is not None and self.seconds <= 0):
            raise UsageError("a search needs at least one trial, and time for it")


def within_reach(measurer: Measurer, limits: Limits, seconds: float = 0.5) -> Limits:
    """Limits whose maximum the generator sustains with this device, by trials paced at it.

    Whatever works for the device on the generator's CPU (all of one in the kernel, the copy into a socket's memory) slows it
    down: paced at the ceiling that was calibrated without it, every trial would be off its rate, thus invalid. Such a trial is
    invalid here too, and answers all the same. A few per cent are left for the pacing, and for what differs from trial to trial.

    The next step down is taken where three trials in a row are off their rate, from the best of them: of a device in the kernel,
    what it sustains together with the generator is the answer, and a step that need not be would be a lower one.
    """
    maximum = limits.maximum
    for _ in range(12):  # what a device throws away costs the generator time at every load above the device's own
        best = 0.0
        for _ in range(3):
            best = max(best, measurer.trial(maximum, seconds).rate)
            if best >= SUSTAINED * maximum:
                return replace(limits, maximum=maximum)
        if not best:
            return limits
        maximum = max(LEFT * best, 1.01 * limits.minimum)
    return replace(limits, maximum=maximum)


def summary(reasons: Iterable[str]) -> str:
    """The reasons of many trials in a few words: without their figures, the frequent ones first, how often each."""
    kinds = Counter(re.sub(r" \(\d+\)| for [\d.]+ us.*| [-+][\d.]+%| of [\d.]+ frames| \([\d.]+%? allowed\)", "", r) for r in reasons)
    words = [f"{kind}: {n}" for kind, n in kinds.most_common(3)]
    return "; ".join(words + ([f"{len(kinds) - 3} more kinds"] if len(kinds) > 3 else []))


class OutOfBudget(BenchError):
    """Trials or seconds are used up. Searches do not raise it: their state says it, beside the bounds so far."""


class NoTraffic(BenchError):
    """The device forwards nothing, not even at the minimum load. Searches do not raise it: their state says it."""


class Disturbed(NotMeasurable):
    """More than half of the trials were invalid. `outcomes` are all of them, for the record."""

    def __init__(self, what: str, outcomes: Sequence[Outcome]) -> None:
        super().__init__(what)
        self.outcomes = list(outcomes)


class Repeating:
    """A Measurer that answers with valid trials only.

    `outcomes` keeps every trial in order, invalid ones too. A trial in which nothing was sent is invalid. The first valid
    trial of which nothing arrives is followed by one at the minimum load, so that a dead device costs two trials and not
    a whole search. Seconds are counted as asked for or as the clock tells them, whichever is more.
    """

    def __init__(self, measurer: Measurer, limits: Limits, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.measurer = measurer
        self.limits = limits
        self.seconds = limits.seconds if limits.seconds is not None else seconds
        self.outcomes: list[Outcome] = []
        self.invalid = 0
        self.spent = 0.0
        self._clock = clock
        self._began = clock()
        self._forwards = False
        self._offered: dict[float, list[float]] = {}  # load -> frames, seconds of its valid trials

    def trial(self, load: float, seconds: float) -> Outcome:
        """A valid trial. Raises OutOfBudget, NoTraffic, Disturbed, DutError, and what the measurer raises."""
        return self.repeat(seconds, lambda: self.measurer.trial(load, seconds))

    def repeat(self, seconds: float, make: Callable[[], Outcome]) -> Outcome:
        """The same for whatever `make` measures in `seconds`."""
        while True:
            self._afford(seconds)
            outcome = make()
            self.spent += seconds
            if outcome.offered <= 0 and outcome.valid:
                outcome = replace(outcome, valid=False, reasons=(*outcome.reasons, "nothing was sent"))
            self.outcomes.append(outcome)
            if outcome.received > outcome.offered:
                raise DutError(f"{outcome.received} frames arrived of {outcome.offered} that were offered:"
                               " something duplicates or adds frames")
            if outcome.valid:
                break
            self.invalid += 1
            if 2 * self.invalid - len(self.outcomes) >= LEAD:
                self._judge()
        seen = self._offered.setdefault(outcome.load, [0.0, 0.0])
        seen[0] += outcome.offered
        seen[1] += outcome.elapsed
        if not self._forwards:
            self._first(outcome, seconds)
        return outcome

    def _afford(self, seconds: float) -> None:
        if len(self.outcomes) >= self.limits.trials:
            raise OutOfBudget(f"{len(self.outcomes)} trials are used up")
        if max(self.spent, self._clock() - self._began) + seconds > self.seconds:
            raise OutOfBudget(f"{self.seconds:g} s are used up")

    def _first(self, outcome: Outcome, seconds: float) -> None:
        self._forwards = True  # also: do not ask again
        if outcome.received > 0:
            return
        if outcome.load > self.limits.minimum and self.trial(self.limits.minimum, seconds).received > 0:
            return
        raise NoTraffic("nothing arrives, not even at the minimum load")

    def _judge(self) -> None:
        if 2 * self.invalid > len(self.outcomes):
            reasons = summary(r for o in self.outcomes for r in o.reasons)
            raise Disturbed(f"not measurable here: {self.invalid} of {len(self.outcomes)} trials were disturbed"
                            f" ({reasons or 'no reason was given'})", self.outcomes)

    def conclude(self) -> None:
        """To be called at a search's end. Raises Disturbed when more than half of a handful of trials were invalid."""
        if len(self.outcomes) >= HANDFUL:
            self._judge()

    def rate(self, load: float) -> float:
        """Frames per second that were really offered at `load`: the mean of its valid trials."""
        offered, elapsed = self._offered[load]
        return offered / elapsed if elapsed > 0 else 0.0

    def record(self) -> list[dict[str, Any]]:
        return [o.as_json() for o in self.outcomes]
