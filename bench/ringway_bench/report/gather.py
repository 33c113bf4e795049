# SPDX-License-Identifier: BSD-2-Clause
"""A results document as reports look at it: one figure per device, size, flows and method, with what stands behind it."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

from ..compare import at_ceiling, comparisons, maximum_passed, value_of, whole_rounds
from ..stats import Interval, mad, sign_interval, spread
from ..verdicts import clip, flows_word, frame

Trial = Mapping[str, Any]
RATES = ("mrr", "mlrsearch", "tst009", "rfc2544")  # methods whose figure is a rate, also where they found none
NO_RATE = ("latency", "cost")  # methods whose figure is no rate, whatever unit it has


@dataclass
class Figure:
    """What one method found for one device at one size and number of flows, over all rounds."""

    dut: str
    size: int
    flows: int
    method: str
    kind: str = ""
    unit: str = "frames/s"
    values: list[float] = field(default_factory=list)
    missing: list[tuple[int, str]] = field(default_factory=list)  # (round, why there is no value)
    trials: list[tuple[int, Trial]] = field(default_factory=list)  # (round, trial), all of them
    extra: list[Mapping[str, Any]] = field(default_factory=list)
    goal: Mapping[str, Any] = field(default_factory=dict)
    deciding: list[Trial] = field(default_factory=list)  # valid trials at the loads that the values stand for
    at_ceiling: bool = False
    passed: int = 0  # rounds in which the highest load of the search lost nothing

    @property
    def median(self) -> float | None:
        return median(self.values) if self.values else None

    @property
    def interval(self) -> Interval | None:
        return sign_interval(self.values) if self.values else None

    @property
    def mad(self) -> float | None:
        return mad(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        return spread(self.values) if len(self.values) > 1 and median(self.values) else None

    @property
    def valid(self) -> int:
        return sum(bool(t.get("valid", True)) for _, t in self.trials)

    @property
    def invalid(self) -> int:
        return len(self.trials) - self.valid

    @property
    def not_measurable(self) -> bool:
        """No round has a value, and disturbances from outside are why."""
        return not self.values and bool(self.missing) and any("not measurable" in why for _, why in self.missing)


def deciding_trials(found: Mapping[str, Any]) -> list[Trial]:
    """The valid trials at the load nearest to what was found; for a method at full rate all valid ones."""
    valid = [t for t in found.get("trials", []) if t.get("valid", True) and t.get("offered")]
    at = found.get("lower") or (found.get("value") if found.get("unit", "frames/s") == "frames/s" else None)
    if not valid or at is None or any(t.get("load") is None for t in valid):
        return valid
    wanted = float(at)
    nearest = min(valid, key=lambda t: abs(float(t["rate"]) - wanted))
    return [t for t in valid if t["load"] == nearest["load"]]


class View:
    """The document, indexed. Whatever is absent in an older or cut-off file is empty here, never an error."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        self.results = results
        self.duts: Mapping[str, Mapping[str, Any]] = results.get("duts") or {}
        self.rounds: list[Mapping[str, Any]] = results.get("rounds") or []
        self.calibration: Mapping[str, Any] = results.get("calibration") or {}
        self.platform: Mapping[str, Any] = results.get("platform") or {}
        self.scenario: Mapping[str, Any] = results.get("scenario") or {}
        self.tune: Mapping[str, Any] | None = results.get("tune")
        self.partial = results.get("state") != "complete"
        self.whole = len(whole_rounds(self.rounds))
        self.comparisons: list[Mapping[str, Any]] = list(results.get("comparisons") or comparisons(results))
        self.figures: dict[tuple[str, int, int, str], Figure] = {}
        for number, cell in self.cells():
            self._add(number, cell)
        for f in self.figures.values():
            near = at_ceiling(f.values, self.calibration.get(str(f.size)))
            topped = not self.in_kernel(f.dut) and 2 * f.passed > len(f.values)
            f.at_ceiling = f.unit == "frames/s" and (near or topped)

    def cells(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for round_ in self.rounds:
            for cell in round_.get("cells", []):
                yield round_["round"], cell

    def _add(self, number: int, cell: Mapping[str, Any]) -> None:
        for method, found in cell.get("methods", {}).items():
            f = self.figures.setdefault((cell["dut"], cell["size"], cell["flows"], method),
                                        Figure(cell["dut"], cell["size"], cell["flows"], method))
            f.kind, f.unit, f.goal = found.get("method", ""), found.get("unit", "frames/s"), found.get("goal") or {}
            f.trials += [(number, t) for t in found.get("trials", [])]
            f.extra.append(found.get("extra") or {})
            value, why = value_of({"methods": {method: found}}, method)
            if value is None:
                f.missing.append((number, clip(why)))
            else:
                f.values.append(value)
                f.passed += maximum_passed(found)
                f.deciding += deciding_trials(found)
        if cell.get("failed"):
            for method in self.planned(cell["size"], cell["flows"]):
                if method not in cell.get("methods", {}):
                    key = (cell["dut"], cell["size"], cell["flows"], method)
                    self.figures.setdefault(key, Figure(*key)).missing.append((number, clip(str(cell["failed"]))))

    def planned(self, size: int, flows: int) -> list[str]:
        """Methods that any device was measured with there."""
        seen: dict[str, None] = {}
        for _, cell in self.cells():
            if cell["size"] == size and cell["flows"] == flows:
                seen |= dict.fromkeys(cell.get("methods", {}))
        return list(seen)

    def groups(self) -> list[tuple[int, int]]:
        return sorted({(f.size, f.flows) for f in self.figures.values()})

    @cached_property
    def _names(self) -> list[str]:
        asked = [d for d in self.scenario.get("duts") or [] if d in self.duts]  # the results have them in the order they ran in
        plain = asked + [d for d in self.duts if not self.duts[d].get("control_of") and d not in asked]
        out = []
        for name in plain:
            out += [name, *(d for d in self.duts if self.duts[d].get("control_of") == name)]
        return out + [d for d in self.duts if d not in out]

    def names(self) -> list[str]:
        """Devices in the scenario's order, a control after its original."""
        return self._names

    def of(self, size: int, flows: int, method: str) -> list[Figure]:
        return [f for n in self.names() if (f := self.figures.get((n, size, flows, method)))]

    def of_dut(self, name: str, size: int, flows: int) -> list[Figure]:
        return [f for (d, s, n, _), f in self.figures.items() if (d, s, n) == (name, size, flows)]

    def rates(self, size: int, flows: int) -> list[str]:
        """Methods whose figure is a rate."""
        return [m for m in self.planned(size, flows)
                if any(f.kind in RATES or (f.unit == "frames/s" and f.kind not in NO_RATE and f.values)
                       for f in self.of(size, flows, m))]

    @cached_property
    def _timed(self) -> set[tuple[int, int, str]]:
        return {(f.size, f.flows, f.method) for f in self.figures.values() if any(t.get("latency") for _, t in f.trials)}

    def latencies(self, size: int, flows: int) -> list[str]:
        """Methods whose trials looked at the time of frames."""
        return [m for m in self.planned(size, flows) if (size, flows, m) in self._timed]

    def all_trials(self) -> Iterator[tuple[Figure, int, Trial]]:
        for f in self.figures.values():
            for number, t in f.trials:
                yield f, number, t

    def in_kernel(self, dut: str) -> bool:
        return str(self.duts.get(dut, {}).get("cpu", "")).startswith("generator")

    def costs(self) -> list[dict[str, Any]]:
        """Costs of frames, medians over the rounds: entries as in RESULTS.md, with `where` (size, flows) and `rounds`."""
        found: list[tuple[tuple[int, int] | None, Mapping[str, Any]]] = []
        for f in self.figures.values():
            if f.kind == "cost":
                found += [((f.size, f.flows), {**e, "dut": f.dut}) for x in f.extra for e in x.get("entries") or []]
        if not found:
            found = [(None, e) for e in self.results.get("cost") or []]
        same: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
        for where, e in found:
            same.setdefault((e.get("dut"), where, e.get("share_of_ndr"), e.get("how")), []).append(e)
        order = {n: i for i, n in enumerate(self.names())}
        out = []
        for (dut, where, share, how), entries in same.items():
            row: dict[str, Any] = {"dut": dut, "where": where, "share_of_ndr": share, "how": how, "rounds": len(entries)}
            for key in ("load", "generator_ns", "dut_ns", "syscalls_per_packet"):
                known = [float(e[key]) for e in entries if e.get(key) is not None]
                row[key] = median(known) if known else None
            out.append(row)
        return sorted(out, key=lambda r: order.get(str(r["dut"]), len(order)))

    def rest_of(self, dut: str) -> Mapping[str, Any]:
        """What stands beside a device whatever its load: idle_cpu, memory_kb; of its cost where that was measured."""
        d = dict(self.duts.get(dut, {}))
        for f in self.figures.values():
            if f.dut == dut and f.kind == "cost" and f.extra:
                d.update({k: f.extra[-1][k] for k in ("idle_cpu", "memory") if f.extra[-1].get(k) is not None})
        return d

    def failures(self) -> list[tuple[str, str, str]]:
        """(device, where, why) of everything that ended without a figure, rounds put together."""
        seen: dict[tuple[str, str, str], list[int]] = {}
        for number, cell in self.cells():
            if cell.get("failed"):
                seen.setdefault((cell["dut"], f"{frame(cell['size'])}, {flows_word(cell['flows'])}", str(cell["failed"])),
                                []).append(number)
            for method, found in cell.get("methods", {}).items():
                value, why = value_of({"methods": {method: found}}, method)
                if value is None:
                    seen.setdefault((cell["dut"], f"{method}, {frame(cell['size'])}, {flows_word(cell['flows'])}", why),
                                    []).append(number)
        said = {(d, why) for d, _, why in seen}
        out = [(name, "the device", str(d["failed"])) for name, d in self.duts.items()
               if d.get("failed") and not any(name == who and str(d["failed"]).endswith(why) for who, why in said)]
        return out + [(d, f"{where}, round{'s' * (len(n) > 1)} {', '.join(map(str, n))}", why) for (d, where, why),
                      n in seen.items()]


def balance_sum(trials: list[Trial]) -> dict[str, int]:
    """offered, received, every named loss and `unexplained`, added up over trials; empty where none has a balance."""
    out: dict[str, int] = {}
    for t in trials:
        b = t.get("balance")
        if not b:
            continue
        for name, n in (("offered", b["offered"]), ("received", b["received"]), *b["losses"].items(),
                        ("unexplained", b["unexplained"])):
            out[name] = out.get(name, 0) + n
    return out
