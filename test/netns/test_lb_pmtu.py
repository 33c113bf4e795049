#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Uploads whose packets do not fit the path once they are in a tunnel: client and path have an MTU of 1500. The
balancer tells the client what fits, the upload completes, and the client remembers 1500 less the outer headers."""
import json
import pathlib
import time
import unittest
import zlib

from lb_bed import KINDS, REALS, Bed
from rwtest import main, sh

BED, FILE, EXPECTED = None, None, None
SIZE = 100_000_000
TUNNELS = [(kind, family) for kind in KINDS if kind != "l2" for family in (4, 6)]


def setUpModule():
    global BED, FILE, EXPECTED
    BED = unittest.enterModuleContext(Bed(router=True))
    for network, via in (("10.9.0.0/24", "10.1.0.10"), ("fd09::/64", "fd01::10")):
        sh("ip", "-n", BED.net, "route", "add", network, "via", via)
    BED.start_reals()
    FILE = BED.dir / "upload"
    data = b"".join(i.to_bytes(8, "big") for i in range(SIZE // 8))
    FILE.write_bytes(data)
    EXPECTED = f"{SIZE} {zlib.crc32(data)}"


class Uploads:
    def setUp(self):
        BED.lb.start(self.DATAPATH, reals=REALS)
        self.addCleanup(BED.lb.stop)

    def remembered(self, vip):
        """The path MTU that the client has cached; None: none."""
        route, = json.loads(BED.run(BED.client, "ip", "-j", "route", "get", vip).stdout)
        return next((m["mtu"] for m in route.get("metrics", []) if "mtu" in m), None)

    def test_uploads_complete(self):
        for kind, family in self.COMBINATIONS:
            with self.subTest(kind=kind, family=family):
                vip = BED.vip(kind, family)
                BED.run(BED.client, "ip", *(["-6"] if family == 6 else []), "route", "flush", "cache")
                self.assertIsNone(self.remembered(vip))
                begin = time.monotonic()
                name, _, got = BED.curl(vip, "-T", FILE, port=8080, seconds=60)[0].partition(" ")
                took = time.monotonic() - begin
                self.assertIn(name, REALS)
                self.assertEqual(got, EXPECTED)
                self.assertEqual(self.remembered(vip), 1500 - KINDS[kind][2])
                print(f"\n{self.DATAPATH}: {SIZE // 1_000_000} MB by {kind} to the VIP's IPv{family} address in {took:.1f} s")

    def test_without_a_tunnel_all_fits(self):
        vip = BED.vip("l2", 4)
        small = pathlib.Path(BED.dir / "small")
        small.write_bytes(bytes(1_000_000))
        self.assertIn(" 1000000 ", BED.curl(vip, "-T", small, port=8080)[0])
        self.assertIsNone(self.remembered(vip))


class Xdp(Uploads, unittest.TestCase):
    DATAPATH, COMBINATIONS = "xdp", TUNNELS


class Afxdp(Uploads, unittest.TestCase):
    # Slower, on the two CPUs of a small machine: every outer header once.
    DATAPATH, COMBINATIONS = "afxdp", [t for i, t in enumerate(TUNNELS) if i % 4 in (0, 3)]


if __name__ == "__main__":
    main()
