# SPDX-License-Identifier: BSD-2-Clause
"""The report as one HTML file: no script, nothing from outside, light, dark and on paper."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import record, sections, words
from .gather import View
from .markup import Html, join, page, tag
from .style import sheet


def render(results: Mapping[str, Any]) -> str:
    view = View(results)
    body = join([sections.all_of(view), record.all_of(view)])
    return page(f"ringway-bench: {view.scenario.get('name', 'results')}, {str(results.get('started', ''))[:10]}",
                head(view, body) + f"<main>{body}</main>" + foot(view), sheet())


def head(view: View, body: str) -> str:
    links = "".join(f'<a href="#{ident}">{words_}</a>' for ident, words_ in re.findall(r'<section id="(\w+)"><h2>(.*?)</h2>',
                                                                                       body))
    warning = words.partial_line(view)
    kind = (view.scenario.get("topology") or {}).get("kind", "") if isinstance(view.scenario.get("topology"), dict) else ""
    return ("<header>" + tag("p", " \u00b7 ".join(x for x in ("ringway-bench", str(view.scenario.get("name", "")), kind) if x),
                             "kicker")
            + tag("h1", words.headline(view)) + (tag("p", warning, "warn") if warning else Html(""))
            + tag("p", f"{words.platform_line(view)}; {words.rounds_line(view)}.", "facts") + sections.verdicts(view)
            + f'<nav aria-label="Sections">{links}</nav></header>')


def foot(view: View) -> str:
    return "<footer>" + tag("p", "Made by ringway-bench from its results file, and from nothing else. Absolute figures of "
                                 "different machines do not "
                            "compare.", "small") + "</footer>"
