# SPDX-License-Identifier: BSD-2-Clause
"""The page's second half: cost, tuning, how it was measured, devices, trials that did not count, the machine."""
from __future__ import annotations

import json
from typing import Any

from ..verdicts import flows_word, frame
from . import charts, words
from .gather import View
from .markup import Html, code, details, figure, join, legend, section, table, tag
from .sections import device_cell
from .words import number

ANALYSED = ("offered", "lost", "duplicated", "reordered", "corrupted", "foreign")
OVERLOAD = "overload"


def cost(view: View) -> Html:
    rows = [[device_cell(view, str(c["dut"])), _traffic(c["where"]), OVERLOAD if c["share_of_ndr"] is None
             else words.share(c["share_of_ndr"], 0),
             words.mpps(c["load"]), words.cost_ns(c["generator_ns"]), words.cost_ns(c["dut_ns"]),
             words.calls(c["syscalls_per_packet"]),
             words.HOW.get(str(c["how"]), str(c["how"] or "")), c["rounds"]] for c in view.costs()]
    head = ("device", "traffic", "of its NDR", "load, Mpps", "generator's CPU, ns", "its own CPU, ns", "system calls",
            "measured by", "rounds")
    beside: list[list[object]] = []
    for name in view.names():
        d = view.rest_of(name)
        memory: dict[str, Any] = d.get("memory") or {"resident_kb": d.get("memory_kb")}
        kept = ", ".join(f"{k.removesuffix('_kb').replace('_', ' ')} {v / 1024:.1f} MiB" for k, v in memory.items()
                         if isinstance(v, (int, float)) and k.endswith("_kb"))
        if not d.get("control_of") and (kept or d.get("idle_cpu") is not None):
            beside.append([name, "" if d.get("idle_cpu") is None else words.share(d["idle_cpu"], 1), kept])
    intro = tag("p", "Per frame, on both CPUs: what the wire, the kernel's receive path and an XDP program cost stands on the "
                     "generator's "
                "CPU, what a process costs on its own. A forwarder that spins is busy at any rate, so the time of its turns "
                "that carried "
                "frames counts (busy turns), or its CPU's busy time less that without traffic where it sleeps (CPU busy), or 1 "
                "/ rate at "
                "overload. A device in the kernel a second way: the run time of its input's NAPI thread on a CPU of its own.")
    return section("cost", "Cost of a frame", intro, table(head, rows, "ttnnnnntn"),
                   table(("device", "CPU without traffic", "memory"), beside, "tnt")) if rows else Html("")


def _traffic(where: tuple[int, int] | None) -> str:
    return charts.at(*where) if where else ""


def tune(view: View) -> Html:
    t = view.tune
    if not t:
        return Html("")
    rows = []
    for s in [*([{**t["noise"], "name": "the defaults again (noise)"}] if t.get("noise") else []), *t.get("settings", [])]:
        e = s.get("effect")
        rows.append([s["name"], "" if s.get("value") is None else words.plain(s["value"]), "" if e is None else f"{e:+.1%}",
                     "" if e is None else f"{s.get('low', e):+.1%} to {s.get('high', e):+.1%}",
                     words.confidence(s.get("confidence")),
                     s.get("rounds", ""), s.get("left") or ""])
    verified = t.get("verified")
    answer = t.get("answer") or ""
    parts: list[object] = [tag("p", f"Objective: {t.get('objective', '')}{', ' + str(t['dut']) if t.get('dut') else ''}. "
                                    f"{answer}{'.' * bool(answer)}")]
    if verified and verified.get("effect") is not None:
        parts.append(tag("p", f"Measured again in {verified.get('rounds', '')} fresh rounds, winner against defaults: "
                              f"{verified['effect']:+.1%} "
                         f"({verified.get('low', 0):+.1%} to {verified.get('high', 0):+.1%})."))
    elif verified:
        parts.append(tag("p", "Measured again: " + ", ".join(f"{k} {v}" for k, v in words.flatten(verified)) + "."))
    winner, defaults = t.get("winner") or {}, t.get("defaults") or {}
    both = [[k, words.plain(defaults.get(k)), words.plain(winner.get(k)), "changed" if winner.get(k) != defaults.get(k) else ""]
            for k in {**defaults, **winner}]
    signs = legend([(0, "mark", "interval holds 0"), (1, "mark", "interval excludes 0")])
    parts += [signs, figure(charts.effects(t)), table(("setting", "value", "effect", "interval", "confidence", "rounds",
                                                       "why it left"), rows, "ttnnnnt"),
              table(("setting", "default", "winner", ""), both, "tttt", "The golden configuration")]
    return section("tune", "Effect of each setting", *parts)


