#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ringway-l2fwd as its user meets it: command line, one-line errors, exit codes, `ready', signals, and the JSON report
with its balance. What the modes do to bytes is tested elsewhere."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from rwtest import Testbed, eventually, mac_of, main, program, sh

L2FWD = program("ringway-l2fwd")
NAME = "ringway-l2fwd"
NOBODY = 65534

REASONS = {"no_verdict", "malformed", "bad_port", "rx_only", "punt_unavailable", "tx_ring_full", "tx_unsent", "tx_device",
           "tx_refused", "too_many_frags", "table_miss"}
COUNT = "count"     # an integer, not negative
PORT = {"name": str, "queues": [int], "attach": {"native", "generic"}, "rx_packets": COUNT, "rx_bytes": COUNT,
        "tx_packets": COUNT, "tx_bytes": COUNT, "passed": COUNT, "punted": COUNT, "unserved_queue": COUNT,
        "drops": {reason: COUNT for reason in REASONS}}
XDP = {"schema": 1, "app": NAME, "version": str, "datapath": "xdp",
       "mode": {"io", "mac", "macswap", "l2fwd", "rxonly"}, "duration_s": float, "ports": [PORT]}
AFXDP_PORT = PORT | {
    "zero_copy": bool, "kernel": {"rx_dropped": COUNT, "rx_ring_full": COUNT},
    "diagnostics": {"rx_fill_ring_empty_descs": COUNT, "rx_invalid_descs": COUNT, "tx_invalid_descs": COUNT,
                    "tx_ring_empty_descs": COUNT}}
AFXDP = XDP | {"datapath": "afxdp", "ports": [AFXDP_PORT], "frames": {"total": COUNT, "leaked": COUNT},
               "workers": [{"cpu": int, "turns": COUNT, "kicks": COUNT, "kick_errors": COUNT, "longest_gap_us": COUNT,
                            "busy_us": COUNT}]}
SCHEMA = {"afxdp": AFXDP, "xdp": XDP}


