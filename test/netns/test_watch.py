#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ringway-watch on real processes: who had the CPU of a thread that could have gone on, and for how long."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench"))
from ringway_bench import cost, duts, platform, wire  # noqa: E402
from ringway_bench.tools import Tools  # noqa: E402
from ringway_bench.validity import Watch, Watcher, judge  # noqa: E402

from rwtest import BIN, Testbed, bpf_program_exists, eventually, main, program  # noqa: E402

WATCH = program("ringway-watch")
CPU = max(os.sched_getaffinity(0))


class Spinner:
    """A process that does nothing but want its CPU. It ends by itself, whatever happens to the test."""

    def __init__(self, code="pass", cpu=CPU, fifo=None, seconds=30.0):
        self.seconds = seconds

        def prepare():
            os.sched_setaffinity(0, {cpu})
            if fifo is not None:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(fifo))
        self._popen = subprocess.Popen(
            [sys.executable, "-c", f"import os, time, threading\nend = time.monotonic() + {seconds}\n"
             "def spin(until):\n    while time.monotonic() < min(until, end): pass\n"
             f"{code}\nspin(end)"], preexec_fn=prepare)
        self.pid = self._popen.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._popen.kill()
        self._popen.wait()

    def send(self, number):
        self._popen.send_signal(number)

    def wait(self):
        self._popen.wait(self.seconds + 10)

    def settled(self):
        """Runs its own code, no longer the interpreter's start."""
        time.sleep(0.3)
        return self


class WatchTest(unittest.TestCase):
    def watch(self, pid, **how):
        watch = Watch(str(BIN), [pid] if pid else [], **how)
        self.addCleanup(watch.close)
        return watch

    def process(self, *args, **kwargs):
        return self.enterContext(Spinner(*args, **kwargs))

    def quietest(self, once, limit, rounds=8):
        """The least of some rounds: whatever else runs on this machine is real and foreign, too."""
        seen = []
        for _ in range(rounds):
            seen.append(once())
            if seen[-1]["longest_us"] < limit:
                return seen[-1]
        self.fail(f"in none of {rounds} rounds below {limit} us: {seen}")


class Foreign(WatchTest):
    def test_the_stretch_that_a_real_time_process_took_is_told_and_who_it_was(self):
        victim = self.process().settled()
        watch = self.watch(victim.pid)
        self.assertIsNone(watch.warning)
        watch.ask("reset")
        hog = self.process(fifo=10, seconds=0.4)
        hog.wait()
        eventually(lambda: watch.ask("read")["threads"][0]["longest_us"] > 80e3)
        seen = watch.ask("read")
        self.assertEqual(seen["how"], "sched_switch")
        self.assertGreater(seen["longest_us"], 100e3)  # the kernel lets others in after a while
        self.assertLess(seen["longest_us"], 900e3)
        self.assertEqual(seen["threads"][0]["tid"], victim.pid)
        self.assertLessEqual(seen["longest_us"], seen["threads"][0]["sum_us"])
        self.assertGreater(seen["threads"][0]["stretches"], 0)

    def test_who_starves_and_does_not_come_back_is_seen_too(self):
        victim = self.process().settled()
        watch = self.watch(victim.pid)
        self.process(fifo=10, seconds=1.2)
        time.sleep(0.2)
        watch.ask("reset")
        time.sleep(0.3)
        seen = watch.ask("read")
        self.assertGreater(seen["longest_us"], 150e3)
        self.assertLessEqual(seen["longest_us"], seen["elapsed_s"] * 1e6, "what was before the reset does not count")
        self.assertEqual(seen["threads"][0]["longest_at_ns"], 0)
        self.assertLess(seen["threads"][0]["run_us"], 60e3)
        self.assertIn("python3", seen["longest_by"]["comm"])

    def test_a_reset_forgets(self):
        victim = self.process(fifo=1).settled()  # before whatever else runs here
        watch = self.watch(victim.pid)
        self.process(fifo=10, seconds=0.2).wait()
        eventually(lambda: watch.ask("read")["longest_us"] > 80e3)

        def once():
            watch.ask("reset")
            time.sleep(0.1)
            return watch.ask("read")
        self.quietest(once, 90e3)

    def test_waking_up_on_a_taken_cpu_is_waiting(self):
        # It runs some microseconds at a time, so it is hardly ever switched out while it could go on.
        sleeper = self.process("os.nice(19)\nwhile time.monotonic() < end: time.sleep(0.01)").settled()
        watch = self.watch(sleeper.pid)
        hogs = [self.process() for _ in range(2)]
        hogs[-1].settled()
        watch.ask("reset")
        time.sleep(1)
        seen = watch.ask("read")["threads"][0]
        self.assertGreater(seen["stretches"], 5)
        self.assertGreater(seen["sum_us"], 3e3)
        self.assertLess(seen["run_us"], seen["sum_us"])

    def test_a_thread_that_begins_later_is_watched(self):
        victim = self.process("time.sleep(1)\nthreading.Thread(target=spin, args=(end,)).start()\ntime.sleep(60)").settled()
        watch = self.watch(victim.pid)
        watch.ask("reset")
        self.assertTrue(eventually(lambda: len(watch.ask("read")["threads"]) == 2, 5))
        time.sleep(0.1)
        self.process(fifo=10, seconds=0.4).wait()
        self.assertTrue(eventually(lambda: max(t["longest_us"] for t in watch.ask("read")["threads"]
                                               if t["tid"] != victim.pid) > 80e3))


