# SPDX-License-Identifier: BSD-2-Clause
"""The cost of a frame: arithmetic on recorded trials, and the order of measuring on a wire that only pretends."""
import os
import subprocess
import sys
import time
import unittest
from math import inf
from types import SimpleNamespace
from unittest import mock

from ringway_bench import cost
from ringway_bench.errors import BenchError
from ringway_bench.model import Outcome

TESTPMD = """
  +++++++++++++++ Accumulated forward statistics for all ports+++++++++++++++
  RX-packets: 1000000        RX-dropped: 0             RX-total: 1000000
  CPU cycles/packet=1500.00 (total cycles=1500000000 / total RX packets=1000000) at 2500 MHz Clock
  ++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++
"""
STAT = "cpu  9 9 9 9 9 9 9 9\ncpu0 100 0 50 {idle0} 10 0 5 0 0 0\ncpu1 100 0 50 2000 0 0 5 0 0 0\ncpu10 1 1 1 7 1 0 0 0 0 0\n"


def trial(rate=1e5, seconds=10.0, each=1000.0, turn=40.0, load=None, late=0, away=0.0, received=None, valid=True, **record):
    """A generator that works so many ns on each frame, is away for some seconds, and turns idly for the rest."""
    offered = round(rate * seconds)
    turns = (seconds * 1e9 - offered * each - away * 1e9) / turn
    return Outcome(rate if load is None else load, seconds, offered, offered if received is None else received, seconds, valid,
                   () if valid else ("disturbed",), {"idle_turns": max(0, round(turns)), "turn_ns": turn, "late": late, **record})


class Generator(unittest.TestCase):
    def test_idle_turns_that_are_lost_against_loop_are_the_cost(self):
        self.assertAlmostEqual(cost.generator_ns(trial(each=650), trial(each=400)), 250, delta=0.1)

    def test_by_hand(self):
        # 1e6 frames in 10 s; 5,000,000 turns of 40 ns fewer: 0.2 s, 200 ns a frame
        device = Outcome(1e5, 10, 10 ** 6, 10 ** 6, 10.0, record={"idle_turns": 235_000_000, "turn_ns": 40.0})
        loop = Outcome(1e5, 10, 10 ** 6, 10 ** 6, 10.0, record={"idle_turns": 240_000_000, "turn_ns": 40.0})
        self.assertAlmostEqual(cost.generator_ns(device, loop), 200.0)

    def test_rates_that_differ_a_little_do_no_harm(self):
        self.assertAlmostEqual(cost.generator_ns(trial(rate=0.99e5, each=650), trial(rate=1.01e5, each=400)), 250, delta=0.5)

    def test_time_that_something_else_took_from_the_generator_is_not_work(self):
        # away for 0.1 s: 10,000 frames late at 100 kpps
        device = trial(rate=99_000, load=1e5, each=650, away=0.1, late=10_000)
        self.assertAlmostEqual(cost.generator_ns(device, trial(each=400)), 250, delta=1)

    def test_a_generator_without_spare_time_is_late_because_of_the_device(self):
        # asked for 2 Mpps, 1 Mpps is all there is: 1000 ns a frame, and no turn is idle
        device = trial(rate=1e6, load=2e6, each=1000, late=10_000_000)
        self.assertAlmostEqual(cost.generator_ns(device, trial(rate=1e6, each=100)), 900, delta=0.1)

    def test_the_mean_of_fewer_interruptions_is_the_idle_turn(self):
        device, loop = trial(each=650), trial(each=400)
        disturbed = Outcome(device.load, 10, device.offered, device.received, 10.0, record={**device.record, "turn_ns": 45.0})
        self.assertAlmostEqual(cost.generator_ns(disturbed, loop), 250, delta=0.1)

    def test_without_idle_turns_nothing_is_claimed(self):
        silent = Outcome(1e5, 10, 10 ** 6, 10 ** 6, 10.0, record={"idle_turns": None, "turn_ns": None})
        self.assertIsNone(cost.generator_ns(silent, trial()))
        self.assertIsNone(cost.generator_ns(trial(), silent))
        self.assertIsNone(cost.generator_ns(Outcome(1e5, 1, 0, 0, 1.0, record={"idle_turns": 5, "turn_ns": 40.0}), trial()))


