# SPDX-License-Identifier: BSD-2-Clause
"""What a frame costs, in ns of the two CPUs that work for it.

A generator that waits for its next frame is busy at any rate, and so is a forwarder that spins: busy time alone says nothing
about them. So

    generator's CPU  its idle turns lost against the topology `loop` at the same rate, times the ns of an idle turn: receive work
                     of the device's input, its XDP program, the copy into a socket's memory; all of a device in the kernel.
                     What `loop` itself costs (sending, and a counting sink behind it) is not in it
    device's CPU     "turns"    the time of the turns that carried frames, by TSC: Ringway's workers count it, testpmd with
                                --record-core-cycles
                     "idle"     the device sleeps without traffic: busy time of its CPU, less the same with the device stopped
                     "rate"     overload: a device that is one thread costs 1 / rate, without any clock
                     "thread"   a device in the kernel, second way: run time of the NAPI thread of its input

System calls are counted in trials of their own, for counting makes them dearer.
"""
from __future__ import annotations

import contextlib
import math
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .errors import BenchError, DutError
from .model import Found, Outcome
from .validity import Watch

SPINS = 0.5  # of its CPU without any traffic: who has more of it does not sleep
SPARE = 0.1  # of a trial, in idle turns: below that a generator may be late because the device makes it work
ATTEMPTS = 3  # at a trial that is disturbed
COUNTED = 2.0  # seconds at most of a trial whose system calls are counted
OVERLOADED = 0.98  # of what was offered: who forwards more was perhaps not the limit
Trial = Callable[[float, float], Outcome]


# --- arithmetic, on trials

def generator_ns(device: Outcome, loop: Outcome) -> float | None:
    """Of a frame, on the generator's CPU; None where the generator does not count its idle turns. Rates that differ a little do
    no harm."""
    turns = [o.record.get("turn_ns") for o in (device, loop)]
    known = [float(t) for t in turns if t]
    if not known or any(o.record.get("idle_turns") is None or not o.offered for o in (device, loop)):
        return None
    # The same turn in both; the shorter mean is the one that fewer interruptions went into.
    turn = min(known)

    def worked(o: Outcome) -> float:
        whole, idle = o.elapsed * 1e9, float(o.record["idle_turns"]) * turn
        # A generator that has time to spare is late only because something took its CPU: then it neither worked nor turned idly.
        spare = idle > SPARE * whole and math.isfinite(o.load) and o.load > 0
        away = float(o.record.get("late") or 0) / o.load * 1e9 if spare else 0.0
        return (whole - away - idle) / o.offered
    return worked(device) - worked(loop)


def turns_ns(outcome: Outcome) -> float | None:
    """Of a frame, in a Ringway worker's turns that carried frames; None where the device does not tell."""
    busy = outcome.record.get("busy_us")
    return None if busy is None or not outcome.received else float(busy) * 1e3 / outcome.received


def testpmd_ns(text: str) -> float | None:
    """Of a frame, in what testpmd --record-core-cycles says at its end."""
    said = re.findall(r"total cycles=(\d+) / total \w+ packets=(\d+)\) at (\d+) MHz", text)
    if not said or int(said[-1][1]) == 0 or int(said[-1][2]) == 0:
        return None
    cycles, packets, mhz = map(int, said[-1])
    return cycles / packets * 1e3 / mhz


def overload_ns(outcome: Outcome) -> float | None:
    """Of a frame, where the device was the limit; else None."""
    rate = outcome.forwarding_rate
    return 1e9 / rate if rate > 0 and outcome.received < OVERLOADED * outcome.offered else None


def idle_seconds(stat: str, cpu: int) -> float:
    """Since boot, of a CPU in the text of /proc/stat (waiting for a disk is idle, too)."""
    match = re.search(rf"^cpu{cpu} (.*)$", stat, re.M)
    if match is None:
        raise BenchError(f"/proc/stat: there is no CPU {cpu}")
    words = match[1].split()
    return (int(words[3]) + int(words[4])) / os.sysconf("SC_CLK_TCK")


def memory(pids: Sequence[int]) -> dict[str, int]:
    """KiB, all processes together: most that was resident, what is locked or pinned, and shared and huge pages. The packet memory
    of AF_XDP is pinned at the user's account, which no process shows: it is among the shared or huge pages where it is a memory
    file."""
    names = {"VmHWM": "peak_kb", "VmLck": "locked_kb", "VmPin": "pinned_kb", "RssShmem": "shared_kb", "HugetlbPages": "huge_kb"}
    total = dict.fromkeys(names.values(), 0)
    for pid in pids:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
            for key, kb in re.findall(r"^(\w+):\s*(\d+) kB", text, re.M):
                if key in names:
                    total[names[key]] += int(kb)
    return total


# --- measuring, on a device that runs

class BusyClock:
    """Busy seconds of a CPU from now on."""

    def __init__(self, cpu: int) -> None:
        self._cpu = cpu
        self._begin, self._idle = time.monotonic(), self._now()

    def _now(self) -> float:
        return idle_seconds(Path("/proc/stat").read_text(encoding="ascii"), self._cpu)

    def read(self) -> tuple[float, float]:
        """(busy, elapsed)"""
        elapsed = time.monotonic() - self._begin
        return max(0.0, elapsed - (self._now() - self._idle)), elapsed


