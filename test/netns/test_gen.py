#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ringway-gen on a veth pair: gen/g0 sends, sink/s0 counts."""
import collections
import json
import signal
import socket
import struct
import time
import unittest

from rwtest import Testbed, bpf_program_exists, eventually, mac_of, main, program, sh
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest
from scapy.layers.l2 import Ether

GEN = program("ringway-gen")
COUNTERS = {"offered", "refused", "late", "longest_gap_us", "longest_burst", "departure_ns", "idle_turns", "turn_ns",
            "restarts", "restart_gap_us", "intervals"}
FIELDS = COUNTERS | {"schema", "app", "version", "engine", "port", "ports", "rate_asked", "burst", "size", "flows", "stamped",
                     "duration_s", "rate", "offered_bytes", "accepted_by", "sink_mode", "sinks", "lost"}
ENGINES = ("xdp", "afxdp")


class GeneratorTest(unittest.TestCase):
    def setUp(self):
        self.bed = self.enterContext(Testbed())
        self.gen, self.sink = self.bed.ns("gen"), self.bed.ns("sink")
        self.bed.veth(self.gen, "g0", self.sink, "s0", mtu=9000)
        self.port, self.far = f"{self.gen}/g0", f"{self.sink}/s0"

    def generate(self, *options, code=0):
        """Runs the generator with a sink to its end; its report."""
        process = self.bed.start(GEN, self.port, "--sink", self.far, "--json", "-", "-q", *options)
        self.assertEqual(process.wait(), code, process.stderr)
        return json.loads(process.stdout)

    def start(self, *options):
        before = self.arrived()
        process = self.bed.start(GEN, self.port, "--sink", self.far, "--json", "-", "-q", "--rate", "20k", *options)
        self.assertTrue(eventually(lambda: self.arrived() > before, 5), process.stderr)
        return process

    def arrived(self):
        return self.statistics(self.sink, "s0")["rx"]["packets"]

    def statistics(self, ns, ifname):
        return json.loads(sh("ip", "-n", ns, "-j", "-s", "link", "show", ifname).stdout)[0]["stats64"]


