# SPDX-License-Identifier: BSD-2-Clause
"""The programs that the bench starts, and where they are."""
from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from .errors import BenchError, UsageError

HERE = os.path.dirname(os.path.realpath(__file__))


@dataclass(frozen=True)
class Tools:
    bin: str  # the folder
    version: str
    generator_cpu: int = 0
    dut_cpu: int = 1

    @property
    def gen(self) -> str:
        return os.path.join(self.bin, "ringway-gen")

    @property
    def watch(self) -> str:
        return os.path.join(self.bin, "ringway-watch")

    @classmethod
    def find(cls, folder: str | None, cpus: str = "0,1") -> Tools:
        """`folder`, or beside this program, or the release build of a source tree. Raises UsageError, BenchError."""
        generator_cpu, dut_cpu = _cpus(cpus)
        bench = os.path.dirname(HERE)
        beside = os.path.dirname(os.path.abspath(sys.argv[0]))
        places = [folder] if folder else [beside, os.path.join(bench, "..", "build", "release", "bin")]
        for place in places:
            program = os.path.join(place, "ringway-gen")
            if os.access(program, os.X_OK):
                try:
                    said = subprocess.run((program, "--version"), capture_output=True, text=True, timeout=10).stdout
                except (OSError, subprocess.TimeoutExpired) as e:
                    raise BenchError(f"{program} does not run: {e}") from None
                return cls(os.path.realpath(place), said.split()[-1] if said.split() else "?", generator_cpu, dut_cpu)
        raise BenchError(f"ringway-gen is not in {' or '.join(os.path.normpath(p) for p in places)}: build it "
                         "(cmake --preset release && cmake --build --preset release), or say --bin DIR")


def _cpus(text: str) -> tuple[int, int]:
    try:
        generator, dut = (int(x) for x in text.split(","))
    except ValueError:
        raise UsageError(f"--cpus: '{text}' should be two numbers like 0,1") from None
    allowed = os.sched_getaffinity(0)
    for cpu in (generator, dut):
        if cpu not in allowed:
            raise UsageError(f"--cpus: there is no CPU {cpu} here (there are {', '.join(str(c) for c in sorted(allowed))})")
    if generator == dut:
        raise UsageError("--cpus: the generator and the device need a CPU each")
    return generator, dut


def need_root() -> None:
    if os.geteuid() != 0:
        raise BenchError("it makes network namespaces and loads BPF programs: run it as root")