@contextlib.contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """The processes do nothing meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def idle_cpu(bin_dir: str, pids: Sequence[int], seconds: float = 1.0) -> float:
    """CPUs that the device takes without any traffic, of those that it could have: 1 is a whole one."""
    if not pids:
        return 0.0
    with contextlib.closing(Watch(bin_dir, pids)) as watch:
        watch.ask("reset")
        time.sleep(seconds)
        return taken(watch.ask("read"))


def taken(seen: Mapping[str, Any]) -> float:
    """CPUs, in an answer of ringway-watch. While a thread waits for others it cannot take any."""
    total = 0.0
    for t in seen["threads"]:
        could = float(seen["elapsed_s"]) * 1e6 - float(t["sum_us"]) - float(t["own_us"])
        total += min(1.0, float(t["run_us"]) / could) if could > 0 else 0.0
    return total


def syscalls_per_packet(bin_dir: str, pids: Sequence[int], trial: Callable[[], Outcome]) -> float | None:
    """None where nothing was forwarded."""
    if not pids:
        return 0.0
    with contextlib.closing(Watch(bin_dir, pids, syscalls=True)) as watch:
        watch.ask("reset")
        outcome = trial()
        seen = watch.ask("read")["syscalls"]
    # It asks for this device's report with a signal, which is answered with system calls: what is left of them by number.
    return seen["all"] / outcome.received if outcome.received else None


def sleeping_ns(pids: Sequence[int], cpu: int, trial: Callable[[], Outcome],
                seconds: float = 1.0) -> tuple[float | None, Outcome]:
    """Of a frame, by busy time, of a device that sleeps when there is nothing to do."""
    with stopped(pids):
        clock = BusyClock(cpu)
        time.sleep(seconds)
        others, over = clock.read()
    clock = BusyClock(cpu)
    outcome = trial()
    busy, elapsed = clock.read()
    return (max(0.0, busy - others / over * elapsed) * 1e9 / outcome.received if outcome.received else None), outcome


def undisturbed(trial: Trial, load: float, seconds: float) -> tuple[Outcome, list[str]]:
    """The first valid of some trials, or the last and why it is not."""
    for _ in range(ATTEMPTS):
        outcome = trial(load, seconds)
        if outcome.valid:
            return outcome, []
    return outcome, list(outcome.reasons)


class Cost:
    """Of one device on one wire, which has to run: `wire` as wire.Wire is. `loop` makes a trial without a device."""

    def __init__(self, wire: Any, loop: Trial | None) -> None:
        self._wire, self._loop = wire, loop
        self._trial: Trial = wire.trial
        self._pids: list[int] = list(wire.dut.pids) if wire.dut is not None else []
        self._in_kernel = wire.spec is None or wire.spec.in_kernel
        self.trials: list[Outcome] = []
        self.idle_cpu = idle_cpu(wire.tools.bin, self._pids)
        self._spins = self.idle_cpu > SPINS

    def at(self, load: float, share: float | None, seconds: float) -> dict[str, Any]:
        """An entry of the results' `cost`, at a load in frames/s."""
        entry: dict[str, Any] = {"load": load, "share_of_ndr": share, "generator_ns": None, "dut_ns": None,
                                 "syscalls_per_packet": None, "how": None}
        device, why = undisturbed(self._trial, load, seconds)
        self.trials.append(device)
        entry["rate"] = device.rate
        if self._loop is not None:
            loop, disturbed = undisturbed(self._loop, load, seconds)
            self.trials.append(loop)
            why += [f"loop: {reason}" for reason in disturbed]
            entry["generator_ns"] = generator_ns(device, loop)
        entry["dut_ns"], entry["how"] = self._own(device, load, seconds)
        entry["syscalls_per_packet"] = syscalls_per_packet(self._wire.tools.bin, self._pids,
                                                           lambda: self._trial(load, min(COUNTED, seconds)))
        if why:
            entry["disturbed"] = why
        return entry

    def _own(self, device: Outcome, load: float, seconds: float) -> tuple[float | None, str | None]:
        """On the device's own CPU, and how that is known."""
        if self._in_kernel:
            return None, None
        if (ns := turns_ns(device)) is not None:
            return ns, "turns"
        if self._wire.spec.kind == "dpdk":
            return self._testpmd(load, seconds), "turns"
        if not self._spins and self._pids:
            ns, _ = sleeping_ns(self._pids, self._wire.tools.dut_cpu, lambda: self._trial(load, seconds))
            return ns, "idle"
        return None, None  # it spins, and says nothing of it: only overload tells

    def _testpmd(self, load: float, seconds: float) -> float | None:
        """By a testpmd that counts its cycles, for the time of a trial in the place of the one that runs."""
        from . import wire as wires
        spec = replace(self._wire.spec, command=(*self._wire.spec.command, "--record-core-cycles"))
        with stopped(self._pids):
            with wires.on(self._wire.bed.topology, self._wire.tools, spec, self._wire.traffic, warm_up=0.0) as counting:
                counting.warm_up(min(0.2, seconds), load)
                counting.trial(load, seconds)
                said = counting.dut.stop() if counting.dut is not None else []
        return testpmd_ns("\n".join(str(s) for s in said))

    def at_overload(self, seconds: float) -> dict[str, Any] | None:
        """An entry by 1 / rate; None where the device was not the limit, or is not one thread on a CPU of its own."""
        if self._in_kernel or not self._pids:
            return None
        outcome, why = undisturbed(self._trial, math.inf, seconds)
        self.trials.append(outcome)
        ns = overload_ns(outcome)
        if ns is None:
            return None
        entry = {"load": outcome.rate, "share_of_ndr": None, "rate": outcome.rate, "generator_ns": None, "dut_ns": ns,
                 "how": "rate", "syscalls_per_packet": syscalls_per_packet(self._wire.tools.bin, self._pids,
                                                            lambda: self._trial(math.inf, min(COUNTED, seconds)))}
        return {**entry, "disturbed": why} if why else entry

    def rest(self) -> dict[str, Any]:
        """What stands beside a device, whatever its load."""
        return {"idle_cpu": self.idle_cpu, "spins": self._spins, "memory": memory(self._pids)}


