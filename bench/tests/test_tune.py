# SPDX-License-Identifier: BSD-2-Clause
"""The tuner on simulated devices: finds what helps, says what does not, and does not believe luck."""
import random
import unittest

from ringway_bench.errors import DutError
from ringway_bench.tune import Knob, Tuner

KNOBS = [Knob("batch", 64, (32, 256)), Knob("ring", 2048, (512,)), Knob("pages", "auto", ("never",))]


class Simulated:
    """A device whose settings multiply its rate; a measurement takes `cost` seconds of a clock that the tuner reads."""

    def __init__(self, effects, noise, seed, cost=2.0):
        self.effects, self.noise, self.cost = effects, noise, cost
        self.rng = random.Random(seed)
        self.now = 0.0

    def measure(self, settings):
        self.now += self.cost
        rate = 1e6
        for key in settings.items():
            rate *= self.effects.get(key, 1.0)
        return rate * self.rng.gauss(1, self.noise)

    def tune(self, seed=0, **more):
        return Tuner(KNOBS, self.measure, clock=lambda: self.now, rng=random.Random(seed), **more).run()


class Tuning(unittest.TestCase):
    def test_finds_the_settings_that_help_and_says_by_how_much(self):
        said = Simulated({("batch", 256): 1.15, ("batch", 32): 0.8, ("ring", 512): 1.08}, 0.01, 1).tune()
        self.assertEqual(said["changed"], {"batch": 256, "ring": 512})
        self.assertEqual(said["winner"], {"batch": 256, "ring": 512, "pages": "auto"})
        self.assertAlmostEqual(said["verified"]["effect"], 1.15 * 1.08 - 1, delta=0.02)
        effect = {(row["name"], row["value"]): row for row in said["settings"]}
        self.assertAlmostEqual(effect["batch", 256]["effect"], 0.15, delta=0.02)
        self.assertEqual(effect["batch", 32]["left"], "worse in every round")
        self.assertIn("batch = 256", said["answer"])

    def test_without_an_effect_it_says_so_in_nearly_every_run(self):
        claims = sum(bool(Simulated({}, 0.03, seed).tune(seed)["changed"]) for seed in range(100))
        self.assertLessEqual(claims, 3)
        self.assertIn("no setting has an effect above the noise here", {Simulated({}, 0.03, s).tune(s)["answer"] for s in range(20)})

    def test_settings_that_spoil_each_other_are_not_believed_together(self):
        class Quarrel(Simulated):
            def measure(self, settings):
                both = settings["batch"] == 256 and settings["ring"] == 512
                return super().measure(settings) * (0.5 if both else 1)
        said = Quarrel({("batch", 256): 1.2, ("ring", 512): 1.2}, 0.01, 3).tune()
        self.assertEqual(said["tried"], {"batch": 256, "ring": 512})
        self.assertEqual(said["changed"], {})
        self.assertEqual(said["winner"], {"batch": 64, "ring": 2048, "pages": "auto"})
        self.assertIn("keep the defaults", said["answer"])

    def test_a_time_is_better_when_it_is_smaller(self):
        said = Simulated({("ring", 512): 0.8}, 0.01, 4).tune(lower_is_better=True)
        self.assertEqual(said["changed"], {"ring": 512})
        self.assertGreater(said["verified"]["effect"], 0.2)

    def test_settings_that_do_not_work_leave_and_the_others_go_on(self):
        class Refuses(Simulated):
            def measure(self, settings):
                if settings["pages"] == "never":
                    raise DutError("mmap: no")
                return super().measure(settings)
        said = Refuses({("batch", 256): 1.15}, 0.01, 5).tune()
        self.assertEqual(said["changed"], {"batch": 256})
        self.assertIn("does not work: mmap: no", [row["left"] for row in said["settings"]])

    def test_keeps_its_time_and_admits_that_it_was_too_short(self):
        device = Simulated({("batch", 256): 1.15}, 0.01, 6)
        said = device.tune(time_limit=60)
        self.assertLessEqual(device.now, 60)
        self.assertEqual(said["answer"], "too few rounds in this time to say anything")


if __name__ == "__main__":
    unittest.main()
