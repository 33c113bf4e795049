#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ringway-decap: tunnels made by hand, from near/n0 to far/f0, whose UDP echo answers what was inside of them."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import unittest

from rwtest import Testbed, bpf_program_exists, eventually, mac_of, main, program, sh
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

NAME = "ringway-decap"
DECAP = program(NAME)
REAL = pathlib.Path(__file__).parent / "lb_real.py"
VIPS = {4: "10.9.0.100", 6: "fd09::100"}
NEAR, FAR = {4: "10.1.0.1", 6: "fd01::1"}, {4: "10.1.0.2", 6: "fd01::2"}
OTHER = {4: "10.1.0.3", 6: "fd01::3"}
NOBODY = 65534


def ip(family, src, dst, **more):
    return IP(src=src[family], dst=dst[family], **more) if family == 4 else IPv6(src=src[family], dst=dst[family], **more)


class Answers(unittest.TestCase):
    """Nothing here needs a network."""

    def ask(self, *options, code=0, text=""):
        done = subprocess.run([DECAP, *options], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, code, done.stderr)
        if code:
            self.assertRegex(done.stderr, rf"\A{NAME}: error: [^\n]*\n\Z")
            self.assertIn(text, done.stderr)
            self.assertEqual(done.stdout, "")
        return done.stdout

    def test_help_and_manual_name_every_option(self):
        text = self.ask("--help")
        manual = (pathlib.Path(__file__).parents[2] / f"docs/man/{NAME}.1.scd").read_text()
        named = set(re.findall(r"(?<!\S)(?:-\w,)?--([\w-]+)", text))
        self.assertEqual(named, set(re.findall(r"^\*(?:-\w\*, \*)?--([\w-]+)\*", manual, re.M)))
        self.assertLessEqual({"gue-port", "for", "attach", "stats", "json"}, named)

    def test_what_is_wrong_in_itself(self):
        for options, text in (([], "no PORT"), (["a", "a"], "a is given twice"), (["--gue-port", "65536", "a"], "--gue-port"),
                              (["--for", "10.0.0.300", "a"], "10.0.0.300"), (["--attach", "x", "a"], "--attach"),
                              (["--for", "::1", "--for", "::2", "a"], "::2 is the second IPv6 address"),
                              (["--what", "a"], "--what")):
            self.ask(*options, code=2, text=text)

    def test_what_the_machine_refuses(self):
        self.ask("nosuchif", code=1, text="nosuchif")
        self.ask("--json", "/nosuchdir/report", "lo", code=1, text="/nosuchdir/report")


