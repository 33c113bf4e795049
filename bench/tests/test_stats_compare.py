# SPDX-License-Identifier: BSD-2-Clause
"""Who may be called faster, and everything that forbids it."""
import copy
import unittest

import fake_results
from ringway_bench.compare import AT_CEILING, Cell, Comparer, at_ceiling, comparisons, not_comparable, pair_up, value_of

NDR = Cell("ndr", 60, 1)


def cell(dut, value, method="ndr", state="found", failed=None, **found):
    body = {"method": "mlrsearch", "state": state, "value": value, "unit": "frames/s", "trials": [], **found}
    return {"dut": dut, "size": 60, "flows": 1, "order": 0, "methods": {} if failed else {method: body}, "failed": failed}


def document(rows, control=True, **more):
    """rows: {device: a value per round}; the control is "a" again, the same values unless given."""
    rows = dict(rows)
    if control:
        rows.setdefault("a again", rows["a"])
    passed = {"passed": True}
    return {"rounds": [{"round": i + 1, "cells": [cell(d, v[i], **more) for d, v in rows.items() if v[i] is not None]}
                       for i in range(len(next(iter(rows.values()))))],
            "duts": {d: {"control_of": "a" if d == "a again" else None, "failed": None, "analysed": dict(passed)} for d in rows},
            "calibration": {"60": {"ceiling": 1000.0}}, "scenario": {"compare": []}}


def only(doc, over="a", under="b"):
    return next(c for c in comparisons(doc) if (c["over"], c["under"]) == (over, under))


SLOW = [100, 90, 110, 105, 95, 100, 98]
FAST = [120, 99, 132, 115.5, 104.5, 121, 112.7]  # ratios 1.2 1.1 1.2 1.1 1.1 1.21 1.15


class Verdict(unittest.TestCase):
    def test_pair_by_pair(self):
        c = only(document({"a": FAST, "b": SLOW}))
        self.assertEqual([round(r, 4) for r in c["pairs"]], [1.2, 1.1, 1.2, 1.1, 1.1, 1.21, 1.15])
        self.assertEqual((c["rounds"], c["verdict"], c["why"], c["bca"], c["bound"]), ([1, 2, 3, 4, 5, 6, 7], "faster", "", None,
                                                                                       None))
        self.assertEqual([round(c[k], 4) for k in ("median", "low", "high", "confidence", "mad")], [1.15, 1.1, 1.21, 0.9844,
                                                                                                    0.05])

    def test_slower(self):
        c = only(document({"a": SLOW, "b": FAST}))
        self.assertEqual((c["verdict"], c["why"]), ("slower", ""))
        self.assertLess(c["high"], 1)

    def test_fewer_than_seven_rounds(self):
        c = only(document({"a": FAST[:6], "b": SLOW[:6]}))
        self.assertEqual((c["verdict"], c["why"].split(";")[0], len(c["pairs"])), ("no winner", "fewer than 7 rounds", 6))

    def test_the_interval_holds_one(self):
        c = only(document({"a": FAST[:6] + [97], "b": SLOW}))
        self.assertEqual((c["verdict"], c["why"]), ("no winner", "the interval holds 1"))

    def test_the_control_is_off(self):
        c = only(document({"a": FAST, "b": SLOW, "a again": [1.03 * v for v in FAST]}))
        self.assertEqual(c["verdict"], "no winner")
        self.assertIn("A/A control fails: one device over itself is 1.030", c["why"])

    def test_the_control_is_near_but_its_interval_excludes_one(self):
        doc = document({"a": FAST, "b": SLOW, "a again": [1.005 * v for v in FAST]})
        self.assertIn("excludes 1", only(doc)["why"])
        self.assertIn("excludes 1", only(doc, "a again", "a")["why"])

    def test_the_control_has_few_rounds_or_is_missing(self):
        self.assertIn("A/A control has fewer than 7",
                      only(document({"a": FAST, "b": SLOW, "a again": FAST[:3] + [None] * 4}))["why"])
        self.assertIn("was not measured", only(document({"a": FAST, "b": SLOW, "a again": [None] * 7}))["why"])
        self.assertEqual(only(document({"a": FAST, "b": SLOW}, control=False))["why"], "there is no A/A control")

    def test_a_control_that_holds_claims_nothing_and_says_so(self):
        c = only(document({"a": FAST, "b": SLOW}), "a again", "a")
        self.assertEqual((c["control"], c["verdict"], c["why"], c["median"]), (True, "no winner", "the A/A control holds", 1))

    def test_a_latency_that_is_smaller_is_better(self):
        self.assertEqual(only(document({"a": SLOW, "b": FAST}, unit="ns"))["verdict"], "faster")
        self.assertEqual(only(document({"a": FAST, "b": SLOW}, unit="ns"))["verdict"], "slower")


