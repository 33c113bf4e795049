# SPDX-License-Identifier: BSD-2-Clause
"""The methods that are no throughput searches: MRR, loss curve, back-to-back, recovery, reset time, soak."""
from __future__ import annotations

import unittest
from dataclasses import replace
from random import Random
from typing import Any

from ringway_bench.errors import NotMeasurable, UsageError
from ringway_bench.model import Outcome
from ringway_bench.searches import Limits, ResetTime, build
from ringway_bench.simulate import Buffering, Dead, Device, Disturbed, SoftEdge

LIMITS = Limits(1e7)


def run(name: str, measurer: Any, limits: Limits = LIMITS, **params: Any) -> Any:
    return build(name, params).run(measurer, limits)


class Mrr(unittest.TestCase):
    def test_statistics(self) -> None:
        device = SoftEdge(3e6, spread=0.02, rng=Random(1))
        found = run("mrr", device, trials=5, seconds=2.0)
        self.assertEqual(device.trials, [(float("inf"), 2.0)] * 5)
        rates = sorted(t["forwarding_rate"] for t in found.trials)
        self.assertAlmostEqual(found.value, sum(rates) / 5)
        extra = found.extra
        self.assertEqual((extra["min"], extra["median"], extra["max"], extra["count"]), (rates[0], rates[2], rates[4], 5))
        self.assertAlmostEqual(found.extra["stdev"], (sum((r - found.value) ** 2 for r in rates) / 4) ** 0.5)
        self.assertEqual((found.state, found.seconds), ("found", 10.0))

    def test_dead(self) -> None:
        found = run("mrr", Dead(1.0))
        self.assertEqual((found.state, found.value, len(found.trials)), ("no traffic", None, 2))

    def test_a_device_that_forwards_nothing_at_overload_only_has_a_rate_of_zero(self) -> None:
        class Livelock(Device):
            def carries(self, load: float, seconds: float) -> float:
                return load if load <= self.capacity else 0.0

        found = run("mrr", Livelock(1e6), trials=3)
        self.assertEqual((found.state, found.value), ("found", 0.0))


class LossRate(unittest.TestCase):
    def test_curve_until_two_trials_without_loss(self) -> None:
        found = run("loss-rate", Device(6.5e6), seconds=1.0)
        self.assertEqual([round(p["load"] / 1e6, 6) for p in found.extra["curve"]], [10, 9, 8, 7, 6, 5])
        for p in found.extra["curve"]:
            self.assertAlmostEqual(p["loss_ratio"], max(0.0, 1 - 6.5e6 / p["load"]), places=6)
        self.assertEqual((found.state, found.unit), ("found", "ratio"))
        self.assertAlmostEqual(found.value, 0.35)

    def test_one_trial_without_loss_is_not_enough(self) -> None:
        class Hole(Device):
            def carries(self, load: float, seconds: float) -> float:
                return load if round(load / 1e6) in (9, 7, 6) else load / 2

        curve = run("loss-rate", Hole(1.0), seconds=1.0).extra["curve"]
        self.assertEqual([round(p["load"] / 1e6) for p in curve], [10, 9, 8, 7, 6])

    def test_finer_steps_and_no_end(self) -> None:
        found = run("loss-rate", Device(9e5), seconds=1.0, step=0.05)
        self.assertEqual((found.state, len(found.extra["curve"])), ("irregular", 20))
        self.assertIn("no two trials", found.extra["why"])


class BackToBack(unittest.TestCase):
    def test_rfc9004_correction(self) -> None:
        """A buffer of 1000 frames and 4 of 10 frames forwarded meanwhile: bursts of 1000 / 0.6 frames."""
        device = Buffering(4e6, buffer=1000)
        found = run("back-to-back", device, repeats=3, longest=0.01, resolution=1, throughput=4e6)
        self.assertEqual(found.state, "found")
        self.assertAlmostEqual(found.value, 1000 / 0.6, delta=3)
        self.assertAlmostEqual(found.extra["implied_seconds"], 1000 / 0.6 / 1e7, delta=1e-6)
        self.assertAlmostEqual(found.extra["corrected_seconds"], 1000 / 1e7, delta=1e-6)  # the buffer's own
        self.assertEqual((found.unit, found.extra["count"], found.extra["stdev"]), ("frames", 3, 0.0))

    def test_without_throughput_nothing_is_corrected(self) -> None:
        found = run("back-to-back", Buffering(4e6), repeats=1, longest=0.01)
        self.assertNotIn("corrected_seconds", found.extra)
        self.assertRaises(UsageError, run, "back-to-back", Buffering(4e6), throughput=1e7)

    def test_bursts_that_pass_or_fail_at_any_length(self) -> None:
        found = run("back-to-back", Buffering(2e7), repeats=2, longest=0.1)
        self.assertEqual((found.state, found.value), ("irregular", 1e6))
        found = run("back-to-back", Buffering(0.0, buffer=0), repeats=2, longest=0.1)
        self.assertEqual(found.state, "no traffic")

    def test_a_lost_burst_is_repeated_once(self) -> None:
        class Flaky(Buffering):
            odd = False

            def burst(self, frames: int) -> Outcome:
                self.odd = not self.odd
                outcome = super().burst(frames)
                return replace(outcome, received=outcome.received - 1) if self.odd else outcome

        steady = run("back-to-back", Buffering(4e6), repeats=1, longest=0.01, resolution=1)
        self.assertEqual(run("back-to-back", Flaky(4e6), repeats=1, longest=0.01, resolution=1).value, steady.value)
        self.assertLess(run("back-to-back", Flaky(4e6), repeats=1, longest=0.01, resolution=1, max_r=1).value, steady.value)

    def test_budget(self) -> None:
        found = run("back-to-back", Buffering(4e6), Limits(1e7, trials=40), repeats=50, longest=0.01)
        self.assertEqual(found.state, "out of budget")
        self.assertGreater(found.extra["count"], 0)