class Own(WatchTest):
    def test_its_own_sleep_is_not_foreign(self):
        sleeper = self.process("while time.monotonic() < end: time.sleep(0.2); spin(time.monotonic() + 0.02)", fifo=20).settled()
        watch = self.watch(sleeper.pid)

        def once():
            watch.ask("reset")
            time.sleep(0.8)
            return watch.ask("read")
        self.assertGreater(self.quietest(once, 100e3)["threads"][0]["run_us"], 1e3)

    def test_a_stop_is_not_foreign(self):
        victim = self.process(fifo=1).settled()  # before whatever else runs here
        watch = self.watch(victim.pid)

        def once():
            watch.ask("reset")
            victim.send(signal.SIGSTOP)
            time.sleep(0.4)
            victim.send(signal.SIGCONT)
            time.sleep(0.05)
            return watch.ask("read")
        self.quietest(once, 200e3)

    def test_time_that_another_of_its_threads_had_is_not_foreign(self):
        # two processes of one device on one CPU: each waits for the other all the time
        first, second = self.process().settled(), self.process().settled()
        watch = Watch(str(BIN), [first.pid, second.pid])
        self.addCleanup(watch.close)

        def once():
            watch.ask("reset")
            time.sleep(0.5)
            return watch.ask("read")
        seen = self.quietest(once, 60e3)
        self.assertGreater(sum(t["own_us"] for t in seen["threads"]), 20e3)
        alone = self.watch(first.pid)
        alone.ask("reset")
        time.sleep(0.5)
        self.assertGreater(alone.ask("read")["threads"][0]["sum_us"], 20e3,
                           "to whom only the first belongs, the second is foreign")


