# SPDX-License-Identifier: BSD-2-Clause
"""Plots as SVG text. No colour stands in here: classes s0 ... s9 and the page's style sheet say what they look like.

Row charts are as wide as their place: horizontal positions are per cent, so text keeps its size on any screen, and labels
stand above their rows, so a name may be long. Panels have a fixed drawing of 360 x 230 that scales by little.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import count
from math import ceil, floor, log10
from textwrap import shorten

SERIES = 10  # colours that the style sheet has: s0 to s9
LABEL = 46  # characters of a row's label on the narrowest page
LEFT, WIDTH = 2.0, 95.0  # per cent of a row chart that its axis takes
SHAPES = ("M0-4.5A4.5 4.5 0 1 1 0 4.5A4.5 4.5 0 1 1 0-4.5Z", "M0-5.6L5.6 0L0 5.6L-5.6 0Z", "M-4.2-4.2H4.2V4.2H-4.2Z",
          "M0-5L5.2 4.2H-5.2Z",
          "M0 5L5.2-4.2H-5.2Z", "M-1.7-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z", "M-5-2.6H5V2.6H-5Z", "M-2.6-5H2.6V5H-2.6Z")
ARROW = "M1-4L8 0L1 4Z"
CROSS = "M-3-3L3 3M-3 3L3-3"
_ids = count(1)


@dataclass(frozen=True)
class Axis:
    """Values to places from 0 to 1. `place` is increasing."""

    label: str
    place: Callable[[float], float]
    ticks: Sequence[tuple[float, str]]  # (value, text)

    def at(self, value: float) -> float:
        return min(1.0, max(0.0, self.place(value)))


def linear(low: float, high: float, label: str, text: Callable[[float], str], most: int = 5) -> Axis:
    """Round ticks, at most `most` of them beside the first; ends moved out to a tick."""
    if high <= low:
        high = low + 1
    raw = (high - low) / most
    power = 10.0 ** floor(log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    a, b = first * step, last * step
    return Axis(label, lambda v: (v - a) / (b - a), [(i * step, text(i * step)) for i in range(first, last + 1)])


def logarithmic(low: float, high: float, label: str, text: Callable[[float], str], steps: Sequence[float] = (1.0,)) -> Axis:
    """Ends moved out to a tick; ticks at every power of ten times `steps`. Values must be above 0."""
    marks = sorted(s * 10.0**p for p in range(floor(log10(low)) - 1, ceil(log10(high)) + 2) for s in steps)
    a = max((m for m in marks if m <= low * 1.0001), default=marks[0])
    b = min((m for m in marks if m >= high * 0.9999 and m > a), default=marks[-1])
    return Axis(label, lambda v: (log10(max(v, a)) - log10(a)) / (log10(b) - log10(a)), [(m, text(m)) for m in marks
                                                                                         if a <= m <= b])


def loss_axis(smallest: float, label: str) -> Axis:
    """0 at the bottom, powers of ten of a loss ratio above it: a logarithm that has room for nothing lost."""
    decades = min(7, max(2, ceil(-log10(smallest)))) if 0 < smallest < 1 else 4
    text = {0: "100 %", 1: "10 %", 2: "1 %", 3: "0.1 %", 4: "0.01 %", 5: "10 ppm", 6: "1 ppm", 7: "0.1 ppm"}
    gap = 0.6 / (decades + 0.6)

    def place(v: float) -> float:
        return 0.0 if v <= 0 else gap + (1 - gap) * max(0.0, (log10(v) + decades) / decades)
    return Axis(label, place, [(0.0, "0"), *((10.0**-d, text[d]) for d in range(decades, -1, -1))])


@dataclass
class Lane:
    """One figure of one row: dots of the rounds, the interval, the median."""

    series: int
    middle: float
    low: float
    high: float
    dots: Sequence[float] = ()
    open_end: bool = False  # a lower bound: an arrow
    tip: str = ""


@dataclass
class Row:
    label: str
    lanes: Sequence[Lane] = ()
    note: str = ""  # stands in place of lanes: why there is nothing
    segments: Sequence[tuple[int, float, str]] = ()  # of a stack: (series or -1 for the good part, value, tip)


@dataclass
class Reference:
    value: float
    label: str


@dataclass
class Curve:
    series: int
    points: Sequence[tuple[float, float]]
    line: bool = True
    hollow: bool = False  # crosses: invalid trials
    tip: str = ""


@dataclass
class Marker:
    """A vertical line of a panel."""

    value: float
    series: int
    tip: str = ""


@dataclass
class Svg:
    """Collects elements; its text has a title and a description for those who do not see it."""

    title: str
    description: str
    attributes: str
    parts: list[str] = field(default_factory=list)
    prefix: str = field(default_factory=lambda: f"p{next(_ids)}")

    def add(self, text: str) -> None:
        self.parts.append(text)

    def text(self, x: str, y: float, words: str, css: str = "", anchor: str = "start") -> None:
        self.add(f'<text x="{x}" y="{y:g}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>')

    def __str__(self) -> str:
        p = self.prefix
        head = (f'<svg {self.attributes} role="img" aria-labelledby="{p}t {p}d"><title id="{p}t">{escape(self.title)}</title>'
                f'<desc id="{p}d">{escape(self.description)}</desc>')
        used = "".join(self.parts)
        shapes = [(f"m{i}", path) for i, path in enumerate(SHAPES)] + [("arrow", ARROW), ("cross", CROSS)]
        defs = "".join(f'<path id="{p}{name}" d="{path}"/>' for name, path in shapes if f'"#{p}{name}"' in used)
        return head + (f"<defs>{defs}</defs>" if defs else "") + used + "</svg>"

    def mark(self, shape: str, x: str, y: float, css: str) -> str:
        return f'<use href="#{self.prefix}{shape}" x="{x}" y="{y:g}" class="{css}"/>'


def percent(fraction: float) -> str:
    return f"{LEFT + WIDTH * fraction:.2f}%"


def _anchor(fraction: float) -> str:
    return "start" if fraction < 0.04 else "end" if fraction > 0.96 else "middle"


def _frame(out: Svg, axis: Axis, top: float, bottom: float, references: Sequence[Reference]) -> None:
    """Grid, ticks, the axis' label, and lines across with their words above the rows."""
    for value, text in axis.ticks:
        x = percent(axis.at(value))
        out.add(f'<line x1="{x}" x2="{x}" y1="{top:g}" y2="{bottom:g}" class="grid"/>')
        out.text(x, bottom + 14, text, "tick", _anchor(axis.at(value)))
    out.text("50%", bottom + 31, axis.label, "axis", "middle")
    for r in references:
        f = axis.at(r.value)
        out.add(f'<line x1="{percent(f)}" x2="{percent(f)}" y1="{top - 2:g}" y2="{bottom:g}" class="ref"/>')
        out.text(percent(f), top - 6, r.label, "tick", "end" if f > 0.75 else "start" if f < 0.25 else "middle")


