# SPDX-License-Identifier: BSD-2-Clause
"""RFC 9971's example search: one load, four goals, six points in time; classification and conditional throughput at each.

In one place the RFC's text contradicts its own code: of "20% exceed" it says "Lower Bound" at the last two points, beside exceed
ratios of 42.857 % and 27.273 %, where more than 20 % makes an upper bound by its definition and by its code. FD.io's library says
upper bound, and so do we; the ratios are asserted, too.
"""
from __future__ import annotations

import unittest

from ringway_bench.searches.classify import LOWER, UNDECIDED, UPPER, Ledger, Target, quantile_loss

LOAD = 1e6
GOALS = {
    "RFC2544": Target(60, 60, 0.0, 0.0),
    "TST009": Target(60, 120, 0.0, 0.5),
    "1s final": Target(1, 120, 0.005, 0.5),
    "20% exceed": Target(60, 60, 0.005, 0.2),
}
# added trials (number, seconds, loss ratio), and for each goal the class afterwards and the throughput that
# follows from the full-length trials so far, what is missing of the duration sum counting as all lost
POINTS = (
    ("first short good", (59, 1, 0.0), {"RFC2544": (UNDECIDED, 0.0), "TST009": (UNDECIDED, 0.0),
                                        "1s final": (UNDECIDED, 0.0), "20% exceed": (UNDECIDED, 0.0)}),
    ("first short bad", (1, 1, 0.01), {"RFC2544": (UPPER, 0.0), "TST009": (UNDECIDED, 0.0),
                                       "1s final": (UNDECIDED, 0.99), "20% exceed": (UNDECIDED, 0.0)}),
    ("last short bad", (59, 1, 0.01), {"RFC2544": (UPPER, 0.0), "TST009": (UNDECIDED, 0.0),
                                       "1s final": (UNDECIDED, 0.99), "20% exceed": (UPPER, 0.0)}),
    ("last short good", (1, 1, 0.0), {"RFC2544": (UPPER, 0.0), "TST009": (UNDECIDED, 0.0),
                                      "1s final": (LOWER, 1.0), "20% exceed": (UPPER, 0.0)}),
    ("first long bad", (1, 60, 0.001), {"RFC2544": (UPPER, 0.999), "TST009": (UNDECIDED, 0.999),
                                        "1s final": (LOWER, 0.999), "20% exceed": (UPPER, 0.999)}),
    ("first long good", (1, 60, 0.0), {"RFC2544": (UPPER, 0.999), "TST009": (LOWER, 1.0),
                                       "1s final": (LOWER, 1.0), "20% exceed": (UPPER, 0.999)}),
)
# optimistic and pessimistic exceed ratio in per cent, as the RFC prints them, point by point
RATIOS = {
    "RFC2544": ((0, 100), (1.667, 100), (100, 100), (100, 100), (100, 100), (66.667, 66.667)),
    "TST009": ((0, 100), (0, 100), (0.833, 100), (0, 100), (50, 100), (50, 50)),
    "1s final": ((0, 50.833), (0.833, 50.833), (50, 50.833), (50, 50), (33.333, 33.333), (25, 25)),
    "20% exceed": ((0, 100), (0, 100), (75.417, 100), (75, 100), (42.857, 42.857), (27.273, 27.273)),
}
# sums of seconds after the last point: good, bad, short good, short bad
SUMS = {"RFC2544": [60, 60, 60, 60], "TST009": [60, 60, 60, 60], "1s final": [180, 60, 0, 0], "20% exceed": [120, 0, 60, 60]}


def kind_by_ratios(optimistic: float, pessimistic: float, exceed: float) -> int:
    """The RFC's definition in words."""
    return UPPER if optimistic > exceed else LOWER if pessimistic <= exceed else UNDECIDED


