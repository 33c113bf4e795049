#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How clients find the VIPs and the balancer finds the reals: ARP and ND answered, announced at start and after carrier,
ping; next hops from the kernel's routes and neighbours, and what becomes of a real whose neighbour is silent. Nobody has a
static neighbour."""
import json
import os
import socket
import time
import unittest

from lb_bed import KINDS as ALL_KINDS
from lb_bed import LB, REALS, Bed, failures, now, toml, url
from rwtest import eventually, mac_of, main, sh
from scapy.all import ARP, ICMP, Ether, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6

BED = None
KINDS = ("ipip6", "gue4", "l2")
REMOTE = {4: "10.99.0.1", 6: "fd99::1"}  # VIPs in nobody's prefix
WRONG = "02:00:00:00:00:99"
# The kernel's timers, so that a silent neighbour is found out in seconds.
HASTY = ("base_reachable_time_ms=500", "retrans_time_ms=100", "delay_first_probe_time=0")


def setUpModule():
    global BED
    BED = unittest.enterModuleContext(Bed())
    for real in BED.reals:
        for address in REMOTE.values():
            sh("ip", "-n", real.ns, "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    BED.lb.run("sysctl", "-qw", *(f"net.ipv{v}.neigh.b1.{value}" for v in (4, 6) for value in HASTY))
    BED.run(BED.client, "sysctl", "-qw", "net.ipv4.neigh.c0.locktime=0")
    BED.start_reals()


class Announced:
    """What VIPs are announced on the client's link, and by which link addresses, from now on."""

    def __init__(self):
        self._sniffer = BED.sniffer(BED.client, "c0", timeout=0.05)
        self.seen = {}  # VIP: link addresses

    def __contains__(self, vip):
        self._read()
        return vip in self.seen

    def _read(self):
        try:
            while True:
                self._look(Ether(self._sniffer.recv(65535)))
        except TimeoutError:
            pass

    def _look(self, frame):
        if ARP in frame and frame.dst == "ff:ff:ff:ff:ff:ff" and frame[ARP].psrc == frame[ARP].pdst:
            self._add(frame[ARP].psrc, {frame.src, frame[ARP].hwsrc})
        elif ICMPv6ND_NA in frame and frame[IPv6].dst == "ff02::1" and frame[ICMPv6ND_NA].O and not frame[ICMPv6ND_NA].S:
            self._add(frame[ICMPv6ND_NA].tgt, {frame.src, frame[ICMPv6NDOptDstLLAddr].lladdr})

    def _add(self, vip, macs):
        self.seen.setdefault(vip, set()).update(macs)

    def close(self):
        self._sniffer.close()


def ping(address, timeout=1.0, data=b"is anybody there?"):
    """Whether an echo request of the client is answered, from that address and with the same data."""
    if ":" in address:
        kind, answer, skip = (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6), 129, 0
        request = ICMPv6EchoRequest(id=os.getpid() & 0xffff, seq=1, data=data, cksum=0)  # the kernel writes the checksum
    else:
        kind, answer, skip = (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP), 0, 20
        request = ICMP(id=os.getpid() & 0xffff, seq=1) / data
    with BED.socket_in(BED.client, *kind) as one:
        one.settimeout(timeout)
        one.sendto(bytes(request), (address, 0))
        try:
            while True:
                got, source = one.recvfrom(65535)
                if source[0] == address and got[skip] == answer:
                    return got[skip + 4:] == bytes(request)[4:]  # all but type, code and checksum
        except OSError:  # no answer in time, or no neighbour
            return False


