# SPDX-License-Identifier: BSD-2-Clause
"""run, list, search, report: what the command line does. tune and selftest have modules of their own."""
from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from typing import Any

from . import compare, duts, methods, platform, report, results, scenario, searches, testbed, wire
from .cli import say
from .errors import BenchError, UsageError
from .lab import WireCell, WireLab, calibrate
from .results import Results
from .runner import Runner
from .scenario import Method, Scenario
from .tools import Tools, need_root

THOROUGH_ROUNDS, THOROUGH_MRR = 7, 10


def run(args: argparse.Namespace) -> int:
    chosen = _scenario(args)
    tools = Tools.find(args.bin, args.cpus)
    lab = WireLab(chosen, tools)
    for method in chosen.methods:
        methods.check(method, chosen.path)
    need_root()
    for ns in testbed.sweep():
        say(f"removed {ns}, which a killed run had left")
    if args.resume:
        found = Results.resumed(args.results, chosen)
    else:
        found = Results.fresh(args.results, chosen, ["ringway-bench", *sys.argv[1:]], tools.version, platform.record())
    before = platform.quiet()
    found.save()  # a place that cannot be written to is found out before anything is measured
    try:
        Runner(chosen, lab, found, say=say).run()
    finally:
        found.data["platform"]["quiet"] = platform.quiet_between(before, platform.quiet())
        found.save()
        if args.report:
            for path in report.write(found.data, ["html", "csv", "md"], args.report):
                say(f"wrote {path}")
    for sentence in compare.sentences(found.data):
        print(sentence)
    return 0 if _all_measured(found.data) else 1


def _all_measured(data: dict[str, Any]) -> bool:
    """No device failed, and none of Ringway's lost a frame that has no name. A machine that is too noisy is no failure."""
    good = True
    for cell in (c for r in data["rounds"] for c in r["cells"]):
        good = good and not cell["failed"]
        lost = sum(abs(t["balance"]["unexplained"]) for f in cell["methods"].values() for t in f["trials"] if t.get("balance"))
        if lost and compare.is_ringway(cell["dut"], data["duts"][cell["dut"]]):
            say(f"{cell['dut']}: {lost} frames are unexplained")
            good = False
    return good


def _scenario(args: argparse.Namespace) -> Scenario:
    chosen = scenario.load(args.scenario)
    if args.duts:
        names = args.duts.split(",")
        for name in names:
            if name not in chosen.duts:
                raise UsageError(f"--duts: '{name}' is not in the scenario (there are: {', '.join(chosen.duts)})")
        chosen.duts = names
        chosen.control = chosen.control if chosen.control in names else None
        chosen.compare = [p for p in chosen.compare if set(p) <= set(names)]
        chosen.settings = {k: v for k, v in chosen.settings.items() if k in names}
    if args.rounds is not None:
        chosen.rounds = args.rounds
    if args.thorough:
        _make_thorough(chosen)
    scenario.check(chosen, chosen.path)
    return chosen


def _make_thorough(s: Scenario) -> None:
    s.rounds = max(s.rounds, THOROUGH_ROUNDS)
    made: list[Method] = []
    for m in s.methods:
        if m.kind == "mrr":
            m = dataclasses.replace(m, params={**m.params, "trials": max(THOROUGH_MRR, m.params.get("trials", 0))})
        if m.kind != "mlrsearch":
            made.append(m)
    if any(m.kind == "mlrsearch" for m in s.methods):
        made.insert(1, Method("ndr+pdr", "mlrsearch", {"goals": ["ndr", "pdr"]}))
    s.methods = made


def show_list(_args: argparse.Namespace) -> int:
    print("devices (--dut, duts):")
    for name in duts.library():
        spec = duts.load(name)
        print(f"  {name:20} {spec.title}{', on the generator’s CPU' if spec.in_kernel else ''}")
        for key, setting in spec.settings.items():
            words = ", ".join(f"{v}{' (default)' if v == setting.default else ''}" for v in setting.values)
            print(f"      {key:22} {words}{'; ' + setting.about if setting.about else ''}")
    print("topologies (--topology, topology):")
    for name, what in testbed.TOPOLOGIES.items():
        print(f"  {name:20} {what}")
    print("methods (kind):")
    for name, method in searches.METHODS.items():
        print(f"  {name:20} {method.what}")
        for key, param in method.params.items():
            print(f"      {key:22} {param.default}; {param.what}")
    for name, extra in methods.EXTRA.items():
        print(f"  {name:20} {methods.ABOUT[name]}")
        for key, (_, default, what) in extra.items():
            print(f"      {key:22} {default}; {what}")
    print("scenarios (run):")
    for name, path in scenario.builtin().items():
        s = scenario.load(path)
        print(f"  {name:20} {s.rounds} rounds of {', '.join(s.duts)}")
    return 0


