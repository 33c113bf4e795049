# SPDX-License-Identifier: BSD-2-Clause
"""What the network tests share: namespaces with random names, veth pairs, processes, sniffers.

Everything that a Testbed made goes with it: at the end of its `with` block, also when a test fails; on SIGINT and
SIGTERM; and when this process is killed, for a watching child sees its pipe close.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_CLONE_NEWNET = 0x40000000

BIN = pathlib.Path(os.environ.get("RINGWAY_BIN") or pathlib.Path(__file__).parents[2] / "build/release/bin")


def program(name):
    """The path of one of our programs, as built."""
    return str(BIN / name)


def eventually(condition, seconds=2.0):
    """Waits until the condition holds; False when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def sh(*command, check=True):
    """Runs a command to its end. What it wrote is in the exception, too."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Process:
    """A running program. Its output goes to files, so that it never waits for a reader.

    In a session of its own it has a scheduling group of its own, which goes before other work on this machine: neither a
    generator nor a forwarder can do its work without a CPU.
    """

    def __init__(self, command):
        self.command = [str(c) for c in command]
        self._out, self._err = (tempfile.NamedTemporaryFile("w+") for _ in range(2))
        self._popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err,
                                       start_new_session=True,
                                       preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
        self.pid = self._popen.pid
        with contextlib.suppress(OSError):
            pathlib.Path(f"/proc/{self.pid}/autogroup").write_text("-20")

    @staticmethod
    def _text(file):
        return pathlib.Path(file.name).read_text()

    @property
    def stdout(self):
        return self._text(self._out)

    @property
    def stderr(self):
        return self._text(self._err)

    def running(self):
        return self._popen.poll() is None

    def wait(self, seconds=30):
        """Its exit code; negative: the signal that ended it."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"{' '.join(self.command)}: still running after {seconds} s\n{self.stderr}") from None

    def wait_for(self, text, seconds=10):
        """Until the program has written this to stdout or stderr."""
        seen = eventually(lambda: text in self.stdout + self.stderr or not self.running(), seconds)
        if not seen or text not in self.stdout + self.stderr:
            raise RuntimeError(f"{' '.join(self.command)}: no '{text}'\n{self.stdout}{self.stderr}")

    def stop(self, number=signal.SIGINT, seconds=10):
        if self.running():
            self._popen.send_signal(number)
        return self.wait(seconds)

    def kill(self):
        if self.running():
            self._popen.kill()
        self._popen.wait()

    def waited(self):
        """Seconds that its busiest thread has waited for a CPU. Where others have it, no schedule can be kept."""
        threads = [(0, 0)]
        for task in pathlib.Path(f"/proc/{self.pid}/task").glob("*"):
            with contextlib.suppress(OSError):
                ran, waited, _ = (task / "schedstat").read_text().split()
                threads.append((int(ran), int(waited)))
        return max(threads)[1] / 1e9

    def bpf_programs(self):
        """The ids of the BPF programs that it holds."""
        ids = set()
        for entry in pathlib.Path(f"/proc/{self.pid}/fdinfo").iterdir():
            with contextlib.suppress(OSError):
                for line in entry.read_text().splitlines():
                    if line.startswith("prog_id:"):
                        ids.add(int(line.split()[1]))
        return ids


def bpf_program_exists(number):
    return sh("/usr/sbin/bpftool", "prog", "show", "id", number, check=False).returncode == 0


class Testbed:
    """Namespaces rw-RANDOM-ROLE and what runs in them."""

    def __init__(self):
        self._random = secrets.token_hex(3)
        self._namespaces, self._processes = [], []
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        # Deletes what is left when we end, however we end: it reads names until nobody holds the pipe any more.
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", 'while read n; do all="$all $n"; done; for n in $all; do ip netns del $n; done'],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        return self

    def __exit__(self, *exception):
        for process in self._processes:
            process.kill()
        self._stack.close()
        for name in self._namespaces:
            sh("ip", "netns", "del", name, check=False)
        self._watcher.stdin.close()
        self._watcher.wait()

    def ns(self, role):
        """Makes a namespace, without IPv6, and returns its name."""
        name = f"rw-{self._random}-{role}"
        self._namespaces.append(name)
        self._watcher.stdin.write(name + "\n")
        self._watcher.stdin.flush()
        sh("ip", "netns", "add", name)
        self.run(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        return name

    def veth(self, ns_a, if_a, ns_b, if_b, queues=1, mtu=None, gro=True, offloads=False):
        """A pair of which both ends are up. GRO makes an end accept redirected frames; it is turned on last, for it
        has no effect on a peer that is already up while the end itself is down."""
        many = ["numtxqueues", queues, "numrxqueues", queues]
        sh("ip", "link", "add", if_a, "netns", ns_a, *many, "type", "veth",
           "peer", "name", if_b, "netns", ns_b, *many)
        ends = ((ns_a, if_a), (ns_b, if_b))
        for ns, ifname in ends:
            if not offloads:
                self.run(ns, "ethtool", "-K", ifname, "tx", "off", "txvlan", "off")
            if queues > 1:
                self.run(ns, "ethtool", "-L", ifname, "rx", queues, "tx", queues)
            if mtu:
                sh("ip", "-n", ns, "link", "set", ifname, "mtu", mtu)
            sh("ip", "-n", ns, "link", "set", ifname, "up")
        for ns, ifname in ends:
            self.run(ns, "ethtool", "-K", ifname, "gro", "on" if gro else "off")

    def run(self, ns, *command, check=True):
        return sh("ip", "netns", "exec", ns, *command, check=check)

    def start(self, *command):
        process = Process(command)
        self._processes.append(process)
        return process

    def socket_in(self, ns, *kind):
        """A socket of a namespace; closed with the testbed."""
        with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{ns}") as there:
            _setns(there.fileno())
            try:
                opened = socket.socket(*kind)
            finally:
                _setns(here.fileno())
        return self._stack.enter_context(opened)

    def sniffer(self, ns, ifname, timeout=5.0):
        """A packet socket at an interface, listening from now on."""
        sniffer = self.socket_in(ns, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        sniffer.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        sniffer.bind((ifname, 3))
        sniffer.settimeout(timeout)
        return sniffer


def _setns(fd):
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def mac_of(ns, ifname):
    return json.loads(sh("ip", "-n", ns, "-j", "link", "show", ifname).stdout)[0]["address"]


def main():
    """Runs the tests of the calling module. Without root they are skipped (77), loudly; under CI=true they fail."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if os.geteuid() != 0:
        print(f"SKIPPED: {pathlib.Path(sys.argv[0]).name} needs root: it makes network namespaces", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    unittest.main(verbosity=2)
