# SPDX-License-Identifier: BSD-2-Clause
"""Devices as they are described, and wires as they are asked for: what is right, and what each mistake is called."""
import os
import tempfile
import types
import unittest
from unittest import mock

from ringway_bench import duts, testbed, wire
from ringway_bench.errors import DutError, UsageError
from ringway_bench.running import RunningDut
from ringway_bench.tools import Tools

MINE = {"command": ["{bin}/mine", "--burst", "{burst}", "{port0}", "{port1}"], "ready": "go",
        "settings": {"burst": {"default": 32, "values": [32, 64]}}}


class Library(unittest.TestCase):
    def test_every_device_of_the_issue_is_there(self):
        self.assertLessEqual({"ringway-afxdp", "ringway-xdp", "testpmd-afxdp", "testpmd-afpacket", "bridge", "router",
                              "xdp-floor", "libxdp-loop"}, set(duts.library()))

    def test_every_device_is_right(self):
        for name in duts.library():
            with self.subTest(name):
                spec = duts.load(name)
                self.assertEqual(spec.name, name)
                self.assertTrue(spec.title)
                self.assertEqual(spec.in_kernel, spec.kind in ("xdp", "kernel"))
                self.assertEqual(set(spec.values()), set(spec.settings))
                # Whatever `tune` may choose fits into the command.
                for key, setting in spec.settings.items():
                    for value in setting.values:
                        self.assertEqual(spec.with_settings({key: value}).values()[key], value)
                if spec.kind in ("afxdp", "dpdk"):
                    self.assertGreaterEqual(spec.ring_size(), 512)

    def test_settings_of_ringway_are_its_options(self):
        spec = duts.load("ringway-afxdp")
        for name, setting in spec.settings.items():
            words = list(spec.command)
            if setting.apply:
                self.assertNotIn(f"--{name}", words)
            else:
                self.assertEqual(words[words.index(f"--{name}") + 1], f"{{{name}}}")


class Described(unittest.TestCase):
    def test_defaults(self):
        spec = duts.from_table("mine", MINE, "here")
        self.assertEqual((spec.title, spec.kind, spec.stop, spec.cpu, spec.pinned, spec.pairs),
                         ("mine", "command", "SIGINT", "own", True, "one"))
        self.assertEqual(spec.values(), {"burst": 32})
        self.assertEqual(spec.ring_size(), 0)

    def test_a_setting_is_chosen(self):
        spec = duts.from_table("mine", {**MINE, "ring": "burst"}, "here")
        other = spec.with_settings({"burst": 64})
        self.assertEqual((spec.ring_size(), other.ring_size()), (32, 64))
        self.assertEqual(other.with_settings({}).values(), {"burst": 64})

    def test_wrong_settings(self):
        spec = duts.from_table("mine", MINE, "here")
        for chosen, text in (({"brust": 32}, "unknown setting 'brust' (there are: burst)"), ({"burst": 33}, "it can be 32, 64")):
            with self.subTest(chosen), self.assertRaisesRegex(UsageError, text.replace("(", r"\(").replace(")", r"\)")):
                spec.with_settings(chosen)
        loose = duts.from_table("mine", {**MINE, "settings": {"burst": {"default": 32}}}, "here")
        self.assertEqual(loose.with_settings({"burst": 33}).values(), {"burst": 33})
        with self.assertRaisesRegex(UsageError, "should be like 32"):
            loose.with_settings({"burst": "many"})

    def test_mistakes_are_named(self):
        for change, text in (
                ({"comand": ["x"]}, "unknown key 'comand'"),
                ({"command": "mine"}, "command should be a list of strings"),
                ({"command": ["{prot0}", "{burst}"]}, "'{prot0}' in '{prot0}' is unknown"),
                ({"command": ["{port0", "{burst}"]}, "{port0"),
                ({"kind": "wooden"}, "kind = 'wooden': there are afxdp"),
                ({"stop": "SIGKILL"}, "stop"),
                ({"pinned": 1}, "pinned should be true or false"),
                ({"ready_within": 0}, "ready_within should be seconds"),
                ({"ring": "bursts"}, "ring = 'bursts' is no setting"),
                ({"environment": {"A": 1}}, "environment should be a table of strings"),
                ({"report": "ringway"}, "needs {json} in the command"),
                ({"settings": {"burst": 32}}, "[settings.burst] should be a table with `default`"),
                ({"settings": {"burst": {"default": 1, "values": [2]}}}, "the default 1 is none of its values"),
                ({"settings": {"burst": {"default": 1, "values": ["1"]}}}, "each like the default"),
                ({"settings": {"burst": {"default": 1, "vlaues": [1]}}}, "unknown key 'vlaues'"),
                ({"settings": {"burst": {"default": 1}, "bin": {"default": 1}}}, "cannot be a placeholder"),
                ({"settings": {"burst": {"default": 1, "apply": "echo {valeu}"}}}, "'{valeu}'")):
            with self.subTest(change):
                with self.assertRaises(UsageError) as caught:
                    duts.from_table("mine", {**MINE, **change}, "here.toml")
                self.assertIn(text, str(caught.exception))
                self.assertTrue(str(caught.exception).startswith("here.toml: "))
                self.assertNotIn("\n", str(caught.exception))

    def test_nothing_that_forwards(self):
        with self.assertRaisesRegex(UsageError, "neither command nor setup"):
            duts.from_table("mine", {"title": "x"}, "here")
        with self.assertRaisesRegex(UsageError, "without a command nobody says that"):
            duts.from_table("mine", {"setup": ["true"], "ready": "go"}, "here")

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "mine.toml")
            with open(path, "w", encoding="utf-8") as f:
                f.write('command = ["x", "{port0}"]\nready = "go"\n')
            self.assertEqual(duts.load(path).name, "mine")
            with open(path, "a", encoding="utf-8") as f:
                f.write("command = again\n")
            with self.assertRaisesRegex(UsageError, "mine.toml: "):
                duts.load(path)
            with self.assertRaisesRegex(UsageError, "No such file"):
                duts.load(os.path.join(folder, "other.toml"))
        with self.assertRaisesRegex(UsageError, "no device 'nobody'; there are: .*ringway-afxdp"):
            duts.load("nobody")