def row_chart(title: str, description: str, axis: Axis, rows: Sequence[Row], references: Sequence[Reference] = ()) -> str:
    """A row per device, a lane per method: every round a dot, the interval a bar, the median a shape of its own."""
    top, label, lane, gap = (20.0 if references else 4.0), 18.0, 15.0, 9.0
    heights = [label + lane * max(1, len(r.lanes)) + gap for r in rows]
    bottom = top + sum(heights)
    out = Svg(title, description, f'class="rows" width="100%" height="{bottom + 38:g}"')
    _frame(out, axis, top, bottom, references)
    y = top
    for row, height in zip(rows, heights):
        out.text(percent(0), y + 13, shorten_name(row.label), "label")
        if row.note:
            out.text(percent(0), y + label + 10, row.note, "note")
        for i, one in enumerate(row.lanes):
            out.add(_lane(out, axis, one, y + label + lane * (i + 0.5)))
        y += height
    return str(out)


def _lane(out: Svg, axis: Axis, one: Lane, y: float) -> str:
    css = f"s{one.series % SERIES}"
    at = [percent(axis.at(v)) for v in (one.low, one.high, one.middle)]
    dots = "".join(f'<circle cx="{percent(axis.at(v))}" cy="{y:g}" r="2.4" class="dot"/>' for v in one.dots)
    arrow = out.mark("arrow", at[1], y, "mk") if one.open_end else ""
    return (f'<g class="{css}"><title>{escape(one.tip)}</title><line x1="{at[0]}" x2="{at[1]}" y1="{y:g}" y2="{y:g}" '
            f'class="iv"/>{dots}{arrow}'
            + out.mark(f"m{one.series % len(SHAPES)}", at[2], y, "mk") + "</g>")


