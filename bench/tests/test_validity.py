# SPDX-License-Identifier: BSD-2-Clause
"""The rules by which a trial is invalid, on recorded trials: what is taken from a device counts, what it loses never does."""
import os
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from math import inf

from ringway_bench.errors import BenchError
from ringway_bench.validity import Watch, Watcher, judge, off_cpu, steal_ticks

QUIET = {"longest_burst": 64, "off_cpu_us": 20.0, "off_cpu_by": "kworker/1:1 (54)", "off_cpu_how": "sched_switch",
         "steal_ratio": 0.0, "steal_ticks": 0, "steal_cpu": 1}


def reasons(load=1e6, rate=None, ring=2048, in_kernel=False, **changed):
    return judge({**QUIET, **changed}, load=load, rate=load if rate is None else rate, ring=ring, in_kernel=in_kernel)


def thread(comm="worker", longest=10.0, by=("kworker/1:1", 54), run=1e6, own=0.0, total=None):
    return {"comm": comm, "longest_us": longest, "longest_by": {"comm": by[0], "pid": by[1]} if by else None, "run_us": run,
            "own_us": own, "sum_us": longest if total is None else total, "stretches": 1}


def answer(*threads):
    return {"how": "sched_switch", "threads": list(threads)}


class Judge(unittest.TestCase):
    def test_a_quiet_trial_is_valid(self):
        self.assertEqual(reasons(), [])

    def test_the_offered_rate_may_be_off_by_one_and_a_half_percent(self):
        for off, valid in ((-0.0149, True), (0.0149, True), (-0.0151, False), (0.0151, False)):
            with self.subTest(off=off):
                self.assertEqual(reasons(load=1e6, rate=1e6 * (1 + off)) == [], valid)
        self.assertIn("-2.0%", reasons(load=1e6, rate=0.98e6)[0])

    def test_without_a_schedule_there_is_no_rate_to_miss_and_no_burst(self):
        self.assertEqual(reasons(load=inf, rate=3e6, longest_burst=None), [])
        self.assertEqual(reasons(load=inf, rate=3e6, longest_burst=5000), [])

    def test_bursts_of_128_frames_are_allowed(self):
        self.assertEqual(reasons(longest_burst=128), [])
        self.assertIn("129 frames", reasons(longest_burst=129)[0])

    def test_three_quarters_of_the_ring_may_fill_while_something_foreign_runs(self):
        # 2048 entries at 2 Mpps: 1.024 ms, of which 0.768 ms
        self.assertEqual(reasons(load=2e6, off_cpu_us=767.0), [])
        self.assertIn("kworker/1:1 (54) had the device's CPU for 769 us", reasons(load=2e6, off_cpu_us=769.0)[0])
        self.assertEqual(reasons(load=2e6, off_cpu_us=769.0, ring=4096), [], "a larger ring bears more")
        self.assertEqual(reasons(load=1e6, off_cpu_us=769.0), [], "and so does a lower rate")

    def test_the_rate_that_was_really_offered_fills_the_ring(self):
        self.assertEqual(len(reasons(load=inf, rate=2e6, off_cpu_us=769.0)), 1)

    def test_a_device_in_the_kernel_stops_with_its_generator(self):
        self.assertEqual(reasons(off_cpu_us=1e6, in_kernel=True), [])
        self.assertEqual(len(reasons(rate=0.9e6, off_cpu_us=1e6, in_kernel=True)), 1, "the other rules hold for it")

    def test_steal_may_take_two_percent(self):
        self.assertEqual(reasons(steal_ratio=0.02, steal_ticks=2), [])
        self.assertIn("3.0% of CPU 1", reasons(steal_ratio=0.03, steal_ticks=3)[0])
        self.assertEqual(len(reasons(steal_ratio=0.03, steal_ticks=3, in_kernel=True)), 1)
        self.assertEqual(reasons(steal_ratio=0.05, steal_ticks=1), [], "one tick in a short trial may have been any time at all")

    def test_loss_never_decides(self):
        for lost in (0, 1, 500_000, 1_000_000):
            with self.subTest(lost=lost):
                self.assertEqual(reasons(lost=lost, received=1_000_000 - lost, loss_ratio=lost / 1e6,
                                         balance={"losses": {"rx_dropped": lost}}), [])

    def test_a_stall_of_the_devices_own_excuses_nothing(self):
        self.assertEqual(reasons(turn_us=50_000), [])
        self.assertEqual(reasons(longest_gap_us=50_000), [],
                         "nor does one of the generator, where its rate and its bursts are right")
        self.assertEqual(reasons(own_work_us=900_000.0), [])

    def test_all_reasons_are_told(self):
        self.assertEqual(len(reasons(rate=0.9e6, longest_burst=300, off_cpu_us=1e6, steal_ratio=0.5, steal_ticks=50)), 4)


