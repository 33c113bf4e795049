# SPDX-License-Identifier: BSD-2-Clause
"""Loads on a logarithmic scale, numbered, so that relative widths are differences of numbers and add without rounding."""
from __future__ import annotations

import math
from collections.abc import Sequence

STEPS = 16  # of the narrowest width: its halves, quarters, ... are levels too


class Scale:
    """Levels 0 (the minimum load) to `top` (the maximum), equally far apart in relative terms."""

    def __init__(self, minimum: float, maximum: float, widths: Sequence[float]) -> None:
        self.minimum, self.maximum = minimum, maximum
        whole = math.log(maximum / minimum)
        self.top = max(1, math.ceil(whole * STEPS / -math.log1p(-min(widths))))
        self.unit = whole / self.top

    def load(self, level: int) -> float:
        """Frames per second."""
        return self.maximum if level == self.top else self.minimum * math.exp(level * self.unit)

    def level(self, load: float) -> int:
        """The highest level that is not above `load`; 0 also for less."""
        if load >= self.maximum:
            return self.top
        return max(0, math.floor(math.log(max(load, self.minimum) / self.minimum) / self.unit + 1e-9))

    def width(self, relative: float) -> int:
        """In levels, at least 1, rounded down: bounds so far apart satisfy (upper - lower) / upper <= relative."""
        return max(1, math.floor(-math.log1p(-relative) / self.unit + 1e-9))


def split(low: int, high: int, width: int) -> int:
    """Where to cut an interval of more than `width`. One part is a power of two times the width, so that halving it ends at the
    width exactly; of those the most even cut, with the smaller part below, where trials fail less."""
    total = high - low
    if total < 2 * width:  # nothing of that kind is left: as even as half widths allow
        return split(low, high, width // 2) if width % 2 == 0 else low + total // 2
    part = width
    while 2 * part < total and 2 * part * (total - 2 * part) >= part * (total - part):
        part *= 2
    return low + min(part, total - part)