class Tunnels(unittest.TestCase):
    def setUp(self):
        self.bed = self.enterContext(Testbed())
        self.near, self.far = self.bed.ns("near"), self.bed.ns("far")
        for ns in (self.near, self.far):
            self.bed.run(ns, "sysctl", "-qw", *(f"net.ipv6.conf.{which}.{key}" for which in ("all", "default") for key in (
                "disable_ipv6=0", "accept_dad=0")), *(f"net.ipv4.conf.{which}.rp_filter=0" for which in ("all", "default")))
            sh("ip", "-n", ns, "link", "set", "lo", "up")
        self.bed.veth(self.near, "n0", self.far, "f0")
        for ns, ifname, addresses in ((self.near, "n0", NEAR), (self.far, "f0", FAR), (self.far, "lo", VIPS)):
            for family, address in addresses.items():
                length = {4: 32, 6: 128}[family] if ifname == "lo" else {4: 24, 6: 64}[family]
                sh("ip", "-n", ns, "address", "add", f"{address}/{length}", "dev", ifname, *(["nodad"] if family == 6 else []))
        self.macs = {"src": mac_of(self.near, "n0"), "dst": mac_of(self.far, "f0")}
        self.bed.start("ip", "netns", "exec", self.far, "/usr/bin/python3", REAL, "far", *VIPS.values()).wait_for("ready")
        self.sender = self.bed.socket_in(self.near, socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sender.bind(("n0", 0))
        self.listeners = {}
        for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            one = self.listeners[family] = self.bed.socket_in(self.near, kind, socket.SOCK_DGRAM)
            one.bind((NEAR[family], 4000))

    def start(self, *options):
        decap = self.bed.start(DECAP, *options, f"{self.far}/f0")
        decap.wait_for(f"{NAME}: ready")
        return decap

    def answered(self, outer, inside, text, seconds=0.3, tag=()):
        """Whether a datagram for a VIP of the family, sent in these headers, comes back from it."""
        frame = Ether(**self.macs)
        for layer in (*tag, *outer):
            frame /= layer
        inner = ip(inside, NEAR, VIPS) / UDP(sport=4000, dport=7) / Raw(text)
        self.sender.send(bytes(frame / inner))
        self.listeners[inside].settimeout(seconds)
        try:
            answer, source = self.listeners[inside].recvfrom(2048)
        except TimeoutError:
            return False
        self.assertEqual((answer, source[0]), (b"far:" + text, VIPS[inside]))
        return True

    @staticmethod
    def tunnels(dst=FAR, gue_port=6080):
        for outside in (4, 6):
            yield f"ipip over IPv{outside}", [ip(outside, NEAR, dst)]
            yield f"gue over IPv{outside}", [ip(outside, NEAR, dst), UDP(sport=50000, dport=gue_port, chksum=0)]

    def ports(self, decap, code=0):
        self.assertEqual(decap.stop(), code, decap.stderr)
        report = json.loads(decap.stdout)
        self.assertEqual((report["schema"], report["app"]), (1, NAME))
        return report["ports"]

    def test_all_tunnels_and_what_is_none(self):
        for attach in ("native", "generic"):
            decap = self.start("--attach", attach, "--json", "-")
            for name, outer in self.tunnels():
                for inside in (4, 6):
                    with self.subTest(attach=attach, tunnel=name, inside=inside):
                        self.assertTrue(self.answered(outer, inside, name.encode(), 2))
            self.assertTrue(self.answered([ip(4, NEAR, FAR)], 4, b"tagged", 2, tag=[Dot1Q(vlan=7)]))
            self.assertTrue(self.answered([], 4, b"not in a tunnel", 2))
            self.assertFalse(self.answered([ip(4, NEAR, FAR), UDP(sport=50000, dport=6081)], 4, b"another port"))
            port, = self.ports(decap)
            self.assertEqual((port["name"], port["attach"]), (f"{self.far}/f0", attach))
            self.assertEqual((port["taken"], port["dropped"], port["failed"]), (9, 0, 0))
            self.assertGreaterEqual(port["left"], 2)

    def test_without_it_nothing_comes_out(self):
        for name, outer in self.tunnels():
            with self.subTest(tunnel=name):
                self.assertFalse(self.answered(outer, 4, b"nobody"))

    def test_only_for_an_address(self):
        decap = self.start("--for", FAR[4], "--json", "-")
        self.assertTrue(self.answered([ip(4, NEAR, FAR)], 4, b"for us", 2))
        self.assertFalse(self.answered([ip(4, NEAR, OTHER)], 4, b"for another"))
        self.assertFalse(self.answered([ip(6, NEAR, FAR)], 4, b"of a family that was not named"))
        self.assertEqual(self.ports(decap)[0]["taken"], 1)
        self.start("--for", FAR[6], "--for", FAR[4])
        for name, outer in self.tunnels():
            self.assertTrue(self.answered(outer, 6, name.encode(), 2), name)
        for name, outer in self.tunnels(dst=OTHER):
            self.assertFalse(self.answered(outer, 6, name.encode()), name)

    def test_the_port_of_gue(self):
        decap = self.start("--gue-port", "9886", "-q")
        self.assertTrue(self.answered([ip(4, NEAR, FAR), UDP(sport=50000, dport=9886)], 4, b"ours", 2))
        self.assertFalse(self.answered([ip(4, NEAR, FAR), UDP(sport=50000, dport=6080)], 4, b"the usual one"))
        decap.stop()
        self.assertEqual(decap.stdout, f"{NAME}: ready\n")
        self.start("--gue-port", "0")
        self.assertFalse(self.answered([ip(4, NEAR, FAR), UDP(sport=50000, dport=9886)], 4, b"none"))
        self.assertTrue(self.answered([ip(4, NEAR, FAR)], 4, b"in IP", 2))

    def test_congestion_that_the_inner_packet_does_not_understand(self):
        decap = self.start("--json", "-")
        self.assertFalse(self.answered([ip(4, NEAR, FAR, tos=3)], 4, b"marked"))
        self.assertEqual(self.ports(decap)[0]["dropped"], 1)

    def test_reports(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "report.json"
            decap = self.start("--json", path, "--stats", "0.2")
            self.assertTrue(self.answered([ip(4, NEAR, FAR)], 4, b"one", 2))
            self.assertTrue(eventually(lambda: re.search(r"^\S+/f0 +1 ", decap.stdout, re.M)), decap.stdout)
            self.assertFalse(path.exists())
            os.kill(decap.pid, signal.SIGUSR1)
            self.assertTrue(eventually(path.exists))
            so_far = json.loads(path.read_text())
            self.assertEqual((so_far["running"], so_far["ports"][0]["taken"]), (True, 1))
            self.assertEqual(decap.stop(signal.SIGTERM), 0)
            self.assertNotIn("running", json.loads(path.read_text()))
            self.assertEqual(os.listdir(folder), ["report.json"])

    def test_it_goes_with_its_process(self):
        decap = self.start()
        programs = decap.bpf_programs()
        self.assertTrue(programs and all(map(bpf_program_exists, programs)))
        second = subprocess.run([DECAP, f"{self.far}/f0"], capture_output=True, text=True, timeout=30)
        self.assertEqual(second.returncode, 1)
        self.assertRegex(second.stderr, rf"\A{NAME}: error: [^\n]*rw_decap[^\n]*\n\Z")
        decap.kill()
        self.assertTrue(eventually(lambda: not any(map(bpf_program_exists, programs))))
        self.assertFalse(self.answered([ip(4, NEAR, FAR)], 4, b"nobody"))

    def test_its_port_is_deleted(self):
        decap = self.start("--json", "-")
        sh("ip", "-n", self.near, "link", "del", "n0")
        self.assertEqual(decap.wait(5), 1)
        self.assertRegex(decap.stderr, rf"(?m)^{NAME}: error: [^\n]*f0[^\n]*$")
        self.assertIn("f0", json.loads(decap.stdout)["error"])

    def test_without_privilege(self):
        done = subprocess.run(["setpriv", "--reuid", str(NOBODY), "--clear-groups", DECAP, "lo"], capture_output=True, text=True,
                              timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rf"\A{NAME}: error: [^\n]*root[^\n]*\n\Z")


if __name__ == "__main__":
    main()
