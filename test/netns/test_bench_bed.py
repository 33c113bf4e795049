#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The bench's wires and devices on real veth: built and removed, started, failed, and asked for trials."""
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
from unittest import mock

from bench_bed import BENCH, SHORT, TOOLS, Bed, folders, namespaces, own
from ringway_bench import duts, running, testbed, wire
from ringway_bench.errors import BenchError, DutError
from ringway_bench.generator import Traffic
from ringway_bench.testbed import Port
from rwtest import BIN, eventually, main, sh

# Forwards one of so many frames, as often; with a minus each of them so often.
PACKETS = [sys.executable, "-c", """
import socket, sys
times = int(sys.argv[1])
a, b = (socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2))
a.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
a.bind((sys.argv[2], 3)), b.bind((sys.argv[3], 0))
frames = 0
while True:
    frame, where = a.recvfrom(16384)
    if where[2] == socket.PACKET_OUTGOING: continue
    frames += 1
    if times < 0 or frames % times == 0:
        for _ in range(abs(times)): b.send(frame)
"""]


class Wires(Bed):
    def test_each_is_built_and_removed(self):
        for topology, count, places in (("p2p", 3, 1), ("loop", 2, 0), ({"kind": "chain", "length": 3}, 5, 3), ("pcp", 4, 1),
                                        ("pod2pod", 3, 1), ({"kind": "p2p", "threaded": True}, 3, 1)):
            with self.subTest(topology):
                with testbed.make(topology) as bed:
                    self.assertEqual(len(namespaces()), count)
                    self.assertEqual(len(bed.places), places)
                    self.assertTrue(bed.gen.exists() and bed.sink.exists())
                    for place in bed.places:
                        self.assertTrue(all(Port(place.ns, p).exists() for p in place.ports))
                    self.assertEqual(bed.sink.threaded(), isinstance(topology, dict) and "threaded" in topology)
                self.assertEqual(namespaces(), [])

    def test_they_go_with_an_exception(self):
        with self.assertRaises(ZeroDivisionError), testbed.make("p2p"):
            _ = 1 / 0
        self.assertEqual(namespaces(), [])

    def test_they_go_with_the_process(self):
        script = ("import sys, time; sys.path.insert(0, sys.argv[1])\n"
                  "from ringway_bench import duts, wire, tools\n"
                  "with wire.on('p2p', tools.Tools(sys.argv[2], '', 0, 1), duts.load('ringway-xdp'), warm_up=0.1) as w:\n"
                  "    print(w.dut.pids[0], flush=True); time.sleep(60)\n")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number):
                child = subprocess.Popen([sys.executable, "-c", script, str(BENCH), str(BIN)], stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, text=True)
                device = int(child.stdout.readline())
                self.assertEqual(len(namespaces(child.pid)), 3)
                child.send_signal(number)
                child.wait(20)
                child.stdout.close()
                self.assertTrue(eventually(lambda: not namespaces(child.pid), 10))
                self.assertTrue(eventually(lambda: not os.path.exists(f"/proc/{device}"), 5))
                self.assertTrue(eventually(lambda: not folders(child.pid), 5))

    def test_what_was_killed_together_with_its_undertaker_is_swept(self):
        script = ("import sys, time; sys.path.insert(0, sys.argv[1])\n"
                  "from ringway_bench import testbed\n"
                  "with testbed.make('loop') as bed:\n"
                  "    print(bed._undertaker._child.pid, flush=True); time.sleep(60)\n")
        child = subprocess.Popen([sys.executable, "-c", script, str(BENCH)], stdout=subprocess.PIPE, text=True)
        undertaker = int(child.stdout.readline())
        self.assertEqual(testbed.sweep(), [])  # not while it runs, nor those of anybody else
        os.kill(undertaker, signal.SIGKILL)
        child.kill()
        child.wait()
        child.stdout.close()
        left = namespaces(child.pid)
        self.assertEqual(len(left), 2)
        self.assertEqual(sorted(set(testbed.sweep()) & set(left)), sorted(left))
        self.assertEqual((namespaces(child.pid), folders(child.pid)), ([], []))

    def test_external_changes_nothing(self):
        def state(bed):
            ports = [bed.gen, bed.sink]
            return [sh("ip", "netns", "exec", p.ns, "ethtool", "-k", p.name).stdout for p in ports] + \
                [sh("ip", "-n", p.ns, "-d", "address", "show", "dev", p.name).stdout for p in ports]
        with self.on("p2p", "xdp-floor") as theirs:
            before = state(theirs.bed)
            with self.on({"kind": "external", "ports": [str(theirs.bed.gen), str(theirs.bed.sink)]}, None) as ours:
                self.assertEqual(len(namespaces()), 3)
                outcome = ours.trial(20000, SHORT)
            self.assertEqual(outcome.offered, outcome.received)
            self.assertGreater(outcome.offered, 1000)
            self.assertEqual(state(theirs.bed), before)
        with self.assertRaisesRegex(BenchError, "nope: there is no such interface"), \
                testbed.make({"kind": "external", "ports": ["nope", "lo"]}):
            pass