class Rest(WatchTest):
    def test_system_calls_are_counted_on_demand(self):
        caller = self.process("while time.monotonic() < end:\n    os.getppid(); time.sleep(0.01)").settled()
        watch = self.watch(caller.pid, syscalls=True)
        watch.ask("reset")
        time.sleep(0.5)
        calls = watch.ask("read")["syscalls"]
        self.assertGreater(calls["by_number"]["110"], 5)  # getppid
        self.assertLess(calls["by_number"]["110"], 60)
        self.assertEqual(calls["all"], sum(calls["by_number"].values()))
        self.assertIsNone(self.watch(caller.pid).ask("read")["syscalls"])

    def test_run_time_is_the_schedulers_own(self):
        spinner = self.process().settled()
        watch = self.watch(spinner.pid)
        before = int(pathlib.Path(f"/proc/{spinner.pid}/schedstat").read_text().split()[0])
        watch.ask("reset")
        time.sleep(0.3)
        seen = watch.ask("read")["threads"][0]["run_us"]
        after = int(pathlib.Path(f"/proc/{spinner.pid}/schedstat").read_text().split()[0])
        self.assertGreater(seen, 0)
        self.assertLessEqual(seen, (after - before) / 1e3 + 0.1)

    def test_kernel_threads_are_watched_by_name(self):
        watch = self.watch(None, kthreads=["ksoftirqd/*"])
        names = [t["comm"] for t in watch.ask("read")["threads"]]
        self.assertEqual(len(names), os.cpu_count())
        self.assertTrue(all(n.startswith("ksoftirqd/") for n in names))

    def test_where_the_program_cannot_be_had_schedstat_serves(self):
        victim = self.process().settled()
        watch = self.watch(victim.pid, how="schedstat")
        watch.ask("reset")
        self.process(fifo=10, seconds=0.4).wait()
        time.sleep(0.1)
        seen = watch.ask("read")
        self.assertEqual((seen["how"], seen["longest_by"]), ("schedstat", None))
        self.assertGreater(seen["longest_us"], 80e3)
        self.process(fifo=10, seconds=1.2)
        time.sleep(0.2)
        watch.ask("reset")
        time.sleep(0.3)
        self.assertGreater(watch.ask("read")["longest_us"], 80e3, "also while it goes on")

    def test_without_privilege_it_says_so_and_serves(self):
        folder = self.enterContext(contextlib.closing(Copy()))
        ended = subprocess.run([*folder.as_nobody, "--pid", str(os.getpid())], input="read\n", capture_output=True, text=True,
                               timeout=20)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("looking at schedstat every 20 ms instead", ended.stderr)
        self.assertEqual(json.loads(ended.stdout)["how"], "schedstat")
        refused = subprocess.run([*folder.as_nobody, "--pid", str(os.getpid()), "--syscalls"], capture_output=True, text=True,
                                 timeout=20)
        self.assertEqual((refused.returncode, len(refused.stderr.splitlines())), (1, 1))

    def test_it_leaves_nothing_behind(self):
        for end in (lambda p: p.stdin.close(), lambda p: p.send_signal(signal.SIGTERM), lambda p: p.kill()):
            process = subprocess.Popen([WATCH, "--pid", str(os.getpid())], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE,
                                       text=True)
            self.assertEqual(process.stderr.readline(), "ringway-watch: ready\n")
            ids = set()
            for entry in pathlib.Path(f"/proc/{process.pid}/fdinfo").iterdir():
                with contextlib.suppress(OSError):
                    ids |= {int(line.split()[1]) for line in entry.read_text().splitlines() if line.startswith("prog_id:")}
            self.assertEqual(len(ids), 3)
            end(process)
            self.assertIn(process.wait(10), (0, -signal.SIGKILL))
            for pipe in (process.stdin, process.stdout, process.stderr):
                pipe.close()
            self.assertTrue(eventually(lambda: not any(bpf_program_exists(i) for i in ids), 5))

    def test_bad_input_is_one_line(self):
        for words, code in (([], 2), (["--pid", "x"], 2), (["--pid", "999999999"], 1), (["--pid", "1", "--how", "guess"], 2),
                            (["--pid", "1", "extra"], 2), (["--nonsense"], 2), (["--pid", "-5"], 2)):
            done = subprocess.run([WATCH, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (code, 1), (words, done.stderr))
        done = subprocess.run([WATCH, "--pid", "1"], input="reed\n", capture_output=True, text=True, timeout=10)
        self.assertEqual((done.returncode, done.stderr.splitlines()[-1]), (2, "ringway-watch: error: no such command: reed"))


class Copy:
    """The program where a user without rights may run it."""

    def __init__(self):
        path = f"/tmp/rw-watch-{os.getpid()}"
        shutil.copy(WATCH, path)
        os.chmod(path, 0o755)
        self.path = path
        self.as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", path]

    def close(self):
        os.unlink(self.path)


class Trials(unittest.TestCase):
    """A foreign process on the device's CPU makes a trial invalid, for whatever device; a stall that it made itself does not."""

    def disturbed(self, name):
        tools = Tools(str(BIN), "test", 0, CPU)
        with wire.on("p2p", tools, duts.load(name), warm_up=0.2) as w:
            quiet = [w.trial(20_000, 0.3) for _ in range(5)]
            for _ in range(3):
                # It is there before the trial: beside a generator and a device, a process takes a second to start.
                at = time.monotonic() + 0.7
                with Spinner(f"time.sleep(max(0.0, {at} - time.monotonic()))\nend = time.monotonic() + 0.35", fifo=10) as hog:
                    hog.settled()
                    outcome = w.trial(20_000, 0.8)
                if "had the device's CPU" in " ".join(outcome.reasons):
                    break
        # where others load the machine, a trial may be invalid for other reasons
        self.assertTrue(any("had the device's CPU" not in " ".join(o.reasons) for o in quiet), [o.reasons for o in quiet])
        self.assertFalse(outcome.valid)
        self.assertTrue(any("had the device's CPU" in r for r in outcome.reasons), outcome.reasons)
        self.assertGreater(outcome.record["off_cpu_us"], 80e3)
        self.assertEqual(outcome.record["off_cpu_how"], "sched_switch")

    def test_ours(self):
        self.disturbed("ringway-afxdp")

    def test_testpmd(self):
        if shutil.which("dpdk-testpmd") is None and os.environ.get("CI") != "true":
            self.skipTest("dpdk-testpmd is not installed")
        self.disturbed("testpmd-afxdp")

    def test_a_device_that_stalls_itself_is_judged_like_any_other(self):
        # As a forwarder that sleeps 50 ms at a time would be: long enough for every ring to overflow.
        with Spinner("while time.monotonic() < end: time.sleep(0.05); spin(time.monotonic() + 0.02)", fifo=20) as device:
            device.settled()
            watcher = Watcher(str(BIN), [device.pid], [CPU])
            try:
                for _ in range(5):
                    watcher.start()
                    time.sleep(0.4)
                    seen = watcher.read()
                    # all it may lose in 50 ms; the ring bears 15 ms of what others take
                    if not judge({**seen, "steal_ratio": 0.0}, load=100_000, rate=100_000, ring=2048, in_kernel=False):
                        return
            finally:
                watcher.close()
        self.fail(f"its own sleep was called foreign: {seen}")


class Costs(unittest.TestCase):
    """Every way to the cost of a frame leads to a figure that can be one. What others take of the machine is in it here."""

    def setUp(self):
        self.tools = Tools(str(BIN), "test", 0, CPU)

    def device(self, name, **settings):
        return duts.load(name).with_settings(settings)

    def entry(self, w, loop=None):
        measured = cost.Cost(w, loop)
        return measured, measured.at(50_000, 0.5, 0.5)

    def test_a_forwarder_that_spins_counts_its_turns(self):
        with wire.on("p2p", self.tools, self.device("ringway-afxdp"), warm_up=0.2) as w, \
                wire.on("loop", self.tools, None, warm_up=0.1) as loop:
            measured, entry = self.entry(w, loop.trial)
            overload, rest = measured.at_overload(0.5), measured.rest()
        self.assertEqual(entry["how"], "turns")
        self.assertTrue(100 < entry["dut_ns"] < 50_000, entry)
        self.assertIsInstance(entry["generator_ns"], float)
        self.assertTrue(0.05 < entry["syscalls_per_packet"] < 1.5, entry)  # a packet that comes alone leaves at once
        self.assertGreater(measured.idle_cpu, 0.9)
        self.assertGreater(rest["memory"]["peak_kb"], 5000)
        if overload is not None:  # where others have the generator's CPU, the device is not the limit
            self.assertTrue(50 < overload["dut_ns"] < 50_000, overload)
            self.assertLess(overload["syscalls_per_packet"], 0.3)

    def test_one_that_sleeps_takes_no_cpu_without_traffic(self):
        with wire.on("p2p", self.tools, self.device("ringway-afxdp", idle="poll"), warm_up=0.2) as w:
            self.assertLess(cost.idle_cpu(self.tools.bin, w.dut.pids), 0.2)
            ns, outcome = cost.sleeping_ns(w.dut.pids, CPU, lambda: w.trial(50_000, 0.5), 0.3)
        self.assertGreater(outcome.received, 0)
        self.assertGreaterEqual(ns, 0.0)
        self.assertLess(ns, 50_000)

    def test_testpmd_counts_its_cycles(self):
        if shutil.which("dpdk-testpmd") is None and os.environ.get("CI") != "true":
            self.skipTest("dpdk-testpmd is not installed")
        with wire.on("p2p", self.tools, self.device("testpmd-afxdp"), warm_up=0.2) as w:
            entry = cost.Cost(w, None).at(50_000, 0.5, 0.5)
            self.assertGreater(w.trial(20_000, 0.2).received, 0, "it goes on where it was")
        self.assertEqual(entry["how"], "turns")
        self.assertTrue(100 < entry["dut_ns"] < 50_000, entry)

    def test_a_device_in_the_kernel_by_its_napi_thread(self):
        spec = self.device("xdp-floor")
        self.assertTrue(50 < cost.napi_thread_ns(self.tools, spec, wire.Traffic(), 50_000, 0.5) < 50_000)
        with wire.on("p2p", self.tools, spec, warm_up=0.2) as w:
            measured, entry = self.entry(w)
        self.assertEqual((entry["dut_ns"], entry["how"], entry["syscalls_per_packet"], measured.at_overload(0.2)),
                         (None, None, 0.0, None))


class Interfaces(unittest.TestCase):
    def test_the_record_of_an_interface(self):
        with Testbed() as bed:
            near, far = bed.ns("near"), bed.ns("far")
            bed.veth(near, "d0", far, "f0", queues=2, mtu=4000)
            bed.run(near, "sh", "-c", "echo 200000 > /sys/class/net/d0/gro_flush_timeout; echo 1 > /sys/class/net/d0/threaded")
            record = platform.interface_record(near, "d0")
            other = platform.interface_record(far, "f0")
            found = platform.interfaces({"input": (near, "d0"), "gone": (near, "d9")})
        self.assertEqual(record["driver"]["driver"], "veth")
        self.assertEqual((record["mtu"], record["up"], record["gro_flush_timeout"], record["threaded"]), (4000, True, 200000, 1))
        self.assertEqual(record["channels"]["current"]["rx"], 2)
        self.assertTrue(record["features"]["gro"])
        self.assertIn("tx-checksumming", record["features"]["off"])
        self.assertIn("tx-vlan-offload", record["features"]["off"])
        self.assertTrue(all(name.startswith("napi/d0-") for name in record["napi_threads"]))
        self.assertGreaterEqual(len(record["napi_threads"]), 1)
        self.assertEqual((other["gro_flush_timeout"], other["threaded"], "napi_threads" in other), (0, 0, False))
        self.assertEqual(found["input"]["mtu"], 4000)
        self.assertIn("d9", found["gone"]["error"])


if __name__ == "__main__":
    main()
