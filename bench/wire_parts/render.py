# SPDX-License-Identifier: BSD-2-Clause
"""Renders docs/benchmarks.md, and the table between the markers in README.md, from a results file. No figure is typed."""
import os
import re
from statistics import median

from stats import plain_ratios, ratios, summary

BEGIN, END = "<!-- benchmarks: rendered by bench/wire -->", "<!-- end of benchmarks -->"
AIMS = {
    "ringway / libxdp loop": "at least 0.97",
    "ringway / testpmd": "lower end above 1.0, aim 1.15",
    "ringway / transmit only": "at least 0.85, aim 0.95",
    "A/A: ringway / ringway": "1.0 within the noise",
    "xdp: ringway / hand-written swap": "median 0.97, lower end 0.95",
    "xdp: ringway / bare redirect": "median 0.93",
}


def spread(s, digits=3):
    return f"{s['median']:.{digits}f} ({s['low']:.{digits}f} to {s['high']:.{digits}f})"


def rate(rounds, name):
    return spread(summary([r[name]["pps"] / 1e6 for r in rounds]))


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]) + "\n"


def machine(p):
    mitigations = "; ".join(f"{k}: {v}" for k, v in p["mitigations"].items()) or "none"
    return (f"Kernel {p['kernel']}, {p['cpu']}, {p['cpus']} CPUs, {p['driver']}, {p['date']}, commit {p['commit']}, "
            f"gcc {p['gcc']}, libxdp {p['libxdp']}, DPDK {p['testpmd']}. Mitigations: {mitigations}.\n")


def ratio_rows(found):
    return [(key, spread(s), s["rounds"], f"{100 * s['confidence']:.1f} %", AIMS.get(key, "")) for key, s in found.items()]


def claim(results):
    """No winner with fewer than 7 rounds, with an interval that holds 1, or where the control fails."""
    found = ratios(results)
    control = found["A/A: ringway / ringway"]
    noisy = abs(control["median"] - 1) > 0.02 or not control["low"] <= 1 <= control["high"]
    if control["rounds"] < 7 or noisy:
        return "The control (one program under two names) differs from 1 by too much, or the rounds are too few: **no winner is claimed**.\n"
    lines = []
    for key in ("ringway / libxdp loop", "ringway / testpmd"):
        s = found[key]
        what = "no difference can be claimed" if s["low"] <= 1 <= s["high"] else ("Ringway is faster" if s["low"] > 1 else "**the peer is faster**")
        lines.append(f"- {key}: {what}.")
    return "\n".join(lines) + "\n"


def calls_per_packet(rounds, name):
    out = []
    for r in rounds:
        said = r[name]["said"]
        sent = sum(p["tx_packets"] for p in said["ports"])
        out.append(sum(w["kicks"] for w in said["workers"]) / sent)
    return summary(out)


def test_run_rows(results):
    t = results["test_run"]
    ours, theirs = summary(t["ringway"]), summary(t["swap"])
    wire_ns = 1e9 / median([r["ringway-xdp"]["pps"] for r in results["rounds"]])
    extra = (ours["median"] - theirs["median"]) / wire_ns
    return [("ringway-l2fwd, macswap", spread(ours, 0), ""), ("hand-written, the same work", spread(theirs, 0), ""),
            ("difference / a frame's time on the wire", f"{100 * extra:.1f} % of {wire_ns:.0f} ns", "at most 3 %")]


def per_item(b):
    """(nanoseconds an item, what an item is): a counter of the benchmark's own, or the time of an iteration."""
    if "ns/packet" in b:
        return b["ns/packet"], f"packet; the turn that nobody disturbed: {b['best_turn']:.2f}"
    for item in ("packet", "frame", "entry"):
        if item in b:
            return 1e9 * b[item], item
    return b["cpu_time"], "call"


def micro_rows(results):
    medians = [b for b in results.get("micro", {}).get("benchmarks", []) if b.get("aggregate_name") == "median"]
    spreads = {b["run_name"]: b for b in results.get("micro", {}).get("benchmarks", []) if b.get("aggregate_name") == "cv"}
    out = []
    for b in medians:
        ns, item = per_item(b)
        out.append((b["run_name"], f"{ns:.2f}", item, f"{100 * spreads[b['run_name']]['cpu_time']:.1f} %"))
    return out


