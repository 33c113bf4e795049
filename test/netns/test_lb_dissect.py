#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the balancer sends to a real, captured in front of it and read by tshark, which has been told to check every
checksum: it finds nothing malformed, no expert error, and the headers that each method promises."""
import collections
import signal
import socket
import struct
import unittest

from lb_bed import KINDS, Bed
from rwtest import eventually, main, sh

BED = None
READ = ["tshark", "-n", "-d", "udp.port==6080,ip", *(part for name in ("ip", "tcp", "udp") for part in
                                                  ("-o", f"{name}.check_checksum:TRUE"))]
WRONG = "_ws.malformed or _ws.expert.severity == error"


def setUpModule():
    global BED
    BED = unittest.enterModuleContext(Bed())
    BED.start_reals()


def expected(kind, family, inside):
    """The protocols of a frame, as tshark lists them. What UDP holds was said to be IP: version 6 is found by that."""
    method, outside, _ = KINDS[kind]
    name = {4: ["ip"], 6: ["ipv6"]}
    outer = {"l2": [], "ipip": name[outside], "gue": [*name[outside], "udp", *(["ip"] if family == 6 else [])]}[method]
    return ":".join(["eth", "ethertype", *outer, *name[family], *inside])


class Dissected:
    def capture(self):
        """Of all that goes to r1, which gets everything: traffic of every VIP."""
        path = BED.dir / f"{self.DATAPATH}.pcap"
        BED.lb.start(self.DATAPATH, reals=["r1"])
        tcpdump = BED.start_in(BED.net, "tcpdump", "-Z", "root", "--immediate-mode", "-U", "-n", "-Q", "out", "-i", "r0-r1", "-w", path)
        tcpdump.wait_for("listening on")
        upload = BED.dir / "upload"
        upload.write_bytes(bytes(range(256)) * 80)
        try:
            for kind in KINDS:
                for family in (4, 6):
                    vip = BED.vip(kind, family)
                    self.assertEqual(BED.curl(vip), ["r1"])
                    self.assertEqual(BED.curl(vip, "-T", upload, port=8080)[0].split()[:2], ["r1", str(256 * 80)])
                    self.assertEqual(BED.udp(vip), "r1:hello")
                    self.icmp_error(vip, family)
        finally:
            BED.lb.stop()
        eventually(lambda: False, 0.3)  # until tcpdump has it
        tcpdump.stop(signal.SIGINT)
        return path

    @staticmethod
    def icmp_error(vip, family):
        """From a port of the client that nobody has: the answer meets an ICMP error, which the real has to hear of."""
        raw = BED.socket_in(BED.client, socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP)
        if family == 6:
            raw.setsockopt(socket.IPPROTO_IPV6, 7, 6)  # IPV6_CHECKSUM: where the kernel writes it
        raw.sendto(struct.pack("!HHHH", 40000, 7, 8 + 5, 0) + b"error", (vip, 0))
        raw.close()

    def read(self, path, *more):
        done = sh(*READ, "-r", path, *more)
        return done.stdout.splitlines()

    def test_capture(self):
        path = self.capture()
        protocols = collections.Counter(self.read(path, "-T", "fields", "-e", "frame.protocols"))
        self.assertEqual(self.read(path, "-Y", WRONG), [])
        for kind in KINDS:
            for family in (4, 6):
                for inside in (["tcp", "http"], ["udp", "echo"]):
                    with self.subTest(kind=kind, family=family, inside=inside):
                        self.assertGreater(protocols[expected(kind, family, inside)], 0, protocols)
                error = expected(kind, family, ["icmp" if family == 4 else "icmpv6"])
                self.assertTrue(any(found.startswith(error + ":ip") for found in protocols), (error, protocols))
        self.check_can_fail(path)

    def check_can_fail(self, path):
        """One bit of one packet's inner header."""
        frames = sh(*READ, "-r", path, "-Y", "udp.port == 6080 && tcp", "-T", "fields", "-e", "frame.number").stdout.split()
        self.assertGreater(len(frames), 10)
        data = bytearray(path.read_bytes())
        at, number = 24, 1
        while number < int(frames[3]):
            at += 16 + int.from_bytes(data[at + 8:at + 12], "little")
            number += 1
        length = int.from_bytes(data[at + 8:at + 12], "little")
        data[at + 16 + length - 1] ^= 1  # the last byte: the inner TCP checksum is wrong now
        damaged = path.with_suffix(".damaged")
        damaged.write_bytes(data)
        self.assertEqual(len(self.read(damaged, "-Y", WRONG)), 1)


class Xdp(Dissected, unittest.TestCase):
    DATAPATH = "xdp"


class Afxdp(Dissected, unittest.TestCase):
    DATAPATH = "afxdp"


if __name__ == "__main__":
    main()