def faults(schema, value, where="report"):
    """What is wrong with a value: its type, or a key too many or too few."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            return [f"{where}: no object"]
        wrong = [f"{where}: {'lacks' if key in schema else 'has an extra'} {key}" for key in set(schema) ^ set(value)]
        return wrong + [f for key in set(schema) & set(value) for f in faults(schema[key], value[key], f"{where}.{key}")]
    if isinstance(schema, list):
        if not isinstance(value, list) or not value:
            return [f"{where}: no list, or an empty one"]
        return [f for i, each in enumerate(value) for f in faults(schema[0], each, f"{where}[{i}]")]
    if isinstance(schema, set):
        return [] if value in schema else [f"{where}: {value!r}"]
    if schema == COUNT:
        return [] if type(value) is int and value >= 0 else [f"{where}: {value!r} is no count"]
    if isinstance(schema, type):
        return [] if type(value) is schema else [f"{where}: {value!r} is no {schema.__name__}"]
    return [] if value == schema and type(value) is type(schema) else [f"{where}: {value!r}, expected {schema!r}"]


class Bed(unittest.TestCase):
    """Namespaces gen - dut - sink on two veth pairs; the forwarder's ports are dut/d0 and dut/d1."""

    def setUp(self):
        self.bed = self.enterContext(Testbed())
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.gen, self.dut, self.sink = (self.bed.ns(role) for role in ("gen", "dut", "sink"))
        self.bed.veth(self.gen, "g0", self.dut, "d0", **self.PAIR)
        self.bed.veth(self.sink, "s0", self.dut, "d1", **self.PAIR)
        self.ports = [f"{self.dut}/d0", f"{self.dut}/d1"]

    PAIR = {}

    def start(self, *options, ports=None):
        process = self.bed.start(L2FWD, *options, *(self.ports if ports is None else ports))
        process.wait_for(f"{NAME}: ready")
        return process

    def send(self, count, ns=None, ifname="g0", size=60):
        sender = self.bed.socket_in(ns or self.gen, socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind((ifname, 0))
        frame = bytes.fromhex("020000000001" "020000000002" "88b5") + bytes(size - 14)
        for _ in range(count):
            sender.send(frame)

    def refused(self, code, text, *options, ports=None, prefix=()):
        """Runs it to its end: that exit code, and one line on stderr, which holds the text."""
        command = [*prefix, L2FWD, *options, *(self.ports if ports is None else ports)]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertRegex(done.stderr, rf"\A{NAME}: error: [^\n]*\n\Z")
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr


class Answers(unittest.TestCase):
    """Nothing here needs a network."""

    def ask(self, *options, code=0):
        done = subprocess.run([L2FWD, *options], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_help_and_manual_name_every_option(self):
        text = self.ask("--help").stdout
        manual = (pathlib.Path(__file__).parents[2] / "docs/man/ringway-l2fwd.1.scd").read_text()
        self.assertEqual(set(re.findall(r"(?<!\S)(?:-\w,)?--([\w-]+)", text)), set(re.findall(r"^.*\*--([\w-]+)\*", manual, re.M)))
        for name in ("datapath", "mode", "eth-peer", "no-promisc", "bind", "attach", "replace", "queues", "cpus", "batch",
                     "frames", "frame-size", "ring-size", "tx-budget", "tx-retry", "busy-poll", "idle", "huge-pages",
                     "wait-carrier", "duration", "stats", "json", "config", "check-config", "print-config", "quiet",
                     "verbose", "help", "version", "force"):
            self.assertRegex(text, rf"--{name}\b")
        self.assertEqual(text.splitlines()[0], "usage: ringway-l2fwd [OPTIONS] PORT [PORT ...]")

    def test_version(self):
        self.assertRegex(self.ask("--version").stdout, rf"\A{NAME} \d+\.\d+\.\d+\n\Z")

    def test_print_config_is_accepted_again_and_prints_the_same(self):
        first = self.ask("--print-config", "--mode", "macswap", "--eth-peer", "1,2:0:0:0:0:1", "--queues", "0-1", "a/b", "c")
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(first.stdout)
            file.flush()
            self.assertEqual(self.ask("--config", file.name, "--print-config").stdout, first.stdout)
            self.assertEqual(self.ask("--config", file.name, "--check-config").stdout, "")
            overridden = self.ask("--config", file.name, "--mode", "mac", "--print-config").stdout
        self.assertIn('mode = "macswap"', first.stdout)
        self.assertEqual(overridden, first.stdout.replace('mode = "macswap"', 'mode = "mac"'))

    def test_print_config_without_ports_is_a_template(self):
        self.assertIn("ports = []", self.ask("--print-config").stdout)


class Refused(Bed):
    def test_options_that_are_wrong_in_themselves(self):
        for text, *options in (
                ("--mode: 'bridge' is not io, mac, macswap, l2fwd or rxonly", "--mode", "bridge"),
                ("--eth-peer: '1,02:00' is not N,MAC", "--eth-peer", "1,02:00"),
                ("no port 7", "--eth-peer", "7,02:00:00:00:00:01"),
                ("--nonsense", "--nonsense"),
                ("--ring-size: 100 is not a power of two", "--ring-size", "100"),
                ("--frames: 64 are too few", "--frames", "64"),
                ("--batch: '1' is not 64 or 256", "--batch", "1"),
                ("No such file or directory", "--config", self.folder / "missing.toml")):
            with self.subTest(options):
                self.refused(2, text, *options)
        self.refused(2, "no PORT is given", ports=[])

    def test_configuration_with_a_fault(self):
        for text, content in (("bad.toml:2: unknown key 'mod'", 'stats = 1\nmod = "io"\n'),
                              ("bad.toml:1: ", "mode = \n"),
                              ("bad.toml:1: ring-size: a number is expected", 'ring-size = "64"\n')):
            path = self.folder / "bad.toml"
            path.write_text(content)
            with self.subTest(text):
                self.refused(2, text, "--config", path)

    def test_an_unreadable_configuration(self):
        path = self.folder / "secret.toml"
        path.write_text('mode = "io"\n')
        path.chmod(0o600)
        self.refused(2, "Permission denied", "--config", path, prefix=self.as_nobody())

    def as_nobody(self):
        os.chmod(self.folder, 0o755)
        return ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]

    def test_an_interface_that_does_not_exist(self):
        self.refused(1, "d7", ports=[f"{self.dut}/d7"])
        self.refused(1, "nowhere", ports=["rw-nowhere/d0"])

    def test_no_privilege(self):
        # From inside the namespace: nobody may not enter one.
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                self.refused(1, "root", "--datapath", way, ports=["d0", "d1"],
                             prefix=["ip", "netns", "exec", self.dut, *self.as_nobody()])

    def test_a_queue_out_of_range(self):
        self.refused(1, "1 RX queue", "--queues", "5-6")

    def test_a_port_under_two_names(self):
        inode = f"/run/netns/{self.dut}/d0"
        self.refused(1, "under another name", ports=[self.ports[0], inode])

    def test_zero_copy_where_there_is_none(self):
        self.refused(1, "zero-copy", "--bind", "zero-copy")

    def test_a_port_that_carries_the_default_route(self):
        sh("ip", "-n", self.dut, "address", "add", "10.9.8.7/24", "dev", "d0")
        sh("ip", "-n", self.dut, "route", "add", "default", "via", "10.9.8.1")
        self.refused(1, "--force")
        process = self.start("--force")
        self.assertIn("10.9.8.7/24", process.stderr)     # has an address: a warning
        self.assertEqual(process.stop(), 0)

    def test_a_program_that_is_there_already(self):
        other = self.start()
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                self.assertIn("rw_redirect", self.refused(1, "d0: the XDP program", "--datapath", way))
        self.assertEqual(other.stop(), 0)

    def test_a_program_that_is_there_is_replaced_on_demand(self):
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                other = self.start("--datapath", "xdp")
                process = self.start("--datapath", way, "--replace", "--duration", "0.3")
                self.assertEqual(process.wait(), 0, process.stderr)
                self.assertEqual(len(re.findall(r"warning: \S+/d\d: removed XDP program rw_l2fwd \(id \d+, native, .*\); no "
                                                r"program was there for \d+ us", process.stderr)), 2, process.stderr)
                self.assertEqual(other.stop(), 0)

    def test_no_carrier(self):
        sh("ip", "-n", self.sink, "link", "set", "s0", "down")
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                self.refused(1, "carrier on " + self.ports[1], "--wait-carrier", "0.3", "--datapath", way)
        process = self.start("--wait-carrier", "0")
        self.assertEqual(process.stop(), 0)

    def test_a_signal_ends_the_wait_for_carrier(self):
        sh("ip", "-n", self.sink, "link", "set", "s0", "down")
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                process = self.bed.start(L2FWD, "--datapath", way, "--wait-carrier", "60", "--json", "-", *self.ports)
                self.assertTrue(eventually(lambda: self.attached("d1"), 10), process.stderr)
                self.assertEqual(process.stop(seconds=5), 0)
                self.assertNotIn("ready", process.stderr)
                self.assertEqual(faults(SCHEMA[way], json.loads(process.stdout)), [])

    def attached(self, ifname):
        return "prog/xdp" in sh("ip", "-n", self.dut, "link", "show", ifname).stdout

    def test_a_cpu_that_does_not_exist(self):
        self.refused(1, "CPU 4095", "--cpus", "4095")

    def test_a_report_that_cannot_be_written_is_refused_before_the_run(self):
        self.refused(1, "write the report to /proc/r.json", "--json", "/proc/r.json")
        self.refused(1, "Is a directory", "--json", self.folder)


class Runs(Bed):
    def report_of(self, process):
        report = json.loads(process.stdout)
        self.assertEqual(faults(SCHEMA[report["datapath"]], report), [])
        return report

    def assert_balanced(self, report, packets):
        """Every received packet ends in exactly one counter."""
        ports = report["ports"]
        total = {key: sum(p[key] for p in ports) for key in ("rx_packets", "tx_packets", "punted")}
        dropped = sum(sum(p["drops"].values()) for p in ports)
        self.assertEqual(total["rx_packets"], packets)
        self.assertEqual(total["rx_packets"], total["tx_packets"] + dropped + total["punted"], ports)
        if report["datapath"] == "afxdp":
            self.assertEqual(report["frames"]["leaked"], 0)

    def forward(self, *options, packets=200):
        """Sends some each way; the report, as it comes on stdout alone."""
        process = self.start("--json", "-", *options)
        self.send(packets)
        self.send(packets, self.sink, "s0")
        time.sleep(0.3)
        self.assertEqual(process.stop(), 0, process.stderr)
        report = self.report_of(process)
        self.assert_balanced(report, 2 * packets)
        return report

    def test_reports_balance_and_keep_to_the_schema(self):
        for way in ("afxdp", "xdp"):
            for mode in ("io", "mac", "macswap", "l2fwd"):
                with self.subTest(f"{way} {mode}"):
                    report = self.forward("--datapath", way, "--mode", mode)
                    self.assertEqual((report["datapath"], report["mode"]), (way, mode))
                    self.assertEqual([p["name"] for p in report["ports"]], self.ports)
                    for port in report["ports"]:
                        self.assertEqual((port["rx_packets"], port["tx_packets"]), (200, 200))
                        self.assertEqual((port["rx_bytes"], port["tx_bytes"]), (12000, 12000))
                        self.assertEqual(port["attach"], "native")
                        self.assertEqual(port["queues"], [0])

    def test_rxonly_counts_and_drops(self):
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                report = self.forward("--datapath", way, "--mode", "rxonly")
                self.assertEqual([p["drops"]["rx_only"] for p in report["ports"]], [200, 200])

    def test_generic_attachment_is_reported(self):
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                process = self.start("--json", "-", "--attach", "generic", "--datapath", way)
                self.send(50)
                time.sleep(0.3)
                self.assertEqual(process.stop(), 0, process.stderr)
                report = json.loads(process.stdout)
                schema = SCHEMA[way] | ({"note": str} if way == "xdp" else {})
                self.assertEqual(faults(schema, report), [])
                self.assert_balanced(report, 50)
                self.assertEqual([p["attach"] for p in report["ports"]], ["generic", "generic"])

    def test_every_batch_idle_and_huge_page_setting_forwards(self):
        for options in (["--batch", "64"], ["--idle", "poll"], ["--huge-pages", "never"], ["--tx-budget", "0"],
                        ["--frame-size", "4096"], ["--ring-size", "64"], ["--cpus", "0"]):
            with self.subTest(options):
                report = self.forward(*options, packets=20)
                self.assertEqual(sum(p["tx_packets"] for p in report["ports"]), 40)

    def test_an_odd_port_reflects(self):
        # By XDP_TX a veth hands frames to its peer without waking it; as skbs, in generic mode, they arrive.
        for way in (["--datapath", "afxdp"], ["--datapath", "xdp", "--attach", "generic"]):
            with self.subTest(way):
                process = self.start("--mode", "macswap", *way, ports=self.ports[:1])
                sniffer = self.bed.sniffer(self.gen, "g0")
                self.send(1)
                self.assertTrue(eventually(lambda: sniffer.recv(2048)[:12].hex() == "020000000002020000000001"))
                self.assertEqual(process.stop(), 0)
                sniffer.close()

    def test_a_port_that_reflects_into_a_veth_that_sleeps_is_warned_of(self):
        process = self.start("--datapath", "xdp", "--duration", "0.1", ports=self.ports[:1])
        self.assertEqual(process.wait(), 0)
        self.assertRegex(process.stderr, r"warning: \S+/d0: it sends frames back by XDP_TX")

    def test_ready_is_true(self):
        """A frame sent once `ready' has been read is forwarded."""
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                sniffer = self.bed.sniffer(self.sink, "s0")
                process = self.bed.start(L2FWD, "--datapath", way, *self.ports)
                process.wait_for(f"{NAME}: ready\n")
                self.send(1)
                self.assertEqual(len(sniffer.recv(2048)), 60)
                self.assertEqual(process.stop(), 0)
                sniffer.close()

    def test_promiscuity_comes_and_goes(self):
        def promiscuous():
            text = self.bed.run(self.dut, "ip", "-d", "-j", "link", "show", "d0").stdout
            return json.loads(text)[0]["promiscuity"]
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                process = self.start("--datapath", way)
                self.assertEqual(promiscuous(), 1)
                process.stop()
                self.assertEqual(promiscuous(), 0)
                process = self.start("--datapath", way, "--no-promisc")
                self.assertEqual(promiscuous(), 0)
                process.stop()

    def test_tables(self):
        process = self.start("--stats", "0.2", "--mode", "macswap")
        self.send(30)
        row = rf"^{self.dut}/d0 +30 "
        self.assertTrue(eventually(lambda: re.search(row, process.stdout, re.M)), process.stdout)
        self.assertNotIn("frames, 0 leaked", process.stdout)
        process._popen.send_signal(signal.SIGUSR1)
        self.assertTrue(eventually(lambda: "frames, 0 leaked" in process.stdout))
        self.assertEqual(process.stop(signal.SIGTERM), 0)
        self.assertEqual(process.stdout.count("frames, 0 leaked"), 2)       # SIGUSR1 and the end
        self.assertEqual(process.stdout.splitlines()[0], f"{NAME}: ready")

    def test_a_report_in_the_middle(self):
        path = self.folder / "r.json"
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                path.write_text("{}")
                process = self.start("--datapath", way, "--json", path)

                def ask(packets):
                    process._popen.send_signal(signal.SIGUSR1)
                    self.assertTrue(eventually(lambda: path.read_text() != before), process.stderr)
                    report = json.loads(path.read_text())
                    self.assertEqual(faults(SCHEMA[way] | {"running": True}, report), [])
                    return report["ports"][0]["rx_packets"] == packets

                for packets in (30, 60):
                    before = path.read_text()
                    self.send(30)
                    self.assertTrue(eventually(lambda: ask(packets)), before)
                self.assertEqual(process.stop(), 0)
                self.assertEqual(faults(SCHEMA[way], json.loads(path.read_text())), [])
                self.assertEqual([p.name for p in self.folder.iterdir()], ["r.json"])

    def test_a_report_in_the_middle_is_not_for_a_stream(self):
        process = self.start("--json", "-")
        process._popen.send_signal(signal.SIGUSR1)
        self.assertTrue(eventually(lambda: "frames, 0 leaked" in process.stderr), process.stderr)
        self.assertEqual(process.stop(), 0)
        self.assertEqual(faults(SCHEMA["afxdp"], json.loads(process.stdout)), [])

    def test_quiet_says_ready_alone(self):
        process = self.start("-q", "--duration", "0.2")
        self.assertEqual(process.wait(), 0)
        self.assertEqual((process.stdout, process.stderr), (f"{NAME}: ready\n", ""))

    def test_what_was_obtained_is_told(self):
        process = self.start("--duration", "0.1")
        self.assertEqual(process.wait(), 0)
        self.assertIn(f"{self.ports[0]}: native XDP, copy mode, 1 queue\n", process.stderr)
        process = self.start("--duration", "0.1", "-v", "--tx-budget", "128")
        self.assertEqual(process.wait(), 0)
        self.assertRegex(process.stderr, r"d0 queue 0: .*TX budget (128|32)")

    def test_duration_ends_it(self):
        path = self.folder / "r.json"
        process = self.start("--duration", "0.5", "--json", path)
        self.assertEqual(process.wait(), 0)
        self.assertAlmostEqual(json.loads(path.read_text())["duration_s"], 0.5, delta=0.4)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["r.json"])

    def test_a_deleted_interface_ends_it_within_a_second(self):
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                self.bed.veth(self.gen, "gx", self.dut, "dx")
                path = self.folder / "r.json"
                process = self.start("--datapath", way, "--json", path, ports=[self.ports[0], f"{self.dut}/dx"])
                sh("ip", "-n", self.dut, "link", "del", "dx")
                began = time.monotonic()
                self.assertEqual(process.wait(), 1)
                self.assertLess(time.monotonic() - began, 1)
                errors = [line for line in process.stderr.splitlines() if f"{NAME}: error: " in line]
                self.assertEqual(len(errors), 1, process.stderr)
                self.assertRegex(errors[0], rf"{self.dut}/dx: the interface was deleted")
                report = json.loads(path.read_text())
                self.assertEqual(faults(SCHEMA[way] | {"error": str}, report), [])

    def test_a_peer_that_refuses_redirects_is_told_once(self):
        self.bed.run(self.sink, "ethtool", "-K", "s0", "gro", "off")
        process = self.start("--datapath", "xdp", "--json", "-")
        self.assertRegex(process.stderr, r"warning: \S+/d1: every frame redirected to it is refused")
        for _ in range(3):
            self.send(100)
            time.sleep(1)
        self.assertEqual(process.stop(), 0)
        report = self.report_of(process)
        self.assertEqual(report["ports"][1]["drops"]["tx_refused"], 300)
        self.assertEqual(process.stderr.count("the kernel refused"), 1, process.stderr)
        self.assert_balanced(report, 300)

    def test_offloads_that_lose_packets_are_named_with_what_mends_them(self):
        self.bed.run(self.gen, "ethtool", "-K", "g0", "tx", "on", "txvlan", "on")
        process = self.start("--duration", "0.1")
        self.assertEqual(process.wait(), 0)
        for command in ("tx off", "txvlan off"):
            self.assertIn(f"ip netns exec {self.gen} ethtool -K g0 {command}", process.stderr)

    def test_options_without_effect_are_named(self):
        process = self.start("--datapath", "xdp", "--cpus", "0", "--duration", "0.1")
        self.assertEqual(process.wait(), 0)
        self.assertIn("warning: --cpus has no effect with --datapath xdp\n", process.stderr)

    def test_busy_polling_names_the_settings_that_it_misses(self):
        process = self.start("--busy-poll", "20", "--duration", "0.1")
        self.assertEqual(process.wait(), 0)
        self.assertIn("napi_defer_hard_irqs is 0 and gro_flush_timeout is 0", process.stderr)
        self.assertIn(f"ip netns exec {self.dut} sh -c", process.stderr)

    def test_kill_leaves_nothing(self):
        for way in ("afxdp", "xdp"):
            with self.subTest(way):
                process = self.start("--datapath", way)
                process.kill()
                gone = lambda: "prog/xdp" not in sh("ip", "-n", self.dut, "link", "show", "d0").stdout
                self.assertTrue(eventually(gone))

    def test_a_large_mtu_is_warned_of_or_served(self):
        for ns, ifname in ((self.gen, "g0"), (self.dut, "d0"), (self.sink, "s0"), (self.dut, "d1")):
            sh("ip", "-n", ns, "link", "set", ifname, "mtu", 3000)
        process = self.start("--frame-size", "2048", "--duration", "0.1")
        self.assertEqual(process.wait(), 0)
        self.assertRegex(process.stderr, r"warning: \S+/d0: MTU 3000 exceeds a frame of 2048 bytes")
        process = self.start("--json", "-", "-q")
        self.send(3, size=3014)
        time.sleep(0.3)
        self.assertEqual(process.stop(), 0)
        self.assertEqual(process.stderr, f"{NAME}: ready\n")
        report = self.report_of(process)
        self.assertEqual(report["ports"][1]["tx_bytes"], 3 * 3014)


