# SPDX-License-Identifier: BSD-2-Clause
"""Back-to-back frames: the longest burst at the minimum gap of which nothing is lost (RFC 2544 26.4), with RFC 9004's procedure.

Each of `repeats` searches is a binary search with loss verification over the number of frames. RFC 9004 makes of their average
a time that the device's buffers bridge, and corrects it for what the device forwards while they fill:
corrected = implied * (1 - throughput / theoretical maximum). The theoretical maximum is the generator's ceiling here.
"""
from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ..errors import UsageError
from ..model import Found, Measurer, Outcome
from .repeat import Limits, NoTraffic, OutOfBudget, Repeating
from .simple import spread


class BurstMeasurer(Measurer, Protocol):
    """A Measurer that also sends bursts."""

    def burst(self, frames: int) -> Outcome:
        """One burst of so many frames as fast as they go, to an idle device; counted after it drained for at least 2 s."""
        ...


@dataclass(frozen=True)
class BackToBack:
    repeats: int = 50
    longest: float = 2.0  # seconds at the maximum load: the longest burst that is tried
    resolution: int = 32  # frames
    max_r: int = 2  # trials at one length, the first included
    throughput: float | None = None  # frames per second, of the same device with the same frames; None: no correction

    def run(self, measurer: BurstMeasurer, limits: Limits) -> Found:
        if self.throughput is not None and self.throughput >= limits.maximum:
            raise UsageError(f"back-to-back: the throughput {self.throughput:.0f} is not below the maximum of"
                             f" {limits.maximum:.0f} frames/s: no buffer ever fills (RFC 9004)")
        book = Repeating(measurer, limits, self.repeats * 40 * (self.longest + 4))
        most = max(1, int(limits.maximum * self.longest))
        state, lengths, extra = "found", list[int](), dict[str, Any]()
        try:
            for _ in range(self.repeats):
                lengths.append(self.search(measurer, book, most))
        except (NoTraffic, OutOfBudget) as e:
            state = "no traffic" if isinstance(e, NoTraffic) else "out of budget"
            extra["why"] = str(e)
        book.conclude()
        if lengths and max(lengths) == most and state == "found":
            state, extra["why"] = "irregular", f"a burst of {self.longest:g} s passed: longer ones were not tried"
        elif lengths and max(lengths) == 0:
            state, extra["why"] = "irregular", "not even the shortest burst passed"
        return self.found(state, lengths, extra, book)

    def search(self, measurer: BurstMeasurer, book: Repeating, most: int) -> int:
        low, high, length, here = 0, most, most, 0
        while high - low > self.resolution or (low == 0 and high > 1):
            frames = length
            outcome = book.repeat(frames / book.limits.maximum, lambda: measurer.burst(frames))
            here += 1
            if outcome.lost == 0:
                low = length
            elif here < self.max_r:
                continue
            else:
                high = length
            here, length = 0, (low + high) // 2
        return low

    def found(self, state: str, lengths: list[int], extra: dict[str, Any], book: Repeating) -> Found:
        theoretical = book.limits.maximum
        mean = sum(lengths) / len(lengths) if lengths and state != "no traffic" else None
        extra |= {"invalid": book.invalid, "lengths": lengths, "theoretical": theoretical}
        if lengths:
            extra |= spread([float(n) for n in lengths])
        if mean is not None:
            extra["implied_seconds"] = mean / theoretical
            if self.throughput is not None:
                extra["corrected_seconds"] = mean / theoretical * (1 - self.throughput / theoretical)
        return Found(method="back-to-back", goal=asdict(self), state=state, value=mean, unit="frames", seconds=book.spent,
                     trials=book.record(), extra=extra)
