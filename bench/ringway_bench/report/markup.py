# SPDX-License-Identifier: BSD-2-Clause
"""Pieces of HTML. Every text is escaped here, except what is marked as markup."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from . import svg


class Html(str):
    """Markup: is not escaped again."""


def text(value: object) -> str:
    return value if isinstance(value, Html) else escape(str(value), quote=False)


def tag(name: str, content: object, css: str = "") -> Html:
    return Html(f"<{name}{f' class={chr(34)}{css}{chr(34)}' if css else ''}>{text(content)}</{name}>")


def code(content: object) -> Html:
    return tag("code", content)


def join(parts: Iterable[object]) -> Html:
    return Html("".join(text(p) for p in parts))


def table(head: Sequence[str], rows: Sequence[Sequence[object]], kinds: str = "", caption: str = "") -> Html:
    """`kinds`: a letter per column, t text, w several words, n a number (right), k something long that may break. The first
    column names the row; where it is the same as above it spans. A column with nothing in it is left out. Scrolls in its own
    box where the page is too narrow."""
    if not rows:
        return Html("")
    kept = [c for c in range(len(head)) if c == 0 or any(r[c] != "" for r in rows)]
    kinds = "".join(kinds.ljust(len(head), "t")[c] for c in kept)
    head, rows = [head[c] for c in kept], [[r[c] for c in kept] for r in rows]
    body, i = [], 0
    while i < len(rows):
        n = 1
        while i + n < len(rows) and rows[i + n][0] == rows[i][0]:
            n += 1
        for j in range(n):
            cells = [f'<td class="{kinds[c]}">{text(v)}</td>' for c, v in enumerate(rows[i + j]) if c]
            span = f' rowspan="{n}"' if n > 1 else ""
            first = f'<th scope="row{"group" if n > 1 else ""}"{span}>{name_of(rows[i][0])}</th>' if j == 0 else ""
            body.append("<tr>" + first + "".join(cells) + "</tr>")
        i += n
    heads = "".join(f'<th scope="col" class="{"n" if kinds[c] == "n" else "t"}">{text(h)}</th>' for c, h in enumerate(head))
    label = escape(caption or ", ".join(head[:3]))
    return Html(f'<div class="wide" tabindex="0" role="region" aria-label="{label}"><table>'
                + (f"<caption>{text(caption)}</caption>" if caption else "")
                + f"<thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table></div>")


def name_of(words: object) -> str:
    """A short name stays on one line, hyphens or not."""
    return str(words) if isinstance(words, Html) else tag("span", words, "nb" if len(str(words)) <= 26 else "")


def legend(entries: Sequence[tuple[int, str, str]]) -> Html:
    """(series, kind of sign, words) each."""
    items = "".join(f"<li>{svg.swatch(i, kind)}<span>{text(words)}</span></li>" for i, kind, words in entries)
    return Html(f'<ul class="legend">{items}</ul>')


def figure(drawing: str, caption: str = "") -> Html:
    return Html(f"<figure>{tag('figcaption', caption) if caption else ''}{drawing}</figure>") if drawing else Html("")


def panels(found: Sequence[tuple[str, str]]) -> Html:
    return Html('<div class="panels">' + "".join(figure(drawing, name) for name, drawing in found)
                + "</div>") if found else Html("")


def details(summary: str, content: object, is_open: bool = False) -> Html:
    if not content:
        return Html("")
    return Html(f"<details{' open' if is_open else ''}><summary>{text(summary)}</summary>{text(content)}</details>")


def section(ident: str, heading: str, *parts: object) -> Html:
    """Empty when nothing is in it."""
    body = join(parts)
    return Html(f'<section id="{ident}"><h2>{text(heading)}</h2>{body}</section>') if body else Html("")


def page(title: str, body: str, sheet: str) -> str:
    """One file that needs nothing else, and says so to the browser: whatever it tried to load would be refused."""
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(title)}</title><style>{sheet}</style></head>\n<body>{body}</body></html>\n")
