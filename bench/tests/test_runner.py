# SPDX-License-Identifier: BSD-2-Clause
"""Rounds on simulated devices: order, failures, interruptions, resuming; nothing that was measured is lost."""
import contextlib
import json
import os
import tempfile
import unittest

from ringway_bench import results, scenario
from ringway_bench.errors import DutError, UsageError
from ringway_bench.model import Outcome
from ringway_bench.results import Results
from ringway_bench.runner import Runner, twin_of

SCENARIO = {"name": "t", "duts": ["fast", "slow"], "control": "fast", "rounds": 7, "seed": 3, "sizes": [60, 508],
            "method": [{"kind": "mrr", "trials": 2, "seconds": 1.0}]}


class Device:
    def __init__(self, rate, lab):
        self.rate, self.lab, self.measurer = rate, lab, self

    def trial(self, load, seconds):
        self.lab.trials += 1
        if self.lab.trials == self.lab.interrupt_at:
            raise KeyboardInterrupt
        offered = int(min(load, 5e6) * seconds)
        return Outcome(load, seconds, offered, min(offered, int(self.rate * seconds)), seconds)

    def describe(self):
        return {"title": "simulated", "kind": "command", "cpu": "own"}

    def interfaces(self):
        return {"generator": {"driver": "none"}}

    def check(self, load):
        return {"offered": 10, "received": 10, "passed": True, "load": load}


class Simulated:
    def __init__(self, broken=(), interrupt_at=None):
        self.opened, self.broken, self.trials, self.interrupt_at, self.calibrated = [], set(broken), 0, interrupt_at, []
        self.closed = 0

    @contextlib.contextmanager
    def open(self, dut, size, flows):
        self.opened.append((dut, size, flows))
        if dut in self.broken:
            raise DutError(f"{dut}: never ready")
        try:
            yield Device({"fast": 2e6, "slow": 1e6}[dut], self)
        finally:
            self.closed += 1

    def calibrate(self, size, flows):
        self.calibrated.append(size)
        return {"ceiling": 5e6}


class Running(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "r.json")

    def run_it(self, lab, resume=False, **changed):
        s = scenario.from_table({**SCENARIO, **changed}, "t.toml")
        found = Results.resumed(self.path, s) if resume else Results.fresh(self.path, s, ["t"], "0", {})
        try:
            Runner(s, lab, found).run()
        finally:
            self.on_disk = results.read(self.path)
        return self.on_disk

    def test_each_round_has_every_cell_once_in_an_order_of_its_own(self):
        lab = Simulated()
        data = self.run_it(lab)
        self.assertEqual(data["state"], "complete")
        self.assertEqual(len(lab.opened), 7 * 3 * 2)
        orders = [[(c["dut"], c["size"]) for c in r["cells"]] for r in data["rounds"]]
        for order in orders:
            self.assertEqual(set(order), {(d, s) for d in ("fast", "slow", twin_of("fast")) for s in (60, 508)})
        self.assertGreater(len({tuple(o) for o in orders}), 3)
        self.assertEqual(lab.closed, len(lab.opened))
        self.assertEqual(lab.calibrated, [60, 508])
        self.assertEqual(data["duts"][twin_of("fast")]["control_of"], "fast")
        self.assertEqual(data["duts"]["slow"]["analysed"]["load"], 0.5e6)

    def test_ratios_are_made_of_the_rounds(self):
        data = self.run_it(Simulated())
        against = {(c["under"], c["size"]): c for c in data["comparisons"] if c["over"] == "fast"}
        self.assertAlmostEqual(against["slow", 60]["median"], 2.0, places=3)
        self.assertEqual(against["slow", 60]["verdict"], "faster")

    def test_a_device_that_fails_loses_its_cells_and_nothing_else(self):
        data = self.run_it(Simulated(broken=["slow"]), rounds=2)
        self.assertEqual(data["state"], "complete")
        for r in data["rounds"]:
            for cell in r["cells"]:
                self.assertEqual(bool(cell["failed"]), cell["dut"] == "slow")
        self.assertIn("never ready", data["duts"]["slow"]["failed"])

    def test_ctrl_c_keeps_what_was_measured_and_says_so(self):
        with self.assertRaises(KeyboardInterrupt):
            self.run_it(Simulated(interrupt_at=16))  # in the second round
        data = self.on_disk
        self.assertEqual((data["state"], data["stopped_by"]), ("partial", "SIGINT"))
        self.assertEqual([r["complete"] for r in data["rounds"]], [True, False])
        self.assertEqual(len(data["rounds"][0]["cells"]), 6)

    def test_resume_goes_on_at_the_first_unfinished_round_and_puts_its_cells_aside(self):
        with self.assertRaises(KeyboardInterrupt):
            self.run_it(Simulated(interrupt_at=20))
        lab = Simulated()
        data = self.run_it(lab, resume=True)
        self.assertEqual([r["round"] for r in data["rounds"]], list(range(1, 8)))
        self.assertEqual(len(lab.opened), 6 * 6)
        self.assertEqual(lab.calibrated, [])
        (cut,) = data["interruptions"]
        self.assertEqual((cut["by"], cut["after_round"], len(cut["put_aside"])), ("SIGINT", 1, 1))

    def test_resume_refuses_another_scenario_and_a_complete_file(self):
        self.run_it(Simulated(), rounds=1)
        with self.assertRaisesRegex(UsageError, "complete"):
            self.run_it(Simulated(), resume=True, rounds=1)
        with self.assertRaisesRegex(UsageError, "another scenario"):
            self.run_it(Simulated(), resume=True, rounds=2)
        with open(self.path, "w", encoding="utf-8") as f:
            json.dump({"app": "else"}, f)
        with self.assertRaisesRegex(UsageError, "no results file"):
            Results.resumed(self.path, scenario.from_table(SCENARIO, "t.toml"))

    def test_a_method_may_be_for_some_rounds_only(self):
        data = self.run_it(Simulated(), rounds=2, method=[*SCENARIO["method"], {"name": "once", "kind": "mrr", "trials": 1, "rounds": 1}])
        self.assertEqual([("once" in c["methods"]) for r in data["rounds"] for c in r["cells"]], [True] * 6 + [False] * 6)


if __name__ == "__main__":
    unittest.main()
