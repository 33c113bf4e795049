# SPDX-License-Identifier: BSD-2-Clause
"""What all parts of the bench speak of: a trial, and who can make one.

Loads are in frames per second, sizes in bytes without FCS (60 is the classic 64), times in seconds unless a name says
otherwise. A trial's loss is that of the frames that the generator's device *accepted* (`offered`), which is the
denominator of every loss ratio here; RFC 9971 expects the intended number, and asks whoever reads it otherwise to say so.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Outcome:
    """One trial."""

    load: float  # frames per second that were asked for; inf: as fast as the generator goes
    seconds: float  # that were asked for
    offered: int
    received: int
    elapsed: float  # seconds from the first frame to the last, one interval included
    valid: bool = True
    reasons: tuple[str, ...] = ()  # why it is not; never loss
    record: dict[str, Any] = field(default_factory=dict, compare=False)  # everything else that was seen

    @property
    def rate(self) -> float:
        """The load that was really offered, frames per second."""
        return self.offered / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def lost(self) -> int:
        return self.offered - self.received

    @property
    def loss_ratio(self) -> float:
        return self.lost / self.offered if self.offered else 1.0

    @property
    def forwarding_rate(self) -> float:
        return self.received / self.elapsed if self.elapsed > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        return {"load": None if self.load == float("inf") else self.load, "seconds": self.seconds,
                "offered": self.offered, "received": self.received, "elapsed": self.elapsed, "rate": self.rate,
                "loss_ratio": self.loss_ratio, "forwarding_rate": self.forwarding_rate,
                "valid": self.valid, "reasons": list(self.reasons), **self.record}


class Measurer(Protocol):
    """Who makes trials: a device on a wire, or a simulated one. The searches know nothing else."""

    def trial(self, load: float, seconds: float) -> Outcome:
        """One trial at `load` frames per second (inf: as fast as it goes). Raises DutError, NotMeasurable."""
        ...


@dataclass
class Found:
    """What a search says at its end."""

    method: str  # "mrr", "rfc2544", "tst009", "mlrsearch", "loss-rate", "back-to-back", ...
    goal: dict[str, Any]  # every parameter that it was asked with
    state: str  # "found", "irregular", "unstable", "no traffic", "out of budget"
    value: float | None  # the figure, frames per second unless `unit` says otherwise
    unit: str = "frames/s"
    lower: float | None = None  # bounds, as rates that were really offered
    upper: float | None = None
    seconds: float = 0.0  # that the trials took
    trials: list[dict[str, Any]] = field(default_factory=list)  # Outcome.as_json() of each, in order
    extra: dict[str, Any] = field(default_factory=dict)  # what only this method has (a curve, percentiles, ...)

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))
