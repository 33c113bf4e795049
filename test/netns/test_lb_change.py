#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What clients notice of changes, with both datapaths: nothing, while reals are added, drained, given weights and the
configuration is read again; of a real that fails nothing from when the health checks have taken it out."""
import json
import signal
import os
import time
import unittest

from lb_bed import FAST_CHECK, Bed, failures, now, url
from rwtest import eventually, main

BED = None
KINDS = ("ipip4", "gue6", "l2")
# One VIP each: also IPv4 in IPv6 and IPv6 in IPv4.
WEB = [("ipip4", 6), ("gue6", 4), ("l2", 4)]
NOTICED = 5  # seconds within which a health check has noticed


def setUpModule():
    global BED
    BED = unittest.enterModuleContext(Bed())
    BED.start_reals()


class Changes:
    def setUp(self):
        self.lb = BED.lb
        self.addCleanup(self.end)

    def end(self):
        if self.lb.process.running():
            self.lb.stop()

    def start(self, **what):
        self.lb.start(self.DATAPATH, kinds=KINDS, **what)
        self.curls = BED.curls([url(BED.vip(kind, family)) for kind, family in WEB])
        self.addCleanup(self.curls.stop)
        self.curls.more(3)

    @staticmethod
    def web():
        return [f"{kind}-{family}-web" for kind, family in WEB]

    def every_vip(self, *verb_and_more):
        """A verb about a real, for the VIPs that are asked for."""
        verb, *more = verb_and_more
        for name in self.web():
            self.lb.ask(verb, name, *more)

    def healthy(self, vip, real):
        return next(r["healthy"] for r in self.lb.ask("reals")["reals"] if (r["vip"], r["name"]) == (vip, real))

    def reals_of(self, count=45):
        """Who answers now."""
        return {r.real for r in self.curls.more(count) if r.ok}

    def test_no_request_fails_while_reals_come_and_go(self):
        self.start(reals=["r1", "r2"])
        for real in BED.reals[:2]:
            self.addCleanup(BED.start_in(real.ns, "iperf3", "-s").kill)
        for real in BED.reals[:2]:
            self.assertTrue(eventually(lambda: real.run("ss", "-Hltn", "sport", "=", ":5201").stdout, 5))
        bulk = BED.start_in(BED.client, "iperf3", "-c", BED.vip("ipip4", 4), "-t", "6", "-i", "0.5", "-J")
        long_lived = [BED.flow(BED.vip("gue6", 4)) for _ in range(8)]
        before = [flow.ask() for flow in long_lived]
        self.assertEqual(self.reals_of(), {"r1", "r2"})
        for name in self.web():
            self.lb.ask("add-real", name, BED.real("r3").address[self.outside(name)], "--name", "r3")
        self.assertEqual(self.reals_of(), {"r1", "r2", "r3"})
        self.every_vip("drain", "r2")
        begin = now()
        self.curls.more(45)
        self.assertEqual({r.real for r in self.curls.requests() if r.start > begin}, {"r1", "r3"})
        self.every_vip("drain", "r2", "--undo")
        self.assertEqual(self.reals_of(), {"r1", "r2", "r3"})
        self.every_vip("set-weight", "r1", "0")
        begin = now()
        self.curls.more(45)
        self.assertEqual({r.real for r in self.curls.requests() if r.start > begin}, {"r2", "r3"})
        self.reload()
        self.assertEqual([flow.ask() for flow in long_lived], before)
        self.assertEqual(bulk.wait(20), 0, bulk.stdout)
        report = json.loads(bulk.stdout)
        self.assertTrue(all(i["sum"]["bytes"] > 0 for i in report["intervals"]), report)
        requests = self.curls.stop()
        self.assertEqual(failures(requests), [])
        self.assertGreater(len(requests), 150)

    @staticmethod
    def outside(vip_name):
        """The family of the address that a VIP's real has."""
        kind, family, _ = vip_name.split("-")
        return int(family) if kind == "l2" else int(kind[-1])

    def reload(self):
        """By the verb and by signal, other reals and back; and a file that is wrong. No connection that is watched has r3."""
        self.lb.write(kinds=KINDS)
        self.lb.ask("reload", "--discard")
        self.assertIn("r3", self.configured("gue6-4-any"))
        self.assertEqual(self.reals_of(), {"r1", "r2", "r3"})
        self.lb.write(kinds=KINDS, reals=["r1", "r2"])
        os.kill(self.lb.process.pid, signal.SIGHUP)
        self.assertTrue(eventually(lambda: self.configured(self.web()[0]) == ["r1", "r2"], 3))
        begin = now()
        self.curls.more(45)
        self.assertEqual({r.real for r in self.curls.requests() if r.start > begin}, {"r1", "r2"})
        self.lb.write(kinds=KINDS)
        self.lb.ask("reload")
        self.assertEqual(self.reals_of(), {"r1", "r2", "r3"})
        self.lb.config.write_text(self.lb.config.read_text() + "[[vip]]\naddress = 7\n")
        answer = self.lb.ask("reload", check=False)
        self.assertFalse(answer.get("ok", False), answer)
        self.assertEqual(self.reals_of(), {"r1", "r2", "r3"})

    def configured(self, vip):
        return sorted(r["name"] for r in self.lb.ask("reals", vip)["reals"])

    def test_a_real_that_fails_is_taken_out_and_comes_back(self):
        self.start(check=FAST_CHECK)
        self.assertEqual(self.reals_of(), {"r1", "r2", "r3"})
        killed = now()
        BED.real("r1").nginx.kill()
        try:
            self.assertTrue(eventually(lambda: not any(self.healthy(vip, "r1") for vip in self.web()), NOTICED))
            out = now()
            self.assertEqual(self.reals_of(), {"r2", "r3"})
        finally:
            BED.real("r1").start_nginx()
        revived = now()
        self.assertTrue(eventually(lambda: all(self.healthy(vip, "r1") for vip in self.web()), NOTICED))
        self.assertEqual(self.reals_of(), {"r1", "r2", "r3"})
        requests = self.curls.stop()
        self.assertEqual(failures(requests, end=killed - 0.1), [])
        self.assertEqual(failures(requests, begin=out), [])
        lost = failures(requests, killed - 0.1, out)
        print(f"\n{self.DATAPATH}: a killed server was out after {out - killed:.2f} s; {len(lost)} of "
              f"{len([r for r in requests if killed <= r.start < out])} requests meanwhile failed; back after "
              f"{now() - revived:.2f} s")
        # What was killed was noticed: else this test would not see a failed request at all.
        self.assertGreater(len(lost), 0)

    def test_a_real_without_its_decapsulation_is_taken_out(self):
        self.start(check=FAST_CHECK)
        real = BED.real("r2")
        real.decap.stop(signal.SIGTERM)
        removed = time.monotonic()
        try:
            tunnels = [vip for vip in self.web() if not vip.startswith("l2")]
            self.assertTrue(eventually(lambda: not any(self.healthy(vip, "r2") for vip in tunnels), NOTICED))
            out = now()
            # Its own address still answers, and so does what comes without a tunnel.
            for address in real.address.values():
                done = self.lb.run("curl", "-s", "--noproxy", "*", "-m", "2", url(address))
                self.assertEqual(done.stdout, "r2")
            self.assertTrue(self.healthy("l2-4-web", "r2"))
            took = time.monotonic() - removed
            self.curls.more(60)
        finally:
            real.start_decap()
        requests = self.curls.requests()
        self.assertEqual(failures(requests, begin=out), [])
        answered = {(r.url, r.real) for r in requests if r.start >= out}
        self.assertIn((url(BED.vip("l2", 4)), "r2"), answered)
        self.assertNotIn((url(BED.vip("ipip4", 6)), "r2"), answered)
        self.assertTrue(eventually(lambda: all(self.healthy(vip, "r2") for vip in tunnels), NOTICED))
        print(f"\n{self.DATAPATH}: a real without decapsulation was out after {took:.2f} s")


class Xdp(Changes, unittest.TestCase):
    DATAPATH = "xdp"


class Afxdp(Changes, unittest.TestCase):
    DATAPATH = "afxdp"


if __name__ == "__main__":
    main()
