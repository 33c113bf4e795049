# SPDX-License-Identifier: BSD-2-Clause
"""The methods by name, with the parameters that a scenario may give them."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..errors import UsageError
from ..model import Found
from .binary import BinarySearch
from .burst import BackToBack
from .mlr import GOALS, Goal, MlrSearch
from .recovery import ResetTime, SystemRecovery
from .repeat import Limits
from .simple import FrameLossRate, MaximumReceiveRate, Soak

INFINITE = float("inf")


class Search(Protocol):
    """What build() returns."""

    def run(self, measurer: Any, limits: Limits) -> Found | list[Found]:
        """`measurer` is a model.Measurer; what `needs` names of its method, it has too. Raises Disturbed, DutError."""
        ...


@dataclass(frozen=True)
class Param:
    """`kind` is float (whole numbers will do), int, bool, str or list; numbers are from `low` to `high`."""

    kind: type
    default: Any
    what: str
    low: float = 0.0
    high: float = INFINITE
    above_low: bool = False  # low itself is too low
    below_high: bool = False  # high itself is too high
    optional: bool = False  # None will do
    choices: tuple[str, ...] = ()

    def check(self, value: Any, where: str) -> Any:
        """The value as the search wants it. Raises UsageError that begins with `where`."""
        if value is None and self.optional:
            return None
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, self.kind) or (isinstance(value, bool) and self.kind is not bool):
            raise UsageError(f"{where} should be {self.wanted()}, not {value!r}")
        if isinstance(value, (int, float)) and self.kind is not bool and not self.within(value):
            raise UsageError(f"{where} should be {self.wanted()}, not {value:g}")
        if self.choices and value not in self.choices:
            raise UsageError(f"{where} should be one of {', '.join(self.choices)}, not '{value}'")
        return value

    def within(self, value: float) -> bool:
        return (self.low <= value <= self.high and not (self.above_low and value == self.low)
                and not (self.below_high and value == self.high))

    def wanted(self) -> str:
        if self.kind not in (int, float):
            return {bool: "true or false", str: "a string", list: "a list"}[self.kind]
        noun = "a whole number" if self.kind is int else "a number"
        low = f"above {self.low:g}" if self.above_low else f"from {self.low:g}"
        up = "up" if self.high == INFINITE else f"to less than {self.high:g}" if self.below_high else f"to {self.high:g}"
        return f"{noun} {low} {up}"


@dataclass(frozen=True)
class Method:
    what: str
    params: Mapping[str, Param]
    make: Callable[[str, dict[str, Any]], Search]
    needs: str = "trial"  # what the measurer must have: trial, burst, recover, reset

    def checked(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter, defaults filled in. Raises UsageError."""
        for key in given:
            if key not in self.params:
                raise UsageError(f"{name}: unknown parameter '{key}' (there are: {', '.join(self.params)})")
        return {key: p.check(given[key], f"{name}: {key}") if key in given else p.default for key, p in self.params.items()}


def _seconds(default: float, what: str, zero: bool = False) -> Param:
    return Param(float, default, what, 0.0, 1e6, above_low=not zero)


CHECKS = {
    "confirm": Param(bool, True, "ask both bounds once more when they are found"),
    "probes": Param(int, 2, "loads to look at far below the bounds, and as many far above", 0, 100),
}
GOAL = {
    "final_seconds": _seconds(1.0, "of a full-length trial"),
    "sum_seconds": _seconds(21.0, "of trials at a load that decide"),
    "loss_ratio": Param(float, 0.0, "that a trial may have", 0, 1, below_high=True),
    "exceed_ratio": Param(float, 0.5, "what part of the seconds may lose more", 0, 1, below_high=True),
    "width": Param(float, 0.005, "(upper - lower) / upper", 0, 1, above_low=True, below_high=True),
    "initial_seconds": _seconds(1.0, "of the first trials"),
    "preceding": Param(int, 2, "coarser targets before the final one", 0, 10),
    "expansion": Param(int, 2, "of the step when a bound is not where it was looked for", 2, 16),
}
BINARY = {
    "seconds": _seconds(60.0, "of a trial"),
    "loss_ratio": Param(float, 0.0, "that a trial may have", 0, 1, below_high=True),
    "resolution": Param(float, 0.005, "of the maximum load", 0, 1, above_low=True, below_high=True),
    "final_seconds": _seconds(0.0, "of a trial that verifies the result; 0: none", zero=True),
    **CHECKS,
}