def topology(args: argparse.Namespace) -> dict[str, Any]:
    table: dict[str, Any] = {"kind": args.topology}
    if args.topology == "chain":
        table["length"] = args.length
    if args.topology == "external":
        table["ports"] = args.ports.split(",")
    elif args.ports:
        raise UsageError("--ports is for --topology external")
    return table


def one_device(args: argparse.Namespace) -> Scenario:
    """A scenario of one device, from the command line."""
    return Scenario(name="search", duts=[args.dut], methods=[], topology=topology(args), rounds=1, sizes=[args.size], flows=[args.flows],
                    settings={args.dut: dict(args.dut_set)} if args.dut_set else {})


def search(args: argparse.Namespace) -> int:
    only = one_device(args)
    method = Method(args.method, args.method, dict(args.set))
    scenario.check(only, "search")
    if method.kind == "cost":
        raise UsageError("cost: it needs what another method found: put both into a scenario")
    methods.check(method, "search")
    tools = Tools.find(args.bin, args.cpus)
    lab = WireLab(only, tools)
    need_root()
    testbed.sweep()
    say("calibrating the generator" + (" between two interfaces of our own, not on that wire" if lab.external else ""))
    ceiling = lab.calibrate(args.size, args.flows)["ceiling"] if not lab.external else calibrate(tools, lab.traffic(args.size, args.flows))["ceiling"]
    say(f"its ceiling here is {ceiling / 1e6:.3f} Mpps")
    with lab.open(args.dut, args.size, args.flows) as cell:
        found = methods.run_method(method, Loud(cell), ceiling, {}, lambda _: None)
        described = cell.describe()
    for name, f in found.items():
        print(f"{name}: {methods.shown(f)}")
        for key in ("lower", "upper"):
            if getattr(f, key) is not None:
                print(f"  {key} bound {getattr(f, key) / 1e6:.4f} Mpps")
    if args.json:
        write_json(args.json, {"schema": 1, "app": "ringway-bench search", "platform": platform.record(), "dut": described,
                                "ceiling": ceiling, "found": {k: f.as_json() for k, f in found.items()}})
    return 0 if all(f.value is not None for f in found.values()) else 1


class Loud:
    """A cell that prints its trials."""

    def __init__(self, cell: WireCell) -> None:
        self.wire = cell.wire
        self.measurer = self

    def __getattr__(self, name: str) -> Any:  # burst, analysed, ...
        return getattr(self.wire, name)

    def trial(self, load: float, seconds: float) -> Any:
        outcome = self.wire.trial(load, seconds)
        losses = ", ".join(f"{k} {n}" for k, n in outcome.record["balance"]["losses"].items())
        print(f"  {outcome.rate / 1e6:8.4f} Mpps, {seconds:g} s: {outcome.offered} offered, {outcome.lost} lost"
              f"{f' ({losses})' if losses else ''}{'' if outcome.valid else '; not valid: ' + '; '.join(outcome.reasons)}", flush=True)
        return outcome


def write_json(path: str, data: dict[str, Any]) -> None:
    text = json.dumps(data, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    try:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    except OSError as e:
        raise BenchError(f"write {path}: {e.strerror}") from None


def show_report(args: argparse.Namespace) -> int:
    if args.compare:
        a, b = (results.read(path) for path in args.compare)
        text, html = report.compare(a, b, (args.compare[0], args.compare[1]))
        print(text, end="")
        path = os.path.join(args.out, "compare.html")
        report.put(path, html)
        say(f"wrote {path}")
        return 0
    if not args.results:
        raise UsageError("report: which results file? (or --compare A.json B.json)")
    formats = args.format.split(",")
    for name in formats:
        if name not in ("html", "csv", "md", "json"):
            raise UsageError(f"report: no format '{name}' (there are: html, csv, md, json)")
    for path in report.write(results.read(args.results), formats, args.out):
        say(f"wrote {path}")
    return 0
