# SPDX-License-Identifier: BSD-2-Clause
"""Wires: network namespaces joined by veth pairs, with places for devices between a generator's port and a sink's.

    p2p       gen/g0 == d0 [device] d1 == s0/sink
    loop      gen/g0 == s0/sink                                     for calibration
    chain N   gen/g0 == d0 [device] d1 == d0 [device] d1 == ... == s0/sink
    pcp       gen/g0 == p0 [device] p1 == s0/sink, and from the device's a0 and a1 into a container's c0 and c1, where an
              application forwards: every frame passes the device twice
    pod2pod   two pods with addresses, joined by the device of their node
    external  two interfaces that are there; nothing is made or changed, and the device is somebody else's
    pvp       through a guest: refused, there are no guests here yet

Every namespace is called rw-bench-PID-RANDOM-ROLE. All of them go when the `with` block ends, by whatever: an exception,
SIGINT, SIGTERM; and when we are killed, for a child waits for that. sweep() removes what is left when the child was
killed, too.
"""
from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from .errors import BenchError, UsageError
from .process import Undertaker, in_namespace, run

PREFIX = "rw-bench"
NOBODY = "02:00:00:00:00:01"
TOPOLOGIES: dict[str, str] = {
    "p2p": "generator - device - sink",
    "loop": "generator - sink, nothing between: for calibration",
    "chain": "generator - N devices in a row - sink (length = N)",
    "pcp": "generator - device - container's application - the same device - sink",
    "pod2pod": "two pods on one node, joined by the device",
    "external": "two interfaces that are there, a device that somebody else runs (ports = [\"IF\", \"NETNS/IF\"])",
}


@dataclass(frozen=True)
class Port:
    """An interface, in the named network namespace or in ours."""

    ns: str | None
    name: str

    def __str__(self) -> str:
        return self.name if self.ns is None else f"{self.ns}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Port:
        ns, slash, name = text.rpartition("/")
        if not name or (slash and not ns):
            raise UsageError(f"'{text}' should be IF or NETNS/IF")
        return cls(ns if slash else None, name)

    def exists(self) -> bool:
        with in_namespace(self.ns):
            text = Path("/proc/thread-self/net/dev").read_text(encoding="ascii")
        return any(line.partition(":")[0].strip() == self.name for line in text.splitlines()[2:])

    def mac(self) -> str:
        """Raises CommandFailed where there is no such interface."""
        words = run("ip", *([] if self.ns is None else ["-n", self.ns]), "-o", "link", "show", "dev", self.name).split()
        return words[words.index("link/ether") + 1]

    def threaded(self) -> bool:
        """Whether a thread of its own does its receive work, not the CPU of whoever sends to it."""
        said = run("cat", f"/sys/class/net/{self.name}/threaded", ns=self.ns, check=False).strip()
        return said not in ("", "0")


@dataclass(frozen=True)
class Place:
    """Where a device stands: its namespace, its ports in pairs (in, out, in, out, ...), and what is behind each."""

    ns: str
    ports: tuple[str, ...]
    behind: tuple[Port, ...]

    def pairs(self) -> list[tuple[int, int]]:
        return [(i, i + 1) for i in range(0, len(self.ports), 2)]