class OffCpu(unittest.TestCase):
    def test_the_longest_of_the_threads_that_work_counts(self):
        seen = off_cpu(answer(thread(longest=30.0), thread("second", longest=70.0)))
        self.assertEqual((seen["off_cpu_us"], seen["off_cpu_thread"], seen["off_cpu_by"]), (70.0, "second", "kworker/1:1 (54)"))

    def test_a_thread_that_waits_for_commands_beside_a_busy_generator_does_not_count(self):
        seen = off_cpu(answer(thread("worker", longest=30.0), thread("control", longest=4000.0, by=("ringway-gen", 7),
                                                                     run=500.0)))
        self.assertEqual((seen["off_cpu_us"], seen["off_cpu_thread"]), (30.0, "worker"))

    def test_a_worker_that_never_got_its_cpu_does(self):
        seen = off_cpu(answer(thread("worker", longest=9.9e5, by=("hog", 9), run=0.0),
                              thread("control", run=500.0, by=None, longest=0.0)))
        self.assertEqual((seen["off_cpu_us"], seen["off_cpu_by"]), (9.9e5, "hog (9)"))

    def test_a_worker_that_sleeps_most_of_the_time_does_too(self):
        self.assertEqual(off_cpu(answer(thread(run=3000.0, longest=800.0),
                                        thread("control", run=10.0, longest=0.0)))["off_cpu_us"], 800.0)

    def test_nobody_is_named_where_nobody_had_it(self):
        self.assertIn("throttled", off_cpu(answer(thread(longest=900.0, by=("swapper/1", 0))))["off_cpu_by"])
        self.assertIsNone(off_cpu(answer(thread(longest=0.0, by=None)))["off_cpu_by"])

    def test_a_device_that_is_gone_has_no_threads(self):
        self.assertEqual(off_cpu(answer())["off_cpu_us"], 0.0)


class Steal(unittest.TestCase):
    STAT = "cpu  1 2 3 4 5 6 7 30 9 10\ncpu0 1 2 3 4 5 6 7 10 9 10\ncpu1 1 2 3 4 5 6 7 20 9 10\nintr 5\nctxt 6\n"

    def test_it_is_the_eighth_number_of_a_cpus_line(self):
        self.assertEqual(steal_ticks(self.STAT), {0: 10, 1: 20})
        self.assertEqual(steal_ticks("cpu0 1 2 3 4\n"), {0: 0}, "a kernel that does not tell")

    def test_the_worst_of_the_cpus_in_use_counts_and_no_other(self):
        watcher = Watcher("/nowhere", [], [0, 1])
        watcher._steal = {cpu: ticks - {0: 3, 1: 7}.get(cpu, 1000) for cpu, ticks in watcher._steal.items()}
        watcher._begin = time.monotonic() - 1.0
        seen = watcher.read()
        self.assertGreaterEqual(seen["steal_ticks"], 7)
        self.assertLess(seen["steal_ticks"], 1000)
        self.assertAlmostEqual(seen["steal_ratio"], seen["steal_ticks"] / os.sysconf("SC_CLK_TCK"), delta=0.05)
        self.assertIsNone(seen["off_cpu_us"])
        self.assertEqual(judge(seen, load=1e6, rate=1e6, ring=2048, in_kernel=True) == [], seen["steal_ratio"] <= 0.02)


class Program(unittest.TestCase):
    """What becomes of us when ringway-watch is not as it should be."""

    def fake(self, body):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = os.path.join(folder, "ringway-watch")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!{sys.executable}\nimport sys\nsay = lambda *a, **k: print(*a, **k, flush=True)\n" + textwrap.dedent(body))
        os.chmod(path, 0o755)
        return folder

    def test_missing(self):
        with self.assertRaisesRegex(BenchError, "ringway-watch: No such file.*build it"):
            Watch("/nowhere", [1])

    def test_it_refuses(self):
        with self.assertRaisesRegex(BenchError, "error: process 7: No such process"):
            Watch(self.fake('say("ringway-watch: error: process 7: No such process", file=sys.stderr); sys.exit(1)'), [7])

    def test_it_dies(self):
        watch = Watch(self.fake('say("ringway-watch: ready", file=sys.stderr); sys.stdin.readline()'), [7])
        self.addCleanup(watch.close)
        with self.assertRaisesRegex(BenchError, "it ended while it was needed"):
            watch.ask("read")

    def test_what_it_cannot_do_is_told(self):
        watch = Watch(self.fake('''
            say("ringway-watch: warning: no BPF here", file=sys.stderr)
            say("ringway-watch: ready", file=sys.stderr)
            sys.stdin.readline()
            say('{"reset": true}')
            sys.stdin.readline()'''), [7])
        self.assertEqual((watch.warning, watch.ask("reset")), ("no BPF here", {"reset": True}))
        watch.close()
        watch.close()

    def test_it_ends_with_us(self):
        folder = self.fake('say("ringway-watch: ready", file=sys.stderr)\n'
                           'for line in sys.stdin: pass\nsay("ended", file=open(sys.argv[0] + ".end", "w"))')
        code = f"import sys, os; sys.path.insert(0, {os.path.dirname(os.path.dirname(__file__))!r})\n" \
               f"from ringway_bench.validity import Watch\nw = Watch({folder!r}, [7])\nos.kill(os.getpid(), 9)"
        self.assertEqual(subprocess.run([sys.executable, "-c", code]).returncode, -9)
        deadline = time.monotonic() + 5
        while not os.path.exists(os.path.join(folder, "ringway-watch.end")):
            self.assertLess(time.monotonic(), deadline, "it is still there")
            time.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