class Devices(Bed):
    def assert_forwards(self, topology, spec):
        with self.on(topology, spec) as w:
            outcome = w.trial(5000, SHORT)
            self.assertGreater(outcome.offered, 500)
            self.assertGreater(outcome.received, 0.5 * outcome.offered, outcome.record)  # others may have the CPU for a while
            described = w.describe()
            self.assertTrue(described["command"])
            self.assertEqual(set(described), {"title", "kind", "version", "command", "settings", "cpu", "memory_kb"})
            return described

    def test_those_in_the_kernel(self):
        for name in ("bridge", "router", "xdp-floor", "xdp-swap", "ringway-xdp"):
            with self.subTest(name):
                self.assertEqual(self.assert_forwards("p2p", name)["cpu"], "generator's")

    def test_those_in_userspace(self):
        for name in ("ringway-afxdp", "libxdp-loop"):
            with self.subTest(name):
                self.assertEqual(self.assert_forwards("p2p", name)["cpu"], "own")
        self.assertIn("ringway-l2fwd --datapath afxdp", self.assert_forwards("p2p", "ringway-afxdp")["command"])

    @unittest.skipUnless(shutil.which("dpdk-testpmd"), "dpdk-testpmd is not installed")
    def test_testpmd(self):
        for name in ("testpmd-afxdp", "testpmd-afpacket"):
            with self.subTest(name):
                self.assertRegex(self.assert_forwards("p2p", name)["version"], r"^\d")

    def test_every_topology(self):
        for topology in ({"kind": "chain", "length": 2}, "pcp", "pod2pod", {"kind": "p2p", "threaded": True}):
            with self.subTest(topology=topology):
                self.assert_forwards(topology, "bridge")
        self.assert_forwards({"kind": "chain", "length": 2}, "router")

    def test_settings_of_the_machine_are_applied_in_its_namespace(self):
        spec = duts.load("ringway-afxdp").with_settings({"napi-defer-hard-irqs": 2, "threaded": 1, "ring-size": 512})
        with self.on("p2p", spec) as w:
            self.assertEqual(w.trial(5000, SHORT).record["balance"]["unexplained"], 0)
            place = w.bed.places[0]
            for port in place.ports:
                said = sh("ip", "netns", "exec", place.ns, "cat", f"/sys/class/net/{port}/napi_defer_hard_irqs").stdout
                self.assertEqual(said.strip(), "2")
            self.assertIn("--ring-size 512", w.describe()["command"])

    def test_ones_own_in_a_few_lines(self):
        spec = own(command=[*PACKETS, "1", "{port0}", "{port1}"], ready="forwards", title="Slow")
        described = self.assert_forwards("p2p", spec)
        self.assertEqual((described["title"], described["kind"]), ("Slow", "command"))


class Failures(Bed):
    def assert_fails(self, text, spec):
        began = time.monotonic()
        with self.assertRaises(DutError) as caught, self.on("p2p", spec):
            pass
        self.assertIn(text, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))
        self.assertLess(time.monotonic() - began, 20)

    def test_a_program_that_is_missing(self):
        self.assert_fails("mine: no-such-program is missing", own(command=["no-such-program"]))
        self.assert_fails("apt install it",
                          own(command=["stdbuf", "-o0", "no-such-program"], missing="it is missing: apt install it"))

    def test_one_that_is_never_ready(self):
        self.assert_fails("mine: not ready within 0.5 s; it said: waiting",
                          own(command=["sh", "-c", "echo waiting; sleep 60"], ready="go", ready_within=0.5))

    def test_what_it_has_started_ends_with_it(self):
        with testbed.make("p2p") as bed:
            with wire.RunningDut(own(command=["sh", "-c", "sleep 61 & echo go; sleep 62; :"], ready="go"), bed, TOOLS) as device:
                self.assertTrue(eventually(lambda: len(device.pids) == 3), device.pids)
                pids = device.pids
                began = time.monotonic()
            self.assertLess(time.monotonic() - began, 5)
            self.assertFalse([p for p in pids if os.path.exists(f"/proc/{p}/exe")])

    def test_one_that_forwards_nothing(self):
        self.assert_fails("mine: forwards nothing within 0.5 s", own(command=["sleep", "60"], ready="forwards", ready_within=0.5))
        self.assert_fails("mine: forwards nothing: ", own(command=["sleep", "60"]))

    def test_one_that_ends_at_once(self):
        self.assert_fails("mine: it ended by itself, exit status 3; it said: no licence",
                          own(command=["sh", "-c", "echo no licence >&2; exit 3"], ready="go"))

    def test_a_setup_that_fails(self):
        self.assert_fails("mine: setup: ", own(setup=["ip link set nope up"], ready="forwards"))

    def test_one_that_dies_in_a_trial(self):
        with self.assertRaisesRegex(DutError, "ringway-xdp: it ended by itself, signal 9"), self.on("p2p", "ringway-xdp") as w:
            threading.Timer(0.3, os.kill, (w.dut.pids[0], signal.SIGKILL)).start()
            began = time.monotonic()
            try:
                w.trial(5000, 30)
            finally:
                self.assertLess(time.monotonic() - began, 10)

    def test_one_that_hangs(self):
        with self.assertRaisesRegex(DutError, "ringway-xdp: it hangs: no report 1 s after SIGUSR1"), \
                mock.patch.object(running, "ANSWER_WITHIN", 1.0), self.on("p2p", "ringway-xdp") as w:
            os.kill(w.dut.pids[0], signal.SIGSTOP)
            try:
                w.trial(5000, SHORT)
            finally:
                os.kill(w.dut.pids[0], signal.SIGCONT)

    def test_one_that_stops_forwarding(self):
        with self.assertRaisesRegex(DutError, "xdp-floor: forwards nothing any more: [1-9]"), self.on("p2p", "xdp-floor") as w:
            sh("ip", "-n", w.bed.places[0].ns, "link", "set", "d1", "down")
            w.trial(5000, SHORT)

    def test_an_interface_that_vanishes(self):
        with self.assertRaises(BenchError) as caught, self.on("p2p", "bridge") as w:
            threading.Timer(0.3, sh, ("ip", "-n", w.bed.gen.ns, "link", "del", "g0")).start()
            w.trial(5000, 30)
        self.assertIn("g0", str(caught.exception))

    def test_one_that_does_not_end_is_killed_and_that_is_said(self):
        stubborn = own(command=["sh", "-c", "trap '' INT TERM; echo go; while :; do sleep 1; done"], ready="go")
        with testbed.make("p2p") as bed:
            device = wire.RunningDut(stubborn, bed, TOOLS)
            with device:
                pid = device.pids[0]
            self.assertIn("killed: no end within 10 s", device.final[0])
            self.assertFalse(os.path.exists(f"/proc/{pid}"))


