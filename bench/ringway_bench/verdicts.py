# SPDX-License-Identifier: BSD-2-Clause
"""A comparison in words: one wording for the terminal, the page, the markdown."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

METHODS = {"mrr": "at overload (MRR)", "ndr": "without loss (NDR)", "pdr": "with at most 0.5 % loss (PDR)"}


def frame(size: int) -> str:
    """As the RFCs count it, with the 4 bytes of FCS that a veth frame does not have."""
    return f"{size + 4} B"


def flows_word(flows: int) -> str:
    return f"{flows:,} flow{'s' * (flows != 1)}".replace(",", " ")


def clip(text: str, most: int = 160) -> str:
    """The beginning of a long reason, to its last whole word. All of it stands with the trials."""
    return text if len(text) <= most else text[:text.rfind(" ", 0, most)].rstrip(" ,;:(") + " \u2026"


def by(method: str) -> str:
    return METHODS.get(method, f"by {method}")


def confidence(c: float | None) -> str:
    """Of an interval; below 95 % it is only the range of what was seen."""
    if c is None:
        return ""
    return f"{100 * c:.1f} %" if c >= 0.95 else "range"


def times(c: Mapping[str, Any]) -> str:
    """1.45 times, as the bound that it is."""
    if c["median"] is None:
        return ""
    mark = {"at least": "\u2265 ", "at most": "\u2264 "}.get(c.get("bound") or "", "")
    return f"{mark}{c['median']:.2f} times"


def interval_of(c: Mapping[str, Any], digits: int = 3) -> str:
    return "" if c["median"] is None else f"{c['low']:.{digits}f} to {c['high']:.{digits}f}"


def sentence(c: Mapping[str, Any]) -> str:
    """One comparison in one sentence."""
    where = f"{by(c['method'])} at {frame(c['size'])} and {flows_word(c['flows'])}"
    if c["median"] is None:
        return f"{c['over']} and {c['under']} are not compared {where}: {c['why']}."
    figures = f"{times(c)}, {interval_of(c)}, {len(c['pairs'])} rounds, {confidence(c['confidence'])}"
    if c.get("control"):
        return f"A/A control: {c['under']} under two names {where}: {c['median']:.3f} ({interval_of(c)}); {c['why']}."
    if c["verdict"] == "no winner":
        return f"No winner between {c['over']} and {c['under']} {where} ({figures}): {c['why']}."
    return f"{c['over']} is {c['verdict']} than {c['under']} {where} ({figures})."