def page(results):
    rounds, settings = results["rounds"], results["settings"]
    names = list(results["commands"])
    parts = ["# Benchmarks\n", "Rendered by `bench/wire` from `bench/results/wire.json`; nothing here is typed by hand.\n",
             machine(results["platform"]),
             "veth in copy mode says how our code compares with that of others on the same path, not what a NIC would do. Only "
             "ratios of one session travel, and even they move with the machine.\n",
             "## Throughput, 64-byte frames, one flow, overload\n",
             f"{settings['rate']} packets a second asked for, {settings['seconds']} s a trial, {settings['rounds']} interleaved and shuffled rounds. "
             "Generator on CPU 0, device under test on CPU 1; the XDP programs run on the generator's CPU. Sink: a program at tc ingress that "
             "counts and frees. Million packets a second delivered: median and the interval of the sign test.\n",
             table(("device", "Mpps delivered", "offered, median", "command"),
                   [(n, rate(rounds, n), f"{median([r[n]['offered'] / r[n]['seconds'] for r in rounds]) / 1e6:.3f}", f"`{results['commands'][n]}`") for n in names]),
             "## Ratios, pair by pair\n", table(("ratio", "median (interval)", "rounds", "confidence", "aim"), ratio_rows(ratios(results))), claim(results),
             "The same with a plain interface as sink, which runs the kernel's receive path on the device's CPU:\n",
             table(("ratio", "median (interval)", "rounds", "confidence", "aim"), [r[:4] + ("",) for r in ratio_rows(plain_ratios(results))]),
             "## System calls\n",
             table(("setting", "sendto() per packet sent", "aim"),
                   [("TX budget 32", spread(calls_per_packet(rounds, "ringway-afxdp, TX budget 32"), 4), "at most 1/30 = 0.0333"),
                    ("TX budget 256 (default)", spread(calls_per_packet(rounds, "ringway-afxdp"), 4), "at most 1/100 = 0.0100")]),
             "## Program time without a wire\n", "`BPF_PROG_TEST_RUN`, 10^6 repetitions, 9 interleaved runs, nanoseconds a packet.\n",
             table(("program", "ns", "aim"), test_run_rows(results)),
             "## Loss at 100,000 packets a second\n",
             table(("datapath", "frames offered, runs", "lost"),
                   [(d, ", ".join(str(r["offered"]) for r in runs), ", ".join(str(r["offered"] - r["delivered"]) for r in runs)) for d, runs in results["no_loss"].items()]),
             "## The peers' settings\n", "Each is run with its best; medians of the tuning rounds. Measured again in the rounds above.\n",
             table(("setting", "Mpps"), [(n, f"{pps / 1e6:.3f}") for rows in results["tuning"].values() for n, pps in rows])]
    rows = micro_rows(results)
    if rows:
        parts += ["## Micro-benchmarks\n", "Google Benchmark, 9 interleaved repetitions, pinned; medians, and the coefficient of variation. In a loop, the kernel's side is played "
                  "by the benchmark and not counted.\n",
                  table(("benchmark", "ns", "per", "variation"), rows)]
    return "\n".join(parts)


def readme_table(results):
    found, p = ratios(results), results["platform"]
    rows = [(k, spread(found[k])) for k in AIMS if not k.startswith("A/A")]
    return (f"{BEGIN}\n" + table(("64-byte frames over veth, copy mode, one core: ratio", "median (interval)"), rows)
            + f"\nKernel {p['kernel']}, {p['cpu']}, commit {p['commit']}, {results['settings']['rounds']} interleaved rounds; "
            + "what was run, and every figure: [docs/benchmarks.md](docs/benchmarks.md).\n" + END)


def render(results, root):
    with open(os.path.join(root, "docs/benchmarks.md"), "w", encoding="utf-8") as f:
        f.write(page(results))
    readme = os.path.join(root, "README.md")
    with open(readme, encoding="utf-8") as f:
        text = f.read()
    if BEGIN not in text:
        raise SystemExit(f"bench/wire: error: README.md has no line {BEGIN}")
    with open(readme, "w", encoding="utf-8") as f:
        f.write(re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: readme_table(results), text, flags=re.S))
