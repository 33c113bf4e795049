# SPDX-License-Identifier: BSD-2-Clause
"""The page's first half: figures, ratios, loss, latency, losses by name."""
from __future__ import annotations

from statistics import median

from . import charts, words
from .gather import Figure, Trial, View, balance_sum
from .markup import Html, details, figure, join, legend, name_of, panels, section, table, tag
from .words import number, title


def device_cell(view: View, name: str) -> Html:
    """A device's name, and what a reader must know beside every figure of it."""
    said = [words.IN_KERNEL] if view.in_kernel(name) else []
    original = view.duts.get(name, {}).get("control_of")
    if original:
        said.append("A/A control")
    elif not (view.duts.get(name, {}).get("analysed") or {}).get("passed"):
        said.append("no analysed trial passed: its counts are not believed")
    return join([name_of(name), tag("span", "; ".join(said), "small") if said else ""])


def notes(f: Figure) -> str:
    """What a reader must know of one figure."""
    said = []
    if f.at_ceiling:
        said.append("a lower bound: as fast as the generator (within 5 % of its ceiling, or its highest load passed)")
    if f.passed and not f.at_ceiling:
        said.append(f"the highest load that the generator sustained passed in {f.passed} of {len(f.values)} rounds")
    whys: dict[str, list[str]] = {}
    for round_, why in f.missing:
        whys.setdefault(why, []).append(str(round_))
    return "; ".join(said + [f"{why} (round{'s' * (len(n) > 1)} {', '.join(n)})" for why, n in whys.items()])


def result_row(view: View, f: Figure) -> list[object]:
    value = words.mpps if f.unit == "frames/s" else words.nanoseconds if f.unit == "ns" else number
    interval = f"{value(f.interval.low)} to {value(f.interval.high)}" if f.interval and len(f.values) > 1 else ""
    middle = ("\u2265 " if f.at_ceiling else "") + value(f.median) if f.median is not None else (
        words.NOT_MEASURABLE if f.not_measurable else "failed")
    return [device_cell(view, f.dut), title(f.method), middle, interval,
            words.confidence(f.interval.confidence) if interval and f.interval else "",
            words.share(f.spread, 1) if f.spread is not None else "", len(f.values), f"{f.valid} + {f.invalid}", notes(f)]


RESULT_HEAD = ("device", "method", "Mpps, median", "interval", "confidence", "spread", "rounds", "trials valid + invalid",
               "notes")


def throughput(view: View) -> Html:
    parts: list[object] = [tag("p", "Million frames per second that arrived at the sink. Median over the rounds; the interval "
                                    "is that of the sign "
                               "test and holds the median with the confidence beside it; with fewer than 6 rounds it is only "
                               "the range. Spread: "
                               "(p90 - p10) / median.")]
    for size, flows in view.groups():
        methods = view.rates(size, flows)
        rows = [result_row(view, f) for n in view.names() for m in methods if (f := view.figures.get((n, size, flows, m)))]
        if not rows:
            continue
        said = [words.by(m) if m in words.METHODS else f"{title(m)}, {words.by(m)}" for m in methods]
        signs = legend([(i, "mark", what) for i, what in enumerate(said)])
        parts += [tag("h3", charts.at(size, flows)), signs, figure(charts.throughput(view, size, flows)),
                  table(RESULT_HEAD, rows, "ttnnnnnnw")]
    return section("throughput", "Throughput", *parts) if len(parts) > 1 else Html("")


