#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Opens the HTML reports in a real browser, 1280 and 400 pixels wide, and has the browser itself say what is wrong.

Each page is put into frames of both widths, in a copy that may run one script: it reports texts that overlap or leave their
drawing, drawings without size, horizontal scrolling, errors, and anything that was to be loaded. A page made wrong on
purpose proves that each of these is seen. Without chromium: exits 77, and 1 under CI=true. `--keep DIR` keeps the pages
and takes pictures of them.
"""
import argparse
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__))), os.path.dirname(os.path.abspath(__file__))]
import fake_results
from ringway_bench import report

WIDTHS = (1280, 400)
CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
CSP = "default-src 'none'; style-src 'unsafe-inline'"
KEEP = ""

LISTEN = """<script>
window.faults = [];
addEventListener('error', e => faults.push('error: ' + (e.message || e.target.outerHTML)), true);
addEventListener('securitypolicyviolation', e => faults.push('loads: ' + e.violatedDirective + ' ' + e.blockedURI));
for (const k of ['error', 'warn']) {
  const was = console[k];
  console[k] = (...a) => { faults.push('console: ' + a.join(' ')); was(...a); };
}
</script>"""
PROBE = """<script>
addEventListener('load', () => setTimeout(() => {
  const name = t => t.textContent.slice(0, 40), seen = {svgs: 0, texts: 0, tables: document.querySelectorAll('table').length};
  for (const d of document.querySelectorAll('details')) d.open = true;
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll('main *, header *')].filter(e =>
       !e.closest('.wide') && e.getBoundingClientRect().right > innerWidth + 1);
    faults.push('scrolls: ' + root.scrollWidth + ' > ' + innerWidth + ' ' + wide.slice(0, 3).map(e => e.outerHTML.slice(0, 80)));
  }
  for (const e of document.querySelectorAll('h1, h2, h3, p, li, figcaption, summary, pre'))
    if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'visible') faults.push('cut: ' + name(e));
  for (const s of document.querySelectorAll('svg')) {
    seen.svgs++;
    const box = s.getBoundingClientRect();
    if (box.width < 1 || box.height < 1) faults.push('size: ' + s.outerHTML.slice(0, 80));
    const says = what => s.querySelector(':scope > ' + what)?.textContent;
    if (s.getAttribute('role') === 'img' && !(says('title') && says('desc')))
      faults.push('silent: a drawing without title or description');
    const texts = [...s.querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()]);
    seen.texts += texts.length;
    texts.forEach(([t, r], i) => {
      if (r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1 || r.bottom > box.bottom + 1)
        faults.push('leaves: ' + name(t));
      for (const [u, q] of texts.slice(i + 1))
        if (Math.min(r.right, q.right) - Math.max(r.left, q.left) > 1 &&
            Math.min(r.bottom, q.bottom) - Math.max(r.top, q.top) > 2.5)
          faults.push('overlaps: ' + name(t) + ' / ' + name(u));
    });
    if (s.getAttribute('role') === 'img' && !s.closest('section')?.querySelector('table'))
      faults.push('no table beside ' + s.outerHTML.slice(0, 80));
  }
  for (const r of performance.getEntriesByType('resource')) faults.push('loads: ' + r.name);
  const style = getComputedStyle(document.body);
  parent.postMessage({page: document.body.dataset.page, width: innerWidth, faults, ...seen,
    h1: document.querySelector('h1')?.textContent || '',
    background: style.backgroundColor, colour: style.color, height: root.scrollHeight}, '*');
}, 50));
</script>"""
FRAME = """<!DOCTYPE html><meta charset="utf-8"><script>
const found = [], wanted = %d;
addEventListener('message', e => { 
  found.push(e.data);
  if (found.length === wanted) document.getElementById('out').textContent = JSON.stringify(found);
});
</script><pre id="out"></pre>%s"""


def probed(page, name):
    """A copy of a page that may run our script, and nothing else that it might not before."""
    assert CSP in page, "the page does not forbid itself to load anything"
    copy = page.replace(CSP, CSP + "; script-src 'unsafe-inline'", 1)
    return copy.replace("<title>", LISTEN + "<title>", 1).replace("<body>", f'<body data-page="{name}">',
                                                                  1).replace("</body>", PROBE + "</body>", 1)


def chromium(folder, *options):
    done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                           "--disable-dev-shm-usage",
                           f"--user-data-dir={folder}/profile", "--enable-logging=stderr", "--virtual-time-budget=20000",
                           *options],
                          capture_output=True, text=True, timeout=180, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{CHROMIUM} ended with status {done.returncode}: {done.stderr[-2000:]}")
    return done


def look(folder, pages, *options):
    """{(page, width): what the browser found}, and what it wrote to its console."""
    for name, page in pages.items():
        with open(f"{folder}/{name}.html", "w", encoding="utf-8") as f:
            f.write(probed(page, name))
    frames = "".join(f'<iframe src="{name}.html" width="{w}" height="900" style="border:0"></iframe>' for name in pages
                     for w in WIDTHS)
    with open(f"{folder}/frames.html", "w", encoding="utf-8") as f:
        f.write(FRAME % (len(pages) * len(WIDTHS), frames))
    done = chromium(folder, "--window-size=1400,1000", *options, "--dump-dom", f"file://{folder}/frames.html")
    out = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)
    if not out or not out.group(1):
        raise RuntimeError(f"the pages did not all answer: {done.stderr[-2000:]}")
    found = {(r["page"], r["width"]): r for r in json.loads(html.unescape(out.group(1)))}
    return found, re.findall(r"CONSOLE[^\n]*", done.stderr)


def pictures(folder, name, page):
    """One of each width, in light and dark, beside the page."""
    with open(f"{folder}/{name}.page.html", "w", encoding="utf-8") as f:
        f.write(page)
    for width in WIDTHS:
        for scheme, option in (("light", "1"), ("dark", "0")):
            with open(f"{folder}/shot.html", "w", encoding="utf-8") as f:
                f.write(f'<body style="margin:0"><iframe src="{name}.page.html" width="{width}" height="7000" '
                        f'style="border:0"></iframe>')
            chromium(folder, f"--window-size={max(500, width)},7000", f"--blink-settings=preferredColorScheme={option}",
                     f"--screenshot={folder}/{name}-{width}-{scheme}.png", f"file://{folder}/shot.html")


def wrong(page):
    """Every fault once."""
    overlap = ('<svg role="img" width="200" height="40"><title>t</title><desc>d</desc>'
               '<text x="5" y="20">one</text><text x="8" y="20">two</text></svg>')
    leaves = '<svg width="50" height="20"><text x="45" y="14">too long for it</text></svg>'
    faults = (overlap, leaves, '<svg width="0" height="0"></svg>', '<svg role="img" width="9" height="9"></svg>',
              '<div style="width:2000px">wide</div>', '<p style="width:30px;white-space:nowrap">cut off at the end</p>',
              '<img src="https://example.invalid/x.png">', "<script>console.error('said')</script><script>nothing()</script>")
    return page.replace("<main>", "<main><section>" + "".join(faults) + "</section>", 1)


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = KEEP or cls.enterClassContext(tempfile.TemporaryDirectory())
        plain, worst = fake_results.make(with_tune=True), fake_results.worst()
        other = fake_results.make(2, scale=1.3, duts=7)
        other["platform"] |= {"kernel": "6.19.1-lab", "mitigations": {}}
        few = fake_results.make(4, duts=2, rounds=3, flows=(1, 1024), control=False)
        nothing = fake_results.make(5, duts=1, rounds=1, partial=True)
        nothing |= {"rounds": [], "duts": {}, "calibration": {}, "cost": []}
        cls.pages = {n: report.FORMATS["html"][1](d) for n, d in (("plain", plain), ("worst", worst), ("few", few),
                                                                  ("nothing", nothing))}
        cls.pages["compare"] = report.compare(plain, other, ("lab-a.json", "lab-b.json"))[1]
        cls.found, cls.console = look(cls.folder, cls.pages)

    def test_nothing_is_wrong_on_any_page_at_any_width(self):
        self.assertEqual(set(self.found), {(n, w) for n in self.pages for w in WIDTHS})
        for (name, width), seen in sorted(self.found.items()):
            with self.subTest(page=name, width=width):
                self.assertEqual(seen["faults"], [])
        self.assertEqual(self.console, [])

    def test_pages_are_drawn(self):
        for name, least in (("plain", 20), ("worst", 60), ("few", 10)):
            for width in WIDTHS:
                seen = self.found[name, width]
                self.assertGreater(seen["svgs"], least)
                self.assertGreater(seen["texts"], 7 * least)
                self.assertGreater(seen["tables"], 8)
                self.assertGreater(len(seen["h1"]), 30)
                self.assertGreater(seen["height"], 3000)
        self.assertEqual(self.found["nothing", 400]["h1"], "Nothing was measured.")

    def test_dark(self):
        found, _ = look(self.folder, {"plain": self.pages["plain"]}, "--blink-settings=preferredColorScheme=0")
        light, dark = self.found["plain", 1280], found["plain", 1280]
        self.assertEqual((light["background"], dark["background"]), ("rgb(255, 255, 255)", "rgb(20, 23, 26)"))
        self.assertNotEqual(light["colour"], dark["colour"])
        self.assertEqual(dark["faults"], [])

    def test_every_fault_is_seen(self):
        found, console = look(self.folder, {"wrong": wrong(self.pages["few"])})
        for width in WIDTHS:
            faults = found["wrong", width]["faults"]
            for kind in ("overlaps", "leaves", "size", "silent", "scrolls", "cut", "loads", "console", "error", "no table"):
                self.assertTrue(any(f.startswith(kind) for f in faults), f"{kind} was not seen: {faults}")
        self.assertTrue(console)

    def test_pictures(self):
        """With --keep: something to look at."""
        if not KEEP:
            self.skipTest("no --keep")
        for name, page in self.pages.items():
            pictures(self.folder, name, page)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--keep", default="", metavar="DIR")
    chosen, rest = options.parse_known_args()
    KEEP = os.path.abspath(chosen.keep) if chosen.keep else ""
    if KEEP:
        os.makedirs(KEEP, exist_ok=True)
    if CHROMIUM is None:
        must = os.environ.get("CI") == "true"
        print(f"browser_report: {'FAILED' if must else 'SKIPPED'}: chromium is not installed, so nobody looked at the reports",
              file=sys.stderr)
        sys.exit(1 if must else 77)
    unittest.main(argv=[sys.argv[0], *rest])