class Programs(unittest.TestCase):
    def test_what_is_missing_is_said_before_anything_is_begun(self):
        bed = types.SimpleNamespace(places=[None])  # it would fail if it were looked at
        with mock.patch("shutil.which", lambda name: None if name == "dpdk-testpmd" else name):
            for name in ("testpmd-afxdp", "testpmd-afpacket"):
                with self.subTest(name), self.assertRaises(DutError) as caught:
                    RunningDut(duts.load(name), bed, Tools("/bin", "1")).__enter__()
                self.assertEqual(str(caught.exception), "testpmd is missing: apt install dpdk-dev")
        with self.assertRaisesRegex(DutError, "ringway-l2fwd is missing: build it"):
            RunningDut(duts.load("ringway-xdp"), bed, Tools("/nowhere", "1")).__enter__()


class Topologies(unittest.TestCase):
    def test_each_can_be_asked_for(self):
        for name in testbed.TOPOLOGIES:
            table = {"kind": name, **({"ports": ["a", "ns/b"]} if name == "external" else {})}
            self.assertEqual(testbed.make(table).topology, name)
        self.assertEqual(testbed.make({"kind": "chain", "length": 3}).length, 3)

    def test_mistakes_are_named(self):
        for asked, text in (
                ("star", "topology 'star': there are p2p"), ("pvp", "it needs a guest"), ({}, "topology None"),
                ({"kind": "p2p", "length": 2}, "unknown key 'length'"),
                ({"kind": "chain", "length": 0}, "from 1 to 16"), ({"kind": "chain", "length": True}, "from 1 to 16"),
                ("external", "ports should be two"), ({"kind": "external", "ports": ["a", "a"]}, "a is given twice"),
                ({"kind": "external", "ports": ["a", "b/"]}, "'b/' should be IF or NETNS/IF"),
                ({"kind": "external", "ports": ["a", "b"], "threaded": True}, "nothing is changed there")):
            with self.subTest(asked), self.assertRaises(UsageError) as caught:
                testbed.make(asked)
            self.assertIn(text, str(caught.exception))

    def test_what_does_not_go_together(self):
        floor, router = duts.load("xdp-floor"), duts.load("router")
        wire.fits("p2p", floor)
        wire.fits("loop", None)
        wire.fits("chain", router)
        for topology, spec, text in (("loop", floor, "no place for a device"), ("external", floor, "no place for a device"),
                                     ("p2p", None, "needs a device"), ("pcp", router, "router forwards by address")):
            with self.subTest(topology), self.assertRaisesRegex(UsageError, text):
                wire.fits(topology, spec)


if __name__ == "__main__":
    unittest.main()