class ExampleSearch(unittest.TestCase):
    def test_six_points_in_time(self) -> None:
        ledger = Ledger(list(GOALS.values()))
        for at, (point, (number, seconds, loss), expected) in enumerate(POINTS):
            for _ in range(number):
                ledger.add(0, seconds, loss)
            for n, goal in enumerate(GOALS):
                with self.subTest(point=point, goal=goal):
                    kind, share = expected[goal]
                    self.assertEqual(ledger.class_of(n, 0), kind)
                    ratios = RATIOS[goal][at]
                    self.assertEqual(kind_by_ratios(ratios[0], ratios[1], 100 * GOALS[goal].exceed_ratio), kind)
                    for printed, ours in zip(ratios, self.ratios(ledger.sums(n, 0), GOALS[goal])):
                        self.assertAlmostEqual(ours, printed, places=3)
                    self.assertAlmostEqual(LOAD * (1 - ledger.conditional_loss(n, 0)), LOAD * share)
                    self.assertEqual(ledger.bounds(n), (0 if kind == LOWER else None, 0 if kind == UPPER else None))
        for n, goal in enumerate(GOALS):
            self.assertEqual(ledger.sums(n, 0), SUMS[goal])

    @staticmethod
    def ratios(sums: list[float], goal: Target) -> tuple[float, float]:
        good, bad, short_good, short_bad = sums
        excess = bad + max(0, short_bad - short_good * goal.exceed_ratio / (1 - goal.exceed_ratio))
        whole = max(good + excess, goal.sum_seconds)
        return 100 * excess / whole, 100 * (whole - good) / whole

    def test_one_trial_before_each_decision(self) -> None:
        """With S = 21 one-second trials 11 decide, with S = 7 four, and not one less."""
        for sum_seconds, needed in ((21, 11), (7, 4)):
            for loss, kind in ((0.0, LOWER), (0.1, UPPER)):
                ledger = Ledger([Target(1, sum_seconds, 0.0, 0.5)])
                for n in range(1, needed + 1):
                    ledger.add(0, 1, loss)
                    self.assertEqual(ledger.class_of(0, 0), kind if n == needed else UNDECIDED)

    def test_relevant_bounds_are_conservative_under_inversion(self) -> None:
        ledger = Ledger([Target(1, 1, 0.0, 0.5)])
        for level, loss in ((9, 0.0), (7, 0.1), (5, 0.0), (3, 0.1), (1, 0.0)):
            ledger.add(level, 1, loss)
        self.assertEqual(ledger.bounds(0), (1, 3))
        self.assertEqual(ledger.highest_lower(0), 9)

    def test_a_bound_can_be_withdrawn(self) -> None:
        ledger = Ledger([Target(1, 1, 0.0, 0.5)])
        ledger.add(4, 1, 0.2)
        self.assertEqual(ledger.bounds(0), (None, 4))
        ledger.add(4, 1, 0.0)
        self.assertEqual(ledger.bounds(0), (4, None))
        ledger.add(4, 1, 0.2)
        self.assertEqual(ledger.bounds(0), (None, 4))

    def test_missing_time_counts_as_lost(self) -> None:
        self.assertEqual(quantile_loss([(0.0, 1.0)] * 3, 7, 0.5), 1.0)
        self.assertEqual(quantile_loss([(0.0, 1.0)] * 4, 7, 0.5), 0.0)
        self.assertEqual(quantile_loss([], 7, 0.5), 1.0)
        self.assertEqual(quantile_loss([(0.0, 1.0), (0.1, 1.0), (0.2, 1.0)], 3, 0.0), 0.2)

    def test_rounding_takes_no_throughput(self) -> None:
        """0.1 ten times is less than 1."""
        ledger = Ledger([Target(0.1, 1.0, 0.0, 0.0)])
        for _ in range(11):
            ledger.add(0, 0.1, 0.0)
        self.assertEqual((ledger.class_of(0, 0), ledger.conditional_loss(0, 0)), (LOWER, 0.0))


if __name__ == "__main__":
    unittest.main()
