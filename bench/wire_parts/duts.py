# SPDX-License-Identifier: BSD-2-Clause
"""Devices under test: how each is started, how one knows that it forwards, and what it says at the end."""
import json
import os
import select
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field


class Process:
    """A running device. stdin stays open: testpmd stops when it closes."""

    def __init__(self, command, ready):
        self._text = ""
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        os.set_blocking(self._process.stdout.fileno(), False)
        deadline = time.time() + 30
        while ready not in self._text:
            self._read(0.05)
            if self._process.poll() is not None or time.time() > deadline:
                self.stop()
                raise RuntimeError(f"{' '.join(command)}: never ready; it said: {self._text[-600:]}")

    def _read(self, seconds):
        if select.select([self._process.stdout], [], [], seconds)[0]:
            self._text += self._process.stdout.read() or ""

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                rest, _ = self._process.communicate(timeout=10)
                self._text += rest or ""
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def output(self):
        return self._text

    def report(self):
        """The JSON document that a Ringway program ends with, or None."""
        start = self._text.find('{"schema"')
        if start < 0:
            start = self._text.find('{\n  "schema"')
        try:
            return json.JSONDecoder().raw_decode(self._text[start:])[0] if start >= 0 else None
        except ValueError:
            return None


@dataclass
class Dut:
    name: str
    command: list
    ready: str
    transmits_itself: bool = False
    pinned: bool = True
    environment: dict = field(default_factory=dict)

    @contextmanager
    def running(self, bed, cpu):
        prefix = ["ip", "netns", "exec", bed.dut] + (["taskset", "-c", str(cpu)] if self.pinned else [])
        process = Process(prefix + self.command, self.ready)
        try:
            yield process
        finally:
            process.stop()

    def shown(self):
        """The command as a person would type it inside the device's namespace."""
        return " ".join((["taskset -c 1"] if self.pinned else []) + [os.path.basename(self.command[0])] + self.command[1:])


def ringway(bin_dir, datapath, budget=None, name=None):
    command = [os.path.join(bin_dir, "ringway-l2fwd"), "--datapath", datapath, "--mode", "macswap", "--json", "-", "d0", "d1"]
    if datapath == "afxdp":
        command[1:1] = ["--cpus", "1"] + (["--tx-budget", str(budget)] if budget else [])
    # Its control thread may run anywhere; the worker is pinned by --cpus.
    return Dut(name or f"ringway-{datapath}", command, "ringway-l2fwd: ready", pinned=False)


def libxdp_loop(bin_dir, batch, budget, ring):
    command = [os.path.join(bin_dir, "libxdp-loop"), "macswap", "d0", "d1", str(batch), str(budget), str(ring)]
    return Dut(f"libxdp loop, batch {batch}, TX budget {budget}", command, "libxdp-loop: ready")


def transmit_only(bin_dir, batch, budget, ring):
    command = [os.path.join(bin_dir, "libxdp-loop"), "txonly", "d1", str(batch), str(budget), str(ring)]
    return Dut(f"transmit only, batch {batch}, TX budget {budget}", command, "libxdp-loop: ready", transmits_itself=True)


def xdp_floor(bin_dir, what):
    return Dut(f"xdp {what}", [os.path.join(bin_dir, "xdp-floor"), what, "d0", "d1"], "xdp-floor: ready")


def testpmd(burst, ring, busy_budget, extra=""):
    # lcore 1 forwards, lcore 0 sleeps on stdin. No huge pages: the same memory as everybody. Unbuffered: else its prompt is
    # seen when it ends.
    vdev = [f"--vdev=net_af_xdp{i},iface=d{i},start_queue=0,queue_count=1,busy_budget={busy_budget}{extra}" for i in (0, 1)]
    command = ["stdbuf", "-o0", "dpdk-testpmd", "-l", "0,1", "--main-lcore", "0", "--no-huge", "-m", "512", "--no-shconf", "--no-pci", "--no-telemetry",
               *vdev, "--", "--forward-mode=macswap", f"--burst={burst}", f"--rxd={ring}", f"--txd={ring}", "--nb-cores=1",
               "--total-num-mbufs=32768"]
    return Dut(f"testpmd, burst {burst}, rings {ring}, busy budget {busy_budget}{extra.replace(',', ', ')}", command,
               "Press enter to exit", pinned=False)
