# SPDX-License-Identifier: BSD-2-Clause
"""The balance of a trial, on counters that are written down here; and the generator's report, as it comes."""
import json
import math
import types
import unittest

from ringway_bench.balance import Ledger, Look, balance, losses_of_ports, losses_of_reports, work_of_reports
from ringway_bench.counters import Counted
from ringway_bench.errors import BenchError, UsageError
from ringway_bench.generator import Generator, Traffic, parse
from ringway_bench.testbed import Place, Port
from ringway_bench.tools import Tools

SINK, D0, D1 = Port("sink", "s0"), Port("dut", "d0"), Port("dut", "d1")


def port(drops=None, kernel=None, **counters):
    return {"rx_packets": 0, "tx_packets": 0, "passed": 0, "punted": 0, "unserved_queue": 0,
            "drops": {"tx_device": 0, **(drops or {})}, "kernel": {"rx_dropped": 0, "rx_ring_full": 0, **(kernel or {})},
            # The same losses once more, and attempts: neither is a loss of its own.
            "diagnostics": {"rx_fill_ring_empty_descs": 99, "rx_invalid_descs": 9, "tx_invalid_descs": 9,
                            "tx_ring_empty_descs": 9}, **counters}


def ledger(kind="afxdp", threaded=False, application=None):
    bed = types.SimpleNamespace(sink=SINK, places=[Place("dut", ("d0", "d1"), ())], application=application)
    made = Ledger.__new__(Ledger)
    made._bed, made._threaded = bed, threaded
    made._dut = types.SimpleNamespace(spec=types.SimpleNamespace(kind=kind))
    return made


def look(reports=None, **ports):
    found = {SINK: Counted(), D0: Counted(), D1: Counted()}
    found.update({{"s0": SINK, "d0": D0, "d1": D1}[k]: v for k, v in ports.items()})
    return Look(reports, found)


class Balanced(unittest.TestCase):
    def test_what_is_left_is_unexplained(self):
        self.assertEqual(balance(100, 80, {"a": 15, "b": 0}),
                         {"offered": 100, "received": 80, "losses": {"a": 15}, "unexplained": 5})
        self.assertEqual(balance(100, 80, {"a": 25})["unexplained"], -5)

    def test_a_forwarders_losses_each_once(self):
        before = [{"ports": [port(kernel={"rx_ring_full": 7}), port({"tx_device": 1})]}]
        after = [{"ports": [port(kernel={"rx_ring_full": 10, "rx_dropped": 2}, unserved_queue=4),
                            port({"tx_device": 6, "tx_ring_full": 8})]}]
        self.assertEqual({k: n for k, n in losses_of_reports(before, after).items() if n},
                         {"rx_ring_full": 3, "rx_dropped": 2, "unserved_queue": 4, "tx_device": 5, "tx_ring_full": 8})

    def test_netdev_counters_are_never_added_to_a_forwarders(self):
        reports = ({"ports": [port(), port()]},), ({"ports": [port(kernel={"rx_ring_full": 30}), port({"tx_device": 10})]},)
        after = look(reports[1], d0=Counted(rx_dropped=30, queue_drops=30), d1=Counted(tx_dropped=10))
        losses = ledger().losses(look(reports[0]), after, refused=0, received=60)
        self.assertEqual(balance(100, 60, losses),
                         {"offered": 100, "received": 60, "losses": {"rx_ring_full": 30, "tx_device": 10}, "unexplained": 0})

    def test_devices_of_others_by_their_interfaces(self):
        seen = Counted(rx_packets=100, rx_dropped=30, queue_drops=30), Counted(tx_dropped=10)
        self.assertEqual(dict(losses_of_ports("afxdp", seen)), {"rx_not_taken": 30, "tx_device": 10})
        self.assertEqual(dict(losses_of_ports("xdp", seen)), {"tx_refused": 30, "tx_device": 10})
        losses = ledger("dpdk").losses(look(), look(d0=seen[0], d1=seen[1]), refused=0, received=50)
        self.assertEqual(balance(100, 50, losses)["unexplained"], 10)

    def test_what_the_sinks_device_lost(self):
        before, after = look(s0=Counted(queue_drops=5)), look(s0=Counted(rx_packets=10, queue_drops=12, rx_dropped=70))
        losses = ledger("xdp").losses(before, after, refused=0, received=3)
        self.assertEqual(balance(10, 3, losses), {"offered": 10, "received": 3, "losses": {"sink": 7}, "unexplained": 0})

    def test_what_came_when_nobody_counted_any_more(self):
        losses = ledger("xdp").losses(look(s0=Counted(rx_packets=100)), look(s0=Counted(rx_packets=110)), refused=0, received=7)
        self.assertEqual(balance(10, 7, losses), {"offered": 10, "received": 7, "losses": {"after_end": 3}, "unexplained": 0})

    def test_refused_frames_were_offered_where_a_thread_had_to_take_them(self):
        self.assertEqual(ledger().offered(100, 7), 100)
        self.assertNotIn("veth_ring", ledger().losses(look(), look(), refused=7, received=100))
        threaded = ledger(threaded=True)
        self.assertEqual(threaded.offered(100, 7), 107)
        self.assertEqual(balance(107, 100, threaded.losses(look(), look(), refused=7, received=100))["losses"], {"veth_ring": 7})

    def test_an_applications_losses_have_names_of_their_own(self):
        inside = Place("app", ("c0",), ())
        c0 = Port("app", "c0")
        before, after = look(), look()
        before.ports[c0], after.ports[c0] = Counted(), Counted(queue_drops=4)
        self.assertEqual(ledger(application=inside).losses(before, after, refused=0, received=0)["application_tx_refused"], 4)

    def test_work(self):
        def worker(turns, longest):
            return [{"workers": [{"turns": turns, "kicks": 0, "kick_errors": 0, "busy_us": turns, "longest_gap_us": longest}]}]
        self.assertEqual(work_of_reports(worker(10, 50), worker(30, 70)),
                         {"turns": 20, "kicks": 0, "kick_errors": 0, "busy_us": 20, "turn_us": 70})
        self.assertIsNone(work_of_reports(worker(10, 50), worker(30, 50))["turn_us"])
        self.assertEqual(work_of_reports([{"ports": []}], [{"ports": []}]), {})


