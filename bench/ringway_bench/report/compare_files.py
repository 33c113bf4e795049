# SPDX-License-Identifier: BSD-2-Clause
"""Two results files beside each other: two labs, or two commits.

Rounds of different runs are no pairs, so nothing here is called faster; what is said is whether the intervals are apart.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import words
from .charts import at
from .gather import Figure, View
from .markdown import table as text_table
from .markup import Html, join, page, section, table, tag
from .style import sheet
from .words import title

#: Of the platform; where these differ, absolute figures do not compare.
DECISIVE = ("kernel", "architecture", "cpu", "cpus", "mitigations", "command_line", "config", "hypervisor")
VOLATILE = ("quiet", "mhz", "memory_available_kb", "date")  # move from minute to minute, and are in each report


@dataclass
class Beside:
    dut: str
    size: int
    flows: int
    method: str
    a: Figure | None
    b: Figure | None

    @property
    def ratio(self) -> float | None:
        """B over A."""
        if self.a is None or self.b is None or not self.a.median or self.b.median is None:
            return None
        return self.b.median / self.a.median

    @property
    def said(self) -> str:
        if self.a is None or self.b is None:
            return f"only in {'B' if self.a is None else 'A'}"
        if self.a.interval is None or self.b.interval is None:
            return "no figure in " + " and ".join(n for n, f in (("A", self.a), ("B", self.b)) if f.interval is None)
        if self.a.unit != self.b.unit:
            return f"units differ: {self.a.unit} and {self.b.unit}"
        if min(len(self.a.values), len(self.b.values)) < 6:
            return "ranges overlap" if _overlap(self.a, self.b) else "ranges apart, too few rounds to say more"
        if self.a.at_ceiling or self.b.at_ceiling:
            return "the generator's ceiling was reached"
        higher = "higher" if (self.ratio or 0) > 1 else "lower"
        return "intervals overlap" if _overlap(self.a, self.b) else f"intervals apart, B {higher}"


def _overlap(a: Figure, b: Figure) -> bool:
    assert a.interval and b.interval
    return a.interval.low <= b.interval.high and b.interval.low <= a.interval.high


def differences(a: View, b: View) -> list[tuple[str, str, str]]:
    """(what, in A, in B) of the platform and of what was run, the decisive ones first."""
    def facts(v: View) -> dict[str, str]:
        r = v.results
        kept = {k: x for k, x in v.platform.items() if k not in VOLATILE}
        run = {"ringway-bench": r.get("version"), "commit": r.get("commit"), "scenario": v.scenario.get("name"),
               "state": r.get("state"),
               "engine": v.scenario.get("engine"), "topology": v.scenario.get("topology"), "rounds": len(v.rounds)}
        for name, d in v.duts.items():
            run[f"device {name}"] = {"version": d.get("version"), "settings": d.get("settings"), "command": d.get("command"),
                                     "cpu": d.get("cpu")}
        for size, c in v.calibration.items():
            run[f"ceiling at {size} bytes, Mpps"] = words.mpps(c.get("ceiling"))
        return dict(words.flatten({**kept, **run}))
    fa, fb = facts(a), facts(b)
    found = [(k, fa.get(k, "absent"), fb.get(k, "absent")) for k in dict.fromkeys([*fa, *fb]) if fa.get(k) != fb.get(k)]
    return sorted(found, key=lambda row: row[0].split(".")[0] not in DECISIVE)


def decisive(found: Sequence[tuple[str, str, str]]) -> list[str]:
    return list(dict.fromkeys(k.split(".")[0] for k, _, _ in found if k.split(".")[0] in DECISIVE))


def statement(found: Sequence[tuple[str, str, str]]) -> str:
    """Whether absolute figures may be read beside each other at all."""
    why = decisive(found)
    if why:
        return (f"Absolute figures do not compare: {', '.join(w.replace('_', ' ') for w in why)} differ{'s' * (len(why) == 1)}. "
                f"Ratios of devices "
                "within each file do, with care.")
    return ("Kernel, CPU, mitigations and command line are the same. Figures of two runs are still no pairs: a machine's speed "
            "moves between "
            "sessions, so only intervals that are far apart say something.")


def beside(a: View, b: View) -> list[Beside]:
    keys = dict.fromkeys([*a.figures, *b.figures])
    return [Beside(*k, a.figures.get(k), b.figures.get(k)) for k in keys]


def ratio_rows(a: View, b: View) -> list[list[str]]:
    """The comparisons within each file beside each other: what travels between machines, if anything does."""
    def indexed(v: View) -> dict[tuple[str, str, str, int, int], Mapping[str, Any]]:
        return {(c["over"], c["under"], c["method"], c["size"], c["flows"]): c for c in v.comparisons if c["median"] is not None}
    ia, ib = indexed(a), indexed(b)
    out = []
    for k in dict.fromkeys([*ia, *ib]):
        if k in ia and k in ib:
            ca, cb = ia[k], ib[k]
            out.append([f"{k[0]} / {k[1]}", title(k[2]), at(k[3], k[4]), f"{ca['median']:.3f} ({words.interval_of(ca)})",
                        ca["verdict"],
                        f"{cb['median']:.3f} ({words.interval_of(cb)})", cb["verdict"]])
    return out


def _rows(found: Sequence[Beside]) -> list[list[str]]:
    def one(f: Figure | None) -> list[str]:
        if f is None:
            return ["", ""]
        unit = f" {f.unit}" if f.unit not in ("frames/s", "ns") and f.values else ""
        return [words.median_and_interval(f) + unit, "" if f.spread is None else words.share(f.spread, 1)]
    return [[x.dut, title(x.method), at(x.size, x.flows), *one(x.a), *one(x.b), "" if x.ratio is None else f"{x.ratio:.3f}",
             x.said] for x in found]


HEAD = ("device", "method", "traffic", "A: median (interval)", "A: spread", "B: median (interval)", "B: spread", "B / A", "")
RATIOS = ("ratio", "method", "traffic", "A", "A: verdict", "B", "B: verdict")


def compare(a: Mapping[str, Any], b: Mapping[str, Any], names: tuple[str, str] = ("A", "B")) -> tuple[str, str]:
    """Text and HTML. `names`: what A and B are, a file's name for instance."""
    va, vb = View(a), View(b)
    found = differences(va, vb)
    rows, ratios = _rows(beside(va, vb)), ratio_rows(va, vb)
    lines = [f"{letter}: {name}: {words.platform_line(v)}; {words.rounds_line(v)}" + (f". {p}" if (p := words.partial_line(v))
                                                                                      else "")
             for letter, name, v in (("A", names[0], va), ("B", names[1], vb))]
    same = "The two files do not differ in platform, versions or settings."
    rates = "Rates in Mpps: median (interval of the sign test, or range)."
    text = "\n".join([statement(found), "", *lines, "", "# What differs", "", text_table(("what", "A", "B"), found) or same
                      + "\n",
                      "# Figures", "", rates, "", text_table(HEAD, rows)]
                     + (["# Ratios within each file", "", text_table(RATIOS, ratios)] if ratios else []))
    head = "<header>" + tag("p", "ringway-bench \u00b7 comparison of two results files",
                            "kicker") + tag("h1", statement(found)) + join(
        tag("p", line, "facts") for line in lines) + "</header>"
    body = join([section("differences", "What differs", table(("what", "A", "B"), found, "tkk") if found else tag("p", same)),
                 section("figures", "Figures", tag("p", rates), table(HEAD, rows, "tttnnnnnw")),
                 section("ratios", "Ratios within each file", table(RATIOS, ratios, "tttntnt") if ratios else Html(""))])
    return text, page(f"ringway-bench: {names[0]} and {names[1]}", head + f"<main>{body}</main>", sheet())
