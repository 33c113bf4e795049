# SPDX-License-Identifier: BSD-2-Clause
"""Each throughput search on each kind of simulated device, 10,000 times: what has to hold in every run, and what in 99 of 100."""
from __future__ import annotations

import os
import time
import unittest
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.search_proof import ACCEPTS, DEVICES, SEARCHES, prove

RUNS = 10_000
CHUNK = 1_000
ALLOWED = {"soft": RUNS // 100, "noisy": RUNS // 100}  # runs that may miss; of other devices none
# states that have to be there: a device that is well must not be called ill most of the time
FOUND = {("soft", "mlrsearch"): 0.9, ("noisy", "mlrsearch"): 0.95, ("noisy", "tst009"): 0.9, ("soft", "rfc2544"): 0.5}


class Proof(unittest.TestCase):
    def test_ten_thousand_runs(self) -> None:
        jobs = [(method, kind, first, first + CHUNK)
                for kind in DEVICES for method in SEARCHES for first in range(0, RUNS, CHUNK)]
        jobs.sort(key=lambda job: job[0] != "mlrsearch")  # the long ones first
        began = time.monotonic()
        runs: Counter[tuple[str, str]] = Counter()
        wrong: dict[tuple[str, str], list[str]] = {}
        states: dict[tuple[str, str], Counter[str]] = {}
        with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
            for method, kind, number, faults, seen, _ in pool.map(prove, jobs):
                runs[kind, method] += number
                wrong.setdefault((kind, method), []).extend(faults)
                states.setdefault((kind, method), Counter()).update(seen)
        for key in sorted(runs):
            kind, method = key
            with self.subTest(device=kind, search=method):
                print(f"{kind:9} {method:10} {runs[key]} runs, {len(wrong[key])} missed; {dict(states[key])}")
                self.assertEqual(runs[key], RUNS)
                self.assertLessEqual(len(wrong[key]), ALLOWED.get(kind, 0), wrong[key][:5])
                self.assertNotIn("out of budget", states[key])
                self.assertGreaterEqual(states[key]["found"], FOUND.get(key, 0.0) * RUNS)
        print(f"{time.monotonic() - began:.0f} s")

    def test_acceptance(self) -> None:
        """What p means to each rule, as computed by hand; S = 7 accepts from 0.001 to 0.999 between p = 0.92 and 0.08."""
        self.assertAlmostEqual(ACCEPTS["rfc2544"](0.2), 0.8)
        self.assertAlmostEqual(ACCEPTS["tst009"](0.5), 0.75)
        self.assertAlmostEqual(ACCEPTS["mlrsearch"](0.5), 0.5)
        self.assertAlmostEqual(ACCEPTS["mlrsearch"](0.08), 0.999, places=3)
        self.assertAlmostEqual(ACCEPTS["mlrsearch"](0.92), 0.001, places=3)


if __name__ == "__main__":
    unittest.main()
