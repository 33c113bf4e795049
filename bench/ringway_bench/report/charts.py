# SPDX-License-Identifier: BSD-2-Clause
"""Which figures go into which plot."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from ..verdicts import flows_word, frame
from . import svg, words
from .gather import Figure, Trial, View, balance_sum

#: In the order of a frame's way, each with a series of its own, so that a colour means the same in every plot.
LOSSES = {"veth_ring": 0, "rx_dropped": 4, "rx_ring_full": 1, "tx_ring_full": 6, "tx_refused": 5, "tx_device": 7, "tx_unsent": 8,
          "sink": 3}
UNEXPLAINED = svg.SERIES - 1
QUANTILES = (("p50", "50 %"), ("p90", "90 %"), ("p99", "99 %"), ("p99.9", "99.9 %"), ("max", "max"))


def tip(f: Figure) -> str:
    unit = " Mpps" if f.unit == "frames/s" else ""
    return (f"{f.dut}, {words.title(f.method)}: {words.median_and_interval(f)}{unit}, {len(f.values)} rounds"
            + (", the generator's ceiling" if f.at_ceiling else ""))


def at(size: int, flows: int) -> str:
    return f"{frame(size)}, {flows_word(flows)}"


def throughput(view: View, size: int, flows: int) -> str:
    methods = view.rates(size, flows)
    rows, top = [], 0.0
    for name in view.names():
        figures = [view.figures.get((name, size, flows, m)) for m in methods]
        lanes = [svg.Lane(methods.index(f.method), f.median or 0, f.interval.low, f.interval.high, f.values, f.at_ceiling, tip(f))
                 for f in figures if f and f.interval]
        if not lanes and not any(figures):
            continue
        top = max([top, *(v for f in figures if f for v in f.values)])
        note = "" if lanes else next((f.missing[0][1] for f in figures if f and f.missing), "no figure")
        rows.append(svg.Row(name, lanes, svg.shorten_name(note, 52)))
    ceiling = (view.calibration.get(str(size)) or {}).get("ceiling") or 0
    references = [svg.Reference(ceiling / 1e6, "generator's ceiling")] if 0 < ceiling < 2 * top else []
    axis = svg.linear(0, max(top / 1e6, *(r.value for r in references), 1e-6), "forwarded, million frames per second (Mpps)",
                      lambda v: f"{v:.3g}")
    scaled = [svg.Row(r.label, [_scaled(x, 1e-6) for x in r.lanes], r.note) for r in rows]
    return svg.row_chart(f"Throughput with its spread, {at(size, flows)}",
                         f"For each device one lane per method ({', '.join(methods)}): a dot for every "
                         "round, a bar for the interval, a shape for the median. The same figures stand in the table.", axis,
                         scaled, references)


def _scaled(x: svg.Lane, by: float) -> svg.Lane:
    return replace(x, middle=x.middle * by, low=x.low * by, high=x.high * by, dots=[d * by for d in x.dots])


def ratios(view: View, size: int, flows: int) -> tuple[str, list[str]]:
    """The plot and its methods in the order of their colours; an empty text when nothing was paired."""
    cs = [c for c in view.comparisons if c["size"] == size and c["flows"] == flows and c["median"]]
    methods = list(dict.fromkeys(c["method"] for c in cs if c["method"] in view.rates(size, flows)))
    cs = [c for c in cs if c["method"] in methods]
    if not cs:
        return "", []
    rows = []
    for over, under in dict.fromkeys((c["over"], c["under"]) for c in cs):
        mine = [c for c in cs if (c["over"], c["under"]) == (over, under)]
        half = svg.LABEL // 2 - 2
        label = f"{svg.shorten_name(over, half)} / {svg.shorten_name(under, half)}"
        rows.append(svg.Row(label, [svg.Lane(methods.index(c["method"]), c["median"], c["low"], c["high"], c["pairs"],
                                             c.get("bound") in ("at least", "unknown"), words.sentence(c)) for c in mine]))
    low, high = min(min(c["pairs"]) for c in cs), max(max(c["pairs"]) for c in cs)
    steps = (1.0, 2.0, 5.0) if high / low > 2 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 8.0, 9.0)
    if high / low > 60:
        steps = (1.0,)
    axis = svg.logarithmic(min(low, 0.9), max(high, 1.12), "ratio, paired by round (logarithmic)", lambda v: f"{v:.4g}", steps)
    return svg.row_chart(f"Ratios, {at(size, flows)}",
                         "For each pair of devices one lane per method: a dot for the ratio of every round, a bar for "
                         "the interval of the median, a shape for the median; right of 1 the first is ahead.", axis, rows,
                         [svg.Reference(1.0, "equal")]), methods


def loss_panels(view: View, size: int, flows: int) -> list[tuple[str, str]]:
    """(device and what happened at full rate, plot): loss against offered load, every paced trial of the searches and curves."""
    per_dut = {}
    for name in view.names():
        trials = [t for f in view.of_dut(name, size, flows) for _, t in f.trials if t.get("offered") and not t.get("latency")]
        if any(t.get("load") is not None for t in trials):
            per_dut[name] = trials
    ratios_ = [t["loss_ratio"] for ts in per_dut.values() for t in ts if t["loss_ratio"] > 0]
    y = svg.loss_axis(min(ratios_, default=1e-4), "lost, of the frames offered")
    out = []
    for name, trials in per_dut.items():
        full = [t for t in trials if t.get("load") is None and t.get("valid", True)]
        beside = (f" (at full rate {words.mpps(median(t['rate'] for t in full))} Mpps offered, "
                  f"{words.share(median(t['loss_ratio'] for t in full), 1)} lost)") if full else ""
        out.append((name + beside, _loss_panel(view, name, [t for t in trials if t.get("load") is not None], y, size, flows)))
    return out


def _loss_panel(view: View, name: str, trials: list[Trial], y: svg.Axis, size: int, flows: int) -> str:
    good = [(t["rate"] / 1e6, t["loss_ratio"]) for t in trials if t.get("valid", True)]
    bad = [(t["rate"] / 1e6, t["loss_ratio"]) for t in trials if not t.get("valid", True)]
    loads = [p[0] for p in good + bad]
    x = svg.linear(min(loads), max(loads), "offered, Mpps", lambda v: f"{v:.3g}")
    curves = [svg.Curve(0, good, line=False, tip=f"{len(good)} valid trials"),
              svg.Curve(1, bad, line=False, hollow=True, tip=f"{len(bad)} invalid trials")]
    markers = []
    for i, m in enumerate(("ndr", "pdr")):
        f = view.figures.get((name, size, flows, m))
        if f and f.median:
            markers.append(svg.Marker(f.median / 1e6, 2 + i,
                                      f"{words.title(m)}, median of {len(f.values)} rounds: {words.mpps(f.median)} Mpps"))
    return svg.panel(f"Loss against offered load: {name}, {at(size, flows)}",
                     f"{len(good)} valid and {len(bad)} invalid trials; the vertical lines are the medians of NDR and PDR. "
                     "The table has the same by load.", x, y, [c for c in curves if c.points], markers)


def latency_of(f: Figure) -> dict[str, float]:
    """Medians over the valid trials of each value of `latency`, in ns."""
    seen = [t["latency"] for _, t in f.trials if t.get("latency") and t.get("valid", True)]
    keys = [k for k, v in (seen[0] if seen else {}).items() if isinstance(v, (int, float))]
    return {k: median([s[k] for s in seen if isinstance(s.get(k), (int, float))]) for k in keys}


def latency_panels(view: View, size: int, flows: int) -> list[tuple[str, str]]:
    methods = view.latencies(size, flows)
    found = {n: {m: latency_of(f) for m in methods if (f := view.figures.get((n, size, flows, m)))} for n in view.names()}
    values = [v[q] for by in found.values() for v in by.values() for q, _ in QUANTILES if v.get(q)]
    if not values:
        return []
    y = svg.logarithmic(min(values), max(values), "latency from the intended send time", words.nanoseconds)
    x = svg.Axis("share of the frames that were at least as fast", lambda v: (v + 0.4) / (len(QUANTILES) - 0.2),
                 [(i, text) for i, (_, text) in enumerate(QUANTILES)])
    out = []
    for name, by in found.items():
        curves = [svg.Curve(i, [(j, by[m][q]) for j, (q, _) in enumerate(QUANTILES) if by[m].get(q)], tip=m)
                  for i, m in enumerate(methods) if by.get(m)]
        if any(c.points for c in curves):
            out.append((name, svg.panel(f"Latency percentiles: {name}, {at(size, flows)}",
                                        "One line per load; medians over the valid trials. "
                                        "The table has the same figures.", x, y, curves)))
    return out


def overload(view: View, name: str, size: int, flows: int) -> tuple[list[Trial], str]:
    """The trials whose losses are shown: those at full rate when there are any, else all of the searches."""
    trials = [t for f in view.of_dut(name, size, flows) for _, t in f.trials if t.get("balance")]
    full = [t for t in trials if t.get("load") is None]
    return (full, "full rate") if full else (trials, "all trials")


def loss_names(view: View, size: int, flows: int) -> list[str]:
    seen: dict[str, None] = {}
    for name in view.names():
        sums = balance_sum(overload(view, name, size, flows)[0])
        seen |= {k: None for k, v in sums.items() if v and k not in ("offered", "received", "unexplained")}
    known = [n for n in LOSSES if n in seen]
    return known + [n for n in seen if n not in known] + ["unexplained"]


def loss_series(names: Sequence[str]) -> dict[str, int]:
    """Series of each loss; those without one of their own take what is free."""
    out = {n: LOSSES[n] for n in names if n in LOSSES} | {"unexplained": UNEXPLAINED}
    free = [i for i in dict.fromkeys((2, *range(svg.SERIES))) if i not in out.values()] or [2]
    others = [n for n in names if n not in out]
    return out | {n: free[i % len(free)] for i, n in enumerate(others)}


def where_lost(view: View, size: int, flows: int) -> str:
    names = loss_names(view, size, flows)
    series, rows = loss_series(names), []
    for dut in view.names():
        trials, what = overload(view, dut, size, flows)
        sums = balance_sum(trials)
        if not sums.get("offered"):
            continue
        parts = [(-1, "received")] + [(series[n], n) for n in names]
        segments = []
        for i, n in parts:
            if sums.get(n, 0) > 0:
                tip_ = (f"{dut}, {n}: {words.number(sums[n])} of {words.number(sums['offered'])} frames offered "
                        f"({words.share(sums[n] / sums['offered'])}), {what}")
                segments.append((i, 100 * sums[n] / sums["offered"], tip_))
        rows.append(svg.Row(dut, segments=segments))
    if not rows:
        return ""
    return svg.stack_chart(f"Where frames went, {at(size, flows)}",
                           "A bar per device: received, then each loss under its one name, as shares of the "
                           "frames offered. The same figures stand in the table.",
                           svg.linear(0, 100, "of the frames offered, per cent", lambda v: f"{v:.0f}"), rows)


def effects(tune: Mapping[str, Any]) -> str:
    """The effect of each setting of a tune run against the defaults, with its interval; a noise row on top."""
    noise, rows, ends = tune.get("noise"), [], [0.02, -0.02]
    for s in [*([{**noise, "name": "the defaults again (noise)"}] if noise else []), *tune.get("settings", [])]:
        value = "" if s.get("value") is None else f" = {words.plain(s['value'])}"
        if s.get("effect") is None:
            rows.append(svg.Row(f"{s['name']}{value}", note=svg.shorten_name(str(s.get("left") or "not measured"), 52)))
            continue
        low, high = s.get("low", s["effect"]), s.get("high", s["effect"])
        ends += [100 * low, 100 * high]
        words_ = f"{s['name']}{value}: {s['effect']:+.1%} ({low:+.1%} to {high:+.1%})"
        series = 1 if s is not noise and not low <= 0 <= high else 0
        lane = svg.Lane(series, 100 * s["effect"], 100 * low, 100 * high, tip=words_)
        rows.append(svg.Row(f"{s['name']}{value}", [lane]))
    if not rows:
        return ""
    axis = svg.linear(min(ends), max(ends), "effect against the defaults, per cent (right: better)",
                      lambda v: f"{v:+.3g}" if v else "0")
    return svg.row_chart("Effect of each setting",
                         "A row per setting and value: the median effect against the defaults and its interval; to the right "
                         "of 0 is better. The same figures stand in the table.", axis, rows, [svg.Reference(0, "defaults")])
