# SPDX-License-Identifier: BSD-2-Clause
"""The report as markdown, for documentation: verdicts, tables, and the platform beside every figure."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..verdicts import flows_word, frame
from . import charts, words
from .gather import Figure, View, balance_sum
from .words import number, title


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns with nothing in them are left out; a bar in a cell would end it."""
    if not rows:
        return ""
    kept = [c for c in range(len(head)) if c == 0 or any(r[c] != "" for r in rows)]

    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cells[c]).replace("|", "\\|").replace("\n", " ") for c in kept) + " |"
    return "\n".join([line(head), "|" + "---|" * len(kept), *(line(r) for r in rows)]) + "\n"


def render(results: Mapping[str, Any]) -> str:
    view = View(results)
    said = [c for c in view.comparisons if not c.get("control") and (c["method"], c["size"],
                                                                     c["flows"]) == words.headline_cell(view)]
    warning = words.partial_line(view)
    parts = [f"# {view.scenario.get('name', 'Results')}\n", f"**{words.headline(view)}**\n", f"> {warning}\n" if warning else "",
             f"{words.platform_line(view)}; {words.rounds_line(view)}.\n", f"{words.VETH}\n",
             "\n".join(f"- {words.sentence(c)}" for c in said) + "\n" if said else ""]
    for size, flows in view.groups():
        parts += group(view, size, flows)
    parts += [cost(view), tune(view), failures(view), calibration(view), devices(view), platform(view)]
    return "\n".join(p for p in parts if p)


def notes(view: View, f: Figure) -> str:
    said = [words.IN_KERNEL] if view.in_kernel(f.dut) else []
    if view.duts.get(f.dut, {}).get("control_of"):
        said.append("A/A control")
    elif not (view.duts.get(f.dut, {}).get("analysed") or {}).get("passed"):
        said.append("no analysed trial passed: its counts are not believed")
    if f.at_ceiling:
        said.append("\u2265: as fast as the generator (within 5 % of its ceiling, or its highest load passed)")
    return "; ".join(said + list(dict.fromkeys(why for _, why in f.missing)))


def group(view: View, size: int, flows: int) -> list[str]:
    """Everything about one size and number of flows."""
    where = f"{frame(size)}, {flows_word(flows)}"
    rates = view.rates(size, flows)
    beside = f"{words.platform_line(view)}."
    out = []
    for m in rates:
        rows = [(f.dut, words.median_and_interval(f), words.rounds_and_confidence(f), f"{f.valid} + {f.invalid}", notes(view, f))
                for f in view.of(size, flows, m)]
        out += [f"## {where}: {words.by(m)}\n", "Million frames per second; median (interval of the sign test, or range).\n",
                table(("device", "Mpps", "rounds, confidence", "trials valid + invalid", "notes"), rows), beside + "\n"]
    cs = [c for c in view.comparisons if (c["size"], c["flows"]) == (size, flows)]
    ratio_rows = [(f"{c['over']} / {c['under']}", title(c["method"]), words.times(c).replace(" times", ""), words.interval_of(c),
                   words.confidence(c["confidence"]), len(c["pairs"]), "control" if c.get("control") else c["verdict"], c["why"])
                  for c in cs]
    if ratio_rows:
        out += [f"## {where}: ratios, pair by pair\n",
                table(("ratio", "method", "median", "interval", "confidence", "rounds", "verdict", "why"), ratio_rows), beside
                + "\n"]
    return out + [latency(view, size, flows, where), losses(view, size, flows, where), others(view, size, flows, where)]


def latency(view: View, size: int, flows: int, where: str) -> str:
    rows = []
    for name in view.names():
        for m in view.latencies(size, flows):
            f = view.figures.get((name, size, flows, m))
            got = charts.latency_of(f) if f else {}
            if f and got:
                rows.append((name, m, *(words.nanoseconds(got.get(k)) for k in ("min", "mean", "p50", "p90", "p99", "p99.9",
                                                                                "max", "pdv_p99")),
                             f"{f.valid} + {f.invalid}"))
    head = ("device", "load", "min", "mean", "50 %", "90 %", "99 %", "99.9 %", "max", "PDV 99 %", "trials valid + invalid")
    intro = "From the intended send time; medians over the valid trials."
    return f"## {where}: latency\n\n{intro}\n\n{table(head, rows)}" if rows else ""


