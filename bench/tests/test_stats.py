# SPDX-License-Identifier: BSD-2-Clause
"""Intervals, spreads and the bootstrap against values worked out by hand, and against what they promise."""
import random
import unittest
from math import log
from statistics import NormalDist, median

from ringway_bench.stats import Interval, bca, mad, percentile, sign_confidence, sign_interval, spread


class SignTest(unittest.TestCase):
    def test_ranks_and_confidence_are_those_of_the_binomial(self):
        # n: (rank from both ends, 1 - 2 * (1 + n + ...) / 2^n), by hand
        for n, rank, confidence in ((7, 1, 126 / 128), (8, 1, 254 / 256), (9, 2, 492 / 512), (10, 2, 1002 / 1024),
                                    (11, 2, 2024 / 2048), (12, 3, 1 - 2 * (1 + 12 + 66) / 4096)):
            with self.subTest(n=n):
                values = [10.0 * i for i in range(1, n + 1)]
                random.Random(n).shuffle(values)
                self.assertEqual(sign_interval(values), Interval(10.0 * rank, 10.0 * (n + 1 - rank), confidence))

    def test_published_percentages(self):
        said = {n: round(100 * sign_interval(list(range(n))).confidence, 1) for n in (7, 9, 11)}
        self.assertEqual(said, {7: 98.4, 9: 96.1, 11: 98.8})

    def test_few_values_reach_from_end_to_end_and_say_how_little_that_is(self):
        self.assertEqual(sign_interval([3, 1, 2]), (1, 3, 0.75))
        self.assertEqual(sign_interval([5]), (5, 5, 0.0))
        self.assertEqual(sign_interval([1, 2, 3, 4, 5]).confidence, 0.9375)
        with self.assertRaises(ValueError):
            sign_interval([])

    def test_another_confidence(self):
        self.assertEqual(sign_interval(list(range(1, 8)), 0.8)[:2], (2, 6))  # 1 - 2 * 8 / 128 = 0.875
        self.assertAlmostEqual(sign_confidence(7, 2), 0.875)

    def test_holds_its_ends(self):
        interval = Interval(0.9, 1.0, 0.98)
        self.assertTrue(interval.holds(1.0) and interval.holds(0.9))
        self.assertFalse(interval.holds(1.0001))

    def test_covers_the_median_as_often_as_it_says(self):
        """A skewed distribution with a known median: exactly the binomial's share, within 4 sigma of 6000 draws."""
        rng, draws = random.Random(4), 6000
        for n in (3, 7, 9, 11):
            held = sum(sign_interval([rng.lognormvariate(0, 0.7) for _ in range(n)]).holds(1.0) for _ in range(draws))
            p = sign_interval(list(range(n))).confidence
            self.assertAlmostEqual(held / draws, p, delta=4 * (p * (1 - p) / draws) ** 0.5, msg=f"{n} values")


class Spread(unittest.TestCase):
    def test_mad(self):
        self.assertEqual(mad([1, 1, 2, 2, 4, 6, 9]), 1)  # deviations from 2: 1 1 0 0 2 4 7
        self.assertEqual(mad([5]), 0)
        self.assertEqual(mad([1.0, 2.0]), 0.5)

    def test_percentile(self):
        self.assertEqual([percentile([40, 10, 30, 20], s) for s in (0, 0.5, 1)], [10, 25, 40])
        self.assertAlmostEqual(percentile(list(range(1, 12)), 0.9), 10)
        self.assertAlmostEqual(percentile([1, 2], 0.1), 1.1)
        with self.assertRaises(ValueError):
            percentile([], 0.5)

    def test_spread(self):
        self.assertAlmostEqual(spread(list(range(1, 12))), (10 - 2) / 6)
        self.assertEqual(spread([3, 3, 3]), 0)
        for nothing in ([], [0, 0, 0]):
            with self.assertRaises(ValueError):
                spread(nothing)


def mean(values):
    return sum(values) / len(values)


class Bootstrap(unittest.TestCase):
    def test_not_with_few_values_or_equal_ones(self):
        self.assertIsNone(bca([random.random() for _ in range(19)]))
        self.assertIsNone(bca([1.0] * 30))
        self.assertIsNotNone(bca([float(i) for i in range(20)]))

    def test_repeats_itself(self):
        values = [random.Random(5).gauss(1, 0.1) for _ in range(25)]
        self.assertEqual(bca(values), bca(values))

    def test_equals_the_normal_interval_of_a_symmetric_mean(self):
        values = [NormalDist().inv_cdf((i + 0.5) / 40) for i in range(40)]  # symmetric: no bias, no acceleration
        low, high = bca(values, mean)
        half = 1.96 * (sum(v * v for v in values) / 40) ** 0.5 / 40**0.5
        self.assertAlmostEqual(low, -half, delta=0.03)
        self.assertAlmostEqual(high, half, delta=0.03)

    def test_acceleration_moves_it_towards_the_long_tail(self):
        """Of an exponential's mean: the percentile interval moved up at both ends, by what the formula says."""
        values = [-log(1 - (i + 0.5) / 30) for i in range(30)]
        m = mean(values)
        skew = sum((v - m) ** 3 for v in values) / (6 * sum((v - m) ** 2 for v in values) ** 1.5)  # of a mean, in closed form
        rng = random.Random(1)
        drawn = sorted(mean(rng.choices(values, k=30)) for _ in range(5000))
        bias = NormalDist().inv_cdf((sum(d < m for d in drawn) + 0.5 * sum(d == m for d in drawn)) / 5000)
        ends = [percentile(drawn, NormalDist().cdf(bias + (bias + z) / (1 - skew * (bias + z)))) for z in (-1.959964, 1.959964)]
        self.assertGreater(skew, 0.03)
        for got, wanted, plain in zip(bca(values, mean), ends, (percentile(drawn, 0.025), percentile(drawn, 0.975))):
            self.assertAlmostEqual(got, wanted, places=6)
            self.assertGreater(got, plain)

    def test_covers_the_median(self):
        rng, draws, held = random.Random(6), 300, 0
        for _ in range(draws):
            low, high = bca([rng.lognormvariate(0, 0.5) for _ in range(25)], median, resamples=400)
            held += low <= 1 <= high
        self.assertGreater(held / draws, 0.90)
        self.assertLess(held / draws, 0.99)


if __name__ == "__main__":
    unittest.main()
