# SPDX-License-Identifier: BSD-2-Clause
"""A device on a wire, with traffic: what makes the trials of every search."""
from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from . import duts, testbed
from .balance import Ledger, Look, balance, work_of_reports
from .duts import DutSpec
from .errors import BenchError, DutError, UsageError
from .generator import Generator, Sent, Traffic
from .model import Outcome
from .running import RunningDut
from .testbed import Bed, Port
from .tools import Tools
from .validity import Watcher, judge

APPLICATION = "xdp-floor"  # forwards in the container of pcp: the cheapest there is
PROBES = 10  # frames that ask whether a device forwards yet
PATIENCE = 2.0  # seconds for counters that do not balance yet: something may still be on its way
DEAD = 100  # so many frames without one that arrives: it forwards nothing any more ...
DISTURBED = 3  # ... unless something else had its CPU; but not in so many trials in a row


class Wire:
    """One bed, one device, one kind of traffic: a Measurer. The device is started by `with`, which warms it up as well."""

    def __init__(self, bed: Bed, tools: Tools, spec: DutSpec | None, traffic: Traffic = Traffic(), *, sink: str = "count",
                 warm_up: float = 1.0) -> None:
        fits(bed.topology, spec)
        self.bed, self.tools, self.spec, self.sink = bed, tools, spec, sink
        self.traffic = traffic
        self.dut: RunningDut | None = None
        self.generator = Generator(tools, bed)
        self._warm_up = warm_up
        self._stack = contextlib.ExitStack()
        self._watcher: Watcher | None = None
        self._ledger: Ledger
        self._last: Look
        self._first: Look
        self._silent = 0  # trials in a row from which nothing arrived
        self._offered = self._received = self._refused = 0  # since the start, warm-up included

    def __enter__(self) -> Wire:
        try:
            self._start()
            if self._warm_up > 0:
                self.warm_up(self._warm_up)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        self.traffic = self._addressed()
        if self.bed.application is not None:
            self._stack.enter_context(RunningDut(duts.load(APPLICATION), self.bed, self.tools, places=[self.bed.application]))
        if self.spec is not None:
            self.dut = RunningDut(self.spec, self.bed, self.tools, probe=self._probe)
            self._stack.enter_context(self.dut)
        self._ledger = Ledger(self.bed, self.dut)
        self._first = self._last = self._ledger.look()
        self._watch()

    def _watch(self) -> None:
        """Of the device that runs now."""
        if self._watcher is not None:
            self._watcher.close()
        pids = self.dut.pids if self.dut is not None else []
        self._watcher = Watcher(self.tools.bin, pids, [self.tools.generator_cpu, self.tools.dut_cpu])
        self._stack.callback(self._watcher.close)

    def close(self) -> None:
        """Stops the device. Idempotent."""
        self._stack.close()

    def _addressed(self) -> Traffic:
        """The traffic, sent to where this wire and this device want it."""
        if self.traffic.destination:
            return self.traffic
        destination = self.bed.destination()
        if self.spec is not None and self.spec.destination:
            first = self.bed.places[0]
            own = {f"mac{i}": Port(first.ns, first.ports[i]).mac() for i in (0, 1)}
            destination = self.spec.destination.format_map({"destination": destination, **own})
        return replace(self.traffic, destination=destination)

    def _probe(self) -> int:
        return self.generator.run(self.traffic, rate=1000, count=PROBES).received

    # --- trials

    def warm_up(self, seconds: float, load: float = math.inf) -> None:
        """A trial that nobody keeps: addresses are learned, memory is touched. Raises DutError where nothing arrives."""
        for _ in range(DISTURBED):
            outcome = self._run(load, seconds, self.sink, seconds=seconds)
            if outcome.received > 0 or outcome.valid:
                break
        if outcome.received == 0:
            raise DutError(self._nothing("forwards nothing", outcome.record["balance"]))

    def trial(self, load: float, seconds: float) -> Outcome:
        return self._run(load, seconds, self.sink, seconds=seconds)

    def burst(self, frames: int) -> Outcome:
        """So many frames back to back, once."""
        return self._run(math.inf, 0.0, self.sink, burst=frames)

    def changing(self, high: float, high_seconds: float, low: float, low_seconds: float) -> Outcome:
        """A trial whose load changes without a pause; `then` in its record has how counters went on from there."""
        return self._run(high, high_seconds + low_seconds, self.sink, seconds=high_seconds, then=(low, low_seconds))

    def restart(self, *, kill: bool = False) -> None:
        """Ends the device, by SIGKILL if so asked, and starts it again. Until look_again() nothing of it is in balance."""
        if self.dut is None or self.spec is None:
            raise UsageError("without a device there is nothing to restart")
        if kill:
            self.dut.kill()
        self.dut.stop()
        self.dut = RunningDut(self.spec, self.bed, self.tools)  # no probe: traffic may be on its way
        self._stack.enter_context(self.dut)

    def look_again(self) -> None:
        """After a restart: counters begin anew."""
        self._ledger = Ledger(self.bed, self.dut)
        self._first = self._last = self._ledger.look()
        self._offered = self._received = self._refused = 0
        self._watch()

    def analysed(self, load: float, seconds: float, *, sink: str = "analyse") -> Outcome:
        """A trial in which each frame's number and time are looked at (sink "sample": those of 1 in 64): its record has
        `analysed` and `latency`."""
        return self._run(load, seconds, sink, seconds=seconds)

    def check(self, load: float, seconds: float = 1.0) -> dict[str, Any]:
        """Whether this device's counts can be believed: no frame that stands in for another, none changed on its way."""
        outcome = self.analysed(load, seconds)
        seen = outcome.record.get("analysed") or {}
        kept = {k: seen.get(k) for k in ("lost", "unique", "duplicated", "reordered", "corrupted", "foreign", "merged", "beyond_window", "contended")}
        bad = any(kept[k] for k in ("duplicated", "corrupted", "foreign", "merged", "beyond_window", "contended"))
        passed = bool(seen) and not bad and kept["unique"] == outcome.received
        return {"offered": outcome.offered, "received": outcome.received, **kept, "passed": passed}

    def describe(self) -> dict[str, Any]:
        """What the results say of the device."""
        if self.dut is not None:
            return self.dut.describe()
        title = "somebody else's" if self.bed.topology == "external" else "none"
        return {"title": title, "kind": "command", "version": "", "command": "", "settings": {}, "cpu": "own"}

    def whole_run(self) -> dict[str, Any]:
        """Ends the device and balances all its trials together, by what it says at its end: there also what is still in a TX ring
        has a name (tx_unsent)."""
        if self.dut is None:
            raise UsageError("without a device there is nothing to balance")
        ports = self._ledger.look().ports
        final = self.dut.stop()
        ours = self._first.reports is not None and all(isinstance(f, dict) for f in final)
        last = Look(tuple(final) if ours else None, ports)
        losses = self._ledger.losses(self._first, last, refused=self._refused, received=self._received)
        return balance(self._offered, self._received, losses)

    def _name(self) -> str:
        return self.spec.name if self.spec is not None else f"topology {self.bed.topology}"

    def _run(self, load: float, asked: float, sink: str, **how: Any) -> Outcome:
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        assert self._watcher is not None
        self._watcher.start()
        sent = self._send(load, sink, how)
        seen = self._watcher.read()
        before, (after, account) = self._last, self._settled(sent, sink)
        self._last = after
        offered, received = account["offered"], account["received"]
        self._offered += offered
        self._received += received
        self._refused += sent.refused
        record = {**sent.record(), "sink": sink, "balance": account, **seen, "started": started}
        if before.reports is not None and after.reports is not None:
            record.update(work_of_reports(before.reports, after.reports))
        if "then" in how:  # its mean is what has to be kept
            low, seconds = how["then"]
            load = (load * how["seconds"] + low * seconds) / (how["seconds"] + seconds)
        outcome = Outcome(load, asked, offered, received, sent.elapsed, record=record)
        reasons = self._believe(account, self._reasons(outcome))
        return Outcome(load, asked, offered, received, sent.elapsed, not reasons, tuple(reasons), record)

    def _send(self, load: float, sink: str, how: dict[str, Any]) -> Sent:
        alive = self.dut.check if self.dut is not None else lambda: None
        alive()
        try:
            sent = self.generator.run(self.traffic, rate=load, sink=sink, watch=alive, **how)
        except DutError:
            raise
        except BenchError:
            alive()  # it died, and that is why the generator could not go on
            raise
        alive()
        return sent

    def _settled(self, sent: Sent, sink: str) -> tuple[Look, dict[str, Any]]:
        """Counters once everything has come to rest: at once where they balance, else after some time."""
        offered = self._ledger.offered(sent.offered, sent.refused)
        deadline = time.monotonic() + PATIENCE
        while True:
            after = self._ledger.look()
            received = sent.received
            if sink == "plain":
                received = self._ledger.arrived(self._last, after)
            account = balance(offered, received, self._ledger.losses(self._last, after, refused=sent.refused, received=received))
            if account["unexplained"] == 0 or after.reports is None or time.monotonic() > deadline:
                return after, account
            time.sleep(0.02)

    def _believe(self, account: dict[str, Any], disturbed: list[str]) -> list[str]:
        """Raises DutError for what no trial can make good; the reasons why this one cannot be believed."""
        offered, received = account["offered"], account["received"]
        self._silent = self._silent + 1 if received == 0 and offered >= DEAD else 0
        if self._received > self._offered:
            raise DutError(f"{self._name()}: {received} frames arrived and {offered} were sent: "
                           "something makes frames of its own")
        if received > offered:  # some devices keep frames in their TX ring until others come
            return [f"{received - offered} frames of earlier trials arrived in this one", *disturbed]
        if self._received > 0 and self._silent >= (DISTURBED if disturbed else 1):
            raise DutError(self._nothing("forwards nothing any more", account))
        return disturbed

    def _nothing(self, what: str, account: dict[str, Any]) -> str:
        where = ", ".join(f"{k} {n}" for k, n in account["losses"].items())
        return (f"{self._name()}: {what}: {account['offered']} frames were sent, none arrived"
                + (f" ({where})" if where else "") + (f"; it said: {self.dut.said()}" if self.dut else ""))

    def _reasons(self, outcome: Outcome) -> list[str]:
        ring = self.spec.ring_size() if self.spec is not None else 0
        in_kernel = self.spec is None or self.spec.in_kernel
        return judge(outcome.record, load=outcome.load, rate=outcome.rate, ring=ring, in_kernel=in_kernel)


