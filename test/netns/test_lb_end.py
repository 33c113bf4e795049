#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What clients see when the balancer ends: their packets reach its kernel, to which a VIP is nobody's address. It
drops them without a word (it does not forward), counted InAddrErrors; nobody answers ARP for the VIPs any more. What a
restart loses is measured and printed."""
import errno
import signal
import socket
import unittest

from lb_bed import Bed, failures, now, url
from rwtest import eventually, main, sh

BED = None


def setUpModule():
    global BED
    BED = unittest.enterModuleContext(Bed())
    BED.start_reals()


def address_errors(ns):
    """Packets that were for no address of the namespace, which does not forward: IPv4 and IPv6."""
    text = BED.run(ns, "cat", "/proc/net/snmp").stdout
    names, values = [line.split()[1:] for line in text.splitlines() if line.startswith("Ip:")]
    counts = dict(zip(names, map(int, values)))
    six = dict(line.split() for line in BED.run(ns, "cat", "/proc/net/snmp6").stdout.splitlines())
    return counts["InAddrErrors"], int(six["Ip6InAddrErrors"])


class Ends:
    def start(self):
        BED.lb.start(self.DATAPATH, kinds=["gue4"])
        self.addCleanup(BED.lb.process.kill)

    def leftovers(self):
        links = "".join(BED.lb.run("ip", "link", "show", port).stdout for port in BED.lb.ports)
        rules = BED.lb.run("ip", "rule").stdout + BED.lb.run("ip", "-6", "rule").stdout
        filters = "".join(BED.lb.run("tc", "qdisc", "show", "dev", port).stdout for port in BED.lb.ports)
        return links, rules, filters

    def test_packets_reach_the_kernel_when_it_has_ended(self):
        clean = self.leftovers()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number.name):
                self.start()
                flows = [BED.flow(BED.vip("gue4", family)) for family in (4, 6)]
                for flow in flows:
                    self.assertIn(flow.ask(), ("r1", "r2", "r3"))
                before = address_errors(BED.lb.ns)
                BED.lb.stop(number)
                for flow in flows:  # no answer, and no reset or ICMP error either
                    with self.assertRaises(TimeoutError):
                        flow.ask(0.4)
                after = address_errors(BED.lb.ns)
                self.assertTrue(all(a > b for a, b in zip(after, before)), (before, after))
                if number == signal.SIGTERM:
                    self.unreachable_by_arp()
                # A new one takes over, and the connections, whose answers are repeated, live on.
                self.start()
                for flow in flows:
                    self.assertIn(flow.answer(), ("r1", "r2", "r3"))
                BED.lb.stop()
                for flow in flows:
                    flow.close()
                if number == signal.SIGTERM:
                    self.assertEqual(self.leftovers(), clean)
        self.assertNotIn("xdp", self.leftovers()[0])

    def unreachable_by_arp(self):
        """A client that does not know the link address gets none."""
        vip = BED.vip("gue4", 4)
        sh("ip", "-n", BED.client, "neigh", "flush", "to", vip)
        with BED.client_socket(vip, socket.SOCK_STREAM) as late:
            late.settimeout(5)
            with self.assertRaises(OSError) as failed:
                late.connect((vip, 80))
            self.assertEqual(failed.exception.errno, errno.EHOSTUNREACH)

    def test_what_a_restart_loses(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.start()
            flows = [BED.flow(BED.vip("gue4", 4 if i % 2 else 6)) for i in range(20)]
            names = [flow.ask() for flow in flows]
            curls = BED.curls([url(BED.vip("gue4", family)) for family in (4, 6)])
            curls.more(40)
            BED.lb.stop(number)
            self.start()
            again = now()
            recovered = eventually(lambda: len([r for r in curls.requests() if r.start > again and r.ok]) >= 20, 10)
            requests = curls.stop()
            alive = 0
            for flow, name in zip(flows, names):
                try:
                    alive += flow.ask() == name
                except OSError:
                    pass
                flow.close()
            BED.lb.stop()
            self.assertTrue(recovered, requests[-10:])
            self.assertEqual(failures(requests, begin=again), [])
            slow = [r for r in requests if r.ok and r.end - r.start > 0.5]
            longest = max(r.end - r.start for r in requests)
            print(f"\n{self.DATAPATH}: a restart after {number.name}: {len(failures(requests))} of {len(requests)} requests "
                  f"failed, {len(slow)} were late, the longest took {longest:.2f} s; {alive} of 20 connections live on")


class Xdp(Ends, unittest.TestCase):
    DATAPATH = "xdp"


class Afxdp(Ends, unittest.TestCase):
    DATAPATH = "afxdp"


if __name__ == "__main__":
    main()