def ratios(view: View) -> Html:
    parts: list[object] = [tag("p", "A ratio is taken within a round, where both ran within minutes. A winner needs 7 rounds, "
                                    "an interval that excludes "
                               "1, and an A/A control (one device under two names) within 2 % of 1 whose interval holds 1.")]
    for size, flows in view.groups():
        cs = [c for c in view.comparisons if c["size"] == size and c["flows"] == flows]
        if not cs:
            continue
        plot, methods = charts.ratios(view, size, flows)
        pairs = list(dict.fromkeys((c["over"], c["under"]) for c in cs))
        rows = [[f"{c['over']} / {c['under']}", title(c["method"]),
                 "" if c["median"] is None else {"at least": "\u2265 ", "at most": "\u2264 "}.get(c.get("bound") or "", "")
                 + f"{c['median']:.3f}",
                 words.interval_of(c), words.confidence(c["confidence"]), "" if not c.get("bca")
                 else f"{c['bca'][0]:.3f} to {c['bca'][1]:.3f}",
                 "" if c["mad"] is None else f"{c['mad']:.3f}", len(c["pairs"]),
                 "control" if c.get("control") else c["verdict"], c["why"]]
                for c in sorted(cs, key=lambda c: pairs.index((c["over"], c["under"])))]
        parts += [tag("h3", charts.at(size, flows)), legend([(i, "mark", title(m)) for i, m in enumerate(methods)]), figure(plot),
                  table(("ratio", "method", "median", "interval", "confidence", "BCa", "MAD", "rounds", "verdict", "why"), rows,
                        "ttnnnnnntw")]
    return section("ratios", "Who is ahead", *parts) if len(parts) > 1 else Html("")


def loss_curves(view: View) -> Html:
    parts: list[object] = []
    for size, flows in view.groups():
        found = charts.loss_panels(view, size, flows)
        if not found:
            continue
        rows = [row for name in view.names() for row in _loss_rows(view, name, size, flows)]
        signs = legend([(0, "mark", "valid trial"), (1, "cross", "invalid trial"), (2, "line", "NDR"), (3, "line", "PDR")])
        parts += [tag("h3", charts.at(size, flows)), signs, panels(found),
                  details("The same as a table", table(("device", "offered, Mpps", "valid trials", "loss, median", "smallest",
                                                        "largest"), rows, "tnnnnn"))]
    intro = tag("p", "Every paced trial of the searches is a point: what the generator's device accepted, and the share of it "
                     "that was lost. "
                "Each panel has its own horizontal axis, which need not begin at 0; the vertical one is the same in all.")
    return section("loss", "Loss against offered load", intro, *parts) if parts else Html("")


def _loss_rows(view: View, name: str, size: int, flows: int) -> list[list[object]]:
    """Valid trials by load, in tenths of the zero-loss rate (or of what came out at overload)."""
    figures = view.of_dut(name, size, flows)
    base = next((f.median for m in ("ndr", "pdr", "mrr") for f in figures if f.method == m and f.median), None)
    trials = [t for f in figures for _, t in f.trials if t.get("valid", True) and t.get("offered") and not t.get("latency")]
    if base is None or not trials:
        base = max((t["rate"] for t in trials), default=0)
    bins: dict[int, list[Trial]] = {}
    for t in trials:
        bins.setdefault(round(10 * t["rate"] / base), []).append(t)
    out: list[list[object]] = []
    for _, some in sorted(bins.items()):
        losses = [t["loss_ratio"] for t in some]
        rates = [t["rate"] for t in some]
        low, high = words.mpps(min(rates)), words.mpps(max(rates))
        out.append([name, low if low == high else f"{low} to {high}", len(some), words.share(median(losses)),
                    words.share(min(losses)),
                    words.share(max(losses))])
    return out


def latency(view: View) -> Html:
    parts: list[object] = []
    for size, flows in view.groups():
        found, methods = charts.latency_panels(view, size, flows), view.latencies(size, flows)
        if not found:
            continue
        rows = []
        for name in view.names():
            for m in methods:
                f = view.figures.get((name, size, flows, m))
                got = charts.latency_of(f) if f else {}
                if f and got:
                    rows.append([name, m, *(words.nanoseconds(got.get(k)) for k in ("min", "mean", "p50", "p90", "p99", "p99.9",
                                                                                    "max", "pdv_p99")),
                                 number(int(got.get("count", 0))), f"{f.valid} + {f.invalid}"])
        head = ("device", "load", "min", "mean", "50 %", "90 %", "99 %", "99.9 %", "max", "PDV 99 %", "frames a trial",
                "trials valid + invalid")
        parts += [tag("h3", charts.at(size, flows)), legend([(i, "mark", m) for i, m in enumerate(methods)]), panels(found),
                  table(head, rows, "ttnnnnnnnnnn")]
    biases = [f"{words.nanoseconds(c['latency_bias_ns'].get('p50'))} (99 %: {words.nanoseconds(c['latency_bias_ns'].get('p99'))})"
              for c in view.calibration.values() if c.get("latency_bias_ns")]
    intro = tag("p", "From the moment a frame was meant to leave to its arrival, so a stalled sender hides nothing. Measured in "
                     "trials of its own, "
                "medians over the valid ones; PDV is RFC 5481's, against the smallest."
                + (f" Generator and sink back to back add {', '.join(dict.fromkeys(biases))}, not subtracted." if biases else ""))
    return section("latency", "Latency", intro, *parts) if parts else Html("")