def stack_chart(title: str, description: str, axis: Axis, rows: Sequence[Row]) -> str:
    """A bar per row, of segments; series -1 is the part that is no loss."""
    top, label, bar, gap = 4.0, 18.0, 16.0, 9.0
    bottom = top + len(rows) * (label + bar + gap)
    out = Svg(title, description, f'class="rows" width="100%" height="{bottom + 38:g}"')
    _frame(out, axis, top, bottom, ())
    for i, row in enumerate(rows):
        y = top + i * (label + bar + gap)
        out.text(percent(0), y + 13, shorten_name(row.label), "label")
        if row.note:
            out.text(percent(0), y + label + 12, row.note, "note")
        sum_ = 0.0
        for series, value, tip in row.segments:
            a, b = axis.at(sum_), axis.at(sum_ + value)
            sum_ += value
            css = f"s{series % SERIES}" if series >= 0 else "good"
            out.add(f'<rect x="{percent(a)}" width="{WIDTH * (b - a):.3f}%" y="{y + label:g}" height="{bar:g}" class="seg {css}">'
                    f"<title>{escape(tip)}</title></rect>")
    return str(out)


def panel(title: str, description: str, x: Axis, y: Axis, curves: Sequence[Curve], markers: Sequence[Marker] = ()) -> str:
    """One small plot of a row of equal ones."""
    left, right, top, bottom = 52.0, 348.0, 24.0, 186.0
    out = Svg(title, description, 'class="panel" viewBox="0 0 360 230"')

    def place(px: float, py: float) -> tuple[float, float]:
        return left + (right - left) * x.at(px), bottom - (bottom - top) * y.at(py)
    for value, text in y.ticks:
        py = place(0, value)[1]
        out.add(f'<line x1="{left:g}" x2="{right:g}" y1="{py:.1f}" y2="{py:.1f}" class="grid"/>')
        out.text(f"{left - 6:g}", py + 3.5, text, "tick", "end")
    for value, text in x.ticks:
        px = place(value, 0)[0]
        out.add(f'<line x1="{px:.1f}" x2="{px:.1f}" y1="{bottom:g}" y2="{bottom + 4:g}" class="grid"/>')
        out.text(f"{px:.1f}", bottom + 16, text, "tick", "end" if x.at(value) > 0.97 else "middle")
    out.text("0", 11, y.label, "axis")
    out.text(f"{(left + right) / 2:g}", bottom + 34, x.label, "axis", "middle")
    for m in markers:
        px = place(m.value, 0)[0]
        out.add(f'<line x1="{px:.1f}" x2="{px:.1f}" y1="{top:g}" y2="{bottom:g}" class="mark '
                f's{m.series % SERIES}"><title>{escape(m.tip)}</title></line>')
    for c in curves:
        points = [place(px, py) for px, py in c.points]
        out.add(f'<g class="s{c.series % SERIES}"><title>{escape(c.tip)}</title>')
        if c.line and len(points) > 1:
            out.add('<polyline class="curve" points="' + " ".join(f"{px:.1f},{py:.1f}" for px, py in points) + '"/>')
        if c.hollow:
            marks = (out.mark("cross", f"{px:.1f}", round(py, 1), "cross") for px, py in points)
        elif c.line:
            marks = (out.mark(f"m{c.series % len(SHAPES)}", f"{px:.1f}", round(py, 1), "mk") for px, py in points)
        else:
            marks = (f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.8" class="many"/>' for px, py in points)
        out.add("".join(marks) + "</g>")
    return str(out)


def swatch(series: int, kind: str = "mark") -> str:
    """The sign of a legend: the shape of a series, the colour of a stack, or a dashed line."""
    css = f"s{series % SERIES}" if series >= 0 else "good"
    body = {"mark": f'<path d="{SHAPES[series % len(SHAPES)]}" transform="translate(8 8)" class="mk"/>',
            "cross": f'<path d="{CROSS}" transform="translate(8 8)" class="cross"/>',
            "line": '<line x1="8" x2="8" y1="1" y2="15" class="mark"/>',
            "stack": '<rect x="2" y="2" width="12" height="12" class="seg"/>'}[kind]
    return f'<svg class="sw" width="16" height="16" aria-hidden="true"><g class="{css}">{body}</g></svg>'


def shorten_name(name: str, most: int = LABEL) -> str:
    """The beginning and the end of a name that is too long: variants differ at either."""
    name = shorten(name, 10_000)
    return name if len(name) <= most else name[:most * 2 // 3 - 1] + "\u2026" + name[-(most - most * 2 // 3):]