class Reports(unittest.TestCase):
    REPORT = {"engine": "xdp", "offered": 90, "refused": 3, "late": 2, "duration_s": 1.5, "restarts": 1, "restart_gap_us": 5e5,
              "longest_gap_us": 12.0, "longest_burst": 4, "sinks": [{"name": "s", "packets": 80, "bytes": 4800, "lost": 10}]}

    def test_one_is_read(self):
        sent = parse(json.dumps(self.REPORT))
        self.assertEqual((sent.offered, sent.received, sent.refused, sent.elapsed), (90, 80, 3, 1.0))
        self.assertIsNone(sent.analysed)
        record = sent.record()
        self.assertEqual((record["late"], record["longest_burst"], record["restart_gap_us"]), (2, 4, 5e5))
        self.assertNotIn("sinks", record)

    def test_one_with_an_analysis(self):
        sink = {**self.REPORT["sinks"][0], "duplicated": 1, "unique": 79, "latency": {"p50": 5}}
        record = parse(json.dumps({**self.REPORT, "sinks": [sink]})).record()
        self.assertEqual(record["latency"], {"p50": 5})
        self.assertEqual(record["analysed"], {"lost": 10, "duplicated": 1, "unique": 79})

    def test_what_is_none(self):
        for text in ("", "{}", "[]", '{"sinks": []}', '{"sinks": [{"packets": "many"}]}'):
            with self.subTest(text), self.assertRaisesRegex(BenchError, "its report is none"):
                parse(text)

    def test_commands(self):
        bed = types.SimpleNamespace(gen=Port("gen", "g0"), sink=SINK)
        generator = Generator(Tools("/bin", "1", 0, 1), bed)
        traffic = Traffic(size="imix", flows=5, vary=("src-port",), destination="02:00:00:00:00:09")
        words = generator.command(traffic, rate=1000.4, seconds=2)
        for pair in (("--rate", "1000"), ("--duration", "2"), ("--size", "imix"), ("--vary", "src-port"), ("--sink", "sink/s0"),
                     ("--dst-mac", "02:00:00:00:00:09")):
            self.assertEqual(words[words.index(pair[0]) + 1], pair[1])
        self.assertNotIn("--stamp", words)
        words = generator.command(Traffic(), rate=math.inf, burst=64, sink="sample")
        self.assertIn("--stamp", words)
        self.assertEqual(words[words.index("--rate") + 1], "max")
        self.assertEqual(words[words.index("--burst") + 1], "64")
        self.assertNotIn("--sink", generator.command(Traffic(), rate=1, count=1, sink="plain"))
        with self.assertRaisesRegex(UsageError, "sink 'kitchen'"):
            generator.command(Traffic(), rate=1, sink="kitchen")


if __name__ == "__main__":
    unittest.main()