def where_lost(view: View) -> Html:
    parts: list[object] = []
    for size, flows in view.groups():
        plot = charts.where_lost(view, size, flows)
        if not plot:
            continue
        names = charts.loss_names(view, size, flows)
        series = charts.loss_series(names)
        rows = []
        for name in view.names():
            trials, what = charts.overload(view, name, size, flows)
            paced = [t for f in view.of_dut(name, size, flows) for _, t in f.trials if t.get("load") is not None]
            for some, which in ((trials, what), (paced, "paced") if trials != paced else ([], "")):
                sums = balance_sum(some)
                if sums.get("offered"):
                    rows.append([name, which, number(sums["offered"]), number(sums["received"]), *(number(sums.get(n, 0))
                                                                                                   for n in names)])
        parts += [tag("h3", charts.at(size, flows)),
                  legend([(-1, "stack", "received"), *((series[n], "stack", n) for n in names)]), figure(plot),
                  table(("device", "of", "offered", "received", *names), rows, "tt" + "n" * (len(names) + 2)),
                  _unexplained(view, size, flows)]
    intro = tag("p", "Frames offered = received + losses, and every lost frame has one name and stands once. What no counter "
                     "accounts for is "
                "\u201cunexplained\u201d: other programs do not count all that they lose. The bars are the trials at full rate.")
    return section("losses", "Where frames were lost", intro, *parts) if parts else Html("")


def _unexplained(view: View, size: int, flows: int) -> Html:
    """Names those that should have none: Ringway's own."""
    bad = []
    for (dut, s, n, method), f in view.figures.items():
        lost = sum((t.get("balance") or {}).get("unexplained", 0) for _, t in f.trials)
        if (s, n) == (size, flows) and lost and "ringway-l2fwd" in str(view.duts.get(dut, {}).get("command", "")):
            bad.append(f"{dut}, {title(method)}: {number(lost)} frames")
    return tag("p", "Unexplained losses of Ringway's own forwarders, which count all of theirs: " + "; ".join(bad) + ".",
               "warn") if bad else Html("")


def verdicts(view: View) -> Html:
    """All sentences at the headline's size and flows, and the controls'."""
    where = words.headline_cell(view)
    chosen = [c for c in view.comparisons if where and (c["method"], c["size"], c["flows"]) == where]
    if not chosen:
        return Html("")
    return details("The verdict, comparison by comparison", Html("<ul>" + "".join(tag("li", words.sentence(c)) for c in chosen)
                                                                 + "</ul>"))


def others(view: View) -> Html:
    """Methods whose figure is neither a rate nor a latency: bursts, recovery, reset; with what else they found."""
    rows = []
    for f in view.figures.values():
        if f.unit == "frames/s" or f.kind == "cost" or f.method in view.latencies(f.size, f.flows):
            continue
        also = {k: median([e[k] for e in f.extra if isinstance(e.get(k), (int, float))]) for k, v in (f.extra[-1] if f.extra
                                                                                                      else {}).items()
                if isinstance(v, (int, float)) and not isinstance(v, bool)}
        rows.append([f.dut, f.method, charts.at(f.size, f.flows), words.median_and_interval(f), "" if f.unit == "ns" else f.unit,
                     len(f.values),
                     f"{f.valid} + {f.invalid}", ", ".join(f"{k} {number(v)}" for k, v in also.items()), notes(f)])
    rows.sort(key=lambda r: str(r[0]))
    return section("others", "Other methods", table(("device", "method", "traffic", "median (interval)", "unit", "rounds",
                                                     "trials valid + invalid",
                                                     "also found, medians", "notes"), rows, "tttntnnww"))


def all_of(view: View) -> Html:
    return join([throughput(view), ratios(view), loss_curves(view), latency(view), where_lost(view), others(view)])