def method(view: View) -> Html:
    s, engines = view.scenario, {c.get("engine") for c in view.calibration.values()}
    cpus = sorted(n for n in view.duts if view.in_kernel(n))
    topology = s.get("topology")
    kind = topology.get("kind", "") if isinstance(topology, dict) else str(topology or "")
    sentences = [
        f"Topology {kind}, {words.rounds_line(view)}." if kind else words.rounds_line(view).capitalize() + ".",
        "Loss ratios divide by the frames that the generator's device accepted (offered), not by the intended number as RFC "
        "9971 expects; a "
        "trial whose offered rate is more than 1.5 % off is invalid. Rates in per cent and \u201ctheoretical maximum\u201d mean "
        "this generator's "
        "calibrated ceiling at that size on this wire.",
        f"Generator engine: {', '.join(sorted(str(e) for e in engines if e)) or s.get('engine', 'unknown')}. Sink: "
        f"{_sinks(view)}. The sink runs on the CPU "
        "of whoever transmits into it: the device's for AF_XDP, the generator's for a kernel redirect.",
        (f"{', '.join(cpus)} run{'s' * (len(cpus) == 1)} {words.IN_KERNEL}; all others on a CPU of their own." if cpus
         else "Every device ran on a CPU of its own."),
        "Sizes count the FCS, as the RFCs do: 64 B is 60 B on veth. Counters were read after traffic had stopped and drained. "
        "Loss never decided "
        "whether a trial is valid.", words.VETH if "veth" in str(view.platform.get("drivers", "veth")) else ""]
    rows = [[frame(int(size)), c.get("engine", ""), words.mpps(c.get("ceiling")), words.mpps(c.get("unpaced")),
             number(c.get("loss")),
             words.share(c["pacing_error"], 2) if c.get("pacing_error") is not None else "",
             ", ".join(f"{k} {words.share(v, 1)}" for k, v in (c.get("sink_cost") or {}).items())]
            for size, c in view.calibration.items()]
    calibration = table(("size", "engine", "ceiling, Mpps", "unpaced, Mpps", "lost", "pacing error",
                         "what the sink costs"), rows, "ttnnnnt",
                        "Calibration, generator and sink back to back")
    goals = {(f.method, f.kind, ", ".join(f"{k} {v}" for k, v in f.goal.items())): None for f in view.figures.values() if f.kind}
    goal_table = table(("name", "method", "asked with"), [list(g) for g in goals], "ttk", "Methods")
    return section("method", "How it was measured", *(tag("p", x) for x in sentences if x), calibration, goal_table,
                   details("The scenario with every default", tag("pre", json.dumps(s, indent=1))))


def _sinks(view: View) -> str:
    """Which sink took how many trials."""
    seen: dict[str, int] = {}
    for _, _, t in view.all_trials():
        if t.get("sink"):
            seen[str(t["sink"])] = seen.get(str(t["sink"]), 0) + 1
    return ", ".join(f"{k} ({number(n)} trials)" for k, n in seen.items()) or "not recorded"