def goal(given: Any, where: str) -> Goal:
    """From a name in GOALS, or a table with `name`, `like` (one of GOALS) and what is different. Raises UsageError."""
    if isinstance(given, str):
        if given not in GOALS:
            raise UsageError(f"{where}: no goal '{given}' (there are: {', '.join(GOALS)}, or a table)")
        return GOALS[given]
    if not isinstance(given, Mapping):
        raise UsageError(f"{where} should be a name or a table")
    base = goal(given.get("like", "ndr"), f"{where}: like")
    rest = {k: v for k, v in given.items() if k not in ("name", "like")}
    for key in rest:
        if key not in GOAL:
            raise UsageError(f"{where}: unknown key '{key}' (there are: name, like, {', '.join(GOAL)})")
    name = Param(str, "", "").check(given.get("name", base.name), f"{where}: name")
    return replace(base, name=name, **{k: GOAL[k].check(v, f"{where}: {k}") for k, v in rest.items()})


def _mlr(name: str, p: dict[str, Any]) -> Search:
    """Either `goals`, or one goal by its parameters."""
    own = {k: p.pop(k) for k in GOAL}
    goals = p.pop("goals")
    if goals:
        for k, v in own.items():
            if v != GOAL[k].default:
                raise UsageError(f"{name}: {k} belongs into the tables of goals")
        return MlrSearch(tuple(goal(g, f"{name}: goals") for g in goals), **p)
    return MlrSearch((Goal(name="goal", **own),), **p)


METHODS: dict[str, Method] = {
    "mrr": Method("maximum receive rate: what arrives while as much is offered as goes, loss ignored", {
        "trials": Param(int, 10, "of which the mean is taken", 1, 10000), "seconds": _seconds(1.0, "of a trial")},
        lambda name, p: MaximumReceiveRate(**p)),
    "rfc2544": Method("throughput by binary search, one trial decides (RFC 2544 26.1)", BINARY,
                      lambda name, p: BinarySearch("rfc2544", **p)),
    "tst009": Method("binary search with loss verification (ETSI GS NFV-TST 009 12.3.3)", {
        **BINARY, "max_r": Param(int, 2, "trials at one load, the first included", 1, 100),
        "z": Param(float, INFINITE, "lost frames above which a trial is not repeated", 0)},
        lambda name, p: BinarySearch("tst009", **p)),
    "mlrsearch": Method("throughput for one or more goals from many short trials (RFC 9971)", {
        **GOAL, "goals": Param(list, [], f"names ({', '.join(GOALS)}) or tables, instead of the parameters of one"),
        "warm_up": _seconds(1.0, "of a first trial that does not count; 0: none", zero=True), **CHECKS}, _mlr),
    "loss-rate": Method("frame loss rate at 100 %, 90 %, ... of the maximum, as a curve (RFC 2544 26.3)", {
        "seconds": _seconds(60.0, "of a trial"), "step": Param(float, 0.1, "of the maximum load", 0, 0.1, above_low=True)},
        lambda name, p: FrameLossRate(**p)),
    "back-to-back": Method("longest burst without loss, and the buffer time it implies (RFC 2544 26.4, RFC 9004)", {
        "repeats": Param(int, 50, "searches", 1, 10000),
        "longest": _seconds(2.0, "of the longest burst at the maximum load"),
        "resolution": Param(int, 32, "frames", 1, 10**9),
        "max_r": Param(int, 2, "trials at one length, the first included", 1, 100),
        "throughput": Param(float, None, "frames/s of the device, for RFC 9004's correction", above_low=True, optional=True)},
        lambda name, p: BackToBack(**p), needs="burst"),
    "recovery": Method("time until loss stops after an overload (RFC 2544 26.5)", {
        "throughput": Param(float, 0.0, "frames/s, found before", 0),
        "high": Param(float, 1.5, "overload, of the throughput", 1, 100),
        "low": Param(float, 0.75, "load afterwards, of the throughput", 0, 1, above_low=True),
        "high_seconds": _seconds(60.0, "of overload"),
        "low_seconds": _seconds(10.0, "afterwards"),
        "repeats": Param(int, 3, "overloads", 1, 1000)},
        lambda name, p: SystemRecovery(**p), needs="recover"),
    "reset": Method("frames that a restart costs / rate (RFC 6201)", {
        "load": Param(float, 0.0, "frames/s", 0),
        "seconds": _seconds(10.0, "of a trial"),
        "repeats": Param(int, 3, "restarts", 1, 1000),
        "kind": Param(str, "planned", "how the device is restarted", choices=("planned", "kill"))},
        lambda name, p: ResetTime(**p), needs="reset"),
    "soak": Method("one load for long, a result for each interval, alarm above a loss ratio", {
        "load": Param(float, 0.0, "frames/s; 0: half of the maximum"), "seconds": _seconds(21600.0, "in all"),
        "interval": _seconds(300.0, "of one result"), "alarm": Param(float, 1e-9, "loss ratio of an interval", 0, 1)},
        lambda name, p: Soak(**p)),
}


def build(name: str, params: Mapping[str, Any] | None = None) -> Search:
    """A search with these parameters, the others at their defaults. Raises UsageError that names what is wrong."""
    if name not in METHODS:
        raise UsageError(f"no method '{name}' (there are: {', '.join(METHODS)})")
    method = METHODS[name]
    return method.make(name, method.checked(name, params or {}))
