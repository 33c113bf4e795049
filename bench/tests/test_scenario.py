# SPDX-License-Identifier: BSD-2-Clause
"""What is wrong in a scenario is said by file, key and name, before anything starts."""
import os
import tempfile
import unittest

from ringway_bench import scenario
from ringway_bench.errors import UsageError

GOOD = """
duts = ["a", "b"]
[[method]]
kind = "mrr"
"""


class Loading(unittest.TestCase):
    def load(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as f:
            f.write(text)
            f.flush()
            return scenario.load(f.name)

    def refused(self, text, said):
        with self.assertRaises(UsageError) as caught:
            self.load(text)
        self.assertIn(said, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_defaults_are_filled_in(self):
        s = self.load(GOOD)
        self.assertEqual((s.rounds, s.sizes, s.flows, s.topology), (3, [60], [1], {"kind": "p2p"}))
        self.assertEqual(s.pairs(), [("a", "b")])
        self.assertEqual(s.methods[0].name, "mrr")

    def test_every_scenario_that_comes_with_the_program_loads(self):
        self.assertIn("default", scenario.builtin())
        for name in scenario.builtin():
            self.assertGreater(len(scenario.load(name).duts), 0, name)

    def test_bad_ones(self):
        for text, said in (("duts = [", "Invalid value"), ("colour = 1\n" + GOOD, "unknown key 'colour'"), ("rounds = 0\n" + GOOD, "rounds"),
                           ("rounds = '3'\n" + GOOD, "rounds should be"), ("sizes = [59]\n" + GOOD, "sizes"),
                           ("engine = 'x'\n" + GOOD, "engine 'x'"),
                           (GOOD + "[calibrate]\nx = 1", "[calibrate] x"), (GOOD + "[calibrate]\nseconds = 0", "[calibrate] seconds"), ("control = 'c'\n" + GOOD, "control 'c' is none of duts"),
                           ("compare = [['a']]\n" + GOOD, "compare"), ("duts = ['a', 'a']\n[[method]]\nkind='mrr'", "stands twice"),
                           ("duts = ['a']", "no [[method]]"), (GOOD + "[settings.z]\nx=1", "[settings.z]"),
                           (GOOD + "[[method]]\nkind='mrr'", "two methods are called 'mrr'"),
                           (GOOD + "duts = ['c']", "duts should be some of"), (GOOD + "sizes = [508]", "sizes should be some of"),
                           (GOOD + "rounds = 0", "rounds should be"),
                           (GOOD + "[[method]]\nkind='latency'\nof='pdr'", "of = 'pdr'")):
            self.refused(text, said)
        with self.assertRaises(UsageError):
            scenario.load("no-such-scenario")
        with self.assertRaises(UsageError):
            scenario.load(os.path.join(tempfile.gettempdir(), "no-such.toml"))

    def test_a_method_may_be_for_some_cells_only(self):
        s = self.load(GOOD + "sizes = [60]\nflows = [1]\nrounds = 2\n")
        m = s.methods[0]
        self.assertTrue(m.applies("a", 60, 1, 2))
        self.assertFalse(m.applies("a", 508, 1, 1))
        self.assertFalse(m.applies("a", 60, 1, 3))


    def test_one_name_may_stand_for_two_methods_that_never_meet(self):
        s = self.load("sizes = [60, 508]\n" + GOOD + "sizes = [60]\n[[method]]\nkind = 'mrr'\nsizes = [508]\nrounds = 1\n")
        self.assertEqual([m.name for m in s.methods], ["mrr", "mrr"])

    def test_a_search_for_several_goals_has_a_result_for_each(self):
        s = self.load(GOOD + "[[method]]\nkind = 'mlrsearch'\ngoals = ['ndr', 'pdr']\n[[method]]\nkind = 'latency'\nof = 'pdr'\n")
        self.assertEqual(len(s.methods), 3)


if __name__ == "__main__":
    unittest.main()