class Trials(Bed):
    def test_the_record_says_what_was_seen(self):
        with self.on("p2p", "ringway-afxdp") as w:
            outcome = w.trial(20000, 0.5)
        self.assertLessEqual({"late", "longest_gap_us", "longest_burst", "engine", "sink", "balance", "off_cpu_us", "off_cpu_by",
                              "steal_ratio", "turn_us", "busy_us", "turns", "kicks", "restarts", "restart_gap_us", "started"},
                             set(outcome.record))
        self.assertGreater(outcome.record["busy_us"], 0)
        self.assertEqual((outcome.record["engine"], outcome.record["sink"]), ("xdp", "count"))
        self.assertEqual((outcome.load, outcome.seconds), (20000, 0.5))
        self.assertAlmostEqual(outcome.elapsed, 0.5, delta=0.1)
        self.assertEqual(outcome.valid, not outcome.reasons)

    def test_a_plain_interface_as_sink(self):
        with self.on("p2p", "ringway-xdp", sink="plain") as w:
            outcome = w.trial(20000, SHORT)
            self.assertEqual(outcome.record["balance"]["unexplained"], 0)
            self.assertEqual(outcome.offered, outcome.received)

    def test_an_analysed_trial(self):
        for name in ("ringway-xdp", "bridge"):
            with self.subTest(name), self.on("p2p", name) as w:
                checked = w.check(10000, SHORT)
                self.assertTrue(checked["passed"], checked)
                self.assertEqual((checked["offered"], checked["unique"]), (checked["received"], checked["received"]))
                outcome = w.analysed(10000, SHORT, sink="sample")
                self.assertGreater(outcome.record["latency"]["count"], 10)
                self.assertLess(outcome.record["latency"]["count"], outcome.received / 16)

    def test_a_device_that_doubles_frames_does_not_pass(self):
        # Every second frame is lost and the other sent twice: a count alone would see nothing.
        with self.on("p2p", own(command=[*PACKETS, "2", "{port0}", "{port1}"], ready="forwards"), warm_up=0) as w:
            checked = w.check(1000, SHORT)
        self.assertGreater(checked["received"], 0.5 * checked["offered"])
        self.assertGreater(checked["duplicated"], 0.4 * checked["received"])
        self.assertFalse(checked["passed"])

    def test_a_device_that_makes_frames_of_its_own(self):
        with self.assertRaisesRegex(DutError, "something makes frames of its own"), \
                self.on("p2p", own(command=[*PACKETS, "-3", "{port0}", "{port1}"]), warm_up=0) as w:
            w.trial(1000, SHORT)

    def test_a_burst(self):
        with self.on("p2p", "ringway-xdp") as w:
            outcome = w.burst(100)
        self.assertEqual((outcome.offered, outcome.received), (100, 100))

    def test_the_engine_afxdp(self):
        with self.on("p2p", "ringway-afxdp", Traffic(engine="afxdp", flows=16)) as w:
            outcome = w.trial(10000, SHORT)
        self.assertEqual(outcome.record["engine"], "afxdp")
        self.assertEqual(outcome.record["balance"]["unexplained"], 0)

    def test_large_frames(self):
        with self.on("p2p", "ringway-xdp", Traffic(size=2000)) as w:
            self.assertEqual(w.trial(5000, SHORT).loss_ratio, 0)


if __name__ == "__main__":
    main()
