# SPDX-License-Identifier: BSD-2-Clause
"""`ringway-bench tune` on the wire: the objectives, and the files that it writes."""
from __future__ import annotations

import argparse
import math
import os
import re
import shlex
from typing import Any

from . import platform, scenario, searches, testbed, wire
from .cli import say
from .commands import write_json, one_device, topology
from .duts import DutSpec, Value
from .errors import BenchError, DutError, UsageError
from .lab import WireLab, calibrate, valid_trial
from .tools import Tools, need_root
from .tune import Knob, Tuner
from .wire import Wire

SECONDS = 1.0  # of a trial
WARM_UP = 0.3
QUICK = {"goals": [{"name": "tune", "like": "ndr-quick", "final_seconds": 0.5, "initial_seconds": 0.5, "sum_seconds": 3.5, "width": 0.03}],
         "warm_up": 0.0, "confirm": False, "probes": 0}


def tune(args: argparse.Namespace) -> int:
    only = one_device(args)
    scenario.check(only, "tune")
    tools = Tools.find(args.bin, args.cpus)
    lab = WireLab(only, tools)
    if lab.external:
        raise UsageError("tune: it starts the device anew for each value, so it cannot be somebody else's (--topology external)")
    spec = lab.specs[args.dut]
    knobs = _knobs(spec, args.only, dict(args.dut_set))
    need_root()
    testbed.sweep()
    load = float(args.load) if args.load else 0.0
    objective = Objective(args, tools, lab, spec, load)
    found = Tuner(knobs, objective, lower_is_better=args.objective in ("p99", "cpu"), time_limit=args.time_limit, say=say).run()
    found |= {"objective": args.objective, "dut": args.dut, "load": objective.load or None, "size": args.size, "flows": args.flows}
    _show(found)
    if args.toml:
        _write(args.toml, toml_of(spec, found["winner"]))
    if args.script:
        _write(args.script, script_of(spec, found["winner"]), mode=0o755)
    if args.json:
        write_json(args.json, {"schema": 1, "app": "ringway-bench tune", "platform": platform.record(), "tune": found})
    return 0


def _knobs(spec: DutSpec, only: str, fixed: dict[str, Any]) -> list[Knob]:
    names = only.split(",") if only else [k for k in spec.settings if k not in fixed]
    for name in names:
        if name not in spec.settings:
            raise UsageError(f"tune: {spec.name} has no setting '{name}' (there are: {', '.join(spec.settings) or 'none'})")
    current = spec.values()
    knobs = [Knob(n, current[n], tuple(v for v in spec.settings[n].values if v != current[n])) for n in names]
    knobs = [k for k in knobs if k.values]
    if not knobs:
        raise UsageError(f"tune: {spec.name} has no settings with values to choose from")
    return knobs


class Objective:
    """measure(settings) of the Tuner: the device is started with them, and its figure is told."""

    def __init__(self, args: argparse.Namespace, tools: Tools, lab: WireLab, spec: DutSpec, load: float) -> None:
        self.kind, self.tools, self.spec, self.load = args.objective, tools, spec, load
        self.topology = topology(args)
        self.traffic = lab.traffic(args.size, args.flows)
        self.ceiling = calibrate(tools, self.traffic)["ceiling"] if self.kind == "ndr" else 0.0
        if self.kind in ("p99", "cpu") and not load:
            self.load = self._with({}, lambda w: valid_trial(w, math.inf, SECONDS).forwarding_rate) / 2
            say(f"at half of the MRR with the defaults: {self.load / 1e6:.3f} Mpps")

    def __call__(self, settings: dict[str, Any]) -> float:
        return self._with(settings, getattr(self, f"_{self.kind}"))

    def _with(self, settings: dict[str, Any], measure: Any) -> float:
        spec = self.spec.with_settings(settings)
        with wire.on(self.topology, self.tools, spec, self.traffic, warm_up=WARM_UP) as w:
            value = float(measure(w))
        if value <= 0:
            raise DutError(f"{spec.name}: forwards nothing with {settings}")
        return value

    def _mrr(self, w: Wire) -> float:
        return valid_trial(w, math.inf, SECONDS).forwarding_rate

    def _ndr(self, w: Wire) -> float:
        limits = searches.within_reach(w, searches.Limits(maximum=self.ceiling, seconds=60.0))
        found = searches.build("mlrsearch", QUICK).run(w, limits)
        first = found[0] if isinstance(found, list) else found
        return first.value or 0.0

    def _p99(self, w: Wire) -> float:
        for _ in range(4):
            outcome = w.analysed(self.load, SECONDS)
            if outcome.valid:
                return float(outcome.record["latency"]["p99"])
        raise DutError("not measurable here: four trials in a row were disturbed")

    def _cpu(self, w: Wire) -> float:
        outcome = valid_trial(w, self.load, SECONDS)
        if "busy_us" not in outcome.record:
            raise UsageError(f"tune: {self.spec.name} does not tell its CPU time: cpu is an objective for Ringway's AF_XDP forwarders")
        return float(outcome.record["busy_us"]) * 1000 / max(1, outcome.received)