class Recovery(unittest.TestCase):
    def test_time_until_loss_stops(self) -> None:
        """Half of a large buffer, 500,000 frames, drains at 4e6 - 3e6 frames a second."""
        device = Buffering(4e6, buffer=1_000_000)
        found = run("recovery", device, throughput=4e6)
        self.assertEqual(found.state, "found")
        self.assertAlmostEqual(found.value, 0.5, delta=0.1)  # the resolution of the intervals
        self.assertEqual(device.trials, [(6e6, 60.0)] * 3)
        self.assertEqual((found.unit, found.extra["count"], len(found.trials)), ("s", 3, 6))

    def test_overload_is_at_most_the_maximum(self) -> None:
        device = Buffering(9e6)
        found = run("recovery", device, throughput=9e6, high_seconds=1.0)
        self.assertEqual(found.extra["high_load"], 1e7)

    def test_no_overload_and_no_recovery_are_said(self) -> None:
        self.assertIn("no overload", run("recovery", Buffering(8e6), throughput=4e6).extra["why"])
        found = run("recovery", Buffering(2e6), throughput=4e6)  # 75 % is too much for it
        self.assertEqual(found.state, "irregular")
        self.assertRaises(UsageError, run, "recovery", Buffering(8e6))
        self.assertRaises(UsageError, run, "recovery", Buffering(8e6), throughput=2e7)

    def test_disturbed(self) -> None:
        class Bad(Buffering):
            def recover(self, high: float, low: float, high_seconds: float, low_seconds: float) -> Any:
                seen = super().recover(high, low, high_seconds, low_seconds)
                return replace(seen, high=replace(seen.high, valid=False, reasons=("x",)))

        self.assertRaises(NotMeasurable, run, "recovery", Bad(4e6), throughput=4e6)


class Reset(unittest.TestCase):
    def test_frames_lost_over_rate(self) -> None:
        restarts = []
        search = replace(build("reset", {"load": 1e6}), restart=lambda: restarts.append(1))
        assert isinstance(search, ResetTime)
        found = search.run(Buffering(4e6), LIMITS)
        self.assertEqual((found.state, found.unit, len(restarts)), ("found", "s", 3))
        assert found.value is not None
        self.assertAlmostEqual(found.value, 0.25)

    def test_needs_a_restart_and_a_load(self) -> None:
        self.assertRaises(UsageError, run, "reset", Buffering(4e6), load=1e6)
        self.assertRaises(UsageError, ResetTime(restart=lambda: None).run, Buffering(4e6), LIMITS)


class Soaks(unittest.TestCase):
    def test_alarm(self) -> None:
        class Late(Device):
            def carries(self, load: float, seconds: float) -> float:
                return load * (1 - 1e-6) if len(self.trials) == 3 else load

        found = run("soak", Late(1.0), seconds=1500.0)
        self.assertEqual((found.state, found.extra["alarms"], len(found.extra["curve"])), ("unstable", [2], 5))
        self.assertAlmostEqual(found.value, 2e-7, delta=1e-9)
        self.assertEqual(run("soak", Late(1.0), seconds=1500.0, alarm=1e-5).state, "found")

    def test_load(self) -> None:
        for load, offered in ((0.0, 5e6), (1e6, 1e6)):
            device = Device(1e7)
            run("soak", device, seconds=300.0, load=load)
            self.assertEqual(device.trials, [(offered, 300.0)])
        self.assertRaises(UsageError, run, "soak", Device(1e7), load=2e7)

    def test_disturbed_intervals_are_kept_and_do_not_alarm(self) -> None:
        found = run("soak", Disturbed(Device(1e7), 0.5, Random(1)), seconds=6000.0)
        self.assertEqual((found.state, found.value, len(found.trials)), ("found", 0.0, 20))
        self.assertGreater(found.extra["invalid"], 0)
        self.assertEqual(run("soak", Dead(1.0), seconds=600.0).state, "no traffic")


if __name__ == "__main__":
    unittest.main()