def fits(topology: str, spec: DutSpec | None) -> None:
    """Raises UsageError for a device and a wire that do not go together."""
    if topology in ("loop", "external"):
        if spec is not None:
            raise UsageError(f"topology {topology}: there is no place for a device of ours, so {spec.name} cannot stand there")
    elif spec is None:
        raise UsageError(f"topology {topology}: it needs a device")
    elif topology == "pcp" and spec.destination:
        raise UsageError(f"topology pcp: {spec.name} forwards by address, and a frame passes it twice with the same one")


@contextlib.contextmanager
def on(topology: str | dict[str, Any], tools: Tools, spec: DutSpec | None, traffic: Traffic = Traffic(), *, sink: str = "count",
       warm_up: float = 1.0) -> Iterator[Wire]:
    """Makes the wire and starts the device; both are gone at the end."""
    kind = topology if isinstance(topology, str) else str(topology.get("kind"))
    if kind in testbed.TOPOLOGIES:
        fits(kind, spec)
    mtu = traffic.size - 14 if isinstance(traffic.size, int) and traffic.size > 1514 else None
    with testbed.make(topology, cpus=(tools.generator_cpu, tools.dut_cpu), mtu=mtu) as bed, \
            Wire(bed, tools, spec, traffic, sink=sink, warm_up=warm_up) as wire:
        yield wire