class Device(unittest.TestCase):
    def test_turns(self):
        self.assertEqual(cost.turns_ns(trial(busy_us=300_000)), 300.0)
        self.assertIsNone(cost.turns_ns(trial()))
        self.assertIsNone(cost.turns_ns(trial(busy_us=5, received=0)))

    def test_testpmd(self):
        self.assertEqual(cost.testpmd_ns(TESTPMD), 600.0)
        self.assertIsNone(cost.testpmd_ns("RX-packets: 5"))
        self.assertIsNone(cost.testpmd_ns("(total cycles=0 / total RX packets=0) at 2500 MHz Clock"))

    def test_overload(self):
        self.assertEqual(cost.overload_ns(trial(rate=2e6, load=inf, received=10_000_000)), 1000.0)
        self.assertIsNone(cost.overload_ns(trial(rate=2e6, load=inf)), "who lost nothing was not the limit")
        self.assertIsNone(cost.overload_ns(trial(rate=2e6, load=inf, received=0)))

    def test_idle_time(self):
        tick = os.sysconf("SC_CLK_TCK")
        self.assertEqual(cost.idle_seconds(STAT.format(idle0=1000), 0), 1010 / tick)
        self.assertEqual(cost.idle_seconds(STAT.format(idle0=1000), 1), 2000 / tick)
        with self.assertRaises(BenchError):
            cost.idle_seconds(STAT, 7)

    def test_cpu_without_traffic(self):
        def seen(*threads):
            return {"elapsed_s": 1.0, "threads": [dict(zip(("run_us", "sum_us", "own_us"), t)) for t in threads]}
        self.assertAlmostEqual(cost.taken(seen((990e3, 0, 0), (5e3, 0, 0))), 0.995)
        self.assertAlmostEqual(cost.taken(seen((500e3, 400e3, 100e3))), 1.0, msg="it had all that others left")
        self.assertEqual(cost.taken(seen((0, 1e6, 0))), 0.0)
        self.assertEqual(cost.taken(seen()), 0.0)

    def test_memory_of_this_process(self):
        one, two = cost.memory([os.getpid()]), cost.memory([os.getpid(), os.getpid()])
        self.assertGreater(one["peak_kb"], 1000)
        self.assertAlmostEqual(two["peak_kb"] / one["peak_kb"], 2, delta=0.2)
        self.assertEqual(cost.memory([])["peak_kb"], 0)


class Stopped(unittest.TestCase):
    def state(self, pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0]

    def test_it_stands_meanwhile_and_goes_on_whatever_happens(self):
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
            try:
                with self.assertRaises(ZeroDivisionError), cost.stopped([process.pid]):
                    time.sleep(0.05)
                    self.assertEqual(self.state(process.pid), "T")
                    raise ZeroDivisionError
                time.sleep(0.05)
                self.assertNotEqual(self.state(process.pid), "T")
                with cost.stopped([process.pid]):
                    process.kill()
                    process.wait()
            finally:
                process.kill()


class FakeWire:
    """A wire on which nothing happens but what is written here."""

    def __init__(self, kind="afxdp", in_kernel=False, record=None, limit=1.5e6, valid=True):
        self.spec = SimpleNamespace(name="one", kind=kind, in_kernel=in_kernel, command=("one",))
        self.dut = SimpleNamespace(pids=[os.getpid()])
        self.tools = SimpleNamespace(bin="/nowhere", dut_cpu=1)
        self.bed = SimpleNamespace(topology="p2p")
        self.record, self.limit, self.valid = record or {}, limit, valid
        self.asked = []

    def trial(self, load, seconds):
        self.asked.append((load, seconds))
        rate = min(load, 2e6)
        return trial(rate=rate, load=load, seconds=seconds, each=300, received=round(min(rate, self.limit) * seconds),
                     valid=self.valid, **self.record)