def napi_thread_ns(tools: Any, spec: Any, traffic: Any, load: float, seconds: float) -> float | None:
    """Of a frame, of a device in the kernel: its input's NAPI in a thread on the device's CPU; the run time of that thread. On a
    wire of its own: threads change what is measured. Raises DutError where no thread came."""
    from . import testbed, wire as wires
    before = testbed.napi_threads(["d0"])
    with wires.on({"kind": "p2p", "threaded": True}, tools, spec, traffic, warm_up=0.0) as w:
        threads = sorted(testbed.napi_threads(["d0"]) - before)
        if not threads:
            raise DutError(f"{spec.name}: the input has no NAPI thread")
        for thread in threads:
            os.sched_setaffinity(thread, {tools.dut_cpu})
        w.warm_up(min(0.2, seconds), load)
        with contextlib.closing(Watch(tools.bin, threads)) as watch:
            watch.ask("reset")
            outcome = w.trial(load, seconds)
            seen = watch.ask("read")
    ran = sum(float(t["run_us"]) for t in seen["threads"])
    return ran * 1e3 / outcome.received if outcome.received else None


def measure(wire: Any, ndr: float, shares: Sequence[float] = (0.25, 0.5, 1.0),
            seconds: float = 10.0) -> tuple[list[dict[str, Any]], dict[str, Any], list[Outcome]]:
    """(entries, what stands beside them, trials) of a device that runs, at shares of its NDR, and at overload."""
    from . import wire as wires
    with contextlib.ExitStack() as stack:
        loop: Trial | None = None
        if wire.bed.topology != "external":  # there is nothing else to send to
            loop = stack.enter_context(wires.on("loop", wire.tools, None, wire.traffic, warm_up=0.2)).trial
        cost = Cost(wire, loop)
        entries = [cost.at(share * ndr, share, seconds) for share in shares]
        if (overload := cost.at_overload(min(COUNTED, seconds))) is not None:
            entries.append(overload)
        rest = cost.rest()
    if wire.bed.topology == "p2p" and wire.spec is not None and wire.spec.in_kernel:
        load = min(shares) * ndr
        with stopped(wire.dut.pids if wire.dut is not None else []):
            ns = napi_thread_ns(wire.tools, wire.spec, wire.traffic, load, seconds)
        entries.append({"load": load, "share_of_ndr": min(shares), "rate": load, "generator_ns": None, "dut_ns": ns,
                        "how": "thread", "syscalls_per_packet": None})
    name = wire.spec.name if wire.spec is not None else ""
    return [{"dut": name, **e} for e in entries], rest, cost.trials


def measure_found(params: Mapping[str, Any], cell: Any, ndr: float) -> Found:
    """As a scenario's method: `entries` and `rest` in its extra; the value is the cost on both CPUs at the largest share, where
    both are known."""
    shares, seconds = [float(s) for s in params.get("at", (0.25, 0.5, 1.0))], float(params.get("seconds", 10.0))
    entries, rest, trials = measure(cell.wire, ndr, shares, seconds)
    last = next((e for e in reversed(entries) if e["share_of_ndr"] == max(shares)), entries[-1])
    parts = [float(last[k]) for k in ("generator_ns", "dut_ns") if last[k] is not None]
    return Found(method="cost", goal={"of": params.get("of"), "at": shares, "seconds": seconds, "ndr": ndr},
                 state="found" if parts else "not measurable here", value=sum(parts) if parts else None, unit="ns",
                 seconds=sum(o.seconds for o in trials), trials=[o.as_json() for o in trials], extra={"entries": entries, **rest})


def entries_of(dut: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For the results' `cost`: of a Found as it stands there, under the name that the results have for the device."""
    return [{**e, "dut": dut} for e in (found.get("extra") or {}).get("entries", [])]
