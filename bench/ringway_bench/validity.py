# SPDX-License-Identifier: BSD-2-Clause
"""Whether a trial was disturbed from outside. Loss never decides it, and what a device does to itself excuses nothing.

A trial is invalid when
    - its offered rate is more than 1.5 % off what was asked for (paced trials only);
    - the generator sent a burst of more than 128 frames (paced trials only: back to back is one burst by intent);
    - something foreign kept a thread of the device off its CPU, at one stretch, for longer than 3/4 of the time in which
      its RX ring fills at that rate. Time that ksoftirqd, a NAPI thread or another thread of the device had is not
      foreign: the device's own traffic made that work. A device in the kernel stops with the generator: then the first
      two rules tell, and this one does not apply;
    - the hypervisor took more than 2 % of the trial from a CPU in use.

A thread that sleeps (its own usleep(), a lock, a page that has to be read) is not kept from its CPU, nor is one that was
stopped by a signal, whoever sent it: such stalls count against the device. All devices are measured alike, by
ringway-watch; a thread's CPU is looked at if it wanted one at least a tenth as long as the device's busiest: whoever
waits for commands on a crowded CPU forwards no frames.
"""
from __future__ import annotations

import json
import math
import os
import select
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import BenchError

RATE_OFF = 0.015
LONGEST_BURST = 128  # frames: half of a veth's 256 slots
SHARE_OF_RING = 0.75
STEAL = 0.02
WORKS = 0.1  # of what the busiest thread wanted
ANSWER_WITHIN = 10.0  # seconds
_TICK = 1 / os.sysconf("SC_CLK_TCK")


def judge(record: Mapping[str, Any], *, load: float, rate: float, ring: int, in_kernel: bool) -> list[str]:
    """Why the trial is invalid; empty: it is valid. `load` that was asked for and `rate` that was offered in frames/s, `ring` the
    slots of the device's RX ring (0: it has none, or nobody knows: the third rule cannot be applied)."""
    reasons = []
    paced = math.isfinite(load)
    if paced and load > 0 and abs(rate / load - 1) > RATE_OFF:
        reasons.append(f"offered {rate / load - 1:+.1%} of the load that was asked for ({RATE_OFF:.1%} allowed)")
    burst = record.get("longest_burst")
    if paced and burst is not None and burst > LONGEST_BURST:
        reasons.append(f"the generator sent a burst of {burst} frames ({LONGEST_BURST} allowed)")
    off = record.get("off_cpu_us")
    if not in_kernel and off is not None and ring > 0 and rate > 0:
        allowed = SHARE_OF_RING * ring / rate * 1e6
        if off > allowed:
            who = record.get("off_cpu_by") or "something foreign"
            reasons.append(f"{who} had the device's CPU for {off:.0f} us ({allowed:.0f} us allowed)")
    # A growth of one tick may have been any time at all.
    if (record.get("steal_ratio") or 0.0) > STEAL and record.get("steal_ticks", 2) > 1:
        reasons.append(f"the hypervisor took {record['steal_ratio']:.1%} of CPU {record.get('steal_cpu', '?')} "
                       f"({STEAL:.0%} allowed)")
    return reasons


def steal_ticks(stat: str) -> dict[int, int]:
    """Of each CPU, from the text of /proc/stat."""
    found = {}
    for line in stat.splitlines():
        name, _, rest = line.partition(" ")
        if name.startswith("cpu") and name[3:].isdigit():
            words = rest.split()
            found[int(name[3:])] = int(words[7]) if len(words) > 7 else 0
    return found


