# SPDX-License-Identifier: BSD-2-Clause
"""A device while it runs: from its start, over the moment when it forwards, to its end and what it said."""
from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import time
from collections.abc import Callable
from typing import Any

from .duts import DutSpec
from .errors import BenchError, DutError
from .process import CommandFailed, Process, last_lines, run, within
from .testbed import Bed, Place, Port, new_napi_threads_on
from .tools import Tools

ANSWER_WITHIN = 5.0  # seconds for a report that was asked for


class RunningDut:
    """A device at every place of a wire, while its `with` block runs. `probe` sends some frames through the wire and returns how
    many arrived; it is needed by devices with ready = "forwards"."""

    def __init__(self, spec: DutSpec, bed: Bed, tools: Tools, *, probe: Callable[[], int] | None = None,
                 places: list[Place] | None = None) -> None:
        self.spec = spec
        self._bed, self._tools, self._probe = bed, tools, probe
        self._places = bed.places if places is None else places
        self._processes: list[Process] = []
        self._reports: list[str] = []  # the file of each process's JSON
        self._words: list[list[str]] = []  # as a person would type them
        self._undo: list[tuple[str, str]] = []  # (namespace, shell line)
        self.final: list[Any] = []  # after stop(): what each process said at its end, JSON or text

    def __enter__(self) -> RunningDut:
        try:
            self._examine()
            for number, place in enumerate(self._places):
                self._start_at(place, number)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- start

    def _examine(self) -> None:
        """Whether its programs are there, before anything is begun."""
        if not self.spec.command:
            return
        words = [w.format_map({"bin": self._tools.bin}) if w.startswith("{bin}") else w for w in self.spec.command]
        programs = [words[0]] if os.path.basename(words[0]) not in ("stdbuf", "taskset", "nice", "env") else \
            [words[0], next((w for w in words[1:] if not w.startswith("-")), words[0])]
        for program in programs:
            if shutil.which(program) is None:
                raise DutError(self.spec.missing or f"{self.spec.name}: {program} is missing")

    def _start_at(self, place: Place, number: int) -> None:
        pairs = [place.ports] if self.spec.pairs == "all" else [place.ports[i:j + 1] for i, j in place.pairs()]
        for pair, ports in enumerate(pairs):
            known = self._known(place, ports, pair, number)
            # Where a setting moves receive work into threads: to the CPU that would do it without.
            with new_napi_threads_on(self._tools.generator_cpu, ports):
                for line in self._applied(known, ports):
                    self._shell(place.ns, line)
            for line in self.spec.setup:
                self._shell(place.ns, line.format_map(known))
            self._undo += [(place.ns, line.format_map(known)) for line in self.spec.teardown]
            if self.spec.command:
                self._launch(place, known, ports)

    def _known(self, place: Place, ports: tuple[str, ...], pair: int, number: int) -> dict[str, Any]:
        first = place.ports.index(ports[0])
        known: dict[str, Any] = {
            "bin": self._tools.bin, "cpu": self._tools.dut_cpu, "generator_cpu": self._tools.generator_cpu, "port0": ports[0],
            "port1": ports[1], "pair": pair, "destination": self._bed.destination(),
            "json": os.path.join(self._bed.folder, f"{self.spec.name}-{number}-{pair}.json")}
        for i in (0, 1):
            known[f"mac{i}"] = Port(place.ns, ports[i]).mac()
            known[f"peer_mac{i}"] = place.behind[first + i].mac()
        return {**known, **{k: _word(v) for k, v in self.spec.values().items()}}

    def _applied(self, known: dict[str, Any], ports: tuple[str, ...]) -> list[str]:
        values = self.spec.values()
        return [s.apply.format_map({**known, "port": port, "value": _word(values[name])})
                for name, s in self.spec.settings.items() if s.apply and values[name] != s.default for port in ports]

    def _shell(self, ns: str, line: str) -> None:
        try:
            run("sh", "-c", line, ns=ns)
        except CommandFailed as e:
            raise DutError(f"{self.spec.name}: setup: {str(e).partition(' sh -c ')[2] or e}") from None

    def _launch(self, place: Place, known: dict[str, Any], ports: tuple[str, ...]) -> None:
        words: list[str] = []
        for word in self.spec.command:
            if word == "{ports}":
                words += [p.format_map({**known, "port": port, "n": n}) for n, port in enumerate(ports) for p in self.spec.ports]
            else:
                words.append(word.format_map({**known, "ports": " ".join(ports)}))
        cpu = self._tools.generator_cpu if self.spec.in_kernel else self._tools.dut_cpu
        pin = ["taskset", "-c", str(cpu)] if self.spec.pinned else []
        self._words.append(pin + words)
        self._reports.append(known["json"])
        self._processes.append(Process(within(place.ns) + pin + words, environment=self.spec.environment))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.spec.ready_within
        if self.spec.ready not in ("forwards", "none"):
            for process in self._processes:
                if not process.wait_for(self.spec.ready, max(0.1, deadline - time.monotonic())):
                    self.check()
                    raise DutError(f"{self.spec.name}: not ready within {self.spec.ready_within:g} s; it said: {self.said()}")
        elif self.spec.ready == "forwards" and self._probe is not None:
            while self._probe() == 0:
                self.check()
                if time.monotonic() > deadline:
                    raise DutError(f"{self.spec.name}: forwards nothing within {self.spec.ready_within:g} s; "
                                   f"it said: {self.said()}")

    # --- while it runs

    def check(self) -> None:
        """Raises DutError where it has ended."""
        for process in self._processes:
            if not process.alive():
                code = process.code or 0
                how = f"signal {-code}" if code < 0 else f"exit status {code}"
                raise DutError(f"{self.spec.name}: it ended by itself, {how}; it said: {self.said(process)}")

    def kill(self) -> None:
        """SIGKILL, to all its processes; stop() has still to be called."""
        for process in self._processes:
            process.kill()

    def alive(self) -> bool:
        return all(p.alive() for p in self._processes)

    def said(self, process: Process | None = None) -> str:
        """The last lines, of one process or of all."""
        text = "".join(p.output for p in ([process] if process else self._processes))
        return last_lines(text) or "nothing"

    @property
    def output(self) -> str:
        """All that its processes have written up to now."""
        return "".join(p.output for p in self._processes)

    @property
    def pids(self) -> list[int]:
        """Of all its processes, those included that it has started itself."""
        return [pid for process in self._processes for pid in process.pids()]

    def counters(self) -> list[dict[str, Any]] | None:
        """What each process has counted up to now; None: this device does not say that before its end. Raises DutError where it
        should and does not."""
        if self.spec.report != "ringway" or not self._processes:
            return None
        before = [_stamp(path) for path in self._reports]
        for process in self._processes:
            process.send(signal.SIGUSR1)
        deadline = time.monotonic() + ANSWER_WITHIN
        for path, stamp in zip(self._reports, before):
            while _stamp(path) == stamp:
                self.check()
                if time.monotonic() > deadline:
                    raise DutError(f"{self.spec.name}: it hangs: no report {ANSWER_WITHIN:g} s after SIGUSR1; "
                                   f"it said: {self.said()}")
                time.sleep(0.002)
        return [self._report(path) for path in self._reports]

    def _report(self, path: str) -> dict[str, Any]:
        try:
            with open(path, encoding="utf-8") as f:
                report: dict[str, Any] = json.load(f)
            return report
        except (OSError, ValueError) as e:
            raise DutError(f"{self.spec.name}: its report cannot be read: {e}") from None

    def memory_kb(self) -> int:
        """Resident, all its processes together."""
        total = 0
        for process in self._processes:
            try:
                with open(f"/proc/{process.pid}/status", encoding="ascii", errors="replace") as f:
                    total += next((int(line.split()[1]) for line in f if line.startswith("VmRSS:")), 0)
            except OSError:
                pass
        return total

    def describe(self) -> dict[str, Any]:
        """What the results say of it."""
        return {"title": self.spec.title, "kind": self.spec.kind, "version": self._version(), "command": self.shown(),
                "settings": self.spec.values(), "cpu": self.spec.cpu, "memory_kb": self.memory_kb()}

    def shown(self) -> str:
        """As a person would type it in the device's namespace; the folder of its report left out."""
        if not self._words:
            return "; ".join(self.spec.setup)
        words = [os.path.basename(w) if w.startswith((self._tools.bin, self._bed.folder)) else w for w in self._words[0]]
        return shlex.join(words)

    def _version(self) -> str:
        if not self.spec.version:
            return ""
        try:
            said = run(*(w.format_map({"bin": self._tools.bin}) for w in self.spec.version), timeout=10)
        except BenchError:
            return ""
        return said.split("\n")[0].strip()

    # --- end

    def stop(self) -> list[Any]:
        """Idempotent. What each process said at its end: its report, or its output. One that hangs is killed, and said to."""
        if isinstance(self.spec.stop, tuple) and self._processes:
            run(*(w.format_map({"bin": self._tools.bin}) for w in self.spec.stop), ns=self._places[0].ns, check=False)
        number = signal.SIGTERM if self.spec.stop == "SIGTERM" else signal.SIGINT
        for process, path in zip(self._processes, self._reports):
            if not process.stop(number):
                self.final.append(f"killed: no end within 10 s; {self.said(process)}")
            elif self.spec.report == "ringway" and process.code == 0:
                self.final.append(self._report(path))
            else:
                self.final.append(process.output)
        self._processes.clear()
        for ns, line in reversed(self._undo):
            run("sh", "-c", line, ns=ns, check=False)
        self._undo.clear()
        return self.final


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _stamp(path: str) -> tuple[int, int]:
    """Another one whenever the file has been replaced."""
    try:
        status = os.stat(path)
        return status.st_ino, status.st_mtime_ns
    except OSError:
        return 0, 0
