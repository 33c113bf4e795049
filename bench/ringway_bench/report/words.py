# SPDX-License-Identifier: BSD-2-Clause
"""Figures and verdicts as words: one wording for the page, the markdown and the comparison of two files."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..verdicts import METHODS, by, clip, confidence, flows_word, frame, interval_of, sentence, times
from .gather import Figure, View

HOW = {"turns": "busy turns", "idle": "CPU busy", "rate": "1 / rate", "thread": "NAPI thread"}  # a cost was measured
LISTED = 4  # names in one part of a sentence; the rest are in the table
IN_KERNEL = "in the kernel, on the generator's CPU"
NOT_MEASURABLE = "not measurable here"
VETH = ("veth in copy mode says how forwarders compare on the same path of one machine, not what a NIC would do. Only ratios of "
        "one session "
        "travel, and even they move with the machine.")


def title(method: str) -> str:
    """As a heading: MRR, NDR, PDR in capitals, whatever else as the scenario calls it."""
    return method.upper() if method in METHODS else method


def mpps(value: float | None) -> str:
    return "" if value is None else f"{value / 1e6:.3f}"


def nanoseconds(ns: float | None) -> str:
    """With the unit that gives 1 to 999 of it."""
    if ns is None:
        return ""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("\u00b5s", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 999.5 * size else f"{ns / size:.0f} {unit}"
    return f"{ns:.0f} ns"


def share(ratio: float | None, digits: int = 3) -> str:
    """A ratio as per cent; what is not 0 never reads as 0."""
    if ratio is None:
        return ""
    if ratio == 0:
        return "0 %"
    text = f"{100 * ratio:.{digits}f}"
    return f"{100 * ratio:.1e} %" if float(text) == 0 else f"{text} %"


def number(value: Any) -> str:
    """Whole numbers in groups of three (thin spaces), others with 4 significant digits."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def plain(value: Any) -> str:
    """A setting as one would write it."""
    return number(value) if isinstance(value, (bool, float)) or value is None else str(value)