def worst_thread(threads: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """That which something foreign kept off its CPU longest, among those that work; None: there are none."""
    def wanted(t: Mapping[str, Any]) -> float:
        return float(t["run_us"] + t["sum_us"] + t["own_us"])
    known = list(threads)
    busiest = max(map(wanted, known), default=0.0)
    working = [t for t in known if wanted(t) >= WORKS * busiest]
    return max(working, key=lambda t: float(t["longest_us"])) if working else None


def off_cpu(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial's record keeps of an answer of ringway-watch."""
    worst = worst_thread(answer["threads"])
    if worst is None:
        return {"off_cpu_us": 0.0, "off_cpu_by": None, "off_cpu_how": answer["how"]}
    by = worst["longest_by"]
    return {
        "off_cpu_us": worst["longest_us"],
        "off_cpu_by": None if by is None else f"{by['comm']} ({by['pid']})" if by["pid"] else "nobody: it was throttled",
        "off_cpu_how": answer["how"],
        "off_cpu_thread": worst["comm"],
        "off_cpu_stretches": worst["stretches"],
        "off_cpu_sum_us": worst["sum_us"],
        "own_work_us": worst["own_us"],  # that its CPU had instead: softirqs, NAPI, other threads of the device
    }


class Watch:
    """ringway-watch beside a device. Raises BenchError where it is missing, refuses or dies."""

    def __init__(self, bin_dir: str, pids: Sequence[int] = (), *, kthreads: Sequence[str] = (), syscalls: bool = False,
                 how: str = "") -> None:
        program = os.path.join(bin_dir, "ringway-watch")
        words = [program, *(w for p in pids for w in ("--pid", str(p))), *(w for k in kthreads for w in ("--kthread", k)),
                 *(["--syscalls"] if syscalls else []), *(["--how", how] if how else [])]
        try:
            # It ends with its stdin, so at the latest with us. In a session of its own, a Ctrl-C of ours is not for it.
            self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                             start_new_session=True, bufsize=0)
        except OSError as e:
            raise BenchError(f"{program}: {e.strerror}: build it, or say --bin DIR") from None
        self.warning: str | None = None  # that it could not do what it is best at
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def _wait_until_ready(self) -> None:
        assert self._process.stderr is not None
        while True:
            for line in self._lines(self._process.stderr.fileno()):
                if line == "ringway-watch: ready":
                    return
                if "warning: " not in line:
                    raise BenchError(line)
                self.warning = line.partition("warning: ")[2]

    def ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(command.encode() + b"\n")
        except OSError:
            raise BenchError("ringway-watch: it ended while it was needed") from None
        answer: dict[str, Any] = json.loads(self._lines(self._process.stdout.fileno())[-1])
        return answer

    def _lines(self, fd: int) -> list[str]:
        """At least one."""
        text = b""
        deadline = time.monotonic() + ANSWER_WITHIN
        while not text.endswith(b"\n"):
            if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise BenchError(f"ringway-watch: no answer within {ANSWER_WITHIN:g} s")
            some = os.read(fd, 65536)
            if not some:
                raise BenchError("ringway-watch: it ended while it was needed")
            text += some
        return text.decode(errors="replace").splitlines()

    def close(self) -> None:
        """Idempotent."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Watcher:
    """What is taken from a device and from the CPUs in use, trial by trial: start() before, read() after it. Without `pids` (a
    bridge) there are no threads to look at."""

    def __init__(self, bin_dir: str, pids: Sequence[int], cpus: Sequence[int], *, how: str = "") -> None:
        self._cpus = sorted(set(cpus))
        self._watch = Watch(bin_dir, pids, how=how) if pids else None
        self._begin = time.monotonic()
        self._steal: dict[int, int] = {}
        self.start()

    @property
    def warning(self) -> str | None:
        return self._watch.warning if self._watch is not None else None

    def start(self) -> None:
        if self._watch is not None:
            self._watch.ask("reset")
        self._steal = steal_ticks(_stat())
        self._begin = time.monotonic()

    def read(self) -> dict[str, Any]:
        """Since start(); goes into the trial's record."""
        elapsed = time.monotonic() - self._begin
        after = steal_ticks(_stat())
        grown = {cpu: after.get(cpu, 0) - self._steal.get(cpu, 0) for cpu in self._cpus}
        cpu = max(grown, key=lambda c: grown[c], default=-1)
        ticks = grown.get(cpu, 0)
        record: dict[str, Any] = {"watched": True, "steal_ratio": ticks * _TICK / elapsed if elapsed > 0 else 0.0,
                                  "steal_ticks": ticks, "steal_cpu": cpu}
        if self._watch is None:
            return {**record, "off_cpu_us": None, "off_cpu_by": None, "off_cpu_how": None}
        return {**record, **off_cpu(self._watch.ask("read"))}

    def close(self) -> None:
        """Idempotent."""
        if self._watch is not None:
            self._watch.close()


def _stat() -> str:
    return Path("/proc/stat").read_text(encoding="ascii")
