# SPDX-License-Identifier: BSD-2-Clause
"""Ratios of interleaved rounds, pair by pair, with the exact interval of the sign test for the median."""
from math import comb
from statistics import median


def sign_interval(values):
    """(low, high, confidence): the narrowest pair of order statistics that holds the median with at least 95 %; with
    fewer than 6 values the range, and what it is worth."""
    v, n = sorted(values), len(values)
    best = (v[0], v[-1], 1 - 2 * 0.5**n)
    for k in range(1, n // 2):
        confidence = 1 - 2 * sum(comb(n, i) for i in range(k + 1)) * 0.5**n
        if confidence >= 0.95:
            best = (v[k], v[-1 - k], confidence)
    return best


def summary(values):
    low, high, confidence = sign_interval(values)
    return {"median": median(values), "low": low, "high": high, "confidence": confidence, "rounds": len(values)}


def paired(rounds, over, under):
    return summary([r[over]["pps"] / r[under]["pps"] for r in rounds])


def best_of(results):
    return sorted(((name, median(pps)) for name, pps in results.items()), key=lambda x: -x[1])


def ratios(results):
    names, rounds = results["names"], results["rounds"]
    ours = "ringway-afxdp"
    return {
        "ringway / libxdp loop": paired(rounds, ours, names["loop"]),
        "ringway / testpmd": paired(rounds, ours, names["testpmd"]),
        "ringway / transmit only": paired(rounds, ours, names["transmit"]),
        "A/A: ringway / ringway": paired(rounds, ours, "ringway-afxdp again"),
        "xdp: ringway / hand-written swap": paired(rounds, "ringway-xdp", "xdp swap"),
        "xdp: ringway / bare redirect": paired(rounds, "ringway-xdp", "xdp redirect"),
    }


def plain_ratios(results):
    names, rounds = results["names"], results["plain_rounds"]
    return {f"ringway / {label}": paired(rounds, "ringway-afxdp", names[key])
            for label, key in (("libxdp loop", "loop"), ("testpmd", "testpmd"), ("transmit only", "transmit"))}