class WhoIsCompared(unittest.TestCase):
    def test_a_device_without_a_passed_analysed_trial_is_named_and_not_compared(self):
        for change, why in (({"analysed": {"passed": False}}, "b did not pass its analysed trial"),
                            ({"analysed": None}, "b has no analysed trial"),
                            ({"analysed": None, "failed": "never became ready"}, "b failed: never became ready")):
            doc = document({"a": FAST, "b": SLOW})
            doc["duts"]["b"] |= change
            c = only(doc)
            self.assertEqual((c["verdict"], c["pairs"], c["median"]), ("no winner", [], None))
            self.assertIn(why, c["why"])
        self.assertIsNone(not_comparable("b", {"analysed": {"passed": True}}))
        self.assertIn("not among", not_comparable("b", None) or "")

    def test_a_twin_is_judged_by_its_originals_trial_unless_it_has_its_own(self):
        doc = document({"a": FAST, "b": SLOW})
        doc["duts"]["a again"]["analysed"] = None
        self.assertEqual(only(doc, "a again", "a")["why"], "the A/A control holds")
        doc["duts"]["a again"]["analysed"] = {"passed": False}
        self.assertIn("a again did not pass", only(doc, "a again", "a")["why"])

    def test_the_scenario_says_which(self):
        doc = document({"a": FAST, "b": SLOW, "c": SLOW})
        self.assertEqual(Comparer(doc).wanted(), [("a again", "a"), ("a", "b"), ("a", "c")])
        doc["scenario"]["compare"] = [["b", "c"]]
        self.assertEqual(Comparer(doc).wanted(), [("a again", "a"), ("b", "c")])


    def test_not_where_one_was_not_to_be_measured(self):
        doc = document({"a": FAST, "b": SLOW, "c": SLOW})
        for r in doc["rounds"]:
            next(c for c in r["cells"] if c["dut"] == "c")["methods"] = {"mrr": r["cells"][0]["methods"]["ndr"]}
        self.assertEqual([c["under"] for c in comparisons(doc) if c["method"] == "ndr" and not c["control"]], ["b"])

    def test_why_there_is_no_figure_before_that_nothing_was_analysed(self):
        doc = document({"a": FAST, "b": SLOW})
        doc["duts"]["b"]["analysed"] = None
        for r in doc["rounds"]:
            r["cells"][1] = cell("b", None, state="not measurable here",
                                 extra={"why": "not measurable here: 9 of 10 trials were disturbed"})
        self.assertEqual(only(doc)["why"], "b: not measurable here: 9 of 10 trials were disturbed")


