# SPDX-License-Identifier: BSD-2-Clause
"""When losses end is told from counters that were read while frames were under way."""
import unittest

from ringway_bench.transients import losses


class Losses(unittest.TestCase):
    def test_frames_under_way_are_no_loss(self):
        at, lost = losses([(0.0, 1000, 700), (0.1, 1100, 950), (0.2, 1200, 1150), (0.3, 1300, 1290)], 0)
        self.assertEqual(at, [0.0, 0.1, 0.2, 0.3])
        self.assertEqual(lost, [0, 0, 0, 0])

    def test_a_loss_that_goes_on_ends_where_it_ends(self):
        timeline = [(n / 10, 1000 + 100 * n, 600 + 100 * n - 10 * min(n, 5)) for n in range(10)]  # 10 of 100 lost, for half a second
        _, lost = losses(timeline, 450)
        self.assertEqual(lost, [400, 410, 420, 430, 440, 450, 450, 450, 450, 450])

    def test_never_more_than_were_lost_in_all(self):
        _, lost = losses([(0.0, 1000, 100), (0.1, 1100, 1000)], 40)
        self.assertEqual(lost, [40, 40])


if __name__ == "__main__":
    unittest.main()
