# SPDX-License-Identifier: BSD-2-Clause
"""What reports are made of: axes, words, balances, bounds, colours."""
import re
import unittest

import fake_results
from ringway_bench.compare import comparisons, sentences
from ringway_bench.report import FORMATS, svg, words
from ringway_bench.report.gather import View, balance_sum, deciding_trials
from ringway_bench.report.style import DARK, LIGHT, PAGE
from ringway_bench.verdicts import clip


def edit(doc, dut, change):
    for r in doc["rounds"]:
        for c in r["cells"]:
            if c["dut"] == dut:
                change(c)
    return doc


class Pieces(unittest.TestCase):
    def test_axes(self):
        a = svg.linear(0, 1.31, "x", str)
        self.assertEqual([v for v, _ in a.ticks][0], 0)
        self.assertGreaterEqual(a.ticks[-1][0], 1.31)
        self.assertLessEqual(len(a.ticks), 7)
        self.assertEqual((a.at(a.ticks[0][0]), a.at(a.ticks[-1][0])), (0, 1))
        log = svg.logarithmic(0.5, 3.1, "x", str, (1, 2, 5))
        self.assertEqual([v for v, _ in log.ticks], [0.5, 1, 2, 5])
        self.assertAlmostEqual(log.at(1), 0.301, places=3)
        for low, high in ((5, 5), (0, 1e-9), (-0.2, 0.3), (1e6, 1e6 + 3)):
            ticks = [v for v, _ in svg.linear(low, high, "x", str).ticks]
            self.assertTrue(2 <= len(ticks) <= 8 and ticks[0] <= low and ticks[-1] >= high - 1e-12, (low, high, ticks))

    def test_loss_axis_has_room_for_nothing_and_for_everything(self):
        a = svg.loss_axis(2e-6, "loss")
        self.assertEqual((a.at(0), a.at(-0.1), a.at(1)), (0, 0, 1))
        places = [a.at(v) for v in (0, 1e-6, 1e-5, 1e-3, 0.1, 1)]
        self.assertEqual(places, sorted(set(places)))
        self.assertEqual(a.ticks[1][1], "1 ppm")

    def test_figures_as_words(self):
        self.assertEqual([words.nanoseconds(n) for n in (12, 900, 1234, 999_600, 1_582_000, 2.5e9, None)],
                         ["12 ns", "900 ns", "1.23 \u00b5s", "1000 \u00b5s", "1.58 ms", "2.5 s", ""])
        self.assertEqual([words.share(r) for r in (0, 1e-9, 0.00042, 1, None)], ["0 %", "1.0e-07 %", "0.042 %", "100.000 %", ""])
        self.assertEqual([words.number(v) for v in (1234567, 0.123456, True, None, "x")], ["1\u202f234\u202f567", "0.1235",
                                                                                           "yes", "", "x"])
        self.assertEqual(words.flatten({"a": {"b": 1, "c": [1, 2]}, "d": [{"e": None}], "f": []}),
                         [("a.b", "1"), ("a.c", "1 2"), ("d[0].e", ""), ("f", "none")])
        self.assertEqual(svg.shorten_name("x" * 100, 20), "x" * 12 + "\u2026" + "x" * 7)

    def test_sentences(self):
        said = sentences(fake_results.make(1))
        self.assertTrue(said[0].startswith("A/A control: ringway-afxdp under two names"))
        self.assertTrue(any(re.match(r"ringway-afxdp is faster than testpmd-afxdp without loss \(NDR\) at 64 B and 1 flow "
                                     r"\(1\.\d\d times, ", s) for s in said))

    def test_costs_are_medians_over_rounds_whoever_kept_them(self):
        doc = fake_results.make(1, duts=1, rounds=3, control=False)
        self.assertEqual([(c["dut"], c["share_of_ndr"], c["rounds"], c["where"]) for c in View(doc).costs()],
                         [("ringway-afxdp", s, 1, None) for s in (0.25, 0.5, 1.0)])
        for i, r in enumerate(doc["rounds"]):
            entries = [{"dut": "x", "load": 1e5, "share_of_ndr": 0.5, "generator_ns": 100.0 + i * i, "dut_ns": None,
                        "how": "turns",
                        "syscalls_per_packet": 1 / 32}, {"load": 2e5, "share_of_ndr": None, "dut_ns": 900.0, "how": "rate"}]
            r["cells"][0]["methods"]["cost"] = {"method": "cost", "goal": {}, "state": "found", "value": 1.0, "unit": "ns",
                                                "trials": [],
                                                "extra": {"entries": entries, "idle_cpu": 0.25, "memory": {"peak_kb": 2048}}}
        half, over = View(doc).costs()
        self.assertEqual((half["dut"], half["where"], half["rounds"], half["generator_ns"], half["dut_ns"]),
                         ("ringway-afxdp", (60, 1), 3, 101.0, None))
        self.assertEqual((over["share_of_ndr"], over["dut_ns"], over["syscalls_per_packet"]), (None, 900.0, None))
        for text in (FORMATS["html"][1](doc), FORMATS["md"][1](doc)):
            self.assertIn("overload", text)
            self.assertIn("1 / 32", text)
        self.assertIn("peak 2.0 MiB", FORMATS["html"][1](doc))

    def test_order_is_the_scenarios_not_that_of_the_first_round(self):
        doc = fake_results.make(1, duts=3)
        doc["duts"] = dict(reversed(doc["duts"].items()))
        self.assertEqual(View(doc).names(), ["ringway-afxdp", "ringway-afxdp (A/A)", "ringway-xdp", "testpmd-afxdp"])
        self.assertEqual({c["over"] for c in comparisons(doc) if not c["control"]}, {"ringway-afxdp"})

    def test_long_reasons_are_clipped_at_a_word(self):
        self.assertEqual(clip("a b c", 10), "a b c")
        self.assertEqual(clip("one two, three", 12), "one two \u2026")

    def test_balances_add_up(self):
        trials = [{"balance": {"offered": 10, "received": 7, "losses": {"sink": 2}, "unexplained": 1}},
                  {"balance": {"offered": 5, "received": 4, "losses": {"tx_device": 1}, "unexplained": 0}}, {"balance": None}]
        self.assertEqual(balance_sum(trials), {"offered": 15, "received": 11, "sink": 2, "unexplained": 1, "tx_device": 1})

    def test_deciding_trials_are_the_valid_ones_at_the_load_found(self):
        def trial(load, rate, valid=True):
            return {"load": load, "rate": rate, "valid": valid, "offered": 1}
        found = {"lower": 99.6, "value": 99.6, "trials": [trial(100, 99.5), trial(100, 99.7), trial(100, 99.6, False),
                                                          trial(120, 119)]}
        self.assertEqual([t["rate"] for t in deciding_trials(found)], [99.5, 99.7])

    def test_a_search_that_topped_out_is_a_bound_unless_the_cpu_is_shared(self):
        def top(c):
            c["methods"]["ndr"] |= {"state": "irregular", "upper": None}
        for dut, bound in (("testpmd-afxdp", True), ("bridge", False)):
            doc = edit(fake_results.make(1), dut, top)
            f = View(doc).figures[dut, 60, 1, "ndr"]
            self.assertEqual((f.at_ceiling, f.passed), (bound, 7))
            c = next(c for c in comparisons(doc) if (c["under"], c["method"]) == (dut, "ndr"))
            self.assertEqual((c["bound"], c["verdict"]), ("at most", "no winner") if bound else (None, "faster"))


