# SPDX-License-Identifier: BSD-2-Clause
"""The results file while it grows: written anew after every cell, so that whatever ends a run, what was measured is kept."""
from __future__ import annotations

import json
import lzma
import os
import time
from typing import Any

from .errors import BenchError, UsageError
from .scenario import Scenario

SCHEMA = 1


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Results:
    """`data` is the document of RESULTS.md."""

    def __init__(self, path: str, data: dict[str, Any]) -> None:
        self.path = path
        self.data = data

    @classmethod
    def fresh(cls, path: str, scenario: Scenario, command: list[str], version: str, platform: dict[str, Any]) -> Results:
        return cls(path, {
            "schema": SCHEMA, "app": "ringway-bench", "version": version, "commit": str(platform.get("commit") or "") + (" (with changes)" if platform.get("dirty") else ""), "started": now(), "finished": None,
            "state": "partial", "stopped_by": None, "command": command, "scenario": scenario.as_json(), "platform": platform,
            "calibration": {}, "duts": {}, "rounds": [], "comparisons": [], "cost": [], "interruptions": []})

    @classmethod
    def resumed(cls, path: str, scenario: Scenario) -> Results:
        """Goes on at the first round that was not finished; what was measured of it is put aside, for a pair may not span an interruption."""
        results = cls(path, read(path))
        if results.data["app"] != "ringway-bench":
            raise UsageError(f"{path}: is not of a scenario; there is nothing to resume")
        if results.data["scenario"] != json.loads(json.dumps(scenario.as_json())):
            raise UsageError(f"{path}: was measured with another scenario; --resume needs the same one")
        if results.data["state"] == "complete":
            raise UsageError(f"{path}: is complete; there is nothing to resume")
        done = [r for r in results.data["rounds"] if r.get("complete")]
        cut = [r for r in results.data["rounds"] if not r.get("complete")]
        results.data["rounds"] = done
        results.data["interruptions"].append({"at": now(), "by": results.data["stopped_by"], "after_round": len(done), "put_aside": cut})
        results.data["stopped_by"] = None
        return results

    def save(self) -> None:
        folder = os.path.dirname(os.path.abspath(self.path))
        try:
            os.makedirs(folder, exist_ok=True)
            half = f"{self.path}.{os.getpid()}"
            with open(half, "w", encoding="utf-8") as f:
                json.dump(self.data, f, indent=1, allow_nan=False)
                f.write("\n")
            os.replace(half, self.path)
        except OSError as e:
            raise BenchError(f"write the results to {self.path}: {e.strerror}") from None

    def finish(self, stopped_by: str | None) -> None:
        self.data["finished"] = now()
        self.data["state"] = "complete" if stopped_by is None else "partial"
        self.data["stopped_by"] = stopped_by
        self.save()


def read(path: str) -> dict[str, Any]:
    """A file, compressed if its name ends in .xz. Raises UsageError when it is no results file of ours."""
    try:
        with (lzma.open(path, "rt", encoding="utf-8") if path.endswith(".xz") else open(path, encoding="utf-8")) as f:
            data = json.load(f)
    except OSError as e:
        raise UsageError(f"{path}: {e.strerror}") from None
    except (ValueError, lzma.LZMAError, EOFError) as e:
        raise UsageError(f"{path}: is no JSON: {e}") from None
    if not isinstance(data, dict) or data.get("app") not in ("ringway-bench", "ringway-bench tune"):
        raise UsageError(f"{path}: is no results file of ringway-bench")
    if data.get("schema") != SCHEMA:
        raise UsageError(f"{path}: has schema {data.get('schema')}, this program reads {SCHEMA}")
    return data
