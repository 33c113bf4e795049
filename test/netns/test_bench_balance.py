#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every frame of a trial accounted for, on real veth."""
import contextlib
import math
import os
import threading

from bench_bed import SHORT, Bed
from ringway_bench import duts, testbed
from ringway_bench.errors import DutError
from ringway_bench.generator import Traffic
from ringway_bench.wire import DISTURBED
from rwtest import main, sh


class Balance(Bed):
    """offered = received + losses, each once, for Ringway's forwarders; and the same at the end over all trials."""

    def assert_balanced(self, w, outcome, *expected):
        account = outcome.record["balance"]
        self.assertEqual(account["unexplained"], 0, account)
        self.assertEqual(account["offered"], outcome.offered)
        self.assertEqual(account["offered"], account["received"] + sum(account["losses"].values()))
        for name in expected:
            self.assertGreater(account["losses"].get(name, 0), 0, account)

    def assert_whole(self, w):
        account = w.whole_run()
        self.assertEqual(account["unexplained"], 0, account)
        self.assertGreater(account["received"], 0)

    def test_below_and_above_what_it_can(self):
        for name in ("ringway-afxdp", "ringway-xdp"):
            with self.subTest(name), self.on("p2p", name) as w:
                for load in (20000, 200000, math.inf):
                    overload = (name, load) == ("ringway-afxdp", math.inf)
                    self.assert_balanced(w, w.trial(load, SHORT), *(["rx_ring_full"] if overload else []))
                self.assert_whole(w)

    def test_where_a_thread_does_the_receive_work(self):
        for name in ("ringway-afxdp", "ringway-xdp"):
            with self.subTest(name), self.on({"kind": "p2p", "threaded": True}, name) as w:
                self.assert_balanced(w, w.trial(20000, SHORT))
                self.assert_balanced(w, w.trial(math.inf, SHORT), "veth_ring")
                self.assert_whole(w)

    def test_through_a_container_and_in_a_row(self):
        for topology in ("pcp", {"kind": "chain", "length": 2}):
            for name in ("ringway-afxdp", "ringway-xdp"):
                with self.subTest(topology=topology, dut=name), self.on(topology, name) as w:
                    self.assert_balanced(w, w.trial(20000, SHORT))
                    self.assert_balanced(w, w.trial(math.inf, SHORT))
                    self.assert_whole(w)

    def test_frames_that_come_as_skbs(self):
        for name in ("ringway-afxdp", "ringway-xdp"):
            with self.subTest(name), self.on("p2p", name, Traffic(engine="afxdp")) as w:
                self.assert_balanced(w, w.trial(20000, SHORT))
                self.assert_balanced(w, w.trial(math.inf, SHORT))
                self.assert_whole(w)

    def test_small_rings_and_a_kernel_that_sends_little_at_a_time(self):
        spec = duts.load("ringway-afxdp").with_settings({"ring-size": 512, "tx-budget": 0, "tx-retry": 0, "idle": "poll"})
        with self.on("p2p", spec) as w:
            self.assert_balanced(w, w.trial(math.inf, SHORT), "rx_ring_full")
            self.assert_whole(w)

    @contextlib.contextmanager
    def stalled_sink(self, w, cpu, seconds):
        """Its receive work is in a thread that gets next to nothing of a CPU where somebody spins, for so long."""
        before = testbed.napi_threads(["s0"])
        w.bed.sink.threaded() or sh("ip", "netns", "exec", w.bed.sink.ns, "sh", "-c", "echo 1 > /sys/class/net/s0/threaded")
        threads = testbed.napi_threads(["s0"]) - before
        self.assertTrue(threads)
        for thread in threads:
            os.sched_setaffinity(thread, {cpu})
            os.setpriority(os.PRIO_PROCESS, thread, 19)

        def go_on():
            for thread in threads:
                os.sched_setaffinity(thread, {0, 1})
                os.setpriority(os.PRIO_PROCESS, thread, -20)
        timer = threading.Timer(seconds, go_on)
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def test_a_peer_that_stalls(self):
        for name, cpu in (("ringway-afxdp", 1), ("ringway-xdp", 0)):
            with self.subTest(name), self.on("p2p", name) as w:
                sh("ip", "netns", "exec", w.bed.places[0].ns, "ethtool", "-K", "d1", "tso", "off")  # else skbs go round its ring
                with self.stalled_sink(w, cpu, 0.5):
                    outcome = w.trial(100000, 1.0)
                self.assert_balanced(w, outcome)
                losses = outcome.record["balance"]["losses"]
                # The device drops; or, where completions stand still with the peer, the worker's TX ring is full.
                behind = losses.get("tx_device", 0) + (losses.get("tx_ring_full", 0) if name == "ringway-afxdp" else 0)
                self.assertGreater(behind, 0, losses)
                self.assertNotIn("tx_refused", losses)
                self.assert_balanced(w, w.trial(10000, SHORT))

    def test_a_peer_without_gro(self):
        with self.on("p2p", "ringway-xdp") as w:
            sh("ip", "netns", "exec", w.bed.sink.ns, "ethtool", "-K", "s0", "gro", "off")
            with self.assertRaisesRegex(DutError, r"nothing any more: (\d+) frames were sent, none arrived \(tx_refused \1\)"):
                for _ in range(DISTURBED):  # so many, where something disturbs them; else the first says it
                    w.trial(10000, SHORT)
            self.assertGreater(w.whole_run()["losses"]["tx_refused"], 1000)
        with self.on("p2p", "ringway-afxdp") as w:
            sh("ip", "netns", "exec", w.bed.sink.ns, "ethtool", "-K", "s0", "gro", "off")
            self.assert_balanced(w, w.trial(10000, SHORT))
            self.assert_balanced(w, w.trial(math.inf, SHORT))

    def test_what_is_said_of_a_device_of_others(self):
        with self.on("p2p", "libxdp-loop") as w:
            account = w.trial(math.inf, SHORT).record["balance"]
            self.assertGreater(account["losses"]["rx_not_taken"], 0)
        with self.on("p2p", "xdp-floor") as w:
            self.assert_balanced(w, w.trial(20000, SHORT))


if __name__ == "__main__":
    main()
