# SPDX-License-Identifier: BSD-2-Clause
"""Who is faster: ratios pair by pair, and the reasons to claim nothing.

A pair is two cells of one round. A machine's speed moves by more than two forwarders differ, but it moves slowly, so a
ratio within a round says more than the figures do. Whether even that holds is seen by one device under two names (A/A).
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from .stats import bca, mad, sign_interval
from .verdicts import clip, sentence

ROUNDS = 7  # below that the sign test's interval does not reach 95 %
CONTROL_OFF = 0.02  # how far the median of one device over itself may be from 1
DISTURBED = 0.5  # of the trials: with more, what came out is no result
AT_CEILING = 0.95  # of the generator's ceiling: from there on it is the generator that is measured
MEASURED = ("found", "irregular")  # states of a search whose value stands for the device


class Cell(NamedTuple):
    """What stands beside a figure."""

    method: str
    size: int
    flows: int


class Pairs(NamedTuple):
    rounds: list[int]
    ratios: list[float]
    skipped: list[dict[str, Any]]  # {"round", "why"}


def is_ringway(name: str, dut: Mapping[str, Any]) -> bool:
    return "ringway" in name.lower() or "ringway-" in str(dut.get("command", ""))


def not_comparable(name: str, dut: Mapping[str, Any] | None) -> str | None:
    """Why the counts of a device are not believed; None when they are."""
    if dut is None:
        return f"{name} is not among the devices"
    seen = dut.get("analysed")
    if not seen and dut.get("failed"):
        return f"{name} failed: {dut['failed']}"
    if not seen:
        return f"{name} has no analysed trial: its counts are not believed"
    if not seen.get("passed"):
        return f"{name} did not pass its analysed trial: its counts are not believed"
    return None


def value_of(cell: Mapping[str, Any] | None, method: str) -> tuple[float | None, str]:
    """A cell's figure, or None and why there is none."""
    if cell is None:
        return None, "was not measured"
    if cell.get("failed"):
        return None, str(cell["failed"])
    found = cell.get("methods", {}).get(method)
    if found is None:
        return None, "was not measured"
    state, why = found.get("state"), (found.get("extra") or {}).get("why")
    if state not in MEASURED and not (found.get("method") == "soak" and state == "unstable"):
        if state == "not measurable here":
            short = str(why or "").partition(" (")[0]  # which threads it was stands with the trials
            return None, short if short.startswith(state) else f"{state}: {short}" if short else state
        return None, f"the search ended {state!r}: {why}" if why else f"the search ended {state!r}"
    trials = found.get("trials", [])
    if sum(not t.get("valid", True) for t in trials) > DISTURBED * len(trials):
        return None, "not measurable here: more than half of its trials were disturbed"
    value = found.get("value")
    if value is None or (value <= 0 and found.get("unit", "frames/s") == "frames/s"):
        return None, str(why or "has no value")
    return float(value), ""


def maximum_passed(found: Mapping[str, Any]) -> bool:
    """A search whose highest load lost nothing: its answer is where the generator ended."""
    return found.get("state") == "irregular" and found.get("lower") is not None and found.get("upper") is None


