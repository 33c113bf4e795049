# SPDX-License-Identifier: BSD-2-Clause
"""Runs a scenario: rounds of cells in random order, everything kept, whatever ends it.

A cell is one device with one size and one number of flows. Within a round every cell runs once, in an order of its own;
the ratios of two devices are made of cells of the same round. A device that fails loses its cell, not the run.
"""
from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from . import compare, cost
from .errors import DutError
from .methods import run_method
from .model import Measurer
from .results import Results
from .scenario import Method, Scenario


class Cell(Protocol):
    """A device that runs on its wire, warmed up."""

    measurer: Measurer

    def describe(self) -> dict[str, Any]:
        """What RESULTS.md says of a device: version, command, settings, cpu, ..."""
        ...

    def check(self, load: float) -> dict[str, Any]:
        """One analysed trial at `load`: every frame's sequence looked at."""
        ...

    def interfaces(self) -> dict[str, Any]:
        """The interfaces of its wire, for the platform's record."""
        ...


class Lab(Protocol):
    """Where devices are put on wires."""

    def open(self, dut: str, size: int, flows: int) -> AbstractContextManager[Any]:
        """A Cell. Raises DutError where the device does not come up."""
        ...

    def calibrate(self, size: int, flows: int) -> dict[str, Any]:
        """What the generator can do without a device: `ceiling` in frames per second, and more."""
        ...


def twin_of(name: str) -> str:
    return f"{name} (again)"


class Runner:
    def __init__(self, scenario: Scenario, lab: Lab, results: Results, *, rng: random.Random | None = None,
                 say: Callable[[str], None] = lambda _: None) -> None:
        self.scenario = scenario
        self.lab = lab
        self.results = results
        self.data = results.data
        self.rng = rng or random.Random(scenario.seed)
        self.say = say
        self.names: dict[str, str] = {d: d for d in scenario.duts}  # what results call it -> what the lab calls it
        if scenario.control is not None:
            self.names[twin_of(scenario.control)] = scenario.control
        self.cells_done = 0
        self.began = time.monotonic()

    def run(self) -> None:
        """Raises what stopped it, after the results were saved with it named."""
        try:
            self._calibrate()
            for number in range(len(self.data["rounds"]) + 1, self.scenario.rounds + 1):
                self._round(number)
        except BaseException as e:
            self._compare()
            self.results.finish("SIGINT" if isinstance(e, KeyboardInterrupt) else f"error: {e}")
            raise
        self._compare()
        self.results.finish(None)

    def _calibrate(self) -> None:
        for size in self.scenario.sizes:
            if str(size) not in self.data["calibration"]:
                self.say(f"calibrating the generator with {size} bytes")
                self.data["calibration"][str(size)] = self.lab.calibrate(size, max(self.scenario.flows))
        self.results.save()

    def _round(self, number: int) -> None:
        cells = [(d, s, f) for d in self.names for s in self.scenario.sizes for f in self.scenario.flows
                 if self._methods(d, s, f, number)]
        self.rng.shuffle(cells)
        record: dict[str, Any] = {"round": number, "complete": False, "cells": []}
        self.data["rounds"].append(record)
        for order, (dut, size, flows) in enumerate(cells, 1):
            self.say(f"round {number}/{self.scenario.rounds}, {order}/{len(cells)}: {dut}, {size} bytes, {flows} flow{'s' if flows > 1 else ''}"
                     f"{self._time_left(number, len(cells))}")
            record["cells"].append(self._cell(dut, size, flows, order, number))
            self.cells_done += 1
            self.results.save()
        record["complete"] = True
        self.results.save()

    def _time_left(self, number: int, cells: int) -> str:
        if not self.cells_done:
            return ""
        each = (time.monotonic() - self.began) / self.cells_done
        left = each * ((self.scenario.rounds - number + 1) * cells - self.cells_done % cells)
        return f", about {left / 60:.0f} min left"

    def _methods(self, dut: str, size: int, flows: int, number: int) -> list[Method]:
        return [m for m in self.scenario.methods if m.applies(self.names[dut], size, flows, number)]

    def _cell(self, dut: str, size: int, flows: int, order: int, number: int) -> dict[str, Any]:
        cell: dict[str, Any] = {"dut": dut, "size": size, "flows": flows, "order": order, "methods": {}, "failed": None}
        facts = self.data["duts"].setdefault(dut, {"control_of": self.scenario.control if dut not in self.scenario.duts else None,
                                                   "analysed": None, "failed": None})
        ceiling = self.data["calibration"][str(size)]["ceiling"]
        try:
            with self.lab.open(self.names[dut], size, flows) as device:
                facts.update(device.describe())
                if "wire" not in self.data["platform"]:
                    self.data["platform"]["wire"] = device.interfaces()
                for method in self._methods(dut, size, flows, number):
                    for name, found in run_method(method, device, ceiling, cell["methods"], self.say).items():
                        cell["methods"][name] = found.as_json()
                self._analyse(facts, device, cell)
        except DutError as e:
            cell["failed"] = str(e)
            facts["failed"] = facts["failed"] or f"round {number}: {e}"
            self.say(f"  {e}")
        return cell

    def _analyse(self, facts: dict[str, Any], device: Cell, cell: dict[str, Any]) -> None:
        """Once for each device: at half of the least rate that was found, every frame's number is looked at before counts are believed."""
        if facts["analysed"] is not None:
            return
        rates = [f["value"] for f in cell["methods"].values() if f["unit"] == "frames/s" and f["value"]]
        if rates:
            seen = facts["analysed"] = device.check(min(rates) / 2)
            if not seen["passed"]:
                self.say("  its analysed trial did not pass: its counts are not believed")

    def _compare(self) -> None:
        self.data["cost"] = [{**entry, "size": c["size"], "flows": c["flows"]} for r in self.data["rounds"] for c in r["cells"]
                             for f in c["methods"].values() if f["method"] == "cost" for entry in cost.entries_of(c["dut"], f)]
        self.data["comparisons"] = compare.comparisons(self.data)