@dataclass
class Bed:
    """A wire while its `with` block runs."""

    topology: str
    length: Any = 1
    threaded: bool = False  # NAPI of the first device's input and of the sink in threads, on the CPUs below
    cpus: tuple[int, int] = (0, 1)  # generator, device
    external: tuple[Port, Port] | None = None
    mtu: int | None = None  # None: as a veth has it, 1500
    gen: Port = field(default=Port(None, ""), init=False)
    sink: Port = field(default=Port(None, ""), init=False)
    places: list[Place] = field(default_factory=list, init=False)
    folder: str = field(default="", init=False)  # for what runs here; goes with the wire
    application: Place | None = field(default=None, init=False)  # pcp: the container, where something has to forward
    _namespaces: list[str] = field(default_factory=list, init=False)
    _undertaker: Undertaker | None = field(default=None, init=False)
    _name: str = field(default="", init=False)

    def __enter__(self) -> Bed:
        if self.external is not None:
            self.gen, self.sink = self.external
            for port in self.external:
                if not port.exists():
                    raise BenchError(f"{port}: there is no such interface")
            return self
        if os.geteuid() != 0:
            raise BenchError("it makes network namespaces: run it as root")
        self._undertaker = Undertaker()
        self._name = f"{PREFIX}-{os.getpid()}-{secrets.token_hex(3)}"
        self.folder = os.path.join(tempfile.gettempdir(), self._name)
        self._undertaker.expects(self.folder)
        try:
            os.mkdir(self.folder, 0o700)
            getattr(self, f"_make_{self.topology}")()
            if self.threaded:
                self._thread_napi()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def destination(self) -> str:
        """The MAC address that frames are sent to. A sink's own one would make its stack answer, where that gets them."""
        return self.sink.mac() if self.topology in ("pod2pod", "external") else NOBODY

    def close(self) -> None:
        """Removes everything; what runs in the namespaces should have been stopped."""
        if self._undertaker is not None:
            self._undertaker.bury()
            self._undertaker = None
        self._namespaces.clear()

    # --- what the topologies are made of

    def _namespace(self, role: str) -> str:
        ns = f"{self._name}-{role}"
        assert self._undertaker is not None
        self._undertaker.expects(ns)
        self._namespaces.append(ns)
        run("ip", "netns", "add", ns)
        # IPv6 sends frames that nobody asked for: they would be counted.
        run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1", ns=ns)
        run("ip", "-n", ns, "link", "set", "lo", "up")
        return ns

    def _pair(self, left_ns: str, left: str, right_ns: str, right: str) -> None:
        """Both ends up. With default offloads TCP and VLAN tags do not survive a redirect; without GRO (or XDP) an end takes no
        redirected frames, and turned on while the end is down it has no effect: so it comes last."""
        mtu: list[object] = [] if self.mtu is None else ["mtu", self.mtu]
        run("ip", "link", "add", left, "netns", left_ns, *mtu, "type", "veth", "peer", "name", right, *mtu, "netns", right_ns)
        ends = ((left_ns, left), (right_ns, right))
        for ns, name in ends:
            run("ethtool", "-K", name, "tx", "off", "txvlan", "off", ns=ns)
            run("ip", "-n", ns, "link", "set", name, "up")
        for ns, name in ends:
            run("ethtool", "-K", name, "gro", "on", ns=ns)

    def _ends(self) -> tuple[str, str]:
        gen, sink = self._namespace("gen"), self._namespace("sink")
        self.gen, self.sink = Port(gen, "g0"), Port(sink, "s0")
        return gen, sink

    def _make_loop(self) -> None:
        gen, sink = self._ends()
        self._pair(gen, "g0", sink, "s0")

    def _make_p2p(self) -> None:
        self._make_chain()

    def _make_chain(self) -> None:
        gen, sink = self._ends()
        duts = [self._namespace("dut" if self.length == 1 else f"dut{i}") for i in range(self.length)]
        before = self.gen
        for i, ns in enumerate(duts):
            assert before.ns is not None
            self._pair(before.ns, before.name, ns, "d0")
            after = self.sink if i + 1 == len(duts) else Port(duts[i + 1], "d0")
            self.places.append(Place(ns, ("d0", "d1"), (before, after)))
            before = Port(ns, "d1")
        self._pair(duts[-1], "d1", sink, "s0")

    def _make_pcp(self) -> None:
        gen, sink = self._ends()
        ns, app = self._namespace("dut"), self._namespace("app")
        self._pair(gen, "g0", ns, "p0")
        self._pair(ns, "a0", app, "c0")
        self._pair(app, "c1", ns, "a1")
        self._pair(ns, "p1", sink, "s0")
        self.places.append(Place(ns, ("p0", "a0", "a1", "p1"), (self.gen, Port(app, "c0"), Port(app, "c1"), self.sink)))
        self.application = Place(app, ("c0", "c1"), (Port(ns, "a0"), Port(ns, "a1")))

    def _make_pod2pod(self) -> None:
        pods = self._namespace("pod0"), self._namespace("pod1")
        node = self._namespace("node")
        self.gen, self.sink = Port(pods[0], "eth0"), Port(pods[1], "eth0")
        for i, pod in enumerate(pods):
            self._pair(pod, "eth0", node, f"pod{i}")
            run("ip", "-n", pod, "address", "add", f"198.{18 + i}.0.1/15", "dev", "eth0")
        self.places.append(Place(node, ("pod0", "pod1"), (self.gen, self.sink)))

    def _thread_napi(self) -> None:
        first = Port(self.places[0].ns, self.places[0].ports[0]) if self.places else self.sink
        for port, cpu in ((first, self.cpus[0]), (self.sink, self.cpus[1])):
            with new_napi_threads_on(cpu, [port.name]) as ours:
                run("sh", "-c", f"echo 1 > /sys/class/net/{port.name}/threaded", ns=port.ns)
            if not ours and port != self.sink:
                raise BenchError(f"{port}: no NAPI thread came")