def _show(found: dict[str, Any]) -> None:
    print(f"{'setting':24} {'value':>10}   effect (95 % interval)")
    for row in [*found["settings"], found["noise"]]:
        if "effect" in row:
            value = "" if row["value"] is None else str(row["value"])
            print(f"{row['name']:24} {value:>10}   {row['effect']:+.1%} ({row['low']:+.1%} to {row['high']:+.1%}), {row['rounds']} rounds"
                  f"{'; ' + row['left'] if row['left'] else ''}")
        else:
            print(f"{row['name']:24} {row['value']!s:>10}   {row['left'] or 'was not measured'}")
    print(found["answer"])


def toml_of(spec: DutSpec, winner: dict[str, Any]) -> str:
    """What stands in the command, as the configuration file of ringway-l2fwd; what is the machine's stands in script_of()."""
    lines = [f"# {spec.title}: settings found by `ringway-bench tune`"]
    for key, value in winner.items():
        if not spec.settings[key].apply:
            lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


SCRIPT = """#!/bin/sh
# {title}: settings of the machine found by `ringway-bench tune`.
#   {name} apply IF...   sets them, and remembers what was there
#   {name} undo IF...    brings that back
set -eu
state=${{RINGWAY_TUNE_STATE:-/run/ringway-tune}}
[ $# -ge 2 ] || {{ echo "usage: $0 apply|undo IF..." >&2; exit 2; }}
what=$1; shift
put() {{ # put IF FILE VALUE
  path=/sys/class/net/$1/$2
  [ -w "$path" ] || {{ echo "$0: $path cannot be written" >&2; exit 1; }}
  mkdir -p "$state"
  [ -e "$state/$1.$2" ] || cat "$path" >"$state/$1.$2"
  echo "$3" >"$path"
}}
back() {{ # back IF FILE
  [ -e "$state/$1.$2" ] || return 0
  cat "$state/$1.$2" >"/sys/class/net/$1/$2"
  rm "$state/$1.$2"
}}
for port; do
  case $what in
    apply)
{apply}      ;;
    undo)
{undo}      ;;
    *) echo "$0: '$what' is neither apply nor undo" >&2; exit 2 ;;
  esac
done
"""


def script_of(spec: DutSpec, winner: dict[str, Any]) -> str:
    apply = undo = ""
    for key, value in winner.items():
        match = re.search(r"> /sys/class/net/\{port\}/(\w+)$", spec.settings[key].apply)
        if match:
            apply += f"      put \"$port\" {match[1]} {shlex.quote(str(value))}\n"
            undo += f"      back \"$port\" {match[1]}\n"
    return SCRIPT.format(title=spec.title, name="tuned.sh", apply=apply or "      : # nothing of the machine's is different\n", undo=undo or "      :\n")


def _write(path: str, text: str, mode: int = 0o644) -> None:
    try:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
    except OSError as e:
        raise BenchError(f"write {path}: {e.strerror}") from None
    say(f"wrote {path}")
