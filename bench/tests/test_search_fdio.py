# SPDX-License-Identifier: BSD-2-Clause
"""Load classification, relevant bounds and conditional throughput against FD.io's MLRsearch, trial by trial, as recorded."""
from __future__ import annotations

import json
import lzma
import os
import sys
import unittest
from collections import Counter
from types import ModuleType
from typing import Any

from ringway_bench.searches import classify

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "mlrsearch-fdio.json.xz")


def recorded() -> dict[str, Any]:
    with lzma.open(DATA, "rt") as f:
        data: dict[str, Any] = json.load(f)
    return data


def expected(changes: list[list[int]], number: int) -> list[list[int]]:
    """One entry for each trial, of a list of changes."""
    by_trial: list[list[int]] = []
    for n, (at, *values) in enumerate(changes):
        until = changes[n + 1][0] if n + 1 < len(changes) else number + 1
        by_trial += [values] * (until - at)
    return by_trial


def differences(sequence: dict[str, Any], module: ModuleType = classify) -> list[str]:
    """What `module` sees otherwise than FD.io's library did."""
    ledger = module.Ledger([module.Target(*goal) for goal in sequence["goals"]])
    number = len(sequence["trials"])
    theirs = [expected(changes, number) for changes in sequence["bounds"]]
    wrong = []
    for n, (level, seconds, effective, offered, lost) in enumerate(sequence["trials"]):
        ledger.add(level, seconds, lost / offered, effective)
        for goal in range(len(theirs)):
            low, high = ledger.bounds(goal)
            load = None if low is None else sequence["loads"][low] * (1 - ledger.conditional_loss(goal, low))
            their_low, their_high, their_load = theirs[goal][n]
            same_load = their_load == -1 if load is None else their_load == -2 or abs(load - their_load) <= 1
            if (-1 if low is None else low, -1 if high is None else high) != (their_low, their_high) or not same_load:
                wrong.append(f"trial {n + 1}, goal {goal}: {low}, {high}, {load}; theirs {theirs[goal][n]}")
    return wrong


class AgainstFdio(unittest.TestCase):
    def test_bounds_equal_trial_by_trial(self) -> None:
        data = recorded()
        self.assertEqual(len(data["header"]["commit"]), 40)
        self.assertGreaterEqual(len(data["sequences"]), 1000)
        seen: Counter[str] = Counter()
        for number, sequence in enumerate(data["sequences"]):
            self.assertEqual(differences(sequence), [], f"sequence {number}")
            seen["trials"] += len(sequence["trials"])
            for goal, changes in zip(sequence["goals"], sequence["bounds"]):
                seen["goals"] += 1
                seen["both bounds"] += changes[-1][1] >= 0 and changes[-1][2] >= 0
                seen["changes"] += len(changes)
                seen["no throughput by rounding"] += any(c[3] == -2 for c in changes)
                seen["short trials"] += any(t[1] < goal[0] for t in sequence["trials"])
                low, throughput = changes[-1][1], changes[-1][3]
                seen["throughput below the load"] += low >= 0 and -2 < throughput < sequence["loads"][low] - 1
                seen["loss exactly the goal's"] += any(t[4] and t[4] / t[3] == goal[2] for t in sequence["trials"])
                seen["a lower bound withdrawn"] += any(a[1] > b[1] for a, b in zip(changes, changes[1:]))
        for what, least in (("trials", 20000), ("goals", 1500), ("both bounds", 800), ("changes", 5000), ("short trials", 500),
                            ("throughput below the load", 50), ("loss exactly the goal's", 50), ("a lower bound withdrawn", 30)):
            self.assertGreaterEqual(seen[what], least, f"the record shows too little: {what} {seen}")
        self.assertLess(seen["no throughput by rounding"], 0.01 * seen["goals"])


#: What a slip of the pen would make of the rules. Each has to be noticed.
SLIPS = (
    ("excess > may_be_lossy", "excess >= may_be_lossy"),
    ("whole - good <= may_be_lossy", "whole - good < may_be_lossy"),
    ("may_be_lossy = whole * exceed_ratio", "may_be_lossy = whole * 0.5"),
    ("may_be_lossy = whole * exceed_ratio", "may_be_lossy = 0.0"),
    ("whole = max(good + excess, sum_seconds)", "whole = sum_seconds"),
    ("whole = max(good + excess, sum_seconds)", "whole = good + excess"),
    ("short_good * exceed_ratio / (1.0 - exceed_ratio)", "short_good * exceed_ratio"),
    ("bad + max(0.0, short_bad - short_good * exceed_ratio / (1.0 - exceed_ratio))", "bad"),
    ("bad + max(0.0, short_bad", "bad + (short_bad"),
    ("seconds >= target.seconds", "seconds > target.seconds"),
    ("loss_ratio > target.loss_ratio", "loss_ratio >= target.loss_ratio"),
    ("+= counted", "+= seconds"),
    ("self._upper[n][0]", "self._upper[n][-1]"),
    ("if upper is None or v < upper", "if True"),
    ("if remaining <= whole * ROUNDING", "if remaining < -whole * ROUNDING"),
    ("whole = max(sum_seconds, sum(s for _, s in ordered))", "whole = sum(s for _, s in ordered)"),
    ("* (1.0 - exceed_ratio)\n", "* exceed_ratio\n"),
    ("if asked >= target.seconds", "if True"),
)


class Slips(unittest.TestCase):
    def test_each_is_noticed(self) -> None:
        with open(classify.__file__, encoding="utf-8") as f:
            source = f.read()
        sequences = recorded()["sequences"]
        for right, wrong in SLIPS:
            self.assertIn(right, source)
            module = ModuleType("ringway_bench_slip")
            with self.subTest(wrong):
                sys.modules[module.__name__] = module  # dataclasses look their module up
                exec(compile(source.replace(right, wrong), classify.__file__, "exec"), module.__dict__)  # noqa: S102
                self.assertTrue(any(differences(s, module) for s in sequences), f"nothing notices '{wrong}' for '{right}'")


if __name__ == "__main__":
    unittest.main()