class Offered(GeneratorTest):
    def test_a_count_is_exact(self):
        report = self.generate("--rate", "50k", "--count", 12345, "--size", 100)
        self.assertEqual(set(report), FIELDS)
        self.assertEqual([set(p) for p in report["ports"]], [COUNTERS | {"port"}])
        self.assertEqual(report["accepted_by"], "tracepoint")
        self.assertEqual((report["offered"], report["offered_bytes"]), (12345, 1234500))
        sink = report["sinks"][0]
        self.assertEqual([sink[k] for k in ("name", "packets", "bytes", "lost")], [self.far, 12345, 1234500, 0])
        self.assertEqual(self.arrived(), 12345)

    def test_a_count_is_exact_without_a_schedule(self):
        report = self.generate("--rate", "max", "--count", 100001)
        self.assertEqual((report["offered"], report["sinks"][0]["packets"]), (100001, 100001))
        self.assertIsNone(report["longest_burst"])
        self.assertGreater(report["longest_gap_us"], 0)

    def test_a_count_is_exact_although_the_device_is_full(self):
        # In a thread of its own the peer does not run on our CPU when we have sent, and its ring of 256 slots fills up.
        self.bed.run(self.sink, "sh", "-c", "echo 1 > /sys/class/net/s0/threaded")
        report = self.generate("--rate", "max", "--count", 200000)
        self.assertEqual((report["offered"], report["sinks"][0]["packets"]), (200000, 200000))
        self.assertGreater(report["refused"], 0)

    def test_a_rate_is_kept_and_what_is_not_sent_is_counted(self):
        for _ in range(5):  # one round proves it, what others take of the CPU apart
            process = self.start("--duration", 2)
            waited = 0
            while process.running():
                waited = max(waited, process.waited())
                time.sleep(0.02)
            report = json.loads(process.stdout)
            self.assertEqual(report["offered"] + report["late"] + report["refused"], 40000)
            self.assertEqual(report["lost"], 0)
            self.assertAlmostEqual(report["duration_s"], 2, delta=0.1)
            self.assertLessEqual(report["longest_burst"], 128)
            expected = 20000 * (2 - waited)
            if report["offered"] >= 0.98 * expected:
                return
        self.fail(f"{report['offered']} frames; 2 % below {expected} were allowed, after {waited} s without a CPU")

    def test_the_devices_own_counters_serve_where_tracepoints_cannot(self):
        report = self.generate("--rate", "20k", "--count", 4000, "--accepted-by", "netdev")
        self.assertEqual(report["accepted_by"], "netdev")
        self.assertEqual((report["offered"], report["sinks"][0]["packets"]), (4000, 4000))
        self.assertIsNone(report["longest_gap_us"])

    def test_a_run_goes_on_when_the_engine_is_used_up(self):
        report = self.generate("--rate", "50k", "--count", 20000, "--turns", 500000)
        self.assertEqual((report["offered"], report["sinks"][0]["packets"]), (20000, 20000))
        self.assertGreaterEqual(report["restarts"], 1)
        self.assertGreater(report["restart_gap_us"], 0)

    def test_a_long_run_restarts_the_engine_at_declared_instants(self):
        report = self.generate("--rate", "50k", "--duration", 1.5, "--restart-after", 0.4, "--stamp",
                               "--sink-mode", "analyse")
        restarts = report["intervals"]
        self.assertGreaterEqual(len(restarts), 3)
        for number, restart in enumerate(restarts, 1):
            self.assertAlmostEqual(restart["at_s"], 0.4 * number, delta=0.2)
            self.assertGreater(restart["gap_us"], 0)
        self.assertAlmostEqual(sum(r["gap_us"] for r in restarts), report["restart_gap_us"], delta=1)
        sink = report["sinks"][0]  # the sequence goes on
        self.assertEqual((sink["unique"], sink["lost"], sink["duplicated"], sink["reordered"]), (report["offered"], 0, 0, 0))
        self.assertLess(report["longest_gap_us"], max(r["gap_us"] for r in restarts) + 50e3)

    def test_a_burst_is_offered_once(self):
        for engine in ENGINES:
            with self.subTest(engine=engine):
                report = self.generate("--burst", 777, "--engine", engine)
                self.assertEqual((report["burst"], report["rate_asked"]), (777, "max"))
                self.assertEqual(report["offered"] + report["refused"], 777)
                self.assertEqual(report["sinks"][0]["packets"], report["offered"])

    def test_a_rate_in_bits_or_percent(self):
        for text, expected in (("10 Mbit", 10000), ("20%", 20000)):
            report = self.generate("--rate", text, "--ceiling", "100k", "--size", 121, "--duration", 0.2)
            self.assertEqual(report["rate_asked"], expected)
            self.assertEqual(report["offered"] + report["late"] + report["refused"], expected / 5)

    def test_afxdp_keeps_count_and_schedule(self):
        report = self.generate("--engine", "afxdp", "--rate", "50k", "--count", 12345, "--size", 100)
        self.assertEqual(set(report), FIELDS)
        self.assertEqual((report["engine"], report["accepted_by"]), ("afxdp", "ring"))
        self.assertEqual((report["offered"], report["offered_bytes"]), (12345, 1234500))
        self.assertEqual((report["sinks"][0]["packets"], report["sinks"][0]["bytes"]), (12345, 1234500))
        report = self.generate("--engine", "afxdp", "--rate", "20k", "--duration", 1)
        self.assertEqual(report["offered"] + report["late"] + report["refused"], 20000)
        self.assertLessEqual(report["longest_burst"], 128)
        self.assertEqual(report["lost"], 0)

    def test_afxdp_counts_what_the_device_refuses(self):
        # In a thread of its own the peer does not always run in time, and its ring of 256 slots fills up.
        self.bed.run(self.sink, "sh", "-c", "echo 1 > /sys/class/net/s0/threaded")
        refused = 0
        for _ in range(10):
            report = self.generate("--engine", "afxdp", "--rate", "max", "--count", 200000)
            self.assertEqual((report["offered"], report["sinks"][0]["packets"]), (200000, 200000))
            refused += report["refused"]
            if refused > 0:
                return
        self.fail("nothing was refused in 10 runs")

    def test_idle_turns_and_departures_are_told(self):
        for engine in ENGINES:
            with self.subTest(engine=engine):
                report = self.generate("--rate", "10k", "--duration", 0.5, "--engine", engine)
                self.assertGreater(report["idle_turns"], 10000)
                self.assertGreater(report["turn_ns"], 5)
                self.assertLess(report["turn_ns"], 1000)
                self.assertLess(report["idle_turns"] * report["turn_ns"], 0.5e9)
                late = report["departure_ns"]
                self.assertLessEqual(late["p50"], late["p90"])
                self.assertLessEqual(late["p90"], late["p99"])
                self.assertLessEqual(late["p99"], late["max"])
                self.assertGreater(late["p50"], 0)
        self.assertIsNone(self.generate("--rate", "max", "--count", 1000)["departure_ns"])

    def test_both_directions_at_once(self):
        for engine in ENGINES:
            with self.subTest(engine=engine):
                report = self.generate("--rate", "10k", "--duration", 0.5, "--bidirectional", "--engine", engine,
                                       "--stamp", "--sink-mode", "analyse")
                self.assertEqual([p["port"] for p in report["ports"]], [self.port, self.far])
                self.assertEqual([s["name"] for s in report["sinks"]], [self.far, self.port])
                for port, sink in zip(report["ports"], report["sinks"]):
                    self.assertEqual(port["offered"] + port["late"] + port["refused"], 5000)
                    self.assertEqual(sink["unique"], port["offered"])
                self.assertEqual(report["offered"], sum(p["offered"] for p in report["ports"]))
                self.assertEqual(report["lost"], 0)

    def test_a_pause_is_not_caught_up(self):
        process = self.start("--duration", 1.5)
        process._popen.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        process._popen.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(), 0)
        report = json.loads(process.stdout)
        self.assertGreaterEqual(report["restarts"], 1)
        self.assertGreaterEqual(report["restart_gap_us"], 290e3)
        self.assertLess(report["offered"], 30000 - 0.29 * 20000)
        self.assertLessEqual(report["longest_burst"], 128)

    def test_a_refusing_peer_is_told_and_ends_the_run(self):
        self.bed.run(self.sink, "ethtool", "-K", "s0", "gro", "off")
        report = self.generate("--rate", "20k", "--count", 100, code=1)
        self.assertEqual((report["offered"], report["sinks"][0]["packets"]), (0, 0))
        self.assertGreater(report["refused"], 100)