class Pairing(unittest.TestCase):
    def test_never_across_rounds(self):
        rounds = [{"round": 1, "cells": [cell("a", 5)]}, {"round": 2, "cells": [cell("b", 5)]}]
        pairs = pair_up(rounds, "a", "b", NDR)
        self.assertEqual((pairs.ratios, [s["round"] for s in pairs.skipped]), ([], [1, 2]))

    def test_never_in_an_interrupted_round(self):
        rounds = [{"round": 1, "complete": True, "cells": [cell("a", 6), cell("b", 5)]},
                  {"round": 2, "cells": [cell("a", 6), cell("b", 5)]}]
        pairs = pair_up(rounds, "a", "b", NDR)
        self.assertEqual((pairs.rounds, pairs.skipped), ([1], [{"round": 2, "why": "the round was interrupted"}]))

    def test_never_with_a_failed_or_disturbed_cell(self):
        half = [{"valid": False}, {"valid": False}, {"valid": True}]
        for bad, why in ((cell("b", 5, failed="died"), "b: died"), (cell("b", None), "b: has no value"),
                         (cell("b", 0), "b: has no value"),
                         (cell("b", 5, state="no traffic"), "no traffic"), (cell("b", 5, state="out of budget"), "out of budget"),
                         (cell("b", 5, trials=half), "not measurable here")):
            with self.subTest(why=why):
                pairs = pair_up([{"round": 1, "cells": [cell("a", 6), bad]}], "a", "b", NDR)
                self.assertEqual((pairs.ratios, len(pairs.skipped)), ([], 1))
                self.assertIn(why, pairs.skipped[0]["why"])

    def test_half_of_the_trials_invalid_is_still_a_result(self):
        self.assertEqual(value_of(cell("b", 5, trials=[{"valid": False}, {"valid": True}]), "ndr"), (5, ""))

    def test_never_with_a_cell_that_stands_twice(self):
        pairs = pair_up([{"round": 1, "cells": [cell("a", 6), cell("b", 5), cell("b", 4)]}], "a", "b", NDR)
        self.assertEqual(pairs.ratios, [])
        self.assertIn("measured twice", pairs.skipped[0]["why"])

    def test_other_sizes_flows_and_methods_do_not_mix(self):
        other = {**cell("b", 5), "size": 508}
        pairs = pair_up([{"round": 1, "cells": [cell("a", 6), cell("b", 3), other, {**cell("b", 7), "flows": 9}]}], "a", "b", NDR)
        self.assertEqual(pairs.ratios, [2.0])


class Ceiling(unittest.TestCase):
    def test_within_five_per_cent(self):
        self.assertTrue(at_ceiling([950.0], {"ceiling": 1000.0}))
        self.assertFalse(at_ceiling([949.0], {"ceiling": 1000.0}))
        self.assertFalse(at_ceiling([949.0], None) or at_ceiling([], {"ceiling": 1.0}))
        self.assertEqual(AT_CEILING, 0.95)

    def test_a_bound_claims_in_its_own_direction_only(self):
        top, low = [990.0 + i for i in range(7)], [500.0 + 2 * i for i in range(7)]
        c = only(document({"a": top, "b": low}))
        self.assertEqual((c["bound"], c["verdict"]), ("at least", "faster"))
        c = only(document({"a": low, "b": top}))
        self.assertEqual((c["bound"], c["verdict"]), ("at most", "slower"))
        c = only(document({"a": top, "b": [960.0 + i for i in range(7)]}))
        self.assertEqual((c["bound"], c["verdict"]), ("unknown", "no winner"))
        self.assertIn("the generator was", c["why"])


class WholeDocuments(unittest.TestCase):
    def test_the_truth_is_found_and_not_more(self):
        doc = fake_results.make(7)
        found = {(c["under"], c["method"]): c["verdict"] for c in comparisons(doc) if not c["control"]
                 and c["method"] in ("mrr", "ndr")}
        self.assertEqual(found, {(d, m): v for d, v in (("ringway-xdp", "slower"), ("testpmd-afxdp", "faster"),
                                                        ("testpmd-afpacket", "faster"),
                                                         ("bridge", "faster")) for m in ("mrr", "ndr")})

    def test_equal_devices_are_hardly_ever_called_different(self):
        """60 sessions of two devices that are one: the sign test's 1.6 % at most, and the control stands before even that."""
        wrong = 0
        for seed in range(60):
            doc = fake_results.make(seed, duts=1, rounds=7, noise=0.02)
            doc["duts"]["twin"] = {**doc["duts"].pop("ringway-afxdp (A/A)"), "control_of": None}
            doc["duts"]["control"] = {**doc["duts"]["twin"], "control_of": "ringway-afxdp"}
            for r in doc["rounds"]:
                for c in r["cells"]:
                    c["dut"] = "twin" if "A/A" in c["dut"] else c["dut"]
                r["cells"].append({**copy.deepcopy(r["cells"][0]), "dut": "control"})
            doc["scenario"]["compare"] = [["ringway-afxdp", "twin"]]
            wrong += any(c["verdict"] != "no winner" for c in comparisons(doc) if c["method"] == "ndr" and c["under"] == "twin")
        self.assertLessEqual(wrong, 3)


if __name__ == "__main__":
    unittest.main()
