#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Established flows hardly notice floods and reloads (bench/lb/underload.py, at rates that a busy machine can do)."""
import json
import pathlib
import subprocess
import unittest

import rwtest

UNDERLOAD = pathlib.Path(__file__).parents[2] / "bench/lb/underload.py"
RATE = 60_000


def under(kind, datapath, seconds=2):
    command = (str(UNDERLOAD), "--bin", str(rwtest.BIN), "--datapath", datapath, "--seconds", str(seconds), kind, str(RATE))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{kind}, {datapath}: exit {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


class UnderLoad(unittest.TestCase):
    def flood(self, kind, datapath):
        seen = under(kind, datapath)
        self.assertGreater(seen["offered"], 4_000)
        self.assertGreater(seen["flood"], RATE / 4, "the flood was none")
        self.assertEqual(seen["connections"]["conn_evicted_live"], 0, seen)
        self.assertGreater(seen["connections"]["conn_new"], RATE / 4, seen)
        self.assertGreaterEqual(seen["received"], 0.999 * seen["offered"], seen)
        before, after = seen["memory_kb"]
        self.assertLess(after, before + 1024, "memory grows with a flood")

    def test_syn_flood_xdp(self):
        self.flood("syn-flood", "xdp")

    def test_syn_flood_afxdp(self):
        self.flood("syn-flood", "afxdp")

    def test_udp_flood_xdp(self):
        self.flood("udp-flood", "xdp")

    def test_udp_flood_afxdp(self):
        self.flood("udp-flood", "afxdp")

    def reload(self, datapath):
        seen = under("reload", datapath, seconds=6)  # a worker that is busy shares its CPU with the thread that reloads
        self.assertGreaterEqual(seen["reloads"], 2)
        self.assertGreater(seen["offered"], RATE / 2)
        self.assertEqual(seen["received"], seen["offered"], seen)

    def test_reload_xdp(self):
        self.reload("xdp")

    def test_reload_afxdp(self):
        self.reload("afxdp")


if __name__ == "__main__":
    rwtest.main()
