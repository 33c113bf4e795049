#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""record_fdio.py CSIT_CHECKOUT OUTPUT.json.xz [SEQUENCES]

Lets FD.io's MLRsearch library (resources/libraries/python/MLRsearch of a checkout of FDio/csit) search on simulated devices, and
writes down every trial and, after each, the relevant bounds and the conditional throughput that the library takes for each
goal. test_search_fdio.py compares ours with that. The library is needed for this only; nothing of it is kept.

The file: {"header": {...}, "sequences": [...]}; a sequence is {"goals": [[final seconds, sum of seconds, loss ratio, exceed
ratio], ...], "loads": [frames per second, ascending], "trials": [[index of load, seconds, effective seconds, offered, lost],
...], "bounds": for each goal [[number of trials, index of lower or -1, index of upper or -1, conditional throughput or -1], ...],
one entry whenever something of it changed}. A throughput of -2: the library raised an error, see there.
"""
import json
import lzma
import os
import subprocess
import sys
from random import Random

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from ringway_bench.model import Outcome  # noqa: E402
from ringway_bench.simulate import Device, Drifting, Inverted, Noisy, SoftEdge  # noqa: E402

MAXIMUM, MINIMUM, TRIALS = 1e7, 9001.0, 90


class Exact(Device):
    """Loses exactly one frame of 200 in some trials, more in others: just as much as a goal of 0.5 % allows."""

    def trial(self, load, seconds):
        offered = max(200, round(load * seconds / 200) * 200)
        share = self.rng.choice((0, 1, 1, 2)) if load <= self.capacity else self.rng.choice((1, 4))
        return Outcome(load, seconds, offered, offered - offered // 200 * share, seconds)


def device(rng):
    capacity = MAXIMUM * rng.uniform(0.02, 1.1)
    return rng.choice((
        lambda: Device(capacity), lambda: SoftEdge(capacity, spread=rng.uniform(0.002, 0.1), rng=rng),
        lambda: SoftEdge(capacity, spread=rng.uniform(0.01, 0.1), rng=rng),
        lambda: Noisy(capacity, chance=rng.uniform(0.05, 0.6), loss=rng.choice((0.001, 0.02)), rng=rng),
        lambda: Inverted(capacity, low=capacity * rng.uniform(0.2, 0.8), high=capacity * rng.uniform(0.8, 1), loss=0.01, rng=rng),
        lambda: Drifting(capacity, drift=rng.uniform(-0.02, 0.02)), lambda: Exact(capacity, rng=rng)))()


def goals(rng):
    made = []
    for _ in range(rng.choice((1, 2, 2, 3))):
        final = rng.choice((1.0, 1.0, 2.0, 5.0))
        made.append({"final_trial_duration": final, "initial_trial_duration": min(final, rng.choice((0.5, 1.0))),
                     "duration_sum": final * rng.choice((1, 3, 5, 7, 11, 21)), "loss_ratio": rng.choice((0.0, 0.0, 0.005, 0.01)),
                     "exceed_ratio": rng.choice((0.0, 0.2, 0.5, 0.5, 0.75)), "relative_width": rng.choice((0.005, 0.01, 0.02))})
    return [g for n, g in enumerate(made) if g not in made[:n]]


class Enough(Exception):
    pass


def recorder(library):
    """A search of theirs that tells what it knows after each trial, and a measurer that gives it ours."""

    class Recording(library.MultipleLossRatioSearch):
        def measure(self, duration, load):
            result = super().measure(duration, load)
            self.told(self)
            return result

    class Wire(library.AbstractMeasurer):
        def __init__(self, simulated, overhead):
            self.simulated, self.overhead, self.trials = simulated, overhead, []

        def measure(self, intended_duration, intended_load):
            if len(self.trials) >= TRIALS:
                raise Enough
            o = self.simulated.trial(intended_load, intended_duration)
            effective = intended_duration + self.overhead
            self.trials.append((intended_load, intended_duration, effective, o.offered, o.lost))
            return library.MeasurementResult(intended_duration=intended_duration, intended_load=intended_load,
                                             offered_count=o.offered, loss_count=o.lost, duration_with_overheads=effective)

    return Recording, Wire


def sequence(library, seed):
    rng = Random(f"sequence {seed}")
    wanted = goals(rng)
    simulated, overhead = device(rng), rng.choice((0.0, 0.0, 0.5))
    recording, wire = recorder(library)
    config = library.Config()
    config.goals, config.max_load, config.min_load = [library.SearchGoal(**g, fail_fast=False) for g in wanted], MAXIMUM, MINIMUM
    config.warmup_duration = None
    search, measurer = recording(config=config), wire(simulated, overhead)
    seen = [[] for _ in wanted]

    def told(s):
        for goal, list_ in zip(s.config.goals, seen):
            target = s.scaling.goal_to_final_target[goal]
            result = library.GoalResult.from_bounds(s.database.get_relevant_bounds(target=target))
            try:
                throughput = result.conditional_throughput
            except RuntimeError:  # by rounding it finds seconds missing at a lower bound, and then no throughput
                throughput = -2
            values = (result.relevant_lower_bound, result.relevant_upper_bound, throughput)
            list_.append([None if x is None else float(x) for x in values])

    search.told = told
    try:
        search.search(measurer=measurer, debug=lambda _: None)
    except Enough:
        pass
    return packed(wanted, measurer.trials, seen)


def packed(wanted, trials, seen):
    loads = sorted({t[0] for t in trials})
    index = {load: n for n, load in enumerate(loads)}
    bounds = []
    for values in seen:
        changes = []
        for n, (low, high, throughput) in enumerate(values, 1):
            now = [index.get(low, -1), index.get(high, -1), -1 if throughput is None else round(throughput)]
            if not changes or changes[-1][1:] != now:
                changes.append([n, *now])
        bounds.append(changes)
    return {"goals": [[g["final_trial_duration"], g["duration_sum"], g["loss_ratio"], g["exceed_ratio"]] for g in wanted],
            "loads": [round(load) for load in loads], "trials": [[index[t[0]], *t[1:]] for t in trials], "bounds": bounds}


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    checkout, output = sys.argv[1:3]
    number = int(sys.argv[3]) if len(sys.argv) == 4 else 1000
    sys.path.insert(0, os.path.join(checkout, "resources/libraries/python"))
    import MLRsearch as library
    commit = os.environ.get("CSIT_COMMIT") or subprocess.run(
        ["git", "-C", checkout, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    header = {"what": "trials on simulated devices, and what FD.io's MLRsearch makes of them", "commit": commit,
              "library": "github.com/FDio/csit resources/libraries/python/MLRsearch", "made by": "bench/tests/record_fdio.py"}
    data = {"header": header, "sequences": [sequence(library, seed) for seed in range(number)]}
    with lzma.open(output, "wt", preset=9) as f:
        json.dump(data, f, separators=(",", ":"))
    print(f"{number} sequences, {sum(len(s['trials']) for s in data['sequences'])} trials, {os.path.getsize(output)} bytes")


if __name__ == "__main__":
    main()
