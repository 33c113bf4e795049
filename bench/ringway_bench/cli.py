# SPDX-License-Identifier: BSD-2-Clause
"""The command line: run, list, search, tune, report, selftest."""
from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NoReturn

from .errors import BenchError, UsageError


def say(text: str) -> None:
    print(f"ringway-bench: {text}", file=sys.stderr, flush=True)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _stopped(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE; the value is a number where it looks like one."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"'{text}' should be KEY=VALUE")
    for kind in (int, float):
        try:
            return key, kind(value)
        except ValueError:
            pass
    return key, {"true": True, "false": False}.get(value, value)


def _seconds(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600}
    number = text[:-1] if text[-1:] in units else text
    try:
        value = float(number) * units.get(text[-1:], 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no time like 90, 15m or 2h") from None
    if value <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' should be more than 0")
    return value


def _on_wire(p: argparse.ArgumentParser) -> None:
    p.add_argument("--bin", default=None, metavar="DIR", help="where ringway-gen and the other programs are (default: beside this one)")
    p.add_argument("--cpus", default="0,1", metavar="GEN,DUT", help="CPUs of the generator and of the device (default 0,1)")


def _one_device(p: argparse.ArgumentParser) -> None:
    p.add_argument("--dut", required=True, metavar="NAME", help="the device, as `list` names it, or a .toml file")
    p.add_argument("--dut-set", action="append", default=[], type=_setting, metavar="KEY=VALUE", help="one of its settings; may be repeated")
    p.add_argument("--size", type=int, default=60, help="bytes without FCS; 60 is the classic 64")
    p.add_argument("--flows", type=int, default=1)
    p.add_argument("--topology", default="p2p", help="p2p, pcp, pod2pod, chain, loop, external")
    p.add_argument("--ports", default="", metavar="GEN,SINK", help="for external: the two interfaces, IF or NETNS/IF")
    p.add_argument("--length", type=int, default=2, help="for chain: devices in a row")


def parser() -> argparse.ArgumentParser:
    p = Parser(prog="ringway-bench", description="Puts forwarders on a wire next to each other and measures them as the standards say.")
    p.add_argument("--version", action="store_true", help="the version, and nothing else")
    sub = p.add_subparsers(dest="verb", metavar="run|list|search|tune|report|selftest", parser_class=Parser)

    run = sub.add_parser("run", help="a scenario: several devices, interleaved rounds, comparisons")
    run.add_argument("scenario", help="a .toml file, or one of `ringway-bench list`")
    run.add_argument("--results", default="ringway-bench.json", metavar="FILE", help="where everything is kept (default %(default)s)")
    run.add_argument("--report", default="", metavar="DIR", help="write report.html, .csv and .md there as well")
    run.add_argument("--resume", action="store_true", help="go on at the first unfinished round of --results")
    run.add_argument("--rounds", type=int, default=None)
    run.add_argument("--duts", default="", metavar="A,B", help="only these of the scenario's devices")
    run.add_argument("--thorough", action="store_true", help="CSIT's goals, 10 MRR trials, at least 7 rounds")
    _on_wire(run)

    sub.add_parser("list", help="devices, topologies, methods and scenarios that there are")

    search = sub.add_parser("search", help="one search on one device")
    search.add_argument("method", help="as `list` names it")
    search.add_argument("--set", action="append", default=[], type=_setting, metavar="KEY=VALUE", help="one of its parameters; may be repeated")
    search.add_argument("--json", default="", metavar="FILE", help="everything, trials included; - is stdout")
    _one_device(search)
    _on_wire(search)

    tune = sub.add_parser("tune", help="the golden configuration of a device")
    tune.add_argument("--objective", default="mrr", choices=("mrr", "ndr", "p99", "cpu"))
    tune.add_argument("--load", default="", metavar="PPS", help="for p99 and cpu: at this load (default: half of the MRR with the defaults)")
    tune.add_argument("--time-limit", type=_seconds, default=900.0, metavar="TIME", help="such as 90, 15m, 2h (default 15m)")
    tune.add_argument("--only", default="", metavar="A,B", help="only these settings")
    tune.add_argument("--toml", default="", metavar="FILE", help="the winner as the file that `ringway-l2fwd --config` takes")
    tune.add_argument("--script", default="", metavar="FILE", help="a script that applies and undoes the machine's settings of the winner")
    tune.add_argument("--json", default="", metavar="FILE", help="everything; - is stdout")
    _one_device(tune)
    _on_wire(tune)

    report = sub.add_parser("report", help="HTML, CSV and text from a results file")
    report.add_argument("results", nargs="?", default="", metavar="RESULTS.json")
    report.add_argument("--out", default=".", metavar="DIR")
    report.add_argument("--format", default="html,csv,md", metavar="A,B", help="of html, csv, md, json (default %(default)s)")
    report.add_argument("--compare", nargs=2, metavar=("A.json", "B.json"), help="two results files against each other")

    selftest = sub.add_parser("selftest", help="what the generator and the sinks can do on this machine, before they judge others")
    selftest.add_argument("--size", type=int, default=60)
    selftest.add_argument("--quick", action="store_true", help="shorter trials, wider limits")
    selftest.add_argument("--json", default="", metavar="FILE", help="- is stdout")
    _on_wire(selftest)
    return p


def verbs() -> dict[str, Callable[[argparse.Namespace], int]]:
    from . import commands, selftest, tuning  # here: `--help` needs none of them
    return {"run": commands.run, "list": commands.show_list, "search": commands.search, "report": commands.show_report,
            "tune": tuning.tune, "selftest": selftest.selftest}


def main(arguments: Sequence[str] | None = None) -> int:
    signal.signal(signal.SIGTERM, _stopped)
    try:
        args = parser().parse_args(arguments)
        if args.version:
            from .tools import Tools
            print(f"ringway-bench {Tools.find(None).version}")
            return 0
        if not args.verb:
            raise UsageError("what should it do? run, list, search, tune, report or selftest (--help shows how)")
        return verbs()[args.verb](args)
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except UsageError as e:
        say(f"error: {e}")
        return 2
    except BenchError as e:
        say(f"error: {e}")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
