# SPDX-License-Identifier: BSD-2-Clause
"""Whether a result can be believed once it is there: do its bounds hold, and is the device as good below them as above?

A search that halves intervals cannot see that a device drifts, nor that it loses frames at a lower load than one it carries:
it never looks there again. So when the bounds are found, each is asked once more (`contradicted`), and a few loads far away
from them are looked at (`probes_between`). With noise one trial says nothing, so a bound is contradicted only by
several trials in a row; one that agrees ends it. A quiet device pays one trial for each question.
"""
from __future__ import annotations

import math
from collections.abc import Callable

DOUBT = 0.03  # how often chance alone may contradict a bound


def attempts(chance: float) -> int:
    """How many trials in a row have to speak against a bound, each of which chance makes do so with `chance`: 3 to 12."""
    if not 0 < chance < 1:
        return 3
    return min(12, max(3, math.ceil(math.log(DOUBT) / math.log(chance))))


def all_of(number: int, passes: Callable[[], bool], wanted: bool) -> bool:
    """Whether `number` trials in a row end as `wanted`; stops at the first that does not."""
    return all(passes() is wanted for _ in range(number))


def contradicted(passes: Callable[[float], bool], lower: float, upper: float, at_lower: int, at_upper: int) -> str | None:
    """What does not hold any more, or None. The upper bound is asked first: of a device that gets slower with every trial by
    more than the interval's width, the lower bound fails then for certain, and of one that gets faster the upper one passes."""
    if all_of(at_upper, lambda: passes(upper), True):
        return f"the upper bound passed {at_upper} times afterwards"
    if all_of(at_lower, lambda: passes(lower), False):
        return f"the lower bound failed {at_lower} times afterwards"
    return None


def probes_between(low: float, high: float, number: int) -> list[float]:
    """Loads at even distances between a bound and the end of the range: what is wider than such a distance is not missed."""
    return [low + (high - low) * n / (number + 1) for n in range(1, number + 1)]
