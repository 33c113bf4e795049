#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ringway-bench as its users see it: bad input, devices that fail, Ctrl-C in every phase, resuming; nothing is left behind."""
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

from bench_bed import BENCH, Bed, namespaces
from rwtest import BIN, main

PROGRAM = os.path.join(BENCH, "ringway-bench")
SHORT = """
name = "short"
rounds = {rounds}
duts = [{duts}]
[calibrate]
seconds = 0.2
[[method]]
kind = "mrr"
trials = 1
seconds = 0.1
{more}
"""


class Program(Bed):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.results = os.path.join(self.folder, "r.json")

    def command(self, *words):
        return [PROGRAM, *words, "--bin", os.path.abspath(BIN)] if words[0] in ("run", "search", "tune", "selftest") else [PROGRAM, *words]

    def bench(self, *words, timeout=120):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=timeout, cwd=self.folder)

    def scenario(self, duts=("ringway-xdp",), rounds=1, more=""):
        path = os.path.join(self.folder, "s.toml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(SHORT.format(duts=", ".join(f'"{d}"' for d in duts), rounds=rounds, more=more))
        return path

    def run_it(self, *words, **how):
        return self.bench("run", self.scenario(**how), "--results", self.results, *words)

    def read(self):
        with open(self.results, encoding="utf-8") as f:
            return json.load(f)


class BadInput(Program):
    def refused(self, status, said, *words):
        done = self.bench(*words)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(said, lines[-1])
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(namespaces(), [])

    def test_of_the_command_line(self):
        for said, *words in (("invalid choice", "frobnicate"), ("no scenario", "run", "nothing"), ("unknown parameter", "search", "mrr", "--dut", "bridge", "--set", "x=1"),
                             ("no device", "search", "mrr", "--dut", "nothing"), ("no kind", "search", "nothing", "--dut", "bridge"),
                             ("topology", "search", "mrr", "--dut", "bridge", "--topology", "ring"),
                             ("it needs a guest", "search", "mrr", "--dut", "bridge", "--topology", "pvp"),
                             ("unknown setting", "search", "mrr", "--dut", "ringway-afxdp", "--dut-set", "x=1"), ("no CPU", "search", "mrr", "--dut", "bridge", "--cpus", "0,4095"),
                             ("has no settings", "tune", "--dut", "bridge"), ("which results file", "report"), ("no format", "report", "x.json", "--format", "pdf"),
                             ("is not in the scenario", "run", "smoke", "--duts", "x")):
            with self.subTest(words):
                self.refused(2, said, *words)

    def test_of_files(self):
        broken = os.path.join(self.folder, "broken.json")
        with open(broken, "w", encoding="utf-8") as f:
            f.write("{")
        self.refused(2, "is no JSON", "report", broken)
        self.refused(2, "No such file", "report", "nowhere.json")
        self.refused(1, "write the results to", "run", self.scenario(), "--results", "/proc/nowhere/r.json")
        self.refused(2, "No such file", "run", self.scenario(), "--results", "nowhere.json", "--resume")

    def test_without_the_programs(self):
        done = subprocess.run([PROGRAM, "run", "smoke", "--bin", self.folder], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("ringway-gen is not in", done.stderr)

    def test_an_interface_that_is_not_there(self):
        self.refused(1, "there is no such interface", "search", "mrr", "--dut", "bridge", "--topology", "external", "--ports", "rw-no0,rw-no1")


class Devices(Program):
    def test_one_that_never_comes_up_loses_its_cells_and_the_others_go_on(self):
        more = '[dut.dead]\ncommand = ["false"]\nready = "never"\nready_within = 5\n[dut.silent]\ncommand = ["sleep", "60"]\nready = "none"\n'
        done = self.run_it("--report", self.folder, duts=("ringway-xdp", "dead", "silent"), more=more)
        self.assertEqual(done.returncode, 1, done.stderr)
        cells = {c["dut"]: c for c in self.read()["rounds"][0]["cells"]}
        self.assertIsNone(cells["ringway-xdp"]["failed"])
        self.assertGreater(cells["ringway-xdp"]["methods"]["mrr"]["value"], 0)
        self.assertIn("exit status 1", cells["dead"]["failed"])
        self.assertIn("forwards nothing", cells["silent"]["failed"])
        self.assertEqual(self.read()["state"], "complete")
        for name in ("report.html", "report.csv", "report.md"):
            self.assertGreater(os.path.getsize(os.path.join(self.folder, name)), 500)

    def test_the_devices_counts_are_checked_before_they_are_believed(self):
        self.run_it()
        seen = self.read()["duts"]["ringway-xdp"]["analysed"]
        self.assertTrue(seen["passed"], seen)
        self.assertGreater(seen["received"], 0)

    def test_a_single_search_prints_its_trials(self):
        done = self.bench("search", "mrr", "--dut", "ringway-xdp", "--set", "trials=2", "--set", "seconds=0.1", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"Mpps, 0\.1 s: \d+ offered, \d+ lost")
        found = json.loads(done.stdout[done.stdout.index("{"):])["found"]["mrr"]
        for trial in found["trials"]:
            self.assertEqual(trial["balance"]["unexplained"], 0)

    def test_recovery_and_reset(self):
        done = self.bench("search", "reset", "--dut", "ringway-xdp", "--set", "load=20000", "--set", "seconds=2", "--set", "repeats=1", "--set", "kind=kill", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        reset = json.loads(done.stdout[done.stdout.index("{"):])["found"]["reset"]
        self.assertTrue(0 < reset["value"] < 2, reset["value"])
        done = self.bench("search", "recovery", "--dut", "ringway-xdp", "--set", "throughput=20000", "--set", "high_seconds=0.5",
                          "--set", "low_seconds=0.5", "--set", "repeats=2", "--json", "-")
        self.assertIn("recovery", done.stdout)
        recovery = json.loads(done.stdout[done.stdout.index("{"):])["found"]["recovery"]
        if recovery["value"] is not None:  # else the machine was too noisy, and it says so
            self.assertEqual(recovery["extra"]["why"], "the higher load was no overload: nothing was lost")
            for high, low in zip(recovery["trials"][::2], recovery["trials"][1::2]):
                self.assertAlmostEqual(high["offered"], 30000 * 0.5, delta=700)
                self.assertAlmostEqual(low["offered"], 15000 * 0.5, delta=700)


class Interrupted(Program):
    def stop_when(self, pattern, number=signal.SIGINT, **how):
        """Starts a long run and sends the signal when it has printed that; what it said and how it ended."""
        process = subprocess.Popen(self.command("run", self.scenario(rounds=50, **how), "--results", self.results), stderr=subprocess.PIPE, text=True,
                                   cwd=self.folder, start_new_session=True)
        said = ""
        deadline = time.monotonic() + 60
        while not re.search(pattern, said) and time.monotonic() < deadline:
            said += process.stderr.readline()
        process.send_signal(number)
        rest = process.communicate(timeout=30)[1]
        self.assertRegex(said, pattern)
        self.assertEqual(process.returncode, 130, said + rest)
        self.assertNotIn("Traceback", rest)
        self.assertEqual(rest.strip().splitlines()[-1], "ringway-bench: stopped")
        self.assertEqual(namespaces(), [])

    def test_while_it_calibrates(self):
        self.stop_when("calibrating")
        self.assertEqual((self.read()["state"], self.read()["stopped_by"]), ("partial", "SIGINT"))

    def test_while_a_device_is_measured_and_then_resumed(self):
        self.stop_when(r"round 3/50", signal.SIGTERM)
        data = self.read()
        self.assertEqual([r["complete"] for r in data["rounds"]], [True, True, False])
        shorter = data["scenario"] | {"rounds": 3}
        with open(self.results, "w", encoding="utf-8") as f:
            json.dump(data | {"scenario": shorter}, f)
        done = self.run_it("--resume", rounds=3)
        self.assertEqual(done.returncode, 0, done.stderr)
        data = self.read()
        self.assertEqual([r["complete"] for r in data["rounds"]], [True, True, True])
        self.assertEqual((data["state"], len(data["interruptions"])), ("complete", 1))

    def test_while_a_device_comes_up(self):
        more = '[dut.slow]\ncommand = ["sleep", "60"]\nready = "never"\n'
        self.stop_when("round 1/50", duts=("slow",), more=more)


if __name__ == "__main__":
    main()
