# SPDX-License-Identifier: BSD-2-Clause
"""What the generator and the sinks can do on this machine, before they judge others."""
from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
from dataclasses import replace
from statistics import median
from typing import Any

from . import platform, testbed, wire
from .cli import say
from .commands import write_json
from .errors import BenchError
from .generator import Traffic
from .lab import KINDS, calibrate, sink_cost
from .tools import Tools, need_root
from .wire import Wire

PACING = 0.01  # how far a rate may be off, frames that were skipped included
DEPARTURE = 10_000  # ns: the 99th percentile at 100,000 frames a second
OF_SIMPLEST = 0.9  # of what the simplest program sends, to do what that one does


def selftest(args: argparse.Namespace) -> int:
    tools = Tools.find(args.bin, args.cpus)
    need_root()
    testbed.sweep()
    seconds = 0.5 if args.quick else 2.0
    found: dict[str, Any] = {"schema": 1, "app": "ringway-bench selftest", "platform": platform.record(), "size": args.size, "engines": {}}
    faults: list[str] = []
    for engine in ("xdp", "afxdp"):
        say(f"engine {engine}: ceiling, pacing, departures, latency")
        found["engines"][engine] = _engine(tools, Traffic(size=args.size, engine=engine), seconds, faults)
    found["simplest"] = _against_simplest(tools, seconds, 3 if args.quick else 9, faults)
    say("what the sinks cost the devices")
    found["sink_cost"] = {kind: sink_cost(tools, name, args.size, seconds, 1 if args.quick else 5) for kind, name in KINDS.items()}
    found["faults"] = faults
    _show(found)
    if args.json:
        write_json(args.json, found)
    return 1 if faults else 0


def _engine(tools: Tools, traffic: Traffic, seconds: float, faults: list[str]) -> dict[str, Any]:
    base = calibrate(tools, traffic, trials=3, seconds=seconds)
    base.pop("trials")
    rates = [r for r in (1e4, 3e4, 1e5, 3e5, 1e6, 3e6) if r < base["ceiling"] / 3] + [base["ceiling"] / 3]
    with wire.on("loop", tools, None, traffic, warm_up=0.3) as w:
        base["pacing"] = [_paced(w, rate, seconds, traffic.engine, faults) for rate in rates]
        stamped = w.analysed(1e5, seconds)
    base["latency_ns"] = stamped.record.get("latency")
    if stamped.lost or not stamped.record.get("latency"):
        faults.append(f"{traffic.engine}: {stamped.lost} of {stamped.offered} stamped frames were lost back to back")
    if base["loss"]:
        faults.append(f"{traffic.engine}: {base['loss']} frames were lost back to back")
    return base


def _paced(w: Wire, rate: float, seconds: float, engine: str, faults: list[str]) -> dict[str, Any]:
    """The best of three: the machine's disturbances are not the generator's."""
    outcomes = [w.trial(rate, seconds) for _ in range(3)]
    best = min(outcomes, key=lambda o: abs(o.rate / rate - 1))
    departures = [o.record["departure_ns"]["p99"] for o in outcomes if o.record.get("departure_ns")]
    row = {"rate": rate, "error": best.rate / rate - 1, "errors": [o.rate / rate - 1 for o in outcomes],
           "late": best.record.get("late"), "departure_p99_ns": min(departures) if departures else None}
    if abs(row["error"]) > PACING:
        faults.append(f"{engine}: {rate:.0f} frames/s were asked for, {best.rate:.0f} left ({row['error']:+.2%})")
    if rate == 1e5 and departures and min(departures) > DEPARTURE:
        faults.append(f"{engine}: at 100,000 frames/s 1 % left later than {min(departures) / 1e3:.1f} us")
    return row


def _against_simplest(tools: Tools, seconds: float, rounds: int, faults: list[str]) -> dict[str, Any]:
    """Engine xdp beside the simplest program that sends live frames, in interleaved rounds; what writes or waits for a time, beside that
    program with one look at the clock a frame. Paced it is asked for as much as it has to reach, and may be off as anywhere."""
    program = os.path.join(tools.bin, "gen-floor")
    if not os.access(program, os.X_OK):
        say("gen-floor is not there: the generator is compared with nothing")
        return {}
    say("engine xdp beside the simplest program")
    rates: dict[str, list[float]] = {name: [] for name in ("simplest", "free", "simplest with clock", "stamped", "paced")}
    plain, stamped = Traffic(), Traffic(options=("--stamp",))
    with wire.on("loop", tools, None, plain, warm_up=0.3) as w:
        for _ in range(rounds):
            rates["simplest"].append(_simplest(tools, program, "plain", w, seconds))
            rates["free"].append(w.trial(math.inf, seconds).rate)
            rates["simplest with clock"].append(_simplest(tools, program, "clock", w, seconds))
            rates["paced"].append(w.trial(OF_SIMPLEST * rates["simplest with clock"][-1], seconds).rate)
            w.traffic = replace(stamped, destination=w.traffic.destination)
            rates["stamped"].append(w.trial(math.inf, seconds).rate)
            w.traffic = replace(plain, destination=w.traffic.destination)
    ratios = {name: [a / b for a, b in zip(rates[name], rates[under], strict=True)]
              for name, under in (("free", "simplest"), ("stamped", "simplest with clock"), ("paced", "simplest with clock"))}
    for name, each in ratios.items():
        if median(each) < OF_SIMPLEST * (1 - PACING if name == "paced" else 1):
            faults.append(f"xdp: {name} it sends {median(each):.2f} of what the simplest program sends")
    return {"rates": rates, "ratios": ratios}


def _simplest(tools: Tools, program: str, how: str, w: Wire, seconds: float) -> float:
    """Frames a second that arrive."""
    command = (program, how, str(tools.generator_cpu), str(seconds), str(w.bed.gen), str(w.bed.sink))
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30)
    if done.returncode != 0:
        raise BenchError(done.stderr.strip() or f"gen-floor: exit status {done.returncode}")
    said = json.loads(done.stdout)
    return float(said["received"] / said["seconds"])


def _show(found: dict[str, Any]) -> None:
    for engine, e in found["engines"].items():
        print(f"engine {engine}, {found['size']} bytes: {e['unpaced'] / 1e6:.3f} Mpps as fast as it goes, {e['ceiling'] / 1e6:.3f} Mpps paced, "
              f"{e['loss']} lost")
        for row in e["pacing"]:
            late = "" if row["departure_p99_ns"] is None else f", 99 % leave within {row['departure_p99_ns'] / 1e3:.1f} us"
            print(f"  {row['rate']:>10.0f} frames/s: {row['error']:+.3%}{late}")
        if e["latency_ns"]:
            print("  latency back to back: " + ", ".join(f"{k} {e['latency_ns'][k] / 1e3:.1f} us" for k in ("p50", "p99", "max")))
    for name, each in found["simplest"].get("ratios", {}).items():
        print(f"engine xdp, {name}: {median(each):.3f} ({min(each):.3f} to {max(each):.3f}) of the simplest program")
    for kind, cost in found["sink_cost"].items():
        print(f"sinks, {cost['device']}: " + ", ".join(f"{s} {r:.3f}" if r else f"{s} -" for s, r in cost["of_plain"].items())
              + " of what it forwards into a plain interface")
    for fault in found["faults"]:
        print(f"fault: {fault}")