def devices(view: View) -> Html:
    rows: list[list[object]] = []
    for name in view.names():
        d = view.duts[name]
        seen = d.get("analysed")
        counts = [f"{number(seen[k])} {k}" for k in ANALYSED if seen.get(k) is not None] if seen else []
        analysed = f"{'passed' if seen.get('passed') else 'did not pass'}: {', '.join(counts)}" if seen else "not analysed"
        settings = ", ".join(f"{k} {words.plain(v)}" for k, v in (d.get("settings") or {}).items())
        rows.append([name, d.get("title", ""), d.get("version") or "", "the generator's" if view.in_kernel(name) else "its own",
                     analysed,
                     settings or "defaults", d.get("failed") or ""])
    head = ("device", "what it is", "version", "CPU", "analysed trial", "settings", "failed")
    commands = [[name, code(view.duts[name]["command"])] for name in view.names() if view.duts[name].get("command")]
    parts: list[object] = [table(head, rows, "twwtwww"), table(("device", "command"), commands, "tk")]
    for name, d in view.duts.items():
        found = (d.get("tuning") or {}).get("table") if not d.get("control_of") else None
        if found:
            best = sorted(found, key=lambda r: -float(r[1]))
            parts.append(details(f"Settings that {name} was tried with", table(
                ("settings", "Mpps"), [[", ".join(f"{k} {v}" for k, v in s.items()) if isinstance(s, dict) else str(s),
                                        words.mpps(v)] for s, v in best], "tn")))
    return section("devices", "Devices under test", *parts)


def trials(view: View) -> Html:
    rows = []
    for name in view.names():
        mine = [(f, t) for f, _, t in view.all_trials() if f.dut == name]
        bad = sum(not t.get("valid", True) for _, t in mine)
        if mine:
            rows.append([name, len(mine) - bad, bad, words.share(bad / len(mine), 1), _worst(mine, "off_cpu_us", "\u00b5s"),
                         _worst(mine, "longest_gap_us", "\u00b5s"),
                         _worst(mine, "longest_burst", ""),
                         words.share(max((t["steal_ratio"] for _, t in mine if t.get("steal_ratio") is not None), default=None),
                                     2)])
    head = ("device", "valid", "invalid", "invalid", "longest off its CPU", "generator's longest gap", "longest burst",
            "most steal")
    invalid = [[f.dut, f"{words.title(f.method)}, {frame(f.size)}, {flows_word(f.flows)}", n, words.mpps(t.get("rate")),
                words.share(t.get("loss_ratio")),
                "; ".join(t.get("reasons") or ["no reason recorded"])] for f, n, t in view.all_trials()
               if not t.get("valid", True)]
    order = {n: i for i, n in enumerate(view.names())}
    invalid.sort(key=lambda r: int(order.get(str(r[0]), 99)))
    what = tag("p", "A trial is invalid when something outside disturbed it: offered rate off, a burst of the generator, a "
                    "foreign thread on the device's CPU for "
               "longer than its ring lasts, or steal. Invalid ones are kept and repeated; they decide nothing.")
    listed = details(f"{len(invalid)} invalid trials, with reasons", table(("device", "of", "round", "offered, Mpps", "loss",
                                                                            "why"), invalid, "twnnnw"), len(invalid) <= 12)
    failures = [list(f) for f in view.failures()]
    failed = join([tag("h3", "What failed or was not measurable"), table(("device", "where", "why"), failures,
                                                                         "tww")]) if failures else Html("")
    return section("trials", "Trials", what, table(head, rows, "tnnnnnnn"), listed,
                   failed) if rows else section("trials", "Trials", failed)


def _worst(mine: list[tuple[Any, Any]], key: str, unit: str) -> str:
    worst = max((t[key] for _, t in mine if t.get(key) is not None), default=None)
    return "" if worst is None else f"{number(round(worst))} {unit}".strip()


def platform(view: View) -> Html:
    r = view.results
    rows: list[list[object]] = [["started", r.get("started") or ""], ["finished", r.get("finished") or "did not finish"],
                                ["program", f"{r.get('app', '')} {r.get('version', '')}, commit {r.get('commit', '')}"],
            ["command", code(" ".join(map(str, r.get("command") or [])))]]
    rows = [[k, "", v] for k, v in rows]
    for path, value in words.flatten(view.platform):
        top, _, rest = path.partition(".")
        rows.append([top, rest, value or "none"])
    return section("platform", "Platform", table(("what", "of it", "value"), rows, "ttk"))


def all_of(view: View) -> Html:
    return join([cost(view), tune(view), method(view), devices(view), trials(view), platform(view)])

