# SPDX-License-Identifier: BSD-2-Clause
"""Reports of a results document (RESULTS.md), made from it and from nothing else."""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import BenchError, UsageError
from . import csv, html, markdown
from .compare_files import compare as _compare


def _json(results: Mapping[str, Any]) -> str:
    return json.dumps(results, indent=1, allow_nan=False) + "\n"


#: format -> (file's ending, who makes it)
FORMATS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "html": ("html", html.render), "csv": ("csv", csv.render), "md": ("md", markdown.render), "json": ("json", _json)}


def write(results: Mapping[str, Any], formats: Sequence[str], directory: str, stem: str = "report") -> list[str]:
    """Writes directory/stem.FORMAT for each; the paths.

    Raises UsageError for a format that there is not, BenchError when it cannot write.
    """
    for f in formats:
        if f not in FORMATS:
            raise UsageError(f"report: no format '{f}'; there are: {', '.join(FORMATS)}")
    made = [(os.path.join(directory, f"{stem}.{FORMATS[f][0]}"), FORMATS[f][1](results)) for f in dict.fromkeys(formats)]
    for path, text in made:
        put(path, text)
    return [path for path, _ in made]


def put(path: str, text: str) -> None:
    """The whole file or none of it."""
    half = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(half, "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(half, path)
    except OSError as e:
        raise BenchError(f"write the report to {path}: {e.strerror}") from None


def compare(a: Mapping[str, Any], b: Mapping[str, Any], names: tuple[str, str] = ("A", "B")) -> tuple[str, str]:
    """Text and HTML of two results documents beside each other; `names` say what A and B are."""
    return _compare(a, b, names)


__all__ = ["FORMATS", "compare", "put", "write"]
