# SPDX-License-Identifier: BSD-2-Clause
"""Commands, programs that run beside us, and the network namespaces that they run in.

Whatever is started here ends with us: at the latest the kernel kills it when the thread that started it ends. So programs
have to be started from a thread that lives as long as they shall.
"""
from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from .errors import BenchError

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_CLONE_NEWNET = 0x40000000


class CommandFailed(BenchError):
    """A command said no."""


def run(*command: object, ns: str | None = None, check: bool = True, timeout: float = 30) -> str:
    """Runs a command to its end, in a namespace if one is named, and returns what it wrote to stdout. Raises CommandFailed."""
    words = within(ns) + [str(c) for c in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise CommandFailed(f"{words[0]} is missing") from None
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{shlex.join(words)}: no end after {timeout:g} s") from None
    if check and done.returncode != 0:
        said = last_lines(done.stderr or done.stdout, 2) or f"exit status {done.returncode}"
        raise CommandFailed(f"{shlex.join(words)}: {said}")
    return done.stdout


def within(ns: str | None) -> list[str]:
    return [] if ns is None else ["ip", "netns", "exec", ns]


def last_lines(text: str, lines: int = 5) -> str:
    """The end of what a program said, in one line; the chatter of its libraries left out."""
    said = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("libbpf: ", "libxdp: "))]
    return " | ".join(said[-lines:])


@contextlib.contextmanager
def in_namespace(ns: str | None) -> Iterator[None]:
    """This thread is in the namespace for as long; files and sockets that it opens there stay what they are."""
    if ns is None:
        yield
        return
    try:
        there = os.open(f"/run/netns/{ns}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as e:
        raise BenchError(f"network namespace {ns}: {e.strerror}") from None
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(there)
        yield
    finally:
        _setns(here)
        os.close(here)
        os.close(there)


def _setns(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        raise BenchError(f"enter a network namespace: {os.strerror(ctypes.get_errno())} (root is needed)")


def _prepare() -> None:
    """In the child: dies with its parent's thread, and is not woken by a Ctrl-C that is meant for us."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


class Process:
    """A running program. What it writes goes to files, so that it never waits for a reader; stdin stays open, for some
    (testpmd) end when that is closed. It has a session of its own, so a Ctrl-C in our terminal does not reach it; and all that it
    starts stays in its group, and ends with it. Until kill() has been called the kernel keeps its number for us."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        self.command = list(command)
        self._out, self._err = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        self._last: dict[int, str] = {}  # what it wrote, once it has ended and the files are closed
        try:
            self._popen = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=self._out, stderr=self._err,
                                           start_new_session=True, preexec_fn=_prepare, env={**os.environ, **(environment or {})})
        except OSError as e:
            self._out.close()
            self._err.close()
            raise BenchError(f"{self.command[0]}: {e.strerror}") from None
        self.pid = self._popen.pid
        self._pidfd: int | None = os.pidfd_open(self.pid)  # readable once it has ended
        self._code: int | None = None
        # A scheduling group of its own, before other work on this machine: neither a generator nor a device can do without a CPU.
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.pid}/autogroup").write_text("-20", encoding="ascii")

    @property
    def stdout(self) -> str:
        return self._text(self._out)

    @property
    def stderr(self) -> str:
        return self._text(self._err)

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    def _text(self, file: IO[str]) -> str:
        if file.closed:
            return self._last[id(file)]
        fd = file.fileno()
        return os.pread(fd, os.fstat(fd).st_size, 0).decode(errors="replace")

    def alive(self) -> bool:
        return self.code is None

    @property
    def code(self) -> int | None:
        """Its exit status; negative: the signal that ended it; None: it runs."""
        if self._code is None:
            seen = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if seen is not None:
                self._code = seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status
        return self._code

    def pids(self) -> list[int]:
        """Its own and those of all that it has started, unless they have left its group; none once it has ended."""
        found = []
        for entry in os.listdir("/proc") if self.alive() else []:
            with contextlib.suppress(OSError, ValueError):
                if os.getpgid(int(entry)) == self.pid:
                    found.append(int(entry))
        return sorted(found)

    def send(self, number: int) -> None:
        """To itself alone. Nothing happens when it has ended."""
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> int | None:
        """Its exit status, or None: it still runs after that time. Sleeps all the while: whoever looks again and again takes a
        CPU from what is measured (82 ms a second, at 300 looks)."""
        if self._pidfd is not None and self.alive():
            select.select([self._pidfd], [], [], seconds)
        return self.code

    def stop(self, number: int = signal.SIGINT, seconds: float = 10) -> bool:
        """Asks it and all that it has started to end, as Ctrl-C does. False: it did not within the time, and was killed."""
        self._send_to_all(number)
        ended = self.wait(seconds) is not None
        self.kill()
        return ended

    def kill(self) -> None:
        """With all that it has started. Idempotent; what it wrote can still be read."""
        self._send_to_all(signal.SIGKILL)
        while self.wait(1) is None:
            pass
        self._popen.wait()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        for file in (self._out, self._err):
            self._last[id(file)] = self._text(file)
            file.close()
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()

    def _send_to_all(self, number: int) -> None:
        if self._popen.returncode is None:  # else its number may be somebody else's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def wait_for(self, text: str, seconds: float) -> bool:
        """Until it has written this. False: it ended, or the time was over, without it."""
        deadline = time.monotonic() + seconds
        while True:
            alive = self.alive()  # before its output is read: so the last of it is seen
            if text in self.output:
                return True
            if not alive or time.monotonic() > deadline:
                return False
            time.sleep(0.01)


class Undertaker:
    """A child that deletes namespaces and folders when we are gone, however we went: it reads their names until its pipe is
    closed. What still runs in a namespace was started by us, and would keep it alive without its name."""

    _SCRIPT = """
        while read -r n; do set -- "$@" "$n"; done
        for n in "$@"; do
          case $n in
            /*) rm -rf -- "$n" ;;
            *) for p in $(ip netns pids "$n"); do kill -9 "$p"; done; ip netns del "$n" ;;
          esac
        done"""

    def __init__(self) -> None:
        # Ctrl-C is for us alone.
        self._child = subprocess.Popen(("/bin/sh", "-c", self._SCRIPT), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self._lock = threading.Lock()

    def expects(self, name: str) -> None:
        """A namespace, or a folder by its whole path. To be told before it is made: else one could stay behind."""
        with self._lock:
            assert self._child.stdin is not None
            self._child.stdin.write(name + "\n")
            self._child.stdin.flush()

    def bury(self) -> None:
        """Deletes all that it has been told, and returns when they are gone."""
        with self._lock:
            if self._child.stdin is not None and not self._child.stdin.closed:
                self._child.stdin.close()
            self._child.wait()
