#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two balancers of one configuration behind a router that spreads flows over them (a nexthop group): one dies, the
router takes it out, and connections in flight live on through the other, for both choose alike."""
import unittest

from lb_bed import REALS, Bed
from rwtest import main, sh

FLOWS = 24


class TwoBalancers:
    def setUp(self):
        self.bed = self.enterContext(Bed(arms=self.ARMS, router=True, balancers=2))
        self.bed.start_reals()
        for one in self.bed.balancers:
            one.start(self.DATAPATH, kinds=["ipip4", "gue6"], seed="both the same")
        self.route()

    def route(self):
        """Nexthop objects: 4 and 5 are the balancers over IPv4, 6 and 7 over IPv6, 40 and 60 the groups."""
        for one in self.bed.balancers:
            for family, first in ((4, 4), (6, 6)):
                self.ip("nexthop", "add", "id", first + one.index, "via", one.address[family], "dev", "br1")
        for group, members, network in ((40, "4/5", "10.9.0.0/24"), (60, "6/7", "fd09::/64")):
            self.ip("nexthop", "add", "id", group, "group", members)
            self.ip("route", "add", network, "nhid", group)

    def ip(self, *command):
        sh("ip", "-n", self.bed.net, *command)

    def arrived(self, one):
        """Frames that came to a balancer's port on the clients' side."""
        text = one.run("cat", "/sys/class/net/b0/statistics/rx_packets").stdout
        return int(text)

    def test_connections_live_on(self):
        vips = [self.bed.vip(kind, family) for kind in ("ipip4", "gue6") for family in (4, 6)]
        flows = [self.bed.flow(vips[i % len(vips)]) for i in range(FLOWS)]
        names = [flow.ask() for flow in flows]
        self.assertTrue(set(names) <= set(REALS))
        through = [self.through_first(flow) for flow in flows]
        self.assertIn(True, through, "all flows went through one balancer: nothing would be shown")
        self.assertIn(False, through, "all flows went through one balancer: nothing would be shown")
        first, second = self.bed.balancers
        first.process.kill()
        self.ip("nexthop", "replace", "id", 40, "group", 5)
        self.ip("nexthop", "replace", "id", 60, "group", 7)
        for flow, name in zip(flows, names):
            self.assertEqual(flow.ask(), name)
        # the first one comes back and is used again
        first.start(self.DATAPATH, kinds=["ipip4", "gue6"], seed="both the same")
        self.ip("nexthop", "replace", "id", 40, "group", "4/5")
        self.ip("nexthop", "replace", "id", 60, "group", "6/7")
        for flow, name in zip(flows, names):
            self.assertEqual(flow.ask(), name)
        self.assertIn(True, [self.through_first(flow) for flow in flows])
        for one in (first, second):
            one.stop()
        print(f"\n{self.DATAPATH}, {self.ARMS} port(s): {sum(through)} of {FLOWS} connections had gone through the balancer "
              f"that died; all live on")

    def through_first(self, flow):
        """Ten lines of a flow: whose packets are they?"""
        before = self.arrived(self.bed.lb)
        for _ in range(10):
            flow.ask()
        return self.arrived(self.bed.lb) - before >= 10


class Xdp(TwoBalancers, unittest.TestCase):
    DATAPATH, ARMS = "xdp", 2


class Afxdp(TwoBalancers, unittest.TestCase):
    DATAPATH, ARMS = "afxdp", 1  # one port: packets leave where they came in


if __name__ == "__main__":
    main()