class Measuring(unittest.TestCase):
    def setUp(self):
        for name, value in (("idle_cpu", 1.0), ("syscalls_per_packet", 1 / 64)):
            self.enterContext(mock.patch.object(cost, name, return_value=value))

    def cost(self, **how):
        wire = FakeWire(**how)
        return cost.Cost(wire, lambda load, seconds: trial(rate=load, seconds=seconds, each=200)), wire

    def test_an_entry_has_what_the_results_promise(self):
        c, _ = self.cost(record={"busy_us": 250_000})
        entry = c.at(1e5, 0.25, 10)
        self.assertAlmostEqual(entry.pop("generator_ns"), 100, delta=0.1)
        self.assertEqual(entry, {"load": 1e5, "share_of_ndr": 0.25, "rate": 1e5, "dut_ns": 250.0, "syscalls_per_packet": 1 / 64,
                                 "how": "turns"})

    def test_a_device_that_spins_and_says_nothing_has_no_cost_but_at_overload(self):
        c, _ = self.cost()
        entry = c.at(1e5, 0.25, 10)
        self.assertEqual((entry["dut_ns"], entry["how"]), (None, None))
        overload = c.at_overload(2.0)
        self.assertEqual((overload["how"], overload["share_of_ndr"]), ("rate", None))
        self.assertAlmostEqual(overload["dut_ns"], 1e9 / 1.5e6)
        self.assertIsNone(self.cost(limit=1e9)[0].at_overload(2.0))

    def test_a_device_that_sleeps_is_measured_by_its_cpus_idle_time(self):
        cost.idle_cpu.return_value = 0.01
        c, _ = self.cost()
        with mock.patch.object(cost, "sleeping_ns", return_value=(777.0, trial())):
            entry = c.at(1e5, 0.25, 10)
        self.assertEqual((entry["dut_ns"], entry["how"]), (777.0, "idle"))

    def test_a_device_in_the_kernel_has_no_cpu_of_its_own(self):
        c, _ = self.cost(in_kernel=True, kind="kernel")
        entry = c.at(1e5, 0.25, 10)
        self.assertEqual((entry["dut_ns"], entry["how"]), (None, None))
        self.assertIsNone(c.at_overload(2.0))

    def test_disturbed_trials_are_repeated_and_then_said_to_be(self):
        c, wire = self.cost(valid=False)
        entry = c.at(1e5, 0.25, 10)
        self.assertEqual(entry["disturbed"], ["disturbed"])
        self.assertEqual(wire.asked.count((1e5, 10)), cost.ATTEMPTS)

    def test_what_sleeps_costs_what_its_cpu_was_busy_for_less_the_rest(self):
        readings = iter([(0.01, 1.0), (0.35, 10.0)])  # 1 % by others; 3.5 % with it
        with mock.patch.object(cost.BusyClock, "__init__", return_value=None), \
                mock.patch.object(cost.BusyClock, "read", side_effect=lambda: next(readings)):
            ns, _ = cost.sleeping_ns([], 1, lambda: trial(rate=1e5, seconds=10), seconds=0)
        self.assertAlmostEqual(ns, 0.25e9 / 1e6)

    def test_a_method_of_a_scenario(self):
        entries = [{"dut": "one", "load": share * 1e6, "share_of_ndr": share, "generator_ns": 200.0, "dut_ns": 300.0 + share,
                    "how": "turns"}
                   for share in (0.25, 1.0)] + [{"dut": "one", "load": 2e6, "share_of_ndr": None, "generator_ns": None,
                                                 "dut_ns": 600.0, "how": "rate"}]
        with mock.patch.object(cost, "measure", return_value=(entries, {"idle_cpu": 1.0}, [trial()])) as measured:
            found = cost.measure_found({"of": "ndr", "at": [0.25, 1.0], "seconds": 5}, SimpleNamespace(wire="the wire"), 1e6)
        measured.assert_called_once_with("the wire", 1e6, [0.25, 1.0], 5.0)
        self.assertEqual((found.value, found.unit, found.state), (501.0, "ns", "found"))
        self.assertEqual([e["dut"] for e in cost.entries_of("its twin", found.as_json())], ["its twin"] * 3)


if __name__ == "__main__":
    unittest.main()