class Queues(Bed):
    PAIR = {"queues": 2}

    def test_queues_that_nobody_serves_are_warned_of(self):
        process = self.start("--queues", "1", "--json", "-")
        self.assertRegex(process.stderr, r"warning: \S+/d0: of 2 RX queues, 1 is not served: .*"
                                         rf"ip netns exec {self.dut} ethtool -L d0 rx 1\n")
        self.assertEqual(process.stop(), 0)
        self.assertEqual(json.loads(process.stdout)["ports"][0]["queues"], [0])

    def test_all_queues_are_served_by_default(self):
        for options in ([], ["--cpus", "0-1"]):
            process = self.start("--json", "-", *options)
            self.assertEqual(process.stop(), 0)
            self.assertNotIn("not served", process.stderr)
            report = json.loads(process.stdout)
            self.assertEqual(report["ports"][0]["queues"], [0, 1])
            self.assertEqual([w["cpu"] for w in report["workers"]], [0, 1] if options else [-1])

    def test_more_workers_than_queues_are_refused(self):
        self.refused(1, "2 workers", "--cpus", "0-1", "--queues", "1")


class Large(Bed):
    PAIR = {"mtu": 9000}

    def test_packets_of_several_buffers_cross_the_kernel(self):
        process = self.start("--datapath", "xdp", "--json", "-")
        self.send(5, size=8014)
        time.sleep(0.3)
        self.assertEqual(process.stop(), 0, process.stderr)
        report = json.loads(process.stdout)
        self.assertEqual(report["ports"][0]["rx_bytes"], 5 * 8014)
        self.assertEqual(report["ports"][1]["tx_packets"], 5)


if __name__ == "__main__":
    main()