def losses(view: View, size: int, flows: int, where: str) -> str:
    names, rows = charts.loss_names(view, size, flows), []
    for dut in view.names():
        trials, what = charts.overload(view, dut, size, flows)
        sums = balance_sum(trials)
        if sums.get("offered"):
            rows.append((dut, what, number(sums["offered"]), words.share(sums["received"] / sums["offered"], 1),
                         *(words.share(sums.get(n, 0) / sums["offered"], 1) for n in names)))
    head = ("device", "trials", "frames offered", "received", *names)
    return f"## {where}: where frames were lost\n\nShares of the frames offered.\n\n{table(head, rows)}" if rows else ""


def others(view: View, size: int, flows: int, where: str) -> str:
    rows = [(f.dut, f.method, words.median_and_interval(f), "" if f.unit == "ns" else f.unit, words.rounds_and_confidence(f),
             f"{f.valid} + {f.invalid}", notes(view, f)) for n in view.names() for f in view.of_dut(n, size, flows)
            if f.unit != "frames/s" and f.kind != "cost" and f.method not in view.latencies(size, flows)]
    head = ("device", "method", "median (interval)", "unit", "rounds, confidence", "trials valid + invalid", "notes")
    return f"## {where}: other methods\n\n{table(head, rows)}" if rows else ""


def cost(view: View) -> str:
    rows = [(c["dut"], charts.at(*c["where"]) if c["where"] else "", "overload" if c["share_of_ndr"] is None
             else words.share(c["share_of_ndr"], 0),
             words.mpps(c["load"]), words.cost_ns(c["generator_ns"]), words.cost_ns(c["dut_ns"]),
             words.calls(c["syscalls_per_packet"]),
             words.HOW.get(str(c["how"]), str(c["how"] or "")), c["rounds"], words.IN_KERNEL if view.in_kernel(str(c["dut"]))
             else "")
            for c in view.costs()]
    head = ("device", "traffic", "of its NDR", "Mpps", "generator's CPU, ns", "its own CPU, ns", "system calls", "measured by",
            "rounds", "notes")
    return f"## Cost of a frame\n\nMedians, nanoseconds and system calls a frame.\n\n{table(head, rows)}" if rows else ""


def tune(view: View) -> str:
    t = view.tune
    if not t:
        return ""
    rows = [(s["name"], number(s.get("value")), "" if s.get("effect") is None else f"{s['effect']:+.1%}",
             "" if s.get("effect") is None else f"{s.get('low', s['effect']):+.1%} to {s.get('high', s['effect']):+.1%}",
             s.get("left") or "")
            for s in t.get("settings", [])]
    return (f"## Effect of each setting on {t.get('objective', 'the objective')}\n\n{t.get('answer', '')}\n\n"
            + table(("setting", "value", "effect", "interval", "why it left"), rows))


def failures(view: View) -> str:
    rows = view.failures()
    return f"## What failed or was not measurable\n\n{table(('device', 'where', 'why'), rows)}" if rows else ""


def calibration(view: View) -> str:
    rows = [(frame(int(size)), c.get("engine", ""), words.mpps(c.get("ceiling")),
             words.nanoseconds((c.get("latency_bias_ns") or {}).get("p50")),
             ", ".join(f"{k} {words.share(v, 1)}" for k, v in (c.get("sink_cost") or {}).items()))
            for size, c in view.calibration.items()]
    head = ("size", "engine", "ceiling, Mpps", "latency bias", "what the sink costs")
    return f"## Calibration: generator and sink back to back\n\n{table(head, rows)}" if rows else ""


def devices(view: View) -> str:
    rows = [(n, d.get("title", ""), d.get("version") or "", ", ".join(f"{k} {v}" for k, v in (d.get("settings") or {}).items()),
             "passed" if (d.get("analysed") or {}).get("passed") else "not passed", d.get("failed") or "",
             f"`{d['command']}`" if d.get("command") else "") for n, d in view.duts.items()]
    return "## Devices\n\n" + table(("name", "what it is", "version", "settings", "analysed trial", "failed", "command"),
                                    rows) if rows else ""


def platform(view: View) -> str:
    rows = [(k, v.replace("`", "'") or "none") for k, v in words.flatten(view.platform)]
    return f"## Platform\n\n{table(('what', 'value'), rows)}" if rows else ""