class Frames(GeneratorTest):
    def capture(self, count, *options):
        sniffer = self.bed.sniffer(self.sink, "s0")
        self.generate("--count", count, *options)
        return [sniffer.recv(16384) for _ in range(count)]

    def assert_good(self, frame, size):
        self.assertEqual(len(frame), size)
        parsed = Ether(frame)
        again = parsed.copy()
        del again[IP].chksum
        self.assertEqual(Ether(bytes(again))[IP].chksum, parsed[IP].chksum)
        self.assertEqual(parsed[IP].len, size - 14)
        self.assertEqual((parsed[UDP].len, parsed[UDP].chksum), (size - 34, 0))
        return parsed

    def test_every_frame_is_a_valid_one(self):
        for size in (60, 61, 1514, 3400):
            with self.subTest(size=size):
                for frame in self.capture(3, "--size", size):
                    parsed = self.assert_good(frame, size)
                    self.assertEqual((parsed.src, parsed.dst), (mac_of(self.gen, "g0"), "02:00:00:00:00:01"))

    def test_addresses_can_be_chosen(self):
        for frame in self.capture(2, "--dst-mac", "02:aa:bb:cc:dd:ee", "--src-mac", "02:00:00:11:22:33"):
            parsed = Ether(frame)
            self.assertEqual((parsed.src, parsed.dst), ("02:00:00:11:22:33", "02:aa:bb:cc:dd:ee"))

    def test_flows_are_as_many_as_asked_for_and_take_turns(self):
        flows = collections.Counter()
        for frame in self.capture(10, "--flows", 5):
            parsed = self.assert_good(frame, 60)
            flows[(parsed[IP].src, parsed[UDP].sport)] += 1
        self.assertEqual(sorted(flows.values()), [2] * 5)

    def test_many_flows_take_further_addresses(self):
        frames = self.capture(16386, "--flows", 16386, "--rate", "50k")
        flows = {(frame[26:30], frame[34:36]) for frame in frames}
        self.assertEqual(len(flows), 16386)
        self.assertEqual({self.assert_good(frame, 60)[IP].src for frame in (frames[0], frames[-1])},
                         {"198.18.0.1", "198.18.0.2"})


    def read_stamp(self, frame, offset=42):
        check, flow, sequence, intended = struct.unpack_from("=HIIQ", frame, offset)
        folded = 0x72777374 ^ flow ^ sequence ^ (intended & 0xffffffff) ^ (intended >> 32)
        self.assertEqual(check, (folded ^ folded >> 16) & 0xffff)
        return flow, sequence, intended

    def test_stamps_count_up_and_keep_the_schedule(self):
        for engine in ENGINES:
            with self.subTest(engine=engine):
                before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
                stamps = [self.read_stamp(f) for f in self.capture(300, "--stamp", "--flows", 7, "--rate", "20k",
                                                                   "--engine", engine)]
                self.assertEqual([s[1] for s in stamps], list(range(300)))
                self.assertEqual([s[0] for s in stamps], [i % 7 for i in range(300)])
                times = [s[2] for s in stamps]
                self.assertTrue(before < times[0] and times[-1] < time.clock_gettime_ns(time.CLOCK_MONOTONIC))
                for earlier, later in zip(times, times[1:]):  # more where frames were skipped, never off the grid
                    self.assertEqual((later - earlier) % 50000, 0)
                    self.assertGreater(later, earlier)

    def test_stamps_without_a_schedule_have_the_time(self):
        times = [self.read_stamp(f)[2] for f in self.capture(300, "--stamp", "--rate", "max")]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[-1], times[0])

    def test_sizes_are_mixed_in_the_order_asked_for(self):
        genome = [60, 60, 60, 1276, 1514]
        for engine in ENGINES:
            for text, sizes in (("60,1514,200", [60, 1514, 200]), ("aaafg", genome),
                                ("imix", [60, 566, 60, 60, 566, 60, 60, 566, 60, 1514, 566, 60])):
                with self.subTest(engine=engine, size=text):
                    frames = self.capture(2 * len(sizes) + 1, "--size", text, "--engine", engine)
                    self.assertEqual([len(f) for f in frames], (sizes * 3)[:2 * len(sizes) + 1])
                    for frame, size in zip(frames, sizes * 3):
                        self.assert_good(frame, size)

    def test_sizes_stay_mixed_when_pages_are_used_again(self):
        report = self.generate("--rate", "100k", "--count", 60000, "--size", "60,1000,3000", "--stamp",
                               "--sink-mode", "analyse")
        sink = report["sinks"][0]
        self.assertEqual((sink["bytes"], report["offered_bytes"]), (20000 * 4060, 20000 * 4060))
        self.assertEqual((sink["unique"], sink["corrupted"]), (60000, 0))

    def test_protocols(self):
        for engine in ENGINES:
            for options, layer, offset in ((("tcp-syn",), TCP, 54), (("icmp",), ICMP, 42),
                                           (("udp", "--ipv6"), UDP, 62), (("tcp-syn", "--ipv6"), TCP, 74),
                                           (("icmp", "--ipv6"), ICMPv6EchoRequest, 62)):
                with self.subTest(engine=engine, protocol=options):
                    frames = self.capture(6, "--protocol", *options, "--size", "100,120", "--flows", 3, "--stamp",
                                          "--engine", engine)
                    self.assertEqual(len(set(f[:42] + f[:offset][54:] for f in frames)), 6)
                    for number, frame in enumerate(frames):
                        self.assertEqual(self.read_stamp(frame, offset)[:2], (number % 3, number))
                        self.assert_checksums(frame, layer)
            frames = self.capture(4, "--protocol", "raw", "--flows", 2, "--stamp", "--engine", engine)
            self.assertEqual({f[12:14] for f in frames}, {b"\x88\xb5"})
            self.assertEqual(len({f[6:12] for f in frames}), 2)
            self.assertEqual(self.read_stamp(frames[3], 14)[:2], (1, 3))

    def assert_checksums(self, frame, layer):
        again = Ether(frame)
        sums = "cksum" if layer is ICMPv6EchoRequest else "chksum"
        delattr(again[layer], sums)
        if IP in again:
            del again[IP].chksum
        self.assertEqual(bytes(again), frame)
        if layer is TCP:
            self.assertEqual(again[TCP].flags, "S")

    def test_fields_vary_as_asked_for(self):
        frames = self.capture(4, "--vary", "dst-mac,src-port", "--flows", 4, "--vlan", 9, "--size", 64)
        self.assertEqual({f[0:6].hex() for f in frames}, {f"02000000000{i}" for i in range(1, 5)})
        self.assertEqual(len({f[34:36] for f in frames}), 1)
        flows = {f[0:6] for f in self.capture(500, "--vary", "dst-mac", "--flows", 50, "--distribution", "random")}
        self.assertGreater(len(flows), 40)
        popular = collections.Counter(self.read_stamp(f)[0] for f in self.capture(
            2000, "--flows", 1000, "--distribution", "zipf:1.2", "--stamp", "--rate", "50k"))
        self.assertGreater(popular[0], 2 * popular[3])
        self.assertGreater(popular[3], 2 * popular[30])

    def test_a_vlan_tag(self):
        tag = self.bed.socket_in(self.sink, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tag.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA: the kernel has taken the tag off
        tag.bind(("s0", 3))
        tag.settimeout(5)
        self.generate("--count", 4, "--vary", "vlan", "--vlan", 9, "--flows", 3, "--size", 64)
        ids = []
        for _ in range(4):
            _, extra, _, _ = tag.recvmsg(100, 100)
            ids.append(struct.unpack_from("=H", extra[0][2], 16)[0])
        self.assertEqual(ids, [9, 10, 11, 9])

    def test_what_a_device_under_test_wrote_is_not_sent_again(self):
        # Pages are used again, with what an in-kernel forwarder wrote into them.
        dut, far = self.bed.ns("dut"), self.bed.ns("far")
        self.bed.veth(self.gen, "g1", dut, "d0")
        self.bed.veth(dut, "d1", far, "s1")
        forwarder = self.bed.start(program("ringway-l2fwd"), "--datapath", "xdp", "--mode", "macswap",
                                   f"{dut}/d0", f"{dut}/d1")
        forwarder.wait_for("ringway-l2fwd: ready")
        sniffer = self.bed.sniffer(far, "s1")
        process = self.bed.start(GEN, f"{self.gen}/g1", "--sink", f"{far}/s1", "--count", 2000, "--rate", "20k", "-q")
        self.assertEqual(process.wait(), 0, process.stderr)
        swapped = bytes.fromhex(mac_of(self.gen, "g1").replace(":", "")) + bytes.fromhex("020000000001")
        self.assertEqual({sniffer.recv(100)[:12] for _ in range(2000)}, {swapped})


class Sink(GeneratorTest):
    def test_it_counts_alone_and_at_several_places(self):
        process = self.bed.start(GEN, "--sink", self.port, "--sink", self.far, "--json", "-", "-q", "--duration", 0.3)
        self.assertEqual(process.wait(), 0, process.stderr)
        report = json.loads(process.stdout)
        self.assertEqual([s["name"] for s in report["sinks"]], [self.port, self.far])
        self.assertEqual([s["packets"] for s in report["sinks"]], [0, 0])

    def test_with_several_the_loss_belongs_to_none(self):
        report = self.generate("--rate", "20k", "--count", 100, "--sink", self.port)
        self.assertEqual([(s["packets"], s["lost"]) for s in report["sinks"]], [(100, None), (0, None)])
        self.assertEqual(report["lost"], 0)

    def test_segments_that_travel_together_are_counted_each(self):
        self.bed.run(self.gen, "ethtool", "-K", "g0", "tx", "on", "tso", "on")
        process = self.bed.start(GEN, "--sink", self.far, "--json", "-", "-q")
        self.assertTrue(eventually(lambda: len(process.bpf_programs()) > 0, 5))
        time.sleep(0.2)  # loaded is not attached yet
        sender = self.bed.socket_in(self.gen, socket.AF_PACKET, socket.SOCK_RAW, 0)
        sender.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR
        sender.bind(("g0", 0))
        frame = Ether(dst="02:00:00:00:00:01") / IP(src="198.18.0.1", dst="198.19.0.1") / TCP(flags="A") / bytes(4000)
        needs_checksum, tcp4 = 1, 1
        sender.send(struct.pack("<BBHHHH", needs_checksum, tcp4, 54, 1000, 34, 16) + bytes(frame))
        self.assertEqual(process.stop(), 0, process.stderr)
        self.assertEqual(json.loads(process.stdout)["sinks"][0]["packets"], 4)

    def test_missing_gro_is_warned_of(self):
        self.bed.run(self.sink, "ethtool", "-K", "s0", "gro", "off")
        process = self.bed.start(GEN, "--sink", self.far, "--duration", 0.1)
        self.assertEqual(process.wait(), 0)
        self.assertIn(f"ip netns exec {self.sink} ethtool -K s0 gro on", process.stderr)


class End(GeneratorTest):
    def test_a_signal_ends_it_with_a_report(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                process = self.start()
                self.assertEqual(process.stop(number), 0, process.stderr)
                report = json.loads(process.stdout)
                self.assertGreater(report["offered"], 0)
                self.assertEqual(report["lost"], 0)

    def test_a_signal_that_comes_too_early_is_not_lost(self):
        process = self.bed.start(GEN, self.port, "--sink", self.far, "--json", "-", "--sink-attach", "clsact")
        self.assertTrue(eventually(lambda: process.bpf_programs(), 5))
        self.assertEqual(process.stop(signal.SIGTERM), 0)
        self.assertEqual(json.loads(process.stdout)["lost"], 0)
        self.assertFalse(self.has_clsact())

    def has_clsact(self):
        """A tcx link goes with the process that holds it; of what is attached by a qdisc, the qdisc could stay."""
        return "clsact" in sh("tc", "-n", self.sink, "qdisc").stdout

    def test_kill_leaves_nothing(self):
        process = self.start("--sink-attach", "tcx")
        programs = process.bpf_programs()
        self.assertGreaterEqual(len(programs), 4)  # generator, two tracepoints, sink
        process.kill()
        self.assertTrue(eventually(lambda: not any(map(bpf_program_exists, programs)), 5))
        self.assertFalse(self.has_clsact())

    def test_a_clsact_sink_is_removed_at_exit(self):
        process = self.start("--sink-attach", "clsact")
        self.assertTrue(self.has_clsact())
        self.assertEqual(process.stop(), 0)
        self.assertEqual(json.loads(process.stdout)["lost"], 0)
        self.assertFalse(self.has_clsact())

    def test_a_clsact_sink_that_was_killed_is_removed_by_the_next(self):
        process = self.start("--sink-attach", "clsact")
        process.kill()
        self.assertTrue(self.has_clsact())
        report = self.generate("--rate", "20k", "--count", 100)
        self.assertEqual(report["lost"], 0)
        self.assertFalse(self.has_clsact())

    def test_a_clsact_qdisc_that_was_there_stays(self):
        sh("tc", "-n", self.sink, "qdisc", "add", "dev", "s0", "clsact")
        self.generate("--rate", "20k", "--count", 100, "--sink-attach", "clsact")
        self.assertTrue(self.has_clsact())

    def test_a_deleted_port_ends_it(self):
        for engine in ENGINES:
            with self.subTest(engine=engine):
                process = self.start("--engine", engine)
                sh("ip", "-n", self.gen, "link", "del", "g0")
                self.assertEqual(process.wait(2), 1)
                self.assertIn("deleted", process.stderr)
                self.bed.veth(self.gen, "g0", self.sink, "s0", mtu=9000)


    def test_progress_is_shown_on_request(self):
        process = self.bed.start(GEN, self.port, "--sink", self.far, "--duration", 1, "--stats", 0.2, "--json", "-")
        self.assertEqual(process.wait(), 0)
        json.loads(process.stdout)
        self.assertGreaterEqual(process.stderr.count("received"), 3)
        self.assertIn("s left", process.stderr)


class Refused(GeneratorTest):
    def assert_refused(self, code, text, *command):
        process = self.bed.start(GEN, *command)
        self.assertEqual(process.wait(), code, process.stderr)
        self.assertEqual(process.stderr.count("\n"), 1, process.stderr)
        self.assertIn(text, process.stderr)

    def test_wrong_in_itself(self):
        for text, *command in (
                ("PORT",),
                ("rate 'fast'", "--rate", "fast", self.port),
                ("rate '-1'", "--rate=-1", self.port),
                ("rate '1G'", "--rate", "1G", self.port),
                ("--size", "--size", 59, self.port),
                ("--count", "--count", 0, self.port),
                ("--duration", "--duration", "soon", self.port),
                ("--flows", "--flows", 0, self.port),
                ("--batch", "--batch", 257, self.port),
                ("--ceiling", "--rate", "50%", self.port),
                ("rate '5 Tbit'", "--rate", "5 Tbit", self.port),
                ("size 'abx'", "--size", "abx", self.port),
                ("71", "--size", 71, "--protocol", "tcp-syn", "--stamp", self.port),
                ("--engine", "--engine", "dpdk", self.port),
                ("--protocol", "--protocol", "sctp", self.port),
                ("vary 'colour'", "--vary", "colour", self.port),
                ("no src-port", "--vary", "src-port", "--protocol", "icmp", self.port),
                ("2048 values", "--vary", "vlan", "--flows", 3000, "--size", 64, self.port),
                ("distribution 'zipf:0'", "--distribution", "zipf:0", self.port),
                ("--burst", "--burst", 5, "--count", 5, self.port),
                ("--bidirectional", "--bidirectional", self.port),
                ("--stamp", "--stamp", self.port, self.far),
                ("--stamp", "--sink", self.far, "--sink-mode", "analyse", self.port),
                ("twice", self.port, self.port),
                ("--vlan", "--vlan", 4095, self.port),
                ("raw", "--protocol", "raw", "--ipv6", self.port),
                ("MAC address '02:00'", "--dst-mac", "02:00", self.port),
                ("--bogus", "--bogus", self.port)):
            with self.subTest(command=command):
                self.assert_refused(2, text, *command)

    def test_the_machine_refuses(self):
        for text, *command in (
                ("nope", f"{self.gen}/nope"),
                ("nowhere", "nowhere/g0"),
                ("nope", self.port, "--sink", f"{self.sink}/nope"),
                ("3500", self.port, "--size", 3500),
                ("4100", self.port, "--size", 4100, "--engine", "afxdp"),
                ("CPU 1000", self.port, "--cpu", 1000),
                ("/nowhere/x", self.port, "--json", "/nowhere/x")):
            with self.subTest(command=command):
                self.assert_refused(1, text, *command)

    def test_a_frame_beyond_the_mtu(self):
        sh("ip", "-n", self.gen, "link", "set", "g0", "mtu", 1500)
        self.assert_refused(1, "MTU", self.port, "--size", 1515)

    def test_a_link_that_is_down(self):
        sh("ip", "-n", self.sink, "link", "set", "s0", "down")
        self.assert_refused(1, "no carrier", self.port)
        sh("ip", "-n", self.gen, "link", "set", "g0", "down")
        self.assert_refused(1, "g0 up", self.port)


if __name__ == "__main__":
    main()
