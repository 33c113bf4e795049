#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ringway-gen's analysing sink: frames with planted faults are sent from gen/g0, sink/s0 must say which they were."""
import contextlib
import json
import multiprocessing
import os
import pathlib
import random
import socket
import struct
import tempfile
import time
import unittest

from rwtest import Testbed, eventually, main, program, sh
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.utils import rdpcap
from stamped import DST, HEAD, MACS, PORTS, SRC, chosen, decode_hdr, frame, stamp

GEN = program("ringway-gen")


class SinkTest(unittest.TestCase):
    MODE = "analyse"

    def setUp(self):
        self.bed = self.enterContext(Testbed())
        self.gen, self.far = self.bed.ns("gen"), self.bed.ns("sink")
        self.bed.veth(self.gen, "g0", self.far, "s0", mtu=9000)
        self.files = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.sender = self.bed.socket_in(self.gen, socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sender.bind(("g0", 0))
        self.sent = 0

    def start(self, *options):
        """A sink alone, listening from now on."""
        sink = self.bed.start(GEN, "--sink", f"{self.far}/s0", "--sink-mode", self.MODE, "--json", "-", "-q", *options)
        self.assertTrue(eventually(lambda: self.attached(sink), 10), sink.stderr)
        return sink

    def attached(self, sink):
        """By a tcx link, which is a file of the sink's, or by a filter."""
        for entry in pathlib.Path(f"/proc/{sink.pid}/fdinfo").iterdir():
            with contextlib.suppress(OSError):
                if "link_type:" in entry.read_text():
                    return True
        return "rw_analyse" in sh("tc", "-n", self.far, "filter", "show", "dev", "s0", "ingress").stdout

    def send(self, frames):
        for one in frames:
            self.sender.send(one)
            self.sent += 1

    def result(self, sink):
        """Its report, when all that was sent has arrived: there is no loss on the way that was not planted."""
        self.assertTrue(eventually(lambda: self.arrived() >= self.sent, 5), (self.arrived(), self.sent))
        self.assertEqual(sink.stop(), 0, sink.stderr)
        return json.loads(sink.stdout)["sinks"][0]

    def arrived(self):
        shown = self.bed.run(self.far, "ip", "-j", "-s", "link", "show", "s0").stdout
        return json.loads(shown)[0]["stats64"]["rx"]["packets"]

    def analyse(self, frames, *options):
        """`frames`, or a function that makes them: a stamp must not be older than the sink."""
        sink = self.start(*options)
        self.send(frames() if callable(frames) else frames)
        return self.result(sink)

    def assert_counts(self, result, **expected):
        """Every count: what is not named is 0."""
        names = "lost duplicated reordered corrupted foreign merged beyond_window unknown_flow early contended".split()
        self.assertEqual({n: result[n] for n in names}, {**dict.fromkeys(names, 0), **expected}, result)


class Faults(SinkTest):
    def test_a_clean_stream_has_none(self):
        result = self.analyse(frame(i, i % 7) for i in range(5000))
        self.assert_counts(result)
        self.assertEqual((result["packets"], result["unique"], result["latency"]["count"]), (5000,) * 3)
        self.assertEqual((result["lost_of"], result["lost_by"], result["one_in"]), (5000, "span", 1))

    def test_duplicates_do_not_hide_losses(self):
        numbers = [i for i in range(1000) if i not in (100, 200, 201, 202, 900)] + [10, 11, 12, 500, 999]
        result = self.analyse(map(frame, numbers))
        self.assertEqual(result["packets"], 1000)
        self.assert_counts(result, lost=5, duplicated=5)
        self.assertEqual(result["latency"]["count"], 995)

    def test_order_is_judged_within_a_flow(self):
        # Two flows; those of one keep their order although the numbers of all do not.
        result = self.analyse(frame(n, n % 2) for n in (0, 2, 4, 1, 3, 5, 6, 8, 7))
        self.assert_counts(result)

    def test_reordered_are_those_behind_a_higher_number(self):
        result = self.analyse(frame(n) for n in (0, 1, 5, 2, 3, 6, 4, 7))  # 2, 3 and 4 come behind 5
        self.assert_counts(result, reordered=3)

    def test_planted_at_random(self):
        dice = random.Random(4)
        numbers = list(range(20000))
        lost = set(dice.sample(range(1, 19999), 300))
        kept = [n for n in numbers if n not in lost]
        doubled = dice.sample(kept, 200)
        for n in doubled:
            kept.insert(kept.index(n) + dice.randrange(1, 50), n)
        for at in dice.sample(range(100, len(kept) - 100, 10), 150):
            kept[at], kept[at + 3] = kept[at + 3], kept[at]
        flow_of = {n: dice.randrange(1000) for n in numbers}
        seen, highest, reordered = set(), {}, 0
        for n in kept:
            if n in seen:
                continue
            seen.add(n)
            reordered += n < highest.get(flow_of[n], -1)
            highest[flow_of[n]] = max(n, highest.get(flow_of[n], -1))
        result = self.analyse((frame(n, flow_of[n]) for n in kept), "--flows", 1000)
        self.assert_counts(result, lost=300, duplicated=200, reordered=reordered)

    def test_every_damaged_byte_of_a_stamp_is_found(self):
        def damaged(at):
            one = bytearray(frame(at - 41))
            one[at] ^= 0x10
            return bytes(one)

        result = self.analyse(lambda: [frame(0), *map(damaged, range(42, 60)), frame(19)])
        self.assert_counts(result, corrupted=18, lost=18)

    def test_a_header_that_does_not_check_is_damaged(self):
        def forgotten(number):
            one = bytearray(frame(number))
            one[22] -= 1  # TTL, and the checksum is left as it was
            return bytes(one)

        self.assert_counts(self.analyse(lambda: [frame(0), forgotten(1), frame(2)]), corrupted=1, lost=1)

    def test_what_is_not_ours_is_foreign(self):
        ether = Ether(**MACS)
        foreign = [ether / ARP(), ether / IP(dst="10.0.0.1", src="10.0.0.2") / UDP() / bytes(30),
                   ether / IP(src=SRC, dst=DST, proto=89) / bytes(30), Ether(**MACS, type=0x1234) / bytes(50)]
        older = frame(1, 0, 1000)  # of the first second after boot: from an earlier run
        result = self.analyse(lambda: [frame(0), *map(bytes, foreign), older, frame(1)])
        self.assert_counts(result, foreign=5)

    def test_a_short_frame_of_ours_is_damaged(self):
        short = bytes(Ether(**MACS) / IP(src=SRC, dst=DST) / UDP(**PORTS) / bytes(17))
        self.assert_counts(self.analyse(lambda: [frame(0), short, frame(1)]), corrupted=1)

    def test_the_window_has_an_edge(self):
        # 70000 takes the place of 4464 ... 4479 and of their neighbours in the same 64, and of no others.
        result = self.analyse(map(frame, (4463, 5000, 70000, 4464, 4415, 4416, 5000)))
        self.assert_counts(result, beyond_window=2, duplicated=1, reordered=1, lost=70000 - 4415 + 1 - 4)

    def test_numbers_go_on_beyond_32_bits(self):
        numbers = [n for n in range(2**32 - 3000, 2**32 + 3000) if n != 2**32]
        numbers += [2**32 - 1, 2**32 + 1]
        self.assert_counts(self.analyse(map(frame, numbers)), lost=1, duplicated=2)

    def test_frames_on_several_cpus(self):
        # Without GRO there is no NAPI: every frame is received on the CPU of who sent it.
        self.bed.veth(self.gen, "g2", self.far, "s2", gro=False)
        sink = self.bed.start(GEN, "--sink", f"{self.far}/s2", "--sink-mode", "analyse", "--json", "-", "-q")
        self.assertTrue(eventually(lambda: self.attached(sink), 10), sink.stderr)
        sockets = [self.bed.socket_in(self.gen, socket.AF_PACKET, socket.SOCK_RAW, 0) for _ in range(2)]

        forked = multiprocessing.get_context("fork")
        together = forked.Barrier(2, timeout=20)  # so that neither leaves the other behind by more than a window

        def half(which):
            os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-which]})
            sockets[which].bind(("g2", 0))
            for n in range(which, 100000, 2):
                if n % 10000 == which:
                    together.wait()
                sockets[which].send(frame(n, which))

        senders = [forked.Process(target=half, args=(which,)) for which in range(2)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
            self.assertEqual(sender.exitcode, 0)
        time.sleep(0.2)
        self.assertEqual(sink.stop(), 0, sink.stderr)
        result = json.loads(sink.stdout)["sinks"][0]
        self.assert_counts(result)
        self.assertEqual((result["unique"], result["latency"]["count"]), (100000, 100000))

    def test_a_clsact_filter_does_it_too(self):
        self.assert_counts(self.analyse(map(frame, (0, 1, 3)), "--sink-attach", "clsact"), lost=1)


class Forms(SinkTest):
    """Where the stamp is, whatever a device did with the headers in front of it."""

    def test_protocols(self):
        ether, ip = Ether(**MACS), IP(src=SRC, dst=DST)
        ip6 = IPv6(src="2001:2::1", dst="2001:2:0:1::1")
        heads = [ether / ip / UDP(**PORTS), ether / ip / TCP(flags="S"), ether / ip / ICMP(),
                 ether / ip / TCP(flags="S", options=[("MSS", 1460)]), ether / ip6 / UDP(**PORTS), ether / ip6 / TCP(),
                 Ether(**MACS, type=0x88b5)]
        self.assert_counts(self.analyse(bytes(h / stamp(n)) for n, h in enumerate(heads)))

    def test_tags(self):
        inner = IP(src=SRC, dst=DST) / UDP(**PORTS)
        heads = [Ether(**MACS), Ether(**MACS) / Dot1Q(vlan=7), Ether(**MACS, type=0x88a8) / Dot1AD(vlan=8) / Dot1Q(vlan=9)]
        self.assert_counts(self.analyse(bytes(h / inner / stamp(n)) for n, h in enumerate(heads)))

    def test_routed_and_translated(self):
        heads = [Ether(src="02:01:01:01:01:01", dst="02:02:02:02:02:02") / IP(src=SRC, dst=DST, ttl=3) / UDP(**PORTS),
                 Ether(**MACS) / IP(src="10.1.2.3", dst=DST) / UDP(sport=1024, dport=9),
                 Ether(**MACS) / IP(src="10.1.2.3", dst="10.4.5.6") / UDP(sport=1024, dport=80)]
        self.assert_counts(self.analyse(bytes(h / stamp(n)) for n, h in enumerate(heads)))

    def test_frames_in_pieces(self):
        # More than a page: the kernel keeps all but the Ethernet header apart.
        head = Ether(**MACS) / IP(src=SRC, dst=DST) / UDP(**PORTS)
        self.assert_counts(self.analyse(bytes(head / (stamp(n) + bytes(6000))) for n in range(20)))

    def test_merged_frames_are_told(self):
        self.bed.run(self.gen, "ethtool", "-K", "g0", "tx", "on", "tso", "on")
        self.sender.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR
        whole = Ether(**MACS) / IP(src=SRC, dst=DST) / TCP(flags="A") / (stamp(0) + bytes(3982))
        needs_checksum, tcp4 = 1, 1
        sink = self.start()
        self.send([struct.pack("<BBHHHH", needs_checksum, tcp4, 54, 1000, 34, 16) + bytes(whole)])
        result = self.result(sink)
        self.assertEqual((result["packets"], result["merged"], result["unique"]), (4, 4, 0))


class Sample(SinkTest):
    MODE = "sample"

    def test_only_the_chosen_are_looked_at(self):
        numbers = range(20000)
        ours = [n for n in numbers if chosen(n)]
        self.assertAlmostEqual(len(ours), 20000 / 64, delta=5)
        lost = set(ours[10:15]) | {n for n in range(1000, 1100) if not chosen(n)}

        def frames():
            stream = [frame(n) for n in numbers if n not in lost]
            damaged = stream.index(next(f for f in stream if f[48:52] == struct.pack("<I", ours[20])))
            stream[damaged] = stream[damaged][:-1] + bytes([stream[damaged][-1] ^ 1])
            return [*stream, frame(ours[3])]

        result = self.analyse(frames)
        self.assertEqual(result["packets"], 20000 - len(lost) + 1)
        self.assertEqual(result["lost_of"], sum(map(chosen, range(ours[0], ours[-1] + 1))))
        self.assert_counts(result, lost=6, duplicated=1, corrupted=1)
        self.assertEqual((result["one_in"], result["latency"]["count"]), (64, len(ours) - 6))


class Latency(SinkTest):
    def test_percentiles_and_their_exports_agree_with_what_was_planted(self):
        hgrm = self.files / "latency.hgrm"
        planted = [10_000_000] * 500 + [100_000_000] * 400 + [500_000_000] * 90 + [2_000_000_000] * 10
        most = []  # of each frame: until it had been sent, and it arrives within that call
        sink = self.start("--histogram", hgrm)
        time.sleep(2.1)  # stamps must not be older than the sink
        for n, late in enumerate(planted):
            intended = time.monotonic_ns() - late
            self.send([frame(n, 0, intended)])
            most.append(time.monotonic_ns() - intended)
        result = self.result(sink)
        latency, slack = result["latency"], 5_000_000
        most.sort()
        for name, rank in (("min", 1), ("p50", 500), ("p90", 900), ("p99", 990), ("max", 1000)):
            self.assertGreaterEqual(latency[name] * 1.001, planted[rank - 1], name)
            self.assertLessEqual(latency[name], most[rank - 1] * 1.001 + slack, name)
        self.assertEqual(latency["pdv_p99"], latency["p99"] - latency["min"])
        self.assertGreaterEqual(latency["mean"] * 1.001, sum(planted) / 1000)
        self.assertLessEqual(latency["mean"], sum(most) / 1000 + slack)
        counts = decode_hdr(latency["histogram"])
        self.assertEqual(sum(counts.values()), 1000)
        self.assertEqual(sum(c for v, c in counts.items() if v < 50e6), 500)
        self.assertEqual(sum(c for v, c in counts.items() if v > 1.9e9), 10)
        self.assertLessEqual(abs(min(counts) - latency["min"]), latency["min"] / 1000)
        self.check_table(hgrm.read_text(), counts, latency)

    def check_table(self, text, counts, latency):
        rows = [line.split() for line in text.splitlines() if line and line.split()[0][0].isdigit()]
        self.assertEqual([float(r[1]) for r in rows], sorted(float(r[1]) for r in rows))
        self.assertEqual((float(rows[-1][1]), int(rows[-1][2])), (1, 1000))
        for value, percentile, total, *_ in rows:
            self.assertEqual(int(total), sum(c for v, c in counts.items() if v <= float(value)))
            self.assertGreaterEqual(int(total), float(percentile) * 1000 - 1e-6)
        self.assertAlmostEqual(float(text.split("Mean    =")[1].split(",")[0]), latency["mean"],
                               delta=latency["mean"] / 1000)

    def test_the_log_holds_what_the_report_holds(self):
        hlog = self.files / "latency.hlog"
        result = self.analyse(map(frame, range(200)), "--histogram", hlog)
        lines = hlog.read_text().splitlines()
        self.assertIn("#[Histogram log format version 1.3]", lines)
        start, length, longest, encoded = lines[-1].split(",")
        self.assertEqual(decode_hdr(encoded), decode_hdr(result["latency"]["histogram"]))
        self.assertAlmostEqual(float(longest), result["latency"]["max"] / 1e6, delta=0.002 * float(longest) + 0.001)

    def test_from_the_future_there_is_none(self):
        ahead = time.monotonic_ns() + 60 * 10**9
        result = self.analyse(lambda: [frame(0), frame(1, 0, ahead), frame(2)])
        self.assert_counts(result, early=1)
        self.assertEqual(result["latency"]["count"], 2)


class Capture(SinkTest):
    def test_scapy_reads_the_frames_that_arrived(self):
        file = self.files / "arrived.pcap"
        before = time.time()
        self.analyse(map(frame, range(2100)), "--pcap-out", file)
        packets = rdpcap(str(file))
        numbers = [struct.unpack_from("<I", bytes(p), 48)[0] for p in packets]
        self.assertEqual(numbers, [*range(1000), 1024, 2048])
        self.assertEqual(bytes(packets[5])[:42], HEAD)
        self.assertEqual(packets[5][UDP].dport, 9)
        self.assertTrue(before - 1 <= float(packets[0].time) <= float(packets[-1].time) <= time.time() + 1)
        self.assertTrue(any(int(p.time * 10**9) % 1000 for p in packets))  # not only microseconds

    def test_tags_are_in_it_and_long_frames_are_cut(self):
        file = self.files / "arrived.pcap"
        tagged = bytes(Ether(**MACS) / Dot1Q(vlan=7) / IP(src=SRC, dst=DST) / UDP(**PORTS) / stamp(0))
        self.analyse(lambda: [tagged, frame(1) + bytes(4000)], "--pcap-out", file)
        first, second = rdpcap(str(file))
        self.assertEqual(bytes(first), tagged)
        self.assertEqual((len(bytes(second)), second.wirelen), (1600, 4060))


class Generated(SinkTest):
    """Frames of the generator itself, which says what it sent."""

    def generate(self, *options, mode="analyse", end="0"):
        process = self.bed.start(GEN, f"{self.gen}/g{end}", "--sink", f"{self.far}/s{end}", "--sink-mode", mode, "--stamp",
                                 "-q", "--json", "-", *options)
        self.assertEqual(process.wait(), 0, process.stderr)
        return json.loads(process.stdout)

    def assert_clean(self, report):
        for sink in report["sinks"]:
            self.assert_counts(sink)
            self.assertEqual((sink["lost_by"], sink["latency"]["count"]), ("sent", sink["unique"]))
            self.assertGreater(sink["latency"]["min"], 0)

    def test_every_frame_of_every_form_is_recognised(self):
        for options in ((), ("--flows", 5000), ("--flows", 100, "--distribution", "random"), ("--ipv6", "--size", 100),
                        ("--protocol", "tcp-syn", "--size", 100), ("--protocol", "icmp"), ("--protocol", "raw"),
                        ("--vlan", 7, "--size", 64), ("--size", "imix"), ("--engine", "afxdp"),
                        ("--turns", 100000, "--flows", 3)):
            with self.subTest(options=options):
                report = self.generate("--rate", "20k", "--count", 4000, *options)
                self.assert_clean(report)
                self.assertEqual((report["sinks"][0]["unique"], report["lost"]), (4000, 0))

    def test_a_sample_is_held_against_what_was_chosen_of_all_that_was_sent(self):
        report = self.generate("--rate", "50k", "--count", 10000, mode="sample")
        sink = report["sinks"][0]
        self.assert_clean(report)
        self.assertEqual((sink["packets"], sink["unique"]), (10000, sum(map(chosen, range(10000)))))

    def test_losses_on_the_way_are_known_from_what_was_sent(self):
        # A device that forwards nothing: the numbers that arrive (none) say nothing of that.
        dut = self.bed.ns("dut")
        self.bed.veth(self.gen, "g1", dut, "d0")
        self.bed.veth(dut, "d1", self.far, "s1")
        report = self.generate("--rate", "20k", "--count", 500, end="1")
        self.assertEqual((report["sinks"][0]["lost"], report["lost"]), (500, 500))
        self.assertIsNone(report["sinks"][0]["latency"])

    def test_each_way_has_its_own_loss(self):
        report = self.generate("--rate", "10k", "--duration", 0.5, "--bidirectional")
        self.assert_clean(report)
        self.assertEqual(len(report["sinks"]), 2)
        self.assertEqual(sum(s["lost_of"] for s in report["sinks"]), report["offered"])


class Refused(SinkTest):
    def test_bad_input(self):
        far = f"{self.far}/s0"
        for code, text, *command in (
                (2, "analyse", "--sink", far, "--pcap-out", "x"),
                (2, "analyse", "--sink", far, "--histogram", "x"),
                (2, "no --sink", f"{self.gen}/g0", "--sink-mode", "sample"),
                (2, "--sink-mode", "--sink", far, "--sink-mode", "look"),
                (1, "/nowhere/x", "--sink", far, "--sink-mode", "analyse", "--pcap-out", "/nowhere/x"),
                (1, "No space", "--sink", far, "--sink-mode", "analyse", "--pcap-out", "/dev/full"),
                (1, "/nowhere/x", "--sink", far, "--sink-mode", "analyse", "--histogram", "/nowhere/x")):
            with self.subTest(command=command):
                process = self.bed.start(GEN, *command)
                self.assertEqual(process.wait(), code, process.stderr)
                self.assertIn(text, process.stderr)
                self.assertEqual(process.stderr.count("\n"), 1, process.stderr)

    def test_a_full_disk_is_told_after_the_report(self):
        sink = self.start("--histogram", "/dev/full")
        self.send(map(frame, range(2000)))
        self.assertTrue(eventually(lambda: self.arrived() >= self.sent, 5))
        self.assertEqual(sink.stop(), 1)
        self.assertIn("/dev/full: No space left", sink.stderr)
        self.assertEqual(json.loads(sink.stdout)["sinks"][0]["unique"], 2000)


if __name__ == "__main__":
    main()
