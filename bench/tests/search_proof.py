# SPDX-License-Identifier: BSD-2-Clause
"""Thousands of searches on simulated devices, and what is required of each. Used by test_search_proof.py.

A rule accepts a load with a probability `a(load)` that follows from the device's: one trial (RFC 2544), one of two (TST 009),
most of seven (MLRsearch with {1 s, 7 s, 0, 0.5}). The truth is where that crosses one half.
"""
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from random import Random

from ringway_bench.model import Found
from ringway_bench.searches import Limits, Search, build
from ringway_bench.simulate import Dead, Device, Drifting, Inverted, Noisy, SoftEdge

MAXIMUM = 1e7
BUDGET = 400  # trials
WIDTH = 0.02  # MLRsearch's, of the upper bound
RESOLUTION = 0.005  # the others', of the maximum
LIMITS = Limits(MAXIMUM, trials=BUDGET, seconds=1e6)

SEARCHES: dict[str, Search] = {
    "rfc2544": build("rfc2544", {"seconds": 1.0, "resolution": RESOLUTION}),
    "tst009": build("tst009", {"seconds": 1.0, "resolution": RESOLUTION}),
    "mlrsearch": build("mlrsearch", {"sum_seconds": 7.0, "width": WIDTH}),
}
ACCEPTS: dict[str, Callable[[float], float]] = {
    "rfc2544": lambda p: 1 - p,
    "tst009": lambda p: 1 - p * p,
    "mlrsearch": lambda p: sum(math.comb(7, k) * p**k * (1 - p) ** (7 - k) for k in range(4)),
}


def clean(rng: Random) -> Device:
    return Device(MAXIMUM * rng.uniform(0.02, 0.97), short=rng.uniform(0, 0.01))


def soft(rng: Random) -> Device:
    return SoftEdge(MAXIMUM * rng.uniform(0.1, 0.8), short=rng.uniform(0, 0.01), spread=rng.uniform(0.002, 0.03), rng=rng)


def noisy(rng: Random) -> Device:
    return Noisy(MAXIMUM * rng.uniform(0.05, 0.95), chance=rng.uniform(0.01, 0.2), loss=rng.uniform(0.0001, 0.05), rng=rng)


def inverted(rng: Random) -> Device:
    """Lossy for more than a third of the range and well for another third above: the probes' distance."""
    low = rng.uniform(0, 0.15)
    high = low + rng.uniform(0.36, 0.45)
    capacity = MAXIMUM * rng.uniform(high + 0.34, 0.98)
    return Inverted(capacity, low=low * MAXIMUM, high=high * MAXIMUM, loss=rng.uniform(0.001, 0.05))


def drifting(rng: Random) -> Device:
    """By more than a width with every trial."""
    rises = rng.random() < 0.5
    drift = rng.uniform(0.021, 0.04)
    return Drifting(MAXIMUM * (rng.uniform(0.3, 0.5) if rises else rng.uniform(0.6, 0.95)), drift=drift if rises else -drift)


def dead(rng: Random) -> Device:
    return Dead(MAXIMUM * rng.uniform(0, 1))


def single(found: Found | list[Found]) -> Found:
    return found[0] if isinstance(found, list) else found


def truth(accepts: Callable[[float], float], device: Device) -> float:
    low, high = 0.0, 2 * MAXIMUM
    for _ in range(50):
        middle = (low + high) / 2
        if accepts(device.lossy(middle)) >= 0.5:
            low = middle
        else:
            high = middle
    return low


def width(method: str, upper: float) -> float:
    return WIDTH * upper if method == "mlrsearch" else RESOLUTION * MAXIMUM


def near(method: str, found: Found, at: float, factor: float = 1.0) -> bool:
    """Whether both bounds are within one width of `at`, as loads; a frame or two more, for they are counted."""
    lower, upper = found.extra["lower_load"], found.extra["upper_load"]
    one = width(method, upper) * factor + 2
    return lower is not None and upper is not None and at - one <= lower <= upper <= at + one


def judge_clean(method: str, device: Device, found: Found) -> str | None:
    at = device.capacity / (1 - device.short)
    if found.state != "found":
        return f"state {found.state}"
    if not near(method, found, at) or not found.extra["lower_load"] <= at + 2:
        return f"[{found.extra['lower_load']}, {found.extra['upper_load']}] misses {at}"
    # rates that were really offered, by a generator that falls short
    offered = found.extra["lower_load"] * (1 - device.short)
    if found.lower is None or abs(found.lower - offered) > 1 or found.lower > device.capacity + 2:
        return f"rate {found.lower} at load {found.extra['lower_load']}"
    return None


def judge_noise(method: str, device: Device, found: Found) -> str | None:
    """Allowed in one run of a hundred."""
    accepts = ACCEPTS[method]
    lower, upper = found.extra["lower_load"], found.extra["upper_load"]
    if lower is None or upper is None:
        return f"no bounds: {found.state}"
    if accepts(device.lossy(lower)) >= 0.001 and accepts(device.lossy(upper)) <= 0.999:
        return None
    return None if near(method, found, truth(accepts, device)) else f"[{lower}, {upper}], {device}"


def classes(method: str, found: Found) -> dict[float, int]:
    """1 for lower bounds, -1 for upper ones, by the rule alone, from the recorded trials."""
    tries: dict[float, list[bool]] = {}
    for trial in found.trials[found.extra.get("warm_up_trials", 0):]:
        tries.setdefault(trial["load"], []).append(trial["loss_ratio"] > 0)
    if method == "rfc2544":
        return {load: -1 if all(lossy) else 1 for load, lossy in tries.items()}
    if method == "tst009":
        return {load: 1 if not all(lossy) else -1 if len(lossy) >= 2 else 0 for load, lossy in tries.items()}
    return {load: -1 if sum(lossy) >= 4 and 2 * sum(lossy) > len(lossy) else 0 for load, lossy in tries.items()}


def judge_odd(method: str, device: Device, found: Found) -> str | None:
    if found.state not in ("irregular", "unstable", "no traffic"):
        return f"state {found.state}"
    if len(found.trials) > BUDGET:
        return f"{len(found.trials)} trials"
    lower = found.extra["lower_load"]
    above = [load for load, kind in classes(method, found).items() if kind < 0 and lower is not None and load < lower]
    return f"lower bound {lower} above {above}" if above else None


def judge_dead(method: str, device: Device, found: Found) -> str | None:
    if found.state != "no traffic" or found.value is not None or found.lower is not None or found.upper is not None:
        return f"{found.state}, {found.value}"
    return None if len(found.trials) <= 3 else f"{len(found.trials)} trials of a dead device"


DEVICES = {"clean": (clean, judge_clean), "soft": (soft, judge_noise), "noisy": (noisy, judge_noise),
           "inverted": (inverted, judge_odd), "drifting": (drifting, judge_odd), "dead": (dead, judge_dead)}


def prove(job: tuple[str, str, int, int]) -> tuple[str, str, int, list[str], Counter[str], int]:
    """Runs of one search on one kind of device, seeds `first` to `last`: how many, what was wrong, states, trials."""
    method, kind, first, last = job
    make, judge = DEVICES[kind]
    search, wrong, states, trials = SEARCHES[method], [], Counter[str](), 0
    for seed in range(first, last):
        device = make(Random(f"{kind} {seed}"))
        found = single(search.run(device, LIMITS))
        fault = judge(method, make(Random(f"{kind} {seed}")), found)
        if fault is not None:
            wrong.append(f"seed {seed}: {fault}")
        states[found.state] += 1
        trials += len(found.trials)
    return method, kind, last - first, wrong, states, trials
