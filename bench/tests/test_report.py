# SPDX-License-Identifier: BSD-2-Clause
"""Reports: what they have to say, and that they say it of every kind of results file. How they look: browser_report.py."""
import copy
import csv
import functools
import io
import json
import os
import re
import tempfile
import unittest
from html.parser import HTMLParser

import fake_results
from ringway_bench import report
from ringway_bench.compare import comparisons
from ringway_bench.errors import BenchError, UsageError
from ringway_bench.report.gather import View

VOID = {"meta", "br", "img", "input", "hr", "link"}


class Checked(HTMLParser):
    """Tags that do not nest, identifiers that stand twice, and the text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.faults, self.ids, self.words, self.tags = [], [], [], [], []
        self.feed(page)
        self.close()
        self.faults += [f"open at the end: {t}" for t in self.open]
        self.faults += [f"twice: {i}" for i in {i for i in self.ids if self.ids.count(i) > 1}]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [v for k, v in attrs if k == "id"]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"closes {tag}")

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@functools.cache
def plain():
    return fake_results.make(with_tune=True)


@functools.cache
def worst():
    return fake_results.worst()


@functools.cache
def page_of(make):
    return page(make())


def page(doc):
    return report.FORMATS["html"][1](doc)


def markdown(doc):
    return report.FORMATS["md"][1](doc)


def rows(doc):
    return list(csv.DictReader(io.StringIO(report.FORMATS["csv"][1](doc))))


def edit(doc, dut, change):
    for r in doc["rounds"]:
        for c in r["cells"]:
            if c["dut"] == dut:
                change(c)
    return doc


class Html(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.doc, cls.worst = plain(), worst()

    def test_well_formed(self):
        for name in (plain, worst):
            with self.subTest(name.__name__):
                checked = Checked(page_of(name))
                self.assertEqual(checked.faults, [])
                self.assertGreater(len(checked.tags), 500)

    def test_needs_nothing_from_outside_and_runs_nothing(self):
        text = page_of(worst)
        for tag, attrs in Checked(text).tags:
            self.assertNotIn(tag, ("script", "img", "link", "iframe", "object", "embed"))
            for name, value in attrs.items():
                self.assertFalse(name.startswith("on"), f"{tag} {name}")
                if name in ("src", "href", "xlink:href", "data", "action"):
                    self.assertTrue(value.startswith("#"), f"{tag} {name}={value}")
        self.assertNotRegex(text, r"url\(|@import|https?://")

    def test_references_within_the_page_have_their_ends(self):
        checked = Checked(page_of(worst))
        for tag, attrs in checked.tags:
            for value in [attrs.get("href", "")[1:], *attrs.get("aria-labelledby", "").split()]:
                if value:
                    self.assertIn(value, checked.ids)

    def test_names_are_escaped(self):
        doc = edit(copy.deepcopy(self.doc), "bridge", lambda c: c.update(dut="<b>bridge</b>"))
        doc["duts"]["<b>bridge</b>"] = {**doc["duts"].pop("bridge"), "command": "a <script>alert(1)</script> & b"}
        doc["comparisons"] = comparisons(doc)
        checked = Checked(page(doc))
        self.assertEqual([t for t, _ in checked.tags if t in ("b", "script")], [])
        self.assertIn("<b>bridge</b>", checked.text)

    def test_the_verdict_comes_first(self):
        text = Checked(page_of(plain)).text
        verdict = re.search(r"Without loss \(NDR\), at 64 B and 1 flow, ringway-afxdp is faster than testpmd-afxdp \(1\.\d\d "
                            r"times\)", text)
        self.assertTrue(verdict)
        self.assertLess(verdict.start(), text.index("kernel 6.18.44-lab"))
        self.assertIn("slower than ringway-xdp (0.5", text)

    def test_every_section_and_the_record(self):
        text = Checked(page_of(plain)).text
        for word in ("Throughput", "Who is ahead", "Loss against offered load", "Latency", "Where frames were lost",
                     "Cost of a frame",
                     "Effect of each setting", "How it was measured", "Devices under test", "Trials", "Platform", "isolcpus=1",
                     "Safe RET",
                     "22.11.11-0+deb12u1", "net.core.busy_poll", "not by the intended number as RFC 9971 expects",
                     "in the kernel, on the generator's CPU",
                     "invalid trials, with reasons", "kworker/1:2", "threaded_napi", "what the sink costs", "steal 0.040 %"):
            self.assertIn(word, text)

    def test_every_drawing_says_what_it_is_and_has_a_table(self):
        text = page_of(worst)
        drawings = re.findall(r'<svg [^>]*role="img"[^>]*><title id="[^"]+">([^<]+)</title><desc id="[^"]+">([^<]+)</desc>', text)
        self.assertEqual(len(drawings), text.count('role="img"'))
        self.assertGreater(len(drawings), 25)
        for section in re.findall(r'<section id="(\w+)">(.*?)</section>', text, re.S):
            if 'role="img"' in section[1]:
                self.assertIn("<table>", section[1], section[0])

    def test_the_plot_of_throughput_stands_where_its_figures_are(self):
        doc = fake_results.make(3, duts=2, control=False, noise=0)
        f = View(doc).figures["ringway-afxdp", 60, 1, "mrr"]
        drawing = page(doc).split('<svg class="rows"')[1].split("</svg>")[0]
        lane = re.search(r'<g class="s0"><title>ringway-afxdp, MRR.*?</g>', drawing).group(0)
        ticks = re.findall(r'<text x="([\d.]+)%"[^>]*class="tick"[^>]*>([\d.]+)</text>', drawing)
        (x0, v0), (x1, v1) = [(float(a), float(b)) for a, b in (ticks[0], ticks[-1])]
        where = float(re.search(r'<use [^>]*x="([\d.]+)%"', lane).group(1))
        self.assertAlmostEqual(v0 + (where - x0) / (x1 - x0) * (v1 - v0), f.median / 1e6, delta=0.001)
        self.assertEqual(lane.count("<circle"), 7)

    def test_partial_failed_not_measurable_and_bounds_are_marked(self):
        text = Checked(page_of(worst)).text
        for word in ("Partial results: the run did not end (stopped by SIGINT)", "no pair spans the interruption",
                     "status 139 (SIGSEGV) (rounds 3, 4, 5, 6)",
                     "not measurable here", "\u2265 14.162", "its counts are not believed", "did not pass its analysed trial",
                     "the round was interrupted"):
            self.assertIn(word, text if word != "the round was interrupted" else json.dumps(comparisons(self.worst)))

    def test_unexplained_losses_of_our_own_are_a_warning(self):
        self.assertNotIn("Unexplained losses of Ringway", page_of(plain))
        doc = copy.deepcopy(self.doc)
        edit(doc, "ringway-afxdp", lambda c: c["methods"]["mrr"]["trials"][0]["balance"].update(unexplained=3))
        self.assertIn("Unexplained losses of Ringway's own forwarders, which count all of theirs: ringway-afxdp, MRR: 21 frames",
                      Checked(page(doc)).text)

    def test_files_that_were_cut_off_anywhere(self):
        for keep in range(0, 6):
            doc = copy.deepcopy(self.doc)
            doc |= {"state": "partial", "finished": None, "comparisons": []}
            doc["rounds"] = doc["rounds"][:1]
            doc["rounds"][0]["complete"] = False
            doc["rounds"][0]["cells"] = doc["rounds"][0]["cells"][:keep]
            present = {c["dut"] for c in doc["rounds"][0]["cells"]}
            doc["duts"] = {k: {"control_of": None, "analysed": None, "failed": None} for k in doc["duts"] if k in present}
            for make in (page, markdown, rows):
                with self.subTest(keep=keep, format=make.__name__):
                    self.assertTrue(make(doc) or keep == 0)
        for make in (page, markdown):
            self.assertIn("Nothing was measured", make({"schema": 1, "app": "ringway-bench", "state": "partial",
                                                        "stopped_by": "SIGINT"}))


    def test_a_file_of_tuning_alone(self):
        doc = {"schema": 1, "app": "ringway-bench tune", "platform": plain()["platform"], "tune": plain()["tune"]}
        text = Checked(page(doc)).text
        self.assertIn("Tuning for ndr: rings = 4096, threaded_napi = True: +21.0% against the defaults", text)
        self.assertIn("isolcpus=1", text)


class Markdown(unittest.TestCase):
    def test_verdicts_tables_and_the_machine_beside_them(self):
        text = markdown(plain())
        self.assertIn("**Without loss (NDR), at 64 B and 1 flow, ringway-afxdp is faster than testpmd-afxdp", text)
        self.assertIn("- ringway-afxdp is slower than ringway-xdp without loss (NDR) at 64 B and 1 flow (0.57 times", text)
        self.assertRegex(text, r"\| ringway-xdp \| 1\.\d{3} \(1\.\d{3} to 1\.\d{3}\) \| 7, 98\.4 % \| \d+ \+ \d+ \| in the "
                               r"kernel, on the generator's CPU \|")
        for part in text.split("## ")[1:]:
            if part.startswith("64 B, 1 flow: at ") or part.startswith("64 B, 1 flow: with"):
                self.assertIn("kernel 6.18.44-lab, AMD EPYC 7543", part)

    def test_tables_are_tables(self):
        doc = copy.deepcopy(worst())
        doc["duts"][next(iter(doc["duts"]))]["title"] = "a | b\nc"
        for block in re.findall(r"(?:^\|.*\n)+", markdown(doc), re.M):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            self.assertEqual(len(widths), 1, block[:200])

    def test_marks(self):
        text = markdown(worst())
        for word in ("\u2265 14.162", "not measurable here", "Partial results", "SIGSEGV", "A/A control",
                     "What failed or was not measurable"):
            self.assertIn(word, text)


class Csv(unittest.TestCase):
    def setUp(self):
        self.doc = fake_results.make(flows=(1, 1024), sizes=(60, 508), disturbed=0)
        self.doc["rounds"][2]["cells"] = [c | {"methods": c["methods"] | {"mrr": self.disturb(c["methods"]["mrr"])}}
                                          for c in self.doc["rounds"][2]["cells"]]
        self.rows = rows(self.doc)

    @staticmethod
    def disturb(found):
        first, *others = found["trials"]
        return found | {"trials": [first | {"valid": False, "reasons": ["steal"]}, *others]}

    def test_vsperf_columns(self):
        head = list(self.rows[0])
        for name in ("id", "deployment", "traffic_type", "packet_size", "vswitch", "guest_loopback_app", "tunnel_type",
                     "tx_rate_fps",
                     "throughput_rx_fps", "tx_rate_mbps", "throughput_rx_mbps", "tx_rate_percent", "throughput_rx_percent",
                     "min_latency_ns", "max_latency_ns",
                     "avg_latency_ns", "frame_loss_percent", "tx_frames", "rx_frames", "tx_bytes", "rx_bytes", "payload_err",
                     "seq_err", "b2b_frames",
                     "b2b_tx_count", "stream_count", "match_type", "pre-installed_flows", "forwarding_rate_fps", "start_time",
                     "stop_time", "execution_time"):
            self.assertIn(name, head)
        self.assertEqual(len(head), len(set(head)))

    def test_one_row_for_each_figure(self):
        keys = [(r["vswitch"], r["packet_size"], r["stream_count"], r["method"]) for r in self.rows]
        self.assertEqual(len(keys), len(set(keys)))
        self.assertEqual(len(keys), 6 * (6 + 6 + 1 + 1))  # 6 methods at 64 B, MRR alone at 512, with 1 and 1024 flows

    def test_figures_are_those_of_the_trials(self):
        row = next(r for r in self.rows if (r["vswitch"], r["packet_size"], r["stream_count"], r["method"]) == ("bridge", "64",
                                                                                                                "1", "mrr"))
        trials = [t for r in self.doc["rounds"] for c in r["cells"] if (c["dut"], c["size"], c["flows"]) == ("bridge", 60, 1)
                  for t in c["methods"]["mrr"]["trials"]]
        good = [t for t in trials if t["valid"]]
        self.assertEqual((int(row["tx_frames"]), int(row["rx_frames"])), (sum(t["offered"] for t in good),
                                                                          sum(t["received"] for t in good)))
        self.assertEqual((int(row["trials_valid"]), int(row["trials_invalid"])), (len(good), len(trials) - len(good)))
        self.assertAlmostEqual(float(row["throughput_rx_mbps"]), float(row["throughput_rx_fps"]) * 84 * 8 / 1e6, places=2)
        self.assertAlmostEqual(float(row["throughput_rx_percent"]), 100 * float(row["throughput_rx_fps"]) / fake_results.CEILING,
                               places=2)
        self.assertAlmostEqual(float(row["frame_loss_percent"]), 100 * (1 - int(row["rx_frames"]) / int(row["tx_frames"])),
                               places=6)
        self.assertEqual((row["traffic_type"], row["dut_cpu"], row["engine"], row["sink"]), ("rfc2544_continuous", "generator's",
                                                                                             "xdp", "count"))

    def test_latency_is_in_nanoseconds(self):
        row = next(r for r in self.rows if r["vswitch"] == "ringway-xdp" and r["method"] == "latency@50")
        self.assertTrue(500 < int(row["min_latency_ns"]) < int(row["avg_latency_ns"]) < int(row["max_latency_ns"]) < 5_000_000)

    def test_a_burst_is_a_number_of_frames(self):
        doc = fake_results.make(duts=1, rounds=1, control=False)
        burst = {"load": None, "seconds": 0.0, "offered": 4000, "received": 3990, "elapsed": 0.001, "rate": 4e6,
                 "loss_ratio": 0.0025,
                 "forwarding_rate": 3.99e6, "valid": True, "reasons": []}
        doc["rounds"][0]["cells"][0]["methods"]["b2b"] = {"method": "back-to-back", "goal": {}, "state": "found",
                                                          "value": 3900.0, "unit": "frames",
                                                          "lower": None, "upper": None, "trials": [burst],
                                                          "extra": {"corrected_seconds": 0.1}}
        row = next(r for r in rows(doc) if r["method"] == "b2b")
        self.assertEqual([row[k] for k in ("traffic_type", "b2b_frames", "b2b_tx_count", "b2b_frame_loss_frames",
                                           "b2b_frame_loss_percent", "unit")],
                         ["rfc2544_back2back", "3900", "4000", "10", "0.25", "frames"])
        self.assertIn("corrected_seconds 0.1", Checked(page(doc)).text)


class CompareFiles(unittest.TestCase):
    def setUp(self):
        self.a, self.b = fake_results.make(1), fake_results.make(2, scale=1.5)

    def test_the_same_machine(self):
        text, html = report.compare(self.a, self.b)
        self.assertIn("are the same. Figures of two runs are still no pairs", text)
        self.assertIn("do not differ", text.split("# Figures")[0].replace("does not differ", ""))
        self.assertEqual(Checked(html).faults, [])

    def test_another_kernel_forbids_absolute_figures(self):
        for key, value in (("kernel", "6.19.1"), ("cpu", "Xeon"), ("mitigations", {})):
            other = copy.deepcopy(self.b)
            other["platform"][key] = value
            text, html = report.compare(self.a, other)
            self.assertTrue(text.startswith(f"Absolute figures do not compare: {key} differ"), text[:80])
            self.assertIn("Absolute figures do not compare", Checked(html).text)
            self.assertLess(text.index("# What differs"), text.index("# Figures"))

    def test_what_moves_by_itself_is_no_difference(self):
        self.b["platform"]["quiet"] = {"load": 3.0, "steal": 0.2}
        self.assertNotIn("quiet", report.compare(self.a, self.b)[0])

    def test_ratio_and_what_may_be_said(self):
        text, _ = report.compare(self.a, self.b)
        row = next(x for x in text.splitlines() if x.startswith("| bridge | NDR | 64 B, 1 flow"))
        ratio = View(self.b).figures["bridge", 60, 1, "ndr"].median / View(self.a).figures["bridge", 60, 1, "ndr"].median
        self.assertIn(f"| {ratio:.3f} | intervals apart, B higher |", row)
        same, _ = report.compare(self.a, self.a)
        self.assertIn("| 1.000 | intervals overlap |", next(x for x in same.splitlines() if x.startswith("| bridge | NDR")))
        self.assertNotIn("intervals apart", same)

    def test_what_only_one_has(self):
        del self.b["duts"]["bridge"]
        for r in self.b["rounds"]:
            r["cells"] = [c for c in r["cells"] if c["dut"] != "bridge"]
        text, _ = report.compare(self.a, self.b, ("before.json", "after.json"))
        self.assertIn("only in A", next(x for x in text.splitlines() if x.startswith("| bridge | NDR")))
        self.assertIn("A: before.json: kernel", text)


class Write(unittest.TestCase):
    def test_files(self):
        doc = fake_results.make(duts=1, rounds=1, control=False)
        with tempfile.TemporaryDirectory() as d:
            paths = report.write(doc, ["html", "csv", "md", "json"], os.path.join(d, "new"))
            self.assertEqual([os.path.basename(p) for p in paths], ["report.html", "report.csv", "report.md", "report.json"])
            with open(paths[3], encoding="utf-8") as f:
                self.assertEqual(json.load(f), doc)
            self.assertEqual(sorted(os.listdir(os.path.join(d, "new"))), sorted(os.path.basename(p) for p in paths))

    def test_refusals(self):
        with self.assertRaisesRegex(UsageError, "no format 'pdf'"):
            report.write(fake_results.make(duts=1, rounds=1), ["pdf"], "/nowhere")
        with self.assertRaisesRegex(BenchError, "write the report to /proc/"):
            report.write(fake_results.make(duts=1, rounds=1), ["csv"], "/proc/ringway")


if __name__ == "__main__":
    unittest.main()