@contextlib.contextmanager
def new_napi_threads_on(cpu: int, ifnames: Iterable[str]) -> Iterator[set[int]]:
    """Those that interfaces of these names get within the block are bound to a CPU; what is yielded holds them after it."""
    names = list(ifnames)
    before = napi_threads(names)
    ours: set[int] = set()
    yield ours
    for thread in napi_threads(names) - before:
        os.sched_setaffinity(thread, {cpu})
        os.setpriority(os.PRIO_PROCESS, thread, -20)  # beside programs that have all of their CPU, it would never run
        ours.add(thread)


def napi_threads(ifnames: Iterable[str]) -> set[int]:
    """Threads called napi/IFNAME-ID, in whatever namespaces such interfaces are."""
    prefixes = tuple(f"napi/{name}-" for name in ifnames)
    found = set()
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            if Path(f"/proc/{entry}/comm").read_text(encoding="ascii", errors="replace").startswith(prefixes):
                found.add(int(entry))
    return found


def make(topology: str | dict[str, Any], *, cpus: tuple[int, int] = (0, 1), mtu: int | None = None) -> Bed:
    """A wire to be entered by `with`. Raises UsageError for what there is not, before anything is made."""
    table = {"kind": topology} if isinstance(topology, str) else dict(topology)
    kind: Any = table.pop("kind", None)
    threaded = table.pop("threaded", False)
    if kind == "pvp":
        raise UsageError("topology pvp: it needs a guest, and guests are not a part of this bench yet "
                         "(pcp goes through a container)")
    if kind not in TOPOLOGIES:
        raise UsageError(f"topology {kind!r}: there are {', '.join(TOPOLOGIES)}")
    length: Any = 1
    ports = None
    if kind == "chain":
        length = table.pop("length", 2)
        if not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= 16:
            raise UsageError("topology chain: length should be a number from 1 to 16")
    if kind == "external":
        ports = _two_ports(table.pop("ports", None))
        if threaded:
            raise UsageError("topology external: nothing is changed there, so nothing can be threaded")
    if table:
        raise UsageError(f"topology {kind}: unknown key '{next(iter(table))}'")
    return Bed(kind, length=length, threaded=bool(threaded), cpus=cpus, external=ports, mtu=mtu)


def _two_ports(given: Any) -> tuple[Port, Port]:
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        raise UsageError("topology external: ports should be two interfaces, the generator's and the sink's, as IF or NETNS/IF")
    first, second = (Port.parse(str(p)) for p in given)
    if first == second:
        raise UsageError(f"topology external: {first} is given twice")
    return first, second


def sweep() -> list[str]:
    """Removes namespaces of runs of this program that have been killed together with the child that cleans up; their names."""
    removed = []
    with contextlib.suppress(FileNotFoundError):
        for ns in sorted(os.listdir("/run/netns")):
            match = re.fullmatch(rf"{PREFIX}-(\d+)-[0-9a-f]{{6}}-\w+", ns)
            if match is None or _owner_lives(int(match[1]), f"/run/netns/{ns}"):
                continue
            # What runs in it was started by that run, and keeps the namespace alive although its name goes.
            for pid in run("ip", "netns", "pids", ns, check=False).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            run("ip", "netns", "del", ns, check=False)
            removed.append(ns)
    for name in os.listdir(tempfile.gettempdir()):
        path = os.path.join(tempfile.gettempdir(), name)
        match = re.fullmatch(rf"{PREFIX}-(\d+)-[0-9a-f]{{6}}", name)
        if match is not None and not os.path.islink(path) and not _owner_lives(int(match[1]), path):
            shutil.rmtree(path, ignore_errors=True)
    return removed


def _owner_lives(pid: int, path: str) -> bool:
    """A process of that number that is older than the namespace: a younger one has only got the number again."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        age_of_process = uptime - ticks / os.sysconf("SC_CLK_TCK")
        age_of_namespace = time.time() - os.stat(path).st_ctime
    except (OSError, IndexError, ValueError):
        return Path(f"/proc/{pid}").exists()
    return age_of_process >= age_of_namespace - 1