def luminance(colour):
    def line(c):
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
    r, g, b = (line(int(colour[i:i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


#: Machado, Oliveira, Fernandes (2009), severity 1.0, on linear light.
BLIND = {"all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)), "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
                                                              (-0.003882, -0.048116, 1.051998)),
         "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
         "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900))}


def lab(colour, matrix):
    """CIELAB of a colour as seen with `matrix`."""
    def line(c):
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
    rgb = [line(int(colour[i:i + 2], 16) / 255) for i in (1, 3, 5)]
    rgb = [min(1, max(0, sum(m * v for m, v in zip(row, rgb)))) for row in matrix]
    xyz = [sum(m * v for m, v in zip(row, rgb)) for row in ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722),
                                                            (0.0193, 0.1192, 0.9505))]
    x, y, z = ((v / n) ** (1 / 3) if v / n > 0.008856 else 7.787 * v / n + 16 / 116 for v, n in zip(xyz, (0.9505, 1, 1.089)))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


class Colours(unittest.TestCase):
    def test_contrast(self):
        for which, series in (("light", LIGHT), ("dark", DARK)):
            ground, text, soft, _, card, _, warn, warn_ground = PAGE[which]
            for a, b, least in ((text, ground, 7), (soft, ground, 4.5), (text, card, 7), (warn, warn_ground, 4.5)):
                self.assertGreaterEqual(contrast(a, b), least, (which, a, b))
            for c in series:
                self.assertGreaterEqual(contrast(c, ground), 3, (which, c))

    def test_lines_differ_for_every_kind_of_vision(self):
        """The first four, which stand for methods and loads; beyond them, and in any case, shapes differ as well."""
        for series in (LIGHT, DARK):
            for kind, matrix in BLIND.items():
                seen = [lab(c, matrix) for c in series[:4]]
                for i, a in enumerate(seen):
                    for b in seen[i + 1:]:
                        self.assertGreater(sum((p - q) ** 2 for p, q in zip(a, b)) ** 0.5, 20, (kind, series[:4]))
        self.assertEqual(len(set(svg.SHAPES)), len(svg.SHAPES))


if __name__ == "__main__":
    unittest.main()