def cost_ns(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def calls(per_frame: float | None) -> str:
    """System calls a frame: 1 / 256."""
    if per_frame is None:
        return ""
    return "0" if per_frame <= 0 else f"1 / {1 / per_frame:.0f}" if per_frame < 0.5 else f"{per_frame:.2f}"


def median_and_interval(f: Figure) -> str:
    """0.703 (0.556 to 0.756), with `>=` where the generator ended first; or why there is none."""
    if f.median is None or f.interval is None:
        return NOT_MEASURABLE if f.not_measurable else ("failed" if f.missing else "")
    text = mpps if f.unit == "frames/s" else (nanoseconds if f.unit == "ns" else number)
    body = text(f.median) if len(f.values) == 1 else f"{text(f.median)} ({text(f.interval.low)} to {text(f.interval.high)})"
    return ("\u2265 " if f.at_ceiling else "") + body


def rounds_and_confidence(f: Figure) -> str:
    return f"{len(f.values)}, {confidence(f.interval.confidence)}" if f.interval and len(f.values) > 1 else str(len(f.values))


def _names(cs: Sequence[Mapping[str, Any]]) -> str:
    listed = LISTED if sum(len(c["under"]) for c in cs[:LISTED]) < 90 else 2
    parts = [f"{c['under']} ({times(c)})" if c["median"] is not None else str(c["under"]) for c in cs[:listed]]
    if len(cs) > listed:
        parts.append(f"{len(cs) - listed} more")
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def headline_cell(view: View) -> tuple[str, int, int] | None:
    """(method, size, flows) that the verdict speaks of: the zero-loss rate before others, the first size and flows."""
    cells = {(c["method"], c["size"], c["flows"]) for c in view.comparisons if not c.get("control")}
    if not cells:
        return None
    order = ["ndr", *(m["name"] for m in view.scenario.get("methods", []) if m.get("kind") in ("mlrsearch", "tst009",
                                                                                               "rfc2544")), "pdr", "mrr"]
    return min(cells, key=lambda c: (order.index(c[0]) if c[0] in order else 99, c[1], c[2], c[0]))


def headline(view: View) -> str:
    """The verdict of the run in a sentence or two."""
    where = headline_cell(view)
    if where is None and view.tune and view.tune.get("answer"):
        return f"Tuning for {view.tune.get('objective', 'its objective')}: {view.tune['answer']}."
    if where is None:
        measured = any(f.values for f in view.figures.values())
        return "There is nothing to compare: one device." if measured else "Nothing was measured."
    cs = [c for c in view.comparisons if not c.get("control") and (c["method"], c["size"], c["flows"]) == where]
    said = []
    for over in dict.fromkeys(c["over"] for c in cs):
        said.append(_subject(over, [c for c in cs if c["over"] == over], where))
    return " ".join(said)


def _subject(over: str, cs: list[Mapping[str, Any]], where: tuple[str, int, int]) -> str:
    at = f"{by(where[0])[0].upper()}{by(where[0])[1:]}, at {frame(where[1])} and {flows_word(where[2])}"
    parts = [f"{verdict} than {_names(some)}" for verdict in ("faster", "slower")
             if (some := [c for c in cs if c["verdict"] == verdict])]
    none = [c for c in cs if c["verdict"] == "no winner"]
    whys = list(dict.fromkeys(c["why"] for c in none))
    reason = f": {clip(whys[0], 100)}" if len(whys) == 1 else ", for reasons that differ (table below)"
    if not parts:
        return f"{at}, no winner for {over} against {_names(none)}{reason}."
    text = f"{at}, {over} is " + " and ".join(parts) + "."
    return text + (f" No winner against {_names(none)}{reason}." if none else "")


def platform_line(view: View) -> str:
    p = view.platform
    versions = p.get("versions") or {}
    commit = view.results.get("commit") or p.get("commit")
    quiet = p.get("quiet") or {}
    facts = [f"kernel {p.get('kernel', 'unknown')}", str(p.get("cpu", "unknown CPU")), f"{p.get('cpus', '?')} CPUs",
             f"commit {commit}" if commit else "", f"DPDK {versions['dpdk']}" if versions.get("dpdk") else "",
             f"libxdp {versions['libxdp']}" if versions.get("libxdp") else "",
             f"steal {share(quiet['steal'])} before the run" if isinstance(quiet.get("steal"), (int, float)) else "",
             f"started {view.results.get('started', '')[:10]}"]
    return ", ".join(f for f in facts if f)


def rounds_line(view: View) -> str:
    n = len(view.rounds)
    cut = n - view.whole
    text = f"{n} round{'s' * (n != 1)}, devices interleaved and shuffled"
    return text + (f"; {cut} of them interrupted and in no pair" if cut else "")


def partial_line(view: View) -> str | None:
    """What a reader of a cut-off run has to know; None for a complete one that ran through."""
    parts = []
    if view.partial:
        by_whom = view.results.get("stopped_by")
        parts.append(f"Partial results: the run did not end{f' (stopped by {by_whom})' if by_whom else ''}. What was measured "
                     f"is here, the rest is missing.")
    for i in view.results.get("interruptions") or []:
        after = i.get("after_round")
        when, who = f" after round {after}" if after is not None else "", f" by {i['by']}" if i.get("by") else ""
        parts.append(f"Interrupted{when}{who}, "
                     "resumed later; no pair spans the interruption.")
    return " ".join(parts) or None


def flatten(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """A nested record as (path, text) rows, in its order."""
    if isinstance(value, Mapping):
        return [row for k, v in value.items() for row in flatten(v, f"{prefix}.{k}" if prefix else str(k))]
    if isinstance(value, (list, tuple)) and any(isinstance(v, (Mapping, list, tuple)) for v in value):
        return [row for i, v in enumerate(value) for row in flatten(v, f"{prefix}[{i}]")]
    if isinstance(value, (list, tuple)):
        return [(prefix, " ".join(map(str, value)) or "none")]
    return [(prefix, "" if value is None else ("yes" if value is True else "no" if value is False else str(value)))]


__all__ = ["METHODS", "by", "confidence", "interval_of", "sentence", "times"]
