#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ringway-lb between a client and three reals: every way of forwarding, for VIPs and reals of both families, in both
datapaths; what is no VIP's stays the kernel's."""
import contextlib
import json
import socket
import struct
import time
import unittest

from lb_bed import HERE, KINDS, PYTHON, REALS, Bed
from rwtest import mac_of, main, sh
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

BED = None
COMBINATIONS = [(kind, family) for kind in KINDS for family in (4, 6)]
VLAN = 5


def setUpModule():
    global BED
    BED = unittest.enterModuleContext(Bed())
    BED.start_reals()


class TaggedSocket:
    """Frames of the client's interface with their VLAN tags, which the kernel takes off and tells beside them."""

    def __init__(self, bed):
        self._socket = bed.sniffer(bed.client, "c0", timeout=0.5)
        self._socket.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA

    def send(self, frame):
        self._socket.send(bytes(frame))

    def answer(self, wanted, seconds=2):
        """The VLAN of the first frame that arrives and is wanted; 0: it has none. None: there was no such frame."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                data, more, _, address = self._socket.recvmsg(2048, 256)
            except TimeoutError:
                continue
            frame = Ether(data)
            if address[2] == socket.PACKET_OUTGOING or not wanted(frame):
                continue
            status, tci = struct.unpack("I12xH", more[0][2][:18])
            return tci & 0xfff if status & 0x10 else 0  # TP_STATUS_VLAN_VALID
        return None

    def close(self):
        self._socket.close()


class Forwarding:
    """With one datapath, for all tests of the class."""

    @classmethod
    def setUpClass(cls):
        BED.lb.start(cls.DATAPATH)

    @classmethod
    def tearDownClass(cls):
        BED.lb.stop()

    def each(self, body):
        for kind, family in COMBINATIONS:
            with self.subTest(kind=kind, family=family):
                body(BED.vip(kind, family))

    def test_http_reaches_every_real(self):
        self.each(lambda vip: self.assertEqual(set(BED.curl(vip, count=40)), set(REALS)))

    def test_udp_reaches_every_real(self):
        def reached(vip):
            answers = [BED.udp(vip, f"flow {i}") for i in range(40)]
            self.assertEqual({a.split(":")[0] for a in answers}, set(REALS))
            self.assertTrue(all(a.endswith(f":flow {i}") for i, a in enumerate(answers)))

        self.each(reached)

    def test_other_ports_go_by_the_source_alone(self):
        def together(vip):
            flows = [BED.flow(vip) for _ in range(8)]
            names = {flow.ask() for flow in flows}
            for flow in flows:
                flow.close()
            upload = BED.curl(vip, "-T", __file__, port=8080)[0]
            self.assertEqual({upload.split(" ")[0]}, names)

        self.each(together)

    def test_ping(self):
        self.each(lambda vip: self.assertTrue(BED.ping(vip)))

    def test_vips_are_announced_to_the_segment(self):
        def announced(vip):
            sh("ip", "-n", BED.client, "neigh", "flush", "to", vip)
            BED.curl(vip)
            there = json.loads(sh("ip", "-n", BED.client, "-j", "neigh", "show", "to", vip).stdout)
            self.assertEqual([entry.get("lladdr") for entry in there], [mac_of(BED.lb.ns, "b0")])

        self.each(announced)

    def test_answers_do_not_pass_the_balancer(self):
        def direct(vip):
            sniffer = BED.sniffer(BED.client, "c0", timeout=0.3)
            self.assertIn(BED.curl(vip)[0], REALS)
            senders = set()
            with contextlib.suppress(TimeoutError):
                while True:
                    data, address = sniffer.recvfrom(2048)
                    frame = Ether(data)
                    if address[2] != socket.PACKET_OUTGOING and TCP in frame and frame[TCP].sport == 80:
                        senders.add(frame.src)
            sniffer.close()
            self.assertEqual(senders, {mac_of(BED.net, "br1")})

        for kind in ("l2", "ipip4"):
            direct(BED.vip(kind, 4))

    # ---- VLAN: tags of requests are not carried on, answers of the balancer's own keep them ----

    def tagged(self):
        one = TaggedSocket(BED)
        self.addCleanup(one.close)
        return one, {"src": mac_of(BED.client, "c0"), "dst": mac_of(BED.lb.ns, "b0")}

    def test_tagged_requests_are_answered(self):
        line, macs = self.tagged()
        vip = BED.vip("gue4", 4)
        line.send(Ether(**macs) / Dot1Q(vlan=VLAN) / IP(src="10.1.0.2", dst=vip) / TCP(sport=1234, dport=80, flags="S"))
        self.assertEqual(line.answer(lambda f: IP in f and f[IP].src == vip and TCP in f and f[TCP].flags == "SA"), 0)
        line.send(Ether(**macs) / Dot1Q(vlan=VLAN) / IP(src="10.1.0.2", dst=vip) / ICMP(id=77))
        self.assertEqual(line.answer(lambda f: ICMP in f and f[ICMP].type == 0 and f[ICMP].id == 77), VLAN)
        line.send(Ether(src=macs["src"], dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=VLAN) /
                  ARP(hwsrc=macs["src"], psrc="10.1.0.2", pdst=vip))
        self.assertEqual(line.answer(lambda f: ARP in f and f[ARP].op == 2 and f[ARP].psrc == vip), VLAN)

    def test_tagged_requests_are_answered_over_ipv6(self):
        line, macs = self.tagged()
        vip = BED.vip("ipip6", 6)
        line.send(Ether(**macs) / Dot1Q(vlan=VLAN) / IPv6(src="fd01::2", dst=vip) / TCP(sport=1235, dport=80, flags="S"))
        self.assertEqual(line.answer(lambda f: IPv6 in f and f[IPv6].src == vip and TCP in f and f[TCP].flags == "SA"), 0)
        line.send(Ether(**macs) / Dot1Q(vlan=VLAN) / IPv6(src="fd01::2", dst=vip) / ICMPv6EchoRequest(id=78))
        self.assertEqual(line.answer(lambda f: IPv6 in f and f[IPv6].src == vip and f[IPv6].nh == 58 and
                                     bytes(f[IPv6].payload)[0] == 129), VLAN)


class Xdp(Forwarding, unittest.TestCase):
    DATAPATH = "xdp"


class Afxdp(Forwarding, unittest.TestCase):
    DATAPATH = "afxdp"


class TheKernelsOwn(unittest.TestCase):
    """A service of the balancer's own address, as ssh is: a connection lives on while the balancer comes and goes."""

    def through(self, datapath):
        service = BED.start_in(BED.lb.ns, PYTHON, HERE / "lb_real.py", "itself")
        service.wait_for("ready")
        flows = [BED.flow(address) for address in BED.lb.address.values()]

        def alive():
            for flow in flows:
                self.assertEqual(flow.ask(), "itself")
            for address in BED.lb.address.values():
                late = BED.flow(address)
                self.assertEqual(late.ask(), "itself")
                late.close()
                self.assertTrue(BED.ping(address))

        alive()
        BED.lb.start(datapath)
        alive()
        self.assertTrue(set(BED.curl(BED.vip("l2", 4), count=3)) <= set(REALS))
        alive()
        BED.lb.stop()
        alive()
        service.kill()

    def test_xdp(self):
        self.through("xdp")

    def test_afxdp(self):
        self.through("afxdp")


if __name__ == "__main__":
    main()