def whole_rounds(rounds: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that were not interrupted. Where any round says `complete`, one that does not was cut off."""
    says = any("complete" in r for r in rounds)
    return [r for r in rounds if (r.get("complete", False) if says else True)]


def _cell(round_: Mapping[str, Any], dut: str, size: int, flows: int) -> tuple[Mapping[str, Any] | None, bool]:
    """The only one, and whether there were more (then nobody knows which of them belongs to the pair)."""
    found = [c for c in round_["cells"] if c["dut"] == dut and c["size"] == size and c["flows"] == flows]
    return (found[0] if len(found) == 1 else None), len(found) > 1


def pair_up(rounds: Sequence[Mapping[str, Any]], over: str, under: str, where: Cell) -> Pairs:
    out = Pairs([], [], [])
    whole = whole_rounds(rounds)
    for round_ in rounds:
        number = round_["round"]
        values, whys, planned = [], [], False
        for name in (over, under):
            cell, twice = _cell(round_, name, where.size, where.flows)
            value, why = value_of(cell, where.method)
            planned = planned or twice or (cell is not None and (bool(cell.get("failed"))
                                                                 or where.method in cell.get("methods", {})))
            values.append(value)
            if value is None:
                whys.append(f"{name}: {'was measured twice' if twice else clip(why)}")
        if not planned:
            continue
        if not any(round_ is w for w in whole):
            whys = ["the round was interrupted"]
        if not whys and 0 in values:
            whys = ["no ratio with 0"]
        if whys or values[0] is None or values[1] is None:
            out.skipped.append({"round": number, "why": "; ".join(whys)})
            continue
        out.rounds.append(number)
        out.ratios.append(values[0] / values[1])
    return out


def smaller_is_better(unit: str) -> bool:
    return unit in ("ns", "us", "ms", "s", "seconds", "ratio", "%", "lost")


def unit_of(rounds: Iterable[Mapping[str, Any]], method: str) -> str:
    for round_ in rounds:
        for cell in round_["cells"]:
            if method in cell.get("methods", {}):
                return str(cell["methods"][method].get("unit", "frames/s"))
    return "frames/s"


def summarise(pairs: Pairs) -> dict[str, Any]:
    empty = {"median": None, "low": None, "high": None, "confidence": None, "mad": None, "bca": None}
    if not pairs.ratios:
        return empty
    low, high, confidence = sign_interval(pairs.ratios)
    interval = bca(pairs.ratios)
    return {"median": median(pairs.ratios), "low": low, "high": high, "confidence": confidence, "mad": mad(pairs.ratios),
            "bca": list(interval) if interval else None}


def control_fault(figures: Mapping[str, Any]) -> str | None:
    """Why one device under two names is not one device here; None when it is."""
    if figures["median"] is None:
        return "the A/A control was not measured"
    if abs(figures["median"] - 1) > CONTROL_OFF:
        return f"the A/A control fails: one device over itself is {figures['median']:.3f}"
    if figures["confidence"] >= 0.95 and not figures["low"] <= 1 <= figures["high"]:
        return f"the A/A control fails: its interval, {figures['low']:.3f} to {figures['high']:.3f}, excludes 1"
    return None


def at_ceiling(values: Sequence[float], calibration: Mapping[str, Any] | None) -> bool:
    """Whether the median of these rates is within 5 % of what the generator can do at that size."""
    ceiling = (calibration or {}).get("ceiling")
    return bool(values) and bool(ceiling) and median(values) >= AT_CEILING * float(ceiling or 0)


class Comparer:
    """The comparisons of one results document."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        self.rounds: list[Mapping[str, Any]] = results.get("rounds", [])
        self.duts: Mapping[str, Mapping[str, Any]] = results.get("duts", {})
        self.calibration: Mapping[str, Any] = results.get("calibration", {})
        self.scenario: Mapping[str, Any] = results.get("scenario", {})
        self.twins = {name: d["control_of"] for name, d in self.duts.items() if d.get("control_of")}

    def wanted(self) -> list[tuple[str, str]]:
        """[over, under] of the scenario, or its first device against each other one; the controls before them."""
        listed = [(a, b) for a, b in self.scenario.get("compare") or []]
        asked = [d for d in self.scenario.get("duts") or [] if d in self.duts]  # the results have them in the order they ran in
        names = asked or [d for d in self.duts if d not in self.twins]
        return [*self.twins.items(), *(listed or [(names[0], other) for other in names[1:]])]

    def cells(self) -> list[Cell]:
        seen: dict[Cell, None] = {}
        for round_ in self.rounds:
            for c in round_["cells"]:
                for method, found in c.get("methods", {}).items():
                    if found.get("method") != "cost":  # of one device a thread's, of another a CPU's: no ratio
                        seen.setdefault(Cell(method, c["size"], c["flows"]))
        return list(seen)

    def all(self) -> list[dict[str, Any]]:
        return [row for where in self.cells() for over, under in self.wanted() if (row := self.one(over, under, where))]

    def one(self, over: str, under: str, where: Cell) -> dict[str, Any] | None:
        """None when one of the two was not to be measured there."""
        pairs = pair_up(self.rounds, over, under, where)
        if (not pairs.ratios and not pairs.skipped) or not (self.planned(over, where) and self.planned(under, where)):
            return None
        doubts = [self.no_value(name, where) or why for name in (over, under) if (why := not_comparable(name, self.judged(name)))]
        if doubts:
            pairs = Pairs([], [], pairs.skipped)
        figures = summarise(pairs)
        row: dict[str, Any] = {"over": over, "under": under, **where._asdict(), "pairs": pairs.ratios, "rounds": pairs.rounds,
                               "skipped": pairs.skipped, "control": over in self.twins, **figures}
        row["bound"] = self.bound(over, under, where)
        row["verdict"], row["why"] = self.verdict(row, doubts)
        return row

    def planned(self, name: str, where: Cell) -> bool:
        """Whether it was measured there by that method in any round, or failed before it could be."""
        cells = (_cell(r, name, where.size, where.flows)[0] for r in self.rounds)
        return any(c and (c.get("failed") or where.method in c.get("methods", {})) for c in cells)

    def no_value(self, name: str, where: Cell) -> str | None:
        """Why there is no figure of it in any round; None when there is one."""
        whys = [value_of(_cell(r, name, where.size, where.flows)[0], where.method) for r in self.rounds]
        return None if any(v is not None for v, _ in whys) or not whys else f"{name}: {clip(whys[0][1])}"

    def judged(self, name: str) -> Mapping[str, Any] | None:
        """The record that says whether its counts are believed: a twin without a trial of its own has its original's."""
        dut = self.duts.get(name)
        return self.duts.get(self.twins[name]) if name in self.twins and not (dut or {}).get("analysed") else dut

    def bound(self, over: str, under: str, where: Cell) -> str | None:
        """Where one of the two is as fast as the generator, the ratio is a bound: "at least", "at most", or "unknown" (both)."""
        if unit_of(self.rounds, where.method) != "frames/s":
            return None
        top = (self.topped(over, where), self.topped(under, where))
        return {(True, True): "unknown", (True, False): "at least", (False, True): "at most"}.get(top)

    def topped(self, name: str, where: Cell) -> bool:
        """Near the calibrated ceiling, or no load that the generator sustained was too much for it. The latter not for a device
        on the generator's own CPU: what the two sustain together is how fast it is."""
        cells = [c for r in self.rounds if (c := _cell(r, name, where.size, where.flows)[0])]
        values = [v for c in cells if (v := value_of(c, where.method)[0]) is not None]
        passed = sum(maximum_passed(c["methods"][where.method]) for c in cells if where.method in c["methods"])
        own = not str(self.duts.get(name, {}).get("cpu", "")).startswith("generator")
        return at_ceiling(values, self.calibration.get(str(where.size))) or (own and 2 * passed > len(cells))

    def verdict(self, row: Mapping[str, Any], doubts: Sequence[str]) -> tuple[str, str]:
        whys = list(doubts)
        if not doubts:
            whys += self.doubts(row)
        if whys:
            return "no winner", "; ".join(whys)
        above = row["low"] > 1
        if row["bound"] == "unknown" or row["bound"] == ("at most" if above else "at least"):
            return "no winner", "a device as fast as the generator was not measured, the generator was"
        smaller = smaller_is_better(unit_of(self.rounds, row["method"]))
        return ("faster" if above != smaller else "slower"), ""

    def doubts(self, row: Mapping[str, Any]) -> list[str]:
        whys = []
        if not row["pairs"]:
            return ["no pair was measured"]
        if len(row["pairs"]) < ROUNDS:
            whys.append(f"fewer than {ROUNDS} rounds")
        if row["control"]:
            fault = control_fault(row)
            return [*whys, fault or "the A/A control holds"]
        if row["low"] <= 1 <= row["high"]:
            whys.append("the interval holds 1")
        return [*whys, *self.control_doubts(Cell(row["method"], row["size"], row["flows"]), few=len(row["pairs"]) < ROUNDS)]

    def control_doubts(self, where: Cell, few: bool) -> list[str]:
        """Every control of the run has to hold: where one is noisy, the run is. `few`: that rounds are few has been said."""
        if not self.twins:
            return ["there is no A/A control"]
        faults: dict[str, None] = {}
        for twin, original in self.twins.items():
            pairs = pair_up(self.rounds, twin, original, where)
            short = not few and len(pairs.ratios) < ROUNDS
            fault = control_fault(summarise(pairs)) or (f"the A/A control has fewer than {ROUNDS} rounds" if short else None)
            if fault:
                faults.setdefault(fault)
        return list(faults)


def comparisons(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The list `comparisons` of a results document (RESULTS.md), made from its rounds, devices, calibration and scenario.

    Beside what is promised there each has `rounds` (numbers of the paired ones), `skipped` ([{"round", "why"}]), `control`
    (an A/A one) and `bound` (null, "at least", "at most", "unknown": where a device is as fast as the generator).
    """
    return Comparer(results).all()


def sentences(results: Mapping[str, Any]) -> list[str]:
    """Every comparison of a document in a sentence, the controls first."""
    found = results.get("comparisons") or comparisons(results)
    return [sentence(c) for c in sorted(found, key=lambda c: not c.get("control"))]
