# SPDX-License-Identifier: BSD-2-Clause
"""Where the frames of a trial went: offered = received + losses, each loss under one name and once.

    veth_ring      the first device's input had no room. With its receive work on the generator's CPU such frames were never
                   offered (the generator told `refused`, and goes on); in a thread of its own it is the device's overflow, as
                   rx_missed is a NIC's: offered, and lost
    rx_dropped, rx_ring_full, unserved_queue, passed, the forwarder's reasons, tx_ring_full, tx_unsent, tx_refused, tx_device
                   as Ringway's forwarders count them, by the kernel's statistics of their sockets and by tracepoints
    sink           lost after the sink's device had accepted them
    after_end      that its device received when nobody counted any more: later than 0.1 s after all others
    application... in a container (pcp): what its interfaces lost

A device that is not ours counts for itself, if at all, where nobody else can read it. Of such the kernel's counters tell
    rx_not_taken   its input interface could not hand them on: a socket without a buffer or a slot
    tx_refused     (kind xdp) the same counter: redirects that were refused
    tx_device      its output interface had no room for them
and the rest is `unexplained`. The interface's `rx_dropped` repeats the socket's losses, and is never added to them.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import counters
from .counters import Counted
from .running import RunningDut
from .testbed import Bed, Place, Port


@dataclass(frozen=True)
class Look:
    """All counters at one time, of a wire that is at rest."""

    reports: tuple[dict[str, Any], ...] | None  # of Ringway's forwarders, one for each process
    ports: Mapping[Port, Counted] = field(default_factory=dict)


def losses_of_reports(before: Iterable[dict[str, Any]], after: Iterable[dict[str, Any]]) -> Counter[str]:
    """What Ringway's forwarders have lost between two reports, by name."""
    total: Counter[str] = Counter()
    for then, now in zip(before, after, strict=True):
        for p, q in zip(then["ports"], now["ports"], strict=True):
            total.update(_losses(q))
            total.subtract(_losses(p))
    return total


def _losses(port: dict[str, Any]) -> Counter[str]:
    found = Counter({k: port[k] for k in ("unserved_queue", "passed", "punted")})
    found.update(port["drops"])
    found.update(port.get("kernel", {}))
    return found


def losses_of_ports(kind: str, ports: Iterable[Counted]) -> Counter[str]:
    """What the interfaces of a device that is not ours have lost."""
    total: Counter[str] = Counter()
    for c in ports:
        total["tx_refused" if kind == "xdp" else "rx_not_taken"] += c.queue_drops
        total["tx_device"] += c.tx_dropped
    return total


def balance(offered: int, received: int, losses: Mapping[str, int]) -> dict[str, Any]:
    """As the results keep it; losses that did not happen are left out."""
    seen = {k: n for k, n in losses.items() if n != 0}
    return {"offered": offered, "received": received, "losses": seen, "unexplained": offered - received - sum(seen.values())}


class Ledger:
    """Looks at everything on a wire that counts."""

    def __init__(self, bed: Bed, dut: RunningDut | None) -> None:
        self._bed, self._dut = bed, dut
        self._threaded = bool(bed.places) and Port(bed.places[0].ns, bed.places[0].ports[0]).threaded()

    def look(self) -> Look:
        """Raises DutError for a device that does not answer, BenchError for an interface that has vanished."""
        reports = self._dut.counters() if self._dut is not None else None
        places = self._bed.places + ([self._bed.application] if self._bed.application else [])
        ports = [self._bed.sink, *(Port(place.ns, name) for place in places for name in place.ports)]
        return Look(None if reports is None else tuple(reports), {p: counters.read(p) for p in ports})

    def offered(self, accepted: int, refused: int) -> int:
        """Frames that a trial is to be judged by: what the generator's device accepted, and what its far end then had no room for
        though somebody else does its work."""
        return accepted + refused if self._threaded else accepted

    def arrived(self, before: Look, after: Look) -> int:
        """At the sink's interface, by its own account, between two looks."""
        sink = after.ports[self._bed.sink].since(before.ports[self._bed.sink])
        return sink.rx_packets - sink.queue_drops

    def losses(self, before: Look, after: Look, *, refused: int, received: int) -> Counter[str]:
        """Between two looks; `refused` by the generator's device in between, and `received` by the sink's program."""
        total: Counter[str] = Counter()
        if self._threaded:
            total["veth_ring"] += refused
        changes = {port: after.ports[port].since(before.ports[port]) for port in after.ports}
        if before.reports is not None and after.reports is not None:
            total.update(losses_of_reports(before.reports, after.reports))
        elif self._dut is not None:
            for place in self._bed.places:
                total.update(losses_of_ports(self._dut.spec.kind, self._changes(changes, place)))
        if self._bed.application is not None:
            inside = losses_of_ports("xdp", self._changes(changes, self._bed.application))
            total.update({f"application_{k}": n for k, n in inside.items()})
        total["sink"] += changes[self._bed.sink].queue_drops
        total["after_end"] += max(0, self.arrived(before, after) - received)
        return total

    @staticmethod
    def _changes(changes: Mapping[Port, Counted], place: Place) -> list[Counted]:
        return [changes[Port(place.ns, name)] for name in place.ports]


def work_of_reports(before: Iterable[dict[str, Any]], after: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What Ringway's workers did between two reports: turns, kicks, busy_us; and turn_us, the longest turn, where it was one of
    these (what is told is the longest since the start; None: an earlier one was longer)."""
    work: Counter[str] = Counter()
    longest: int | None = None
    for then, now in zip(before, after, strict=True):
        for p, q in zip(then.get("workers", []), now.get("workers", []), strict=True):
            work.update({k: q[k] - p[k] for k in ("turns", "kicks", "kick_errors", "busy_us")})
            if q["longest_gap_us"] > p["longest_gap_us"]:
                longest = max(longest or 0, q["longest_gap_us"])
    return {**work, "turn_us": longest} if work else {}
