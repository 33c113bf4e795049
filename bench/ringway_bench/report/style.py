# SPDX-License-Identifier: BSD-2-Clause
"""The page's style sheet: light, dark and print; ten colours that differ for all kinds of colour vision, and in grey by shape."""

#: Series s0 ... s9, each with 3:1 against its page. The first four differ in lightness as well, so that they do for every kind
#: of colour vision; the last is for what nobody accounts for.
LIGHT = ("#0072b2", "#c44e00", "#22262b", "#857b70", "#00815d", "#a8467f", "#8a6400", "#6a4c9c", "#3f86c4", "#c2143c")
DARK = ("#5bb3f0", "#ff9152", "#f2f2f2", "#988e83", "#3dd6a8", "#f0a3d0", "#e8c33c", "#b79ced", "#9ad4ff", "#ff5c7a")
PAGE = {"light": ("#ffffff", "#1a1d21", "#5a6270", "#d9dde3", "#f5f6f8", "#dfe4ea", "#8a4b00", "#fff4e0"),
        "dark": ("#14171a", "#e8eaed", "#a2abb8", "#343a42", "#1d2125", "#39414b", "#ffc988", "#33270f")}


def _colours(which: str) -> str:
    names = ("bg", "fg", "soft", "rule", "card", "good", "warn", "warn-bg")
    series = LIGHT if which == "light" else DARK
    return "".join(f"--{n}:{c};" for n, c in zip(names, PAGE[which])) + "".join(f"--c{i}:{c};" for i, c in enumerate(series))


_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--fg);
 font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
main,header,footer{max-width:1140px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:clamp(1.12rem,4.4vw,1.5rem);line-height:1.35;font-weight:600;margin:.2em 0 .6em;
 text-wrap:pretty;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:2.6em 0 .5em;padding-top:.5em;border-top:2px solid var(--fg)}
h3{font-size:1.05rem;margin:1.8em 0 .4em}
p{max-width:74ch;overflow-wrap:anywhere}
li{overflow-wrap:anywhere}
a{color:var(--c0)}
.kicker,.facts,figcaption,caption,.small{color:var(--soft);font-size:.875rem}
.kicker{margin:0;text-transform:uppercase;letter-spacing:.06em}
.facts{max-width:none}
nav{font-size:.875rem;display:flex;flex-wrap:wrap;gap:.2em 1.1em;margin:1.2em 0 0}
.warn{background:var(--warn-bg);color:var(--warn);border-left:4px solid;padding:.6em 1em;max-width:none}
.wide{overflow-x:auto;margin:.8em 0 1.2em;max-width:100%}
.wide:focus-visible{outline:2px solid var(--c0)}
table{border-collapse:collapse;font-size:.875rem;line-height:1.4;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.3em 0}
th,td{padding:.32em .8em .32em 0;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
th{font-weight:600}
thead th{border-bottom:1.5px solid var(--fg);vertical-align:bottom}
td.n,th.n{text-align:right}
td.n{white-space:nowrap}
td.t{white-space:nowrap}
td.w{min-width:18ch}
tbody th{min-width:15ch;max-width:26ch;overflow-wrap:anywhere}
tbody th .small{font-weight:400;display:block;font-size:.8rem}
.nb{white-space:nowrap}
td.k{max-width:52ch;overflow-wrap:anywhere}
code{font:.85em/1.4 ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
pre{background:var(--card);padding:.8em 1em;overflow-x:auto;font:.85em/1.45 ui-monospace,"DejaVu Sans Mono",monospace}
figure{margin:1em 0}
figcaption{margin-bottom:.4em;overflow-wrap:anywhere}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(310px,100%),1fr));gap:14px 26px}
.panels figure{margin:0}
.panels figcaption{color:var(--fg);font-weight:600;font-size:.85rem}
.legend{display:flex;flex-wrap:wrap;gap:.15em 1.3em;list-style:none;padding:0;margin:.4em 0;font-size:.85rem}
.legend li{display:flex;align-items:center;gap:.45em}
details{margin:.7em 0}
summary{cursor:pointer;color:var(--soft);font-size:.875rem}
svg{display:block;overflow:visible;font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
svg.panel{width:100%;max-width:440px;height:auto}
svg.panel text{font-size:11px}
svg.sw{flex:none}
svg text{fill:var(--fg)}
svg text.tick,svg text.axis,svg text.note{fill:var(--soft)}
svg text.tick{font-size:11px}
svg text.label{font-weight:600}
svg text.note{font-style:italic}
.grid{stroke:var(--rule);stroke-width:1}
.ref{stroke:var(--fg);stroke-width:1;stroke-dasharray:4 3}
.mark{stroke:var(--c);stroke-width:1.6;stroke-dasharray:5 3}
.iv{stroke:var(--c);stroke-width:5;stroke-linecap:round;opacity:.32}
.dot{fill:var(--c);opacity:.5}
.mk{fill:var(--c);stroke:var(--bg);stroke-width:1}
.many{fill:var(--c);opacity:.5}
.cross{stroke:var(--c);stroke-width:1.6;fill:none}
.curve{fill:none;stroke:var(--c);stroke-width:2}
.seg{fill:var(--c);stroke:var(--bg);stroke-width:1}
.good{--c:var(--good)}
footer{margin-top:3em;padding-bottom:3em}
@media (max-width:600px){td.w{min-width:30ch}main,header,footer{padding:0 14px}}
@media print{
 body{font-size:10.5pt}
 main,header,footer{max-width:none;padding:0}
 nav{display:none}
 .wide{overflow:visible}
 h2,h3{break-after:avoid}
 figure,tr{break-inside:avoid}
 thead{display:table-header-group}
 .seg,.dot,.mk,.iv{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
"""


def sheet() -> str:
    series = "".join(f".s{i}{{--c:var(--c{i})}}" for i in range(len(LIGHT)))
    return (f":root{{color-scheme:light dark;{_colours('light')}}}"
            f"@media screen and (prefers-color-scheme:dark){{:root{{{_colours('dark')}}}}}"
            + series + _RULES)
