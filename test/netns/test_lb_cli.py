#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ringway-lb as its user meets it: what it refuses, `ready', SIGHUP, its end and its death, and that in both datapaths a
VIP's packets reach their real while everything else reaches the kernel."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import unittest

from rwtest import Testbed, eventually, mac_of, main, program, sh

LB = program("ringway-lb")
NAME = "ringway-lb"
WAYS = ("xdp", "afxdp")
VIP, OTHER_VIP, REAL = "10.1.0.100", "10.1.0.101", "10.2.0.2"

VIP_TEXT = """
[[vip]]
name = "{name}"
address = "{address}"
port = 8000
protocol = "udp"
method = "{method}"
[[vip.real]]
name = "a"
address = "10.2.0.2"
weight = {weight}
"""


class Bed(unittest.TestCase):
    """Namespaces client - lb - real; the balancer's ports are lb/d0 and lb/d1, with addresses of their own."""

    MTU = None

    def setUp(self):
        self.bed = self.enterContext(Testbed())
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.client, self.lb, self.real = (self.bed.ns(role) for role in ("client", "lb", "real"))
        self.bed.veth(self.client, "c0", self.lb, "d0", mtu=self.MTU)
        self.bed.veth(self.real, "r0", self.lb, "d1", mtu=self.MTU)
        for ns, ifname, address in ((self.client, "c0", "10.1.0.2/24"), (self.lb, "d0", "10.1.0.1/24"),
                                    (self.real, "r0", f"{REAL}/24"), (self.lb, "d1", "10.2.0.1/24")):
            sh("ip", "-n", ns, "address", "add", address, "dev", ifname)
            sh("ip", "-n", ns, "link", "set", "lo", "up")
        self.ports = [f"{self.lb}/d0", f"{self.lb}/d1"]
        self.control = self.folder / "lb.sock"

    def text(self, vips=({},), hop=True, more="", balancer=""):
        """A configuration file; each VIP says what differs from the usual one."""
        text = f'[balancer]\nsource-v4 = "10.2.0.1"\nring-size = 251\n{balancer}\n[control]\nsocket = "{self.control}"\n{more}\n'
        for vip in vips:
            text += VIP_TEXT.format(**({"name": "web", "address": VIP, "method": "ipip", "weight": 1} | vip))
        if hop:
            text += (f'[[next-hop]]\nreal = "{REAL}"\nmac = "{mac_of(self.real, "r0")}"\n'
                     f'interface = "{self.ports[1]}"\n')
        return text

    def write(self, text, name="lb.toml"):
        path = self.folder / name
        path.write_text(text)
        return path

    def start(self, *options, config=None, ports=None):
        path = config or self.write(self.text())
        process = self.bed.start(LB, "--config", path, *options, *(self.ports if ports is None else ports))
        process.wait_for(f"{NAME}: ready\n")
        return process

    def refused(self, code, text, *options, config=None, ports=None):
        """Runs it to its end: that exit code, and one line on stderr, which holds the text."""
        given = [] if config is None else ["--config", config]
        done = subprocess.run([str(c) for c in (LB, *given, *options, *(self.ports if ports is None else ports))],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertRegex(done.stderr, rf"\A{NAME}: error: [^\n]*\n\Z")
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertFalse(self.control.exists())
        self.assertEqual(self.attached(), [])

    def attached(self):
        return [ifname for ifname in ("d0", "d1") if "prog/xdp" in sh("ip", "-n", self.lb, "link", "show", ifname).stdout]

    def send(self, vip=VIP, data=b"hello", port=8000):
        self.bed.socket_in(self.client, socket.AF_INET, socket.SOCK_DGRAM).sendto(data, (vip, port))

    def arrives(self, sniffer, vip=VIP, data=b"hello"):
        """Sends a datagram to the VIP: whether it comes to the real in an IPv4 packet from the balancer."""
        def one():
            self.send(vip, data)
            return self.seen(sniffer, vip, data)
        return eventually(one, 3)

    def seen(self, sniffer, vip, data):
        try:
            while True:
                frame = sniffer.recv(65535)
                if frame[12:14] != b"\x08\0" or frame[23] != socket.IPPROTO_IPIP:
                    continue
                outer, inner = frame[14:34], frame[34:]
                if inner[16:20] == socket.inet_aton(vip) and inner[28:28 + len(data)] == data:
                    self.assertEqual(frame[:6].hex(":"), mac_of(self.real, "r0"))
                    self.assertEqual(frame[6:12].hex(":"), mac_of(self.lb, "d1"))
                    self.assertEqual((outer[12:16], outer[16:20]),
                                     (socket.inet_aton("10.2.0.1"), socket.inet_aton(REAL)))
                    self.assertEqual(inner[12:16], socket.inet_aton("10.1.0.2"))
                    self.assertEqual(struct.unpack("!H", inner[22:24])[0], 8000)
                    self.assertEqual(struct.unpack("!H", outer[2:4])[0], 20 + 28 + len(data))
                    return True
        except TimeoutError:
            return False

    def sniffer(self):
        return self.bed.sniffer(self.real, "r0", timeout=0.2)


class Answers(unittest.TestCase):
    """Nothing here needs a network."""

    CONFIG = '[control]\nsocket = "/run/x.sock"\n' + VIP_TEXT.format(name="web", address=VIP, method="l2", weight=1)

    def ask(self, *options, code=0, text=CONFIG):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(text)
            file.flush()
            done = subprocess.run([LB, "--config", file.name, *options], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_help_and_version(self):
        self.assertEqual(self.ask("--help").stdout.splitlines()[0], "usage: ringway-lb [OPTIONS] PORT [PORT ...]")
        self.assertRegex(self.ask("--version").stdout, rf"\A{NAME} \d+\.\d+\.\d+\n\Z")

    def test_print_config_is_accepted_again_and_prints_the_same(self):
        first = self.ask("--print-config", "--datapath", "xdp", "a/b", "c").stdout
        self.assertIn('datapath = "xdp"', first)
        self.assertIn(VIP, first)
        self.assertEqual(self.ask("--print-config", text=first).stdout, first)
        self.assertEqual(self.ask("--check-config", text=first).stdout, "")

    def test_check_config_judges_the_tables_too(self):
        done = self.ask("--check-config", "a/b", code=2, text="[capacity]\nvips = 1\n" + self.CONFIG +
                        VIP_TEXT.format(name="b", address=OTHER_VIP, method="l2", weight=1))
        self.assertRegex(done.stderr, rf"\A{NAME}: error: [^\n]*:2: vips: 2 are in this file, 1 is too small\n\Z")
        done = self.ask("--check-config", "a/b", code=2, text=self.CONFIG + '[[next-hop]]\nreal = "10.2.0.2"\n'
                        'mac = "02:00:00:00:00:01"\ninterface = "nowhere"\n')
        self.assertIn("nowhere", done.stderr)


class Refused(Bed):
    def test_without_a_configuration(self):
        self.refused(2, "--config FILE is missing")
        self.refused(2, "No such file or directory", config=self.folder / "missing.toml")

    def test_a_configuration_with_a_fault(self):
        for text, content in (("lb.toml:1: unknown key 'mod'", 'mod = "io"\n' + self.text()),
                              ("lb.toml:2: ", "[balancer]\nring-size = 250\n"),
                              ("lb.toml:2: ", "[balancer]\nrings = 3\n")):
            with self.subTest(text):
                self.refused(2, text, config=self.write(content))

    def test_options_that_are_wrong_in_themselves(self):
        path = self.write(self.text())
        self.refused(2, "--datapath: 'tc' is not afxdp or xdp", "--datapath", "tc", config=path)
        self.refused(2, "no PORT is given", config=path, ports=[])

    def test_a_vip_that_is_an_address_of_the_machine(self):
        sh("ip", "-n", self.lb, "address", "add", "10.9.9.9/32", "dev", "lo")
        for way in WAYS:
            for address in ("10.1.0.1", "10.9.9.9"):
                self.refused(2, f"{address} ", "--datapath", way, config=self.write(self.text([{"address": address}])))

    def test_ports(self):
        path = self.write(self.text(hop=False))
        self.refused(1, "d7", config=path, ports=[f"{self.lb}/d7"])
        self.refused(2, "in different network namespaces", config=path, ports=[self.ports[0], f"{self.real}/r0"])

    def test_a_next_hop_that_is_at_no_port(self):
        self.refused(2, self.ports[1], config=self.write(self.text()), ports=self.ports[:1])

    def test_more_than_the_capacity(self):
        vips = [{}, {"name": "b", "address": OTHER_VIP}]
        self.refused(2, "2", config=self.write(self.text(vips, more="[capacity]\nvips = 1\n")))

    def test_what_is_taken_already(self):
        first = self.start()
        self.bed.veth(self.lb, "d8", self.lb, "d9")
        for ports, text in ((self.ports, "the XDP program rw_lb"), ([f"{self.lb}/d9"], str(self.control))):
            done = subprocess.run([LB, "--config", self.write(self.text(hop=False), "second.toml"), *ports],
                                  capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, rf"{NAME}: error: [^\n]*{re.escape(text)}[^\n]*\n\Z")
        self.assertTrue(self.control.is_socket())
        self.assertEqual(first.stop(), 0)


class Runs(Bed):
    def test_a_datagram_reaches_the_real(self):
        """The client learns where the VIP is by ARP; nothing static there."""
        for way in WAYS:
            with self.subTest(way):
                process = self.start("--datapath", way, "--json", self.folder / "r.json")
                sniffer = self.sniffer()
                self.assertTrue(self.arrives(sniffer), process.stderr)
                self.assertEqual(process.stop(), 0, process.stderr)
                report = json.loads((self.folder / "r.json").read_text())
                self.assertEqual((report["app"], report["datapath"]), (NAME, way))
                self.assertGreaterEqual(sum(p["tx_packets"] for p in report["ports"]), 2)    # the answer to ARP, too
                self.assertFalse(self.arrives(sniffer))
                sniffer.close()
                sh("ip", "-n", self.client, "neigh", "flush", "all")

    def test_the_kernel_knows_the_next_hop(self):
        """Its routes and neighbours, without a word in the file; asked for at start, and given back at the end."""
        config = self.write(self.text(hop=False))
        for way in WAYS:
            with self.subTest(way):
                sh("ip", "-n", self.lb, "neigh", "flush", "dev", "d1")
                process = self.start("--datapath", way, config=config)
                sniffer = self.bed.sniffer(self.real, "r0", timeout=1)
                self.send()
                self.assertTrue(self.seen(sniffer, VIP, b"hello"), process.stderr)      # the very first
                self.assertNotIn("warning", process.stderr)
                sniffer.close()
                self.assertIn("managed", sh("ip", "-n", self.lb, "neigh", "show", REAL).stdout)
                self.assertEqual(process.stop(), 0)
                self.assertNotIn("managed", sh("ip", "-n", self.lb, "neigh", "show", REAL).stdout)

    def test_a_start_waits_for_a_neighbour_that_is_slow(self):
        self.bed.run(self.lb, "sysctl", "-qw", "net.ipv4.neigh.d1.retrans_time_ms=300")
        self.bed.run(self.real, "ip", "address", "del", f"{REAL}/24", "dev", "r0")
        process = self.bed.start(LB, "--config", self.write(self.text(hop=False)), *self.ports)
        self.assertTrue(eventually(lambda: sh("ip", "-n", self.lb, "neigh", "show", REAL).stdout), process.stderr)
        self.bed.run(self.real, "ip", "address", "add", f"{REAL}/24", "dev", "r0")
        process.wait_for(f"{NAME}: ready\n")
        sniffer = self.bed.sniffer(self.real, "r0", timeout=1)
        self.send()
        self.assertTrue(self.seen(sniffer, VIP, b"hello"), process.stderr)
        self.assertEqual(process.stop(), 0)

    def test_an_alarm_that_lasts_is_told_once(self):
        self.bed.run(self.real, "ip", "address", "del", f"{REAL}/24", "dev", "r0")
        process = self.start(config=self.write(self.text(hop=False)))
        self.assertTrue(eventually(lambda: "warning: VIP web: no real" in process.stderr, 5), process.stderr)
        self.bed.run(self.real, "ip", "address", "add", f"{REAL}/24", "dev", "r0")
        self.assertTrue(eventually(lambda: "warning: over: VIP web: no real" in process.stderr, 20), process.stderr)
        self.assertEqual(process.stderr.count("warning: VIP web"), 1)
        self.assertEqual(process.stop(), 0)

    def test_one_port_serves_for_both_ways(self):
        """The real is where the client is; a veth does not take XDP_TX from a balancer without help."""
        text = self.text([{"method": "l2"}], hop=False).replace(f'address = "{REAL}"', 'address = "10.1.0.2"')
        for way in WAYS:
            with self.subTest(way):
                sh("ip", "-n", self.client, "neigh", "flush", "all")
                process = self.start("--datapath", way, config=self.write(text), ports=self.ports[:1])
                sniffer = self.bed.sniffer(self.client, "c0", timeout=0.2)

                def back():
                    self.send()
                    with contextlib.suppress(TimeoutError):
                        while True:
                            frame = sniffer.recv(2048)
                            if frame[:6].hex(":") == mac_of(self.client, "c0") and frame[30:34] == socket.inet_aton(VIP):
                                return frame[42:47] == b"hello"
                self.assertTrue(eventually(back, 3), process.stderr)
                sniffer.close()
                self.assertEqual(process.stop(), 0)

    def test_counters_are_those_of_what_is_there_now(self):
        """What counts a VIP that is gone is used again for another one."""
        def packets(name):
            return next(v for v in json.loads(sh(LB, "stats", "--socket", self.control, "--json").stdout)["vips"]
                        if v["name"] == name)["packets"]
        for way in WAYS:
            with self.subTest(way):
                process = self.start("--datapath", way, config=self.write(self.text([{}])))
                sniffer = self.sniffer()
                self.assertTrue(self.arrives(sniffer))
                self.assertGreater(packets("web"), 0)
                for vips in ([], [{"name": "b", "address": OTHER_VIP}]):
                    self.write(self.text(vips, hop=bool(vips)))
                    os.kill(process.pid, signal.SIGHUP)
                    self.assertTrue(eventually(lambda: process.stderr.count("reloaded") == len(vips) + 1), process.stderr)
                self.assertEqual(packets("b"), 0)
                self.assertTrue(self.arrives(sniffer, OTHER_VIP))
                self.assertIn(packets("b"), (1, 2, 3))
                sniffer.close()
                self.assertEqual(process.stop(), 0)

    def test_frames_for_others_are_not_asked_for(self):
        for way in WAYS:
            with self.subTest(way):
                process = self.start("--datapath", way)
                shown = json.loads(self.bed.run(self.lb, "ip", "-d", "-j", "link", "show", "d0").stdout)
                self.assertEqual(shown[0]["promiscuity"], 0)
                self.assertEqual(process.stop(), 0)

    def test_what_was_obtained_is_told(self):
        process = self.start()
        self.assertRegex(process.stderr, r"tables: \d+\.\d MiB for 64 VIPs, 64 rings of 251, 64 reals, \d+ connections\n")
        self.assertRegex(process.stderr, r"VIPs: 1, reals: 1; control socket: ")
        self.assertIn(f"{self.ports[0]}: native XDP", process.stderr)
        self.assertNotIn("warning", process.stderr)
        self.assertEqual(process.stop(), 0)

    def test_the_kernel_gets_the_rest(self):
        for way in WAYS:
            with self.subTest(way):
                process = self.start("--datapath", way)
                self.bed.run(self.client, "ping", "-c", 3, "-i", 0.1, "-W", 2, "10.1.0.1")
                listener = self.bed.socket_in(self.lb, socket.AF_INET, socket.SOCK_STREAM)
                listener.bind(("10.1.0.1", 2222 + WAYS.index(way)))
                listener.listen()
                caller = self.bed.socket_in(self.client, socket.AF_INET, socket.SOCK_STREAM)
                caller.settimeout(3)
                caller.connect(("10.1.0.1", 2222 + WAYS.index(way)))
                caller.sendall(b"x" * 100_000)
                accepted, _ = listener.accept()
                accepted.settimeout(3)
                received = 0
                while received < 100_000:
                    received += len(accepted.recv(65536))
                accepted.close()
                self.assertEqual(process.stop(), 0)

    def test_the_port_of_the_default_route_is_as_good_as_any(self):
        sh("ip", "-n", self.lb, "route", "add", "default", "via", "10.1.0.2")
        process = self.start()
        self.assertEqual(process.stop(), 0)

    def test_a_ping_to_the_vip_is_answered(self):
        for way in WAYS:
            with self.subTest(way):
                process = self.start("--datapath", way)
                self.bed.run(self.client, "ping", "-c", 2, "-i", 0.1, "-W", 2, VIP)
                process.stop()

    def test_a_drop_has_its_name_in_the_report(self):
        config = self.write(self.text([{"weight": 0}]))
        for way in WAYS:
            with self.subTest(way):
                process = self.start("--datapath", way, "--json", "-", config=config)
                for _ in range(5):
                    self.send()
                self.bed.run(self.client, "ping", "-c", 1, "-W", 2, VIP)    # behind them
                self.assertEqual(process.stop(), 0)
                report = json.loads(process.stdout)
                self.assertEqual(sum(p["drops"]["no_real"] for p in report["ports"]), 5, process.stdout)
                rx, tx, passed = (sum(p[key] for p in report["ports"]) for key in ("rx_packets", "tx_packets", "passed"))
                dropped = sum(sum(p["drops"].values()) for p in report["ports"])
                self.assertEqual(rx, tx + dropped + (passed if way == "xdp" else 0))

    def test_the_vip_is_announced(self):
        """At start, and when carrier returns: a gratuitous ARP request from the port's own address."""
        sniffer = self.bed.sniffer(self.client, "c0", timeout=0.2)

        def announced():
            try:
                while True:
                    frame = sniffer.recv(2048)
                    if frame[12:14] == b"\x08\x06" and frame[28:32] == frame[38:42] == socket.inet_aton(VIP):
                        return self.assertEqual(frame[22:28].hex(":"), mac_of(self.lb, "d0")) or True
            except OSError:     # nothing came, or the link is down
                return False
        process = self.start()
        self.assertTrue(eventually(announced, 3))
        eventually(lambda: False, 1.5)
        while announced():
            pass
        sh("ip", "-n", self.client, "link", "set", "c0", "down")
        eventually(lambda: False, 1.2)      # the kernel tells of losses once a second
        sh("ip", "-n", self.client, "link", "set", "c0", "up")
        self.assertTrue(eventually(announced, 4), process.stderr)
        self.assertEqual(process.stop(), 0)


class Jumbo(Bed):
    MTU = 9000

    def test_packets_longer_than_a_page(self):
        """In the kernel they are taken in fragments; AF_XDP's frames do not hold them, which is told."""
        process = self.start("--datapath", "xdp")
        sniffer = self.sniffer()
        self.assertTrue(self.arrives(sniffer, data=os.urandom(8000)), process.stderr)
        self.assertTrue(self.arrives(sniffer), process.stderr)
        self.assertNotIn("warning", process.stderr)
        self.assertEqual(process.stop(), 0)
        process = self.start("--datapath", "afxdp")
        self.assertRegex(process.stderr, r"warning: \S+d0: MTU 9000 exceeds a frame of 4096 bytes: [^\n]*3840 bytes are lost")
        self.assertTrue(self.arrives(sniffer, data=os.urandom(3700)), process.stderr)
        self.assertTrue(self.arrives(sniffer), process.stderr)
        self.assertEqual(process.stop(), 0)


class Reloads(Bed):
    def hang_up(self, process, text):
        """SIGHUP, and the line that follows."""
        before = len(process.stderr)
        os.kill(process.pid, signal.SIGHUP)
        self.assertTrue(eventually(lambda: text in process.stderr[before:], 5), process.stderr)
        return process.stderr[before:]

    def test_another_vip(self):
        for way in WAYS:
            with self.subTest(way):
                process = self.start("--datapath", way, config=self.write(self.text()))
                sniffer = self.sniffer()
                self.assertFalse(self.arrives(sniffer, OTHER_VIP))
                self.write(self.text([{}, {"name": "b", "address": OTHER_VIP}]))
                self.hang_up(process, "reloaded")
                sh("ip", "-n", self.client, "neigh", "flush", "all")
                self.assertTrue(self.arrives(sniffer, OTHER_VIP), process.stderr)
                self.write(self.text([{"name": "b", "address": OTHER_VIP}]))
                self.hang_up(process, "reloaded")
                self.assertTrue(self.arrives(sniffer, OTHER_VIP), process.stderr)
                self.assertFalse(self.arrives(sniffer, VIP))
                sniffer.close()
                self.assertEqual(process.stop(), 0)

    def test_a_file_that_is_refused_leaves_the_old_one_in_force(self):
        process = self.start(config=self.write(self.text()))
        sniffer = self.sniffer()
        for content, text in (("[[vip]\n", "lb.toml:1: "), (self.text([{"address": "10.1.0.1"}]), "10.1.0.1"),
                              (self.text([{"address": "10.9.9.9"}]), "10.9.9.9"),
                              ('datapath = "xdp"\n' + self.text(), "restart: datapath"),
                              (self.text(balancer='seed = "x"\n'), "restart: seed")):
            with self.subTest(text):
                if "10.9.9.9" in content:       # since now
                    sh("ip", "-n", self.lb, "address", "add", "10.9.9.9/32", "dev", "lo")
                self.write(content)
                said = self.hang_up(process, text)
                self.assertRegex(said, rf"\A{NAME}: error: reload: [^\n]*\n\Z")
                self.assertTrue(self.arrives(sniffer))
        self.write(self.text([{"weight": 2}]))
        self.hang_up(process, "reloaded")
        self.assertEqual(process.stop(), 0)


class Ends(Bed):
    def test_nothing_is_left(self):
        for way in WAYS:
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(f"{way} {number.name}"):
                    before = self.state()
                    process = self.start("--datapath", way)
                    self.assertEqual(self.attached(), ["d0", "d1"])
                    self.assertTrue(self.control.is_socket())
                    self.assertEqual(process.stop(number), 0)
                    self.assertFalse(self.control.exists())
                    self.assertEqual(self.state(), before)

    def state(self):
        """What a program could leave in the balancer's namespace."""
        commands = (("ip", "rule"), ("ip", "route", "show", "table", "all"), ("tc", "qdisc", "show"),
                    ("ip", "neigh", "show", "nud", "permanent"))
        return self.attached(), [self.bed.run(self.lb, *c).stdout for c in commands]

    def test_a_killed_one_leaves_no_program_and_its_socket_is_taken_over(self):
        for way in WAYS:
            with self.subTest(way):
                process = self.start("--datapath", way)
                process.kill()
                self.assertTrue(eventually(lambda: self.attached() == []))
                self.assertTrue(self.control.is_socket())
                process = self.start("--datapath", way)
                sniffer = self.sniffer()
                self.assertTrue(self.arrives(sniffer), process.stderr)
                sniffer.close()
                self.assertEqual(process.stop(), 0)

    def test_a_port_that_is_deleted_ends_it(self):
        process = self.start()
        sh("ip", "-n", self.lb, "link", "del", "d0")
        self.assertEqual(process.wait(5), 1)
        self.assertRegex(process.stderr, rf"{NAME}: error: [^\n]*d0: the interface was deleted: No such device\n\Z")
        self.assertFalse(self.control.exists())


if __name__ == "__main__":
    main()
