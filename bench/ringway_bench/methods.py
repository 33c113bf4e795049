# SPDX-License-Identifier: BSD-2-Clause
"""A scenario's methods on a device that runs: the searches, and what is made of their answers (latency, cost)."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from . import cost, searches
from .errors import NotMeasurable, UsageError
from .model import Found, Outcome
from .scenario import Method
from .transients import Recovering, Resetting

#: Parameters of what is no search: name -> (type, default, what)
EXTRA: dict[str, dict[str, tuple[type, Any, str]]] = {
    "latency": {"of": (str, None, "the method whose answer is the load"), "at": (float, 0.5, "so much of it"),
                "load": (float, None, "frames/s, instead of `of`"), "seconds": (float, 2.0, "of a trial"), "trials": (int, 1, "merged")},
    "cost": {"of": (str, None, "the method whose answer is 100 %"), "at": (list, [0.25, 0.5, 1.0], "loads, of it"),
             "seconds": (float, 10.0, "of a trial")},
}
ABOUT = {"latency": "latency from the intended departure, at a load that another method found",
         "cost": "CPU time of a packet on both CPUs, system calls, memory"}


def check(method: Method, where: str) -> None:
    """Raises UsageError for an unknown method or parameter."""
    given = {k: v for k, v in method.params.items()}
    if method.kind in EXTRA:
        known = EXTRA[method.kind]
        for key, value in given.items():
            if key not in known:
                raise UsageError(f"{where}: method '{method.name}': unknown parameter '{key}' (there are: {', '.join(known)})")
            kind = known[key][0]
            if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool):
                raise UsageError(f"{where}: method '{method.name}': {key} should be a {kind.__name__}")
        if "of" not in given and ("load" not in given or method.kind == "cost"):
            raise UsageError(f"{where}: method '{method.name}': of = \"METHOD\" is missing: at which load?")
        return
    if method.kind not in searches.METHODS:
        raise UsageError(f"{where}: method '{method.name}': no kind '{method.kind}' (there are: "
                         f"{', '.join([*searches.METHODS, *EXTRA])})")
    for key in ("of", "at"):
        given.pop(key, None)
    searches.build(method.kind, given)


def run_method(method: Method, cell: Any, ceiling: float, earlier: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Found]:
    """name -> what it found. A search that was disturbed answers so; raises DutError where the device fails."""
    try:
        if method.kind == "latency":
            found = {method.name: latency(method, cell, earlier)}
        elif method.kind == "cost":
            found = {method.name: cost.measure_found(method.params, cell, of_earlier(method, earlier))}
        else:
            found = search(method, cell, ceiling, earlier)
    except NotMeasurable as e:
        trials = [o.as_json() for o in getattr(e, "outcomes", [])]
        found = {name: Found(method.kind, dict(method.params), "not measurable here", None, trials=trials, extra={"why": str(e)})
                 for name in method.results()}
    for name, f in found.items():
        say(f"  {name}: {shown(f)}")
    return found


def search(method: Method, cell: Any, ceiling: float, earlier: Mapping[str, Any]) -> dict[str, Found]:
    params = dict(method.params)
    kind = searches.METHODS[method.kind]
    if "of" in params:
        base = of_earlier(method, earlier)
        share = params.pop("at", 1.0)
        params.pop("of")
        for key in ("throughput", "load"):
            if key in kind.params:
                params[key] = base * (share if key == "load" else 1.0)
    limits = searches.Limits(maximum=ceiling, minimum=min(9001.0, ceiling / 1000))
    if kind.needs == "trial" and method.kind not in ("mrr", "soak"):
        limits = searches.within_reach(cell.measurer, limits)
    made, measurer = searches.build(method.kind, params), cell.measurer
    if kind.needs == "recover":
        measurer = Recovering(cell.wire)
    elif isinstance(made, searches.ResetTime):
        measurer = Resetting(cell.wire, made.kind)
        made = replace(made, restart=measurer.restart)
    answer = made.run(measurer, limits)
    for f in answer if isinstance(answer, list) else [answer]:
        f.extra.setdefault("maximum", limits.maximum)
    if isinstance(answer, Found):
        return {method.name: answer}
    if len(answer) == 1:
        return {method.name: answer[0]}
    return {str(f.goal["name"]): f for f in answer}


def of_earlier(method: Method, earlier: Mapping[str, Any]) -> float:
    """The answer that this method is built on. Raises NotMeasurable when there is none."""
    name = method.params.get("of")
    found = earlier.get(str(name))
    if not found or not found.get("value"):
        raise NotMeasurable(f"{method.name}: {name} found nothing ({found['state'] if found else 'it was not run here'})")
    return float(found["value"])


def latency(method: Method, cell: Any, earlier: Mapping[str, Any]) -> Found:
    """Of one or more analysed trials at one load; the median trial by p99 stands for all."""
    p = {k: method.params.get(k, default) for k, (_, default, _) in EXTRA["latency"].items()}
    load = float(p["load"]) if p["load"] is not None else float(p["at"]) * of_earlier(method, earlier)
    outcomes: list[Outcome] = []
    valid: list[Outcome] = []
    while len(valid) < p["trials"]:
        outcome = cell.wire.analysed(load, float(p["seconds"]))
        outcomes.append(outcome)
        if outcome.valid:
            valid.append(outcome)
        elif len(outcomes) >= 4 and 2 * len(valid) < len(outcomes):
            raise NotMeasurable(f"{method.name}: not measurable here: {len(outcomes) - len(valid)} of {len(outcomes)} trials were disturbed "
                                f"({'; '.join(outcome.reasons)})")
    middle = sorted(valid, key=lambda o: float(o.record["latency"]["p99"]))[len(valid) // 2]
    return Found(method="latency", goal={**p, "load": load}, state="found", value=float(middle.record["latency"]["p99"]), unit="ns",
                 seconds=sum(o.seconds for o in outcomes), trials=[o.as_json() for o in outcomes],
                 extra={"latency": middle.record["latency"], "load": load})


def shown(f: Found) -> str:
    """In a few words."""
    invalid = sum(not t.get("valid", True) for t in f.trials)
    counted = f"{len(f.trials)} trials" + (f", {invalid} of them disturbed" if invalid else "")
    if f.value is None:
        return f"{f.state} ({counted}){': ' + str(f.extra['why']) if f.extra.get('why') else ''}"
    value = {"frames/s": f"{f.value / 1e6:.4f} Mpps", "ns": f"{f.value / 1e3:.1f} us"}.get(f.unit, f"{f.value:.4g} {f.unit}")
    return f"{value}{'' if f.state == 'found' else ', ' + f.state} ({counted})"