class Reach:
    def setUp(self):
        self.lb = BED.lb
        self.mac = mac_of(self.lb.ns, "b0")
        self.vips = [BED.vip(kind, family) for kind in KINDS for family in (4, 6)]
        self.addCleanup(self.end)

    def end(self):
        if self.lb.process and self.lb.process.running():
            self.lb.stop()
        # The kernel looks after these no longer.
        self.assertNotIn("managed", self.lb.run("ip", "neigh", "show").stdout)

    def start(self, more="", **what):
        text = self.lb.configuration(**{"kinds": KINDS, **what}) + more
        self.lb.config.write_text(text)
        own = ["--idle", "poll"] if self.DATAPATH == "afxdp" else []
        self.lb.process = BED.start_in(self.lb.ns, LB, "--config", self.lb.config, "--datapath", self.DATAPATH, *own)
        self.lb.process.wait_for("ringway-lb: ready", 30)

    def resolved(self, name, wanted=True):
        """Whether the balancer has a next hop for the real, in all VIPs that have it."""
        found = [r["neighbour"] for r in self.lb.ask("reals")["reals"] if r["name"] == name]
        self.assertTrue(found)
        return all(state == wanted for state in found)

    def wait_for_reals(self, reals=REALS, seconds=5):
        self.assertTrue(eventually(lambda: all(self.resolved(name) for name in reals), seconds),
                        self.lb.ask("reals")["reals"])

    def forget(self):
        """The client knows no link address any more."""
        BED.run(BED.client, "ip", "neigh", "flush", "dev", "c0")

    def neighbour(self, address):
        entries = json.loads(BED.run(BED.client, "ip", "-j", "neigh", "show", address).stdout or "[]")
        return entries[0] if entries else {}

    def announced(self):
        sniffer = Announced()
        self.addCleanup(sniffer.close)
        return sniffer

    def test_a_client_on_the_segment(self):
        self.start()
        self.wait_for_reals()
        self.forget()
        for vip in self.vips:
            with self.subTest(vip):
                self.assertEqual(self.neighbour(vip), {})
                self.assertIn(BED.curl(vip)[0], REALS)
                entry = self.neighbour(vip)
                self.assertEqual(entry.get("lladdr"), self.mac)
                self.assertNotIn("PERMANENT", entry["state"])
                # Nobody but the core can have answered: the address is not the kernel's.
                self.assertNotIn(vip, self.lb.run("ip", "address", "show").stdout)
        self.forget()
        for vip in self.vips:
            with self.subTest(f"ping {vip}"):
                self.assertTrue(ping(vip))
        # A neighbour asks again when it doubts: by unicast.
        for vip in self.vips[:2]:
            BED.run(BED.client, "ip", "neigh", "change", vip, "dev", "c0", "lladdr", self.mac, "nud", "probe")
            self.assertTrue(eventually(lambda: self.neighbour(vip).get("state") == ["REACHABLE"], 4), self.neighbour(vip))

    def test_vips_are_announced_at_start_and_after_carrier(self):
        sniffer = self.announced()
        for vip in self.vips:  # as left by another balancer
            BED.run(BED.client, "ip", "neigh", "replace", vip, "dev", "c0", "lladdr", WRONG, "nud", "stale")
        self.start(more=self.remote())
        for vip in self.vips:
            self.assertTrue(eventually(lambda: vip in sniffer, 3), vip)
            self.assertTrue(eventually(lambda: self.neighbour(vip).get("lladdr") == self.mac, 3), self.neighbour(vip))
        time.sleep(1.5)  # the second round
        self.assertFalse(any(vip in sniffer for vip in REMOTE.values()))
        self.assertEqual({vip: macs for vip, macs in sniffer.seen.items() if vip in self.vips},
                         {vip: {self.mac} for vip in self.vips})
        self.wait_for_reals()
        again = self.announced()
        time.sleep(1.2)
        self.assertFalse(any(vip in again for vip in self.vips))  # not for ever
        sh("ip", "-n", BED.net, "link", "set", "b0-lb0", "down")
        try:
            self.assertTrue(eventually(lambda: "NO-CARRIER" in self.lb.run("ip", "link", "show", "b0").stdout, 3))
            time.sleep(1)
        finally:
            sh("ip", "-n", BED.net, "link", "set", "b0-lb0", "up")
        for vip in self.vips:
            self.assertTrue(eventually(lambda: vip in again, 5), vip)
        for vip in self.vips:
            self.assertIn(BED.curl(vip)[0], REALS)

    def remote(self):
        """VIPs that no port's prefix has, with announce = auto, the default."""
        text = ""
        for family, address in REMOTE.items():
            text += "[[vip]]\n" + toml({"name": f"remote-{family}", "address": address, "port": 80, "protocol": "tcp",
                                        "method": "gue"})
            for real in REALS:
                text += "[[vip.real]]\n" + toml({"name": real, "address": BED.real(real).address[4]})
        return text

    def test_a_vip_in_no_prefix_of_ours_is_not_announced_but_served(self):
        self.start(more=self.remote())
        self.wait_for_reals()
        said = {vip["name"]: vip["announced"] for vip in self.lb.ask("vips")["vips"]}
        self.assertEqual({name: said[name] for name in ("remote-4", "remote-6", "gue4-4-web")},
                         {"remote-4": False, "remote-6": False, "gue4-4-web": True})
        for family, address in REMOTE.items():
            with self.subTest(address):
                route = [address, "dev", "c0"]
                BED.run(BED.client, "ip", "route", "add", *route)  # as if it were on the link
                try:
                    self.assertFalse(ping(address))
                    self.assertNotIn("lladdr", self.neighbour(address))
                finally:
                    BED.run(BED.client, "ip", "route", "del", *route)
                route = [address, "via", self.lb.address[family]]
                BED.run(BED.client, "ip", "route", "add", *route)
                try:
                    self.assertIn(BED.curl(address)[0], REALS)
                finally:
                    BED.run(BED.client, "ip", "route", "del", *route)

    def test_a_real_whose_neighbour_dies_is_out_and_comes_back(self):
        self.start()
        self.wait_for_reals()
        curls = BED.curls([url(BED.vip("ipip6", 4)), url(BED.vip("gue4", 6)), url(BED.vip("l2", 4))])
        self.addCleanup(curls.stop)
        self.assertEqual({r.real for r in curls.more(45)}, set(REALS))
        sh("ip", "-n", BED.net, "link", "set", "r0-r2", "down")
        killed = now()
        try:
            self.assertTrue(eventually(lambda: self.resolved("r2", False), 20))
            out = now()
            states = {r["state"] for r in self.lb.ask("reals")["reals"] if r["name"] == "r2"}
            self.assertEqual(states, {"no_neighbour"})
            self.assertIn("does not answer", self.lb.process.stderr)
            curls.more(45)
            time.sleep(0.5)
        finally:
            sh("ip", "-n", BED.net, "link", "set", "r0-r2", "up")
        back = now()
        self.wait_for_reals(seconds=10)
        revived = now()
        curls.more(45)
        requests = curls.stop()
        self.assertEqual({r.real for r in requests if out < r.start < back}, {"r1", "r3"})
        self.assertEqual({r.real for r in requests if r.start > revived}, set(REALS))
        self.assertEqual(failures(requests, out, back), [])
        self.assertEqual(failures(requests, begin=revived), [])
        print(f"\n{self.DATAPATH}: a silent neighbour was out after {out - killed:.1f} s (base_reachable_time 0.5 s), and "
              f"back {revived - back:.1f} s after its link")

    def test_a_link_local_next_hop(self):
        real = BED.real("r1")
        links = json.loads(real.run("ip", "-6", "-j", "address", "show", "dev", "r0", "scope", "link").stdout)
        gateway = next(a["local"] for link in links for a in link.get("addr_info", []) if "local" in a)
        self.assertTrue(gateway.startswith("fe80::"))
        route = [f"{real.address[6]}/128", "via", gateway, "dev", "b1"]
        self.lb.run("ip", "-6", "route", "add", *route)
        self.addCleanup(lambda: self.lb.run("ip", "-6", "route", "del", *route))
        self.assertEqual(ALL_KINDS["ipip6"][1], 6)
        self.start(kinds=("ipip6",), reals=("r1",))
        self.wait_for_reals(["r1"])
        for family in (4, 6):
            self.assertEqual(BED.curl(BED.vip("ipip6", family), count=3), ["r1"] * 3)
        shown = self.lb.run("ip", "neigh", "show", "dev", "b1").stdout.splitlines()
        managed = [line.split()[0] for line in shown if "managed" in line]
        self.assertEqual(managed, [gateway])
        # The route moves to a gateway that there is not: out. (Without the prefix, which the kernel would take instead.)
        self.lb.run("ip", "-6", "route", "del", "fd02::/64", "dev", "b1")
        self.lb.run("ip", "-6", "route", "replace", f"{real.address[6]}/128", "via", "fe80::dead", "dev", "b1")
        try:
            self.assertTrue(eventually(lambda: self.resolved("r1", False), 5),
                            self.lb.process.stderr + self.lb.run("ip", "neigh", "show").stdout)
        finally:
            self.lb.run("ip", "-6", "route", "replace", *route)
            self.lb.run("ip", "-6", "route", "add", "fd02::/64", "dev", "b1", "proto", "kernel", "metric", "256")
        self.wait_for_reals(["r1"])
        self.assertEqual(BED.curl(BED.vip("ipip6", 4)), ["r1"])


class Xdp(Reach, unittest.TestCase):
    DATAPATH = "xdp"


class Afxdp(Reach, unittest.TestCase):
    DATAPATH = "afxdp"


if __name__ == "__main__":
    main()
