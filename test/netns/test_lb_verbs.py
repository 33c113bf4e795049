#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The verbs of ringway-lb against one that runs, in both datapaths: each of them for people and as JSON, what they change,
and that what they say is what happens to packets."""
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

from lb_bed import Bed, LB
from rwtest import eventually, main, sh

BED = None
REASON = "ttl_exceeded"
WEB, ECHO = "ipip4-4-web", "ipip4-4-echo"
VERBS = [["status"], ["vips"], ["reals"], ["reals", WEB], ["conns"], ["stats"], ["drops"], ["config"],
         ["explain", "--src", "10.1.0.2:4000", "--dst", "10.1.0.100:80"], ["explain", "--real", "r1", "--vip", WEB]]


def setUpModule():
    global BED
    BED = unittest.enterModuleContext(Bed())
    BED.start_reals()


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=30)


class Nobody(unittest.TestCase):
    """No balancer runs."""

    def refused(self, code, text, *command):
        done = run(LB, *command)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertRegex(done.stderr, r"\Aringway-lb: error: [^\n]*\n\Z")
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_arguments_are_judged_before_anybody_is_asked(self):
        for command, text in ((["drain", WEB], "REAL is missing"), (["statu"], "'statu' is no verb"), (["status", "more"], "one argument too many"),
                              (["conns", "--limit", "many"], "--limit"), (["explain"], "--src is missing"),
                              (["stats", "--often"], "there is no --often"), (["set-weight", WEB, "r1", "-1"], "'-1' is not a number from 0 to 65535"),
                              (["add-real", WEB, "10.0.0.300"], "10.0.0.300"), (["status", "--socket", "x" * 200], "200 bytes")):
            with self.subTest(command=command):
                self.refused(2, text, *command)

    def test_where_nobody_listens_the_path_is_named(self):
        for command in VERBS:
            self.refused(1, "/tmp/no-such.sock", *command, "--socket", "/tmp/no-such.sock")

    def test_help(self):
        names = re.findall(r"^  ([a-z-]+) +\w", run(LB, "help").stdout, re.M)
        manual = (pathlib.Path(__file__).parents[2] / "docs/man/ringway-lb.1.scd").read_text()
        self.assertEqual(len(names), 13, names)
        for name in names:
            done = run(LB, name, "--help")
            self.assertEqual((done.returncode, done.stdout.split("\n")[0][:18 + len(name)]), (0, f"usage: ringway-lb {name}"[:18 + len(name)]))
            self.assertRegex(manual, rf"\*{name}\*")
            for option in re.findall(r"--[a-z-]+", done.stdout):
                self.assertIn(f"*{option}*", manual)


class Verbs:
    """In one datapath."""

    DATAPATH = None

    @classmethod
    def setUpClass(cls):
        cls.lb = BED.lb
        cls.lb.start(cls.DATAPATH, kinds=["ipip4", "gue6"])
        cls.addClassCleanup(cls.lb.stop)

    def setUp(self):
        BED.lb.ask("reload", "--discard")
        self.assertTrue(eventually(lambda: self.lb.ask("status")["reals"]["no_neighbour"] == 0, 5))

    def say(self, *command, code=0):
        done = run(LB, *command, "--socket", self.lb.socket)
        self.assertEqual(done.returncode, code, done.stderr)
        if code != 0:
            self.assertRegex(done.stderr, r"\Aringway-lb: error: [^\n]*\n\Z")
            return done.stderr
        return done.stdout

    def real(self, vip, name):
        return next(r for r in self.lb.ask("reals", vip)["reals"] if r["name"] == name)

    def count(self, rows, name):
        return next(r for r in self.lb.ask("stats")[rows] if r["name"] == name)

    def test_every_verb_speaks_to_people_and_in_json(self):
        for command in VERBS:
            with self.subTest(command=command):
                self.assertIs(self.lb.ask(*command)["ok"], True)
                text = self.say(*command)
                self.assertGreater(len(text.splitlines()), 1)
                self.assertNotIn("{\"ok\"", text)
        self.assertIn(f"datapath {self.DATAPATH}, up ", self.say("status"))
        self.assertEqual(self.lb.ask("status")["datapath"], self.DATAPATH)
        self.assertEqual([p["name"] for p in self.lb.ask("status")["ports"]], self.lb.ports)
        self.assertEqual(self.lb.ask("status")["alarms"], [])

    def test_the_socket_is_the_owners_alone(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.lb.socket).st_mode), 0o600)
        done = subprocess.run([LB, "status", "--socket", self.lb.socket], capture_output=True, text=True, user=65534)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Permission denied", done.stderr)

    def test_what_the_balancer_refuses(self):
        self.assertIn("nobody", self.say("drain", "nobody", "r1", code=1))
        self.assertIn("nobody", self.say("set-weight", WEB, "nobody", "1", code=1))
        self.assertIn("r1", self.say("add-real", WEB, BED.real("r1").address[4], "--name", "r1", code=1))
        self.assertIn("there is no port 2: they are 0 to 1", self.say("explain", "--src", "1.2.3.4:5", "--dst", "10.1.0.100:80", "--port", "2", code=1))

    def test_a_second_balancer_does_not_take_the_socket(self):
        done = BED.run(self.lb.ns, LB, "--config", self.lb.config, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIs(self.lb.ask("status")["ok"], True)

    def test_changes_survive_a_reload_are_marked_and_go_with_discard(self):
        self.say("drain", WEB, "r1")
        self.say("set-weight", WEB, "r2", "5")
        self.say("remove-real", ECHO, "r3")
        self.say("add-real", ECHO, BED.real("r3").address[4], "--name", "another", "--weight", "2", "--port", "9")
        for _ in range(2):
            self.assertEqual(self.real(WEB, "r1")["state"], "drained")
            self.assertEqual(self.real(WEB, "r1")["effective"], 0)
            self.assertEqual(self.real(WEB, "r2")["weight"], 5)
            self.assertEqual(self.real(ECHO, "another")["from_file"], False)
            self.assertEqual({(c["vip"], c["real"], c["what"]) for c in self.lb.ask("status")["changes"]},
                             {(WEB, "r1", "drained"), (WEB, "r2", "weight 5"), (ECHO, "r3", "removed"), (ECHO, "another", "added")})
            text = self.say("reals", WEB)
            self.assertEqual(len(re.findall(r"  \*$", text, re.M)), 2, text)
            self.assertIn("* changed at run time", text)
            self.assertIn("weight = 5", self.say("config"))
            self.assertEqual(set(BED.curl("10.1.0.100", count=30)), {"r2", "r3"})
            self.say("reload")
        self.say("reload", "--discard")
        self.assertEqual(self.lb.ask("status")["changes"], [])
        self.assertEqual(set(BED.curl("10.1.0.100", count=60)), {"r1", "r2", "r3"})

    def test_what_config_prints_is_taken_again(self):
        self.say("set-weight", WEB, "r2", "5")
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(self.say("config"))
            file.flush()
            done = run(LB, "--config", file.name, "--check-config", *self.lb.ports)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_file_that_is_refused_changes_nothing(self):
        good = self.lb.config.read_text()
        self.addCleanup(self.lb.config.write_text, good)
        before = self.lb.ask("status")["generation"]
        self.lb.config.write_text(good + "[[vip]]\naddress = 7\n")
        self.assertIn(self.lb.config.name, self.say("reload", code=1))
        self.assertEqual(self.lb.ask("status")["generation"], before)
        self.assertEqual(len(BED.curl("10.1.0.100", count=5)), 5)

    def test_conns_shows_the_flow_that_explain_predicted_and_stats_move(self):
        for vip, family in (("10.1.0.100", 4), (BED.vip("gue6", 6), 6)):
            kind = "ipip4" if family == 4 else "gue6"
            name, source = f"{kind}-{family}-echo", {4: "10.1.0.2", 6: "fd01::2"}[family]
            with BED.client_socket(vip, socket.SOCK_DGRAM) as client:
                client.bind(("", 0))
                client.settimeout(3)
                port = client.getsockname()[1]
                ends = [f"[{a}]:{p}" if family == 6 else f"{a}:{p}" for a, p in ((source, port), (vip, 7))]
                question = ["explain", "--src", ends[0], "--dst", ends[1], "--proto", "udp", "--payload", "5"]
                before = self.lb.ask(*question)
                self.assertIsNone(before["connection"])
                self.assertEqual((before["vip"], before["outcome"]), (name, "ipip" if family == 4 else "gue"))
                real = before["real"]["name"]
                old = self.count("vips", name), self.count("events", "conn_new")
                client.sendto(b"hello", (vip, 7))
                self.assertIn(real, client.recv(1000).decode())
                found = [c for c in self.lb.ask("conns", "--vip", name)["conns"] if c["source_port"] == port]
                self.assertEqual([(c["source"], c["destination"], c["real"], c["state"]) for c in found],
                                 [(source, vip, real, "half_open")])
                after = self.lb.ask(*question)
                self.assertEqual((after["connection"]["bucket"], after["connection"]["slot"], after["connection"]["real"]),
                                 (found[0]["bucket"], found[0]["slot"], real))
                self.assertEqual(after["real"], before["real"])
                self.assertEqual(after["hex"], before["hex"])
                self.assertIn(f"{ends[0]}  {ends[1]}", " ".join(self.say("conns", "--real", real).split(" ")).replace("   ", "  "))
                self.assertEqual(self.count("vips", name)["packets"], old[0]["packets"] + 1)
                self.assertEqual(self.count("vips", name)["bytes"] - old[0]["bytes"], (20 if family == 4 else 40) + 8 + 5 + 14)
                self.assertGreater(self.count("events", "conn_new")["count"], old[1]["count"])

    def test_what_leaves_is_what_explain_printed(self):
        with BED.client_socket("10.1.0.100", socket.SOCK_DGRAM) as client:
            client.bind(("", 0))
            told = self.lb.ask("explain", "--src", f"10.1.0.2:{client.getsockname()[1]}", "--dst", "10.1.0.100:7", "--proto", "udp",
                               "--payload", "9")
            sniffer = BED.sniffer(BED.net, "b1-lb0")  # the other end of the balancer's port: ahead of what decapsulates
            client.sendto(bytes(9), ("10.1.0.100", 7))
            expected = bytearray.fromhex(told["hex"])
            # what the client's kernel chooses: the inner identification, the checksums that cover it
            for frame in iter(lambda: bytearray(sniffer.recv(65536)), None):
                if frame[12:14] == b"\x08\x00" and frame[23] == 4:
                    break
            for start in (38, 44):
                frame[start:start + 2] = expected[start:start + 2]
            for start in (18, 24):
                frame[start:start + 2] = expected[start:start + 2]
            self.assertEqual(frame.hex(), expected.hex())

    def test_drops_count_by_name(self):
        def drops():
            return {d["name"]: d["packets"] for d in self.lb.ask("drops")["drops"]}
        before = drops()
        with BED.client_socket("10.1.0.100", socket.SOCK_DGRAM) as client:
            client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
            for _ in range(7):
                client.sendto(b"too far", ("10.1.0.100", 7))
        self.assertTrue(eventually(lambda: drops()[REASON] == before[REASON] + 7), drops())
        self.assertEqual(sum(drops().values()) - sum(before.values()), 7)
        row = next(d for d in self.lb.ask("drops")["drops"] if d["name"] == REASON)
        self.assertEqual(row["ports"], {self.lb.ports[0]: row["packets"]})
        self.assertRegex(self.say("drops"), rf"(?m)^{REASON} +{row['packets']} +- +TTL or hop limit is used up$")

    def test_watching(self):
        process = BED.start(LB, "stats", "--watch", "1", "--json", "--socket", self.lb.socket)
        self.assertTrue(eventually(lambda: process.stdout.count("\n") >= 2, 5))
        BED.curl("10.1.0.100", count=3)
        lines = process.stdout.count("\n")
        self.assertTrue(eventually(lambda: process.stdout.count("\n") >= lines + 2, 5))
        self.assertEqual(process.stop(signal.SIGINT), -signal.SIGINT)
        answers = [json.loads(line) for line in process.stdout.splitlines()]
        packets = [next(v["packets"] for v in a["vips"] if v["name"] == WEB) for a in answers]
        self.assertEqual(packets, sorted(packets))
        self.assertGreater(packets[-1], packets[0])
        self.assertGreater(answers[-1]["uptime_s"], answers[0]["uptime_s"] + 0.9)

    def test_what_explain_says_that_a_real_needs(self):
        text = self.say("explain", "--real", "r1", "--vip", WEB)
        self.assertIn("\nip addr add 10.1.0.100/32 dev lo\n", text)
        self.assertIn("ringway-decap", text)
        checked = sh("sh", "-n", "-c", text)
        self.assertEqual(checked.stderr, "")


class Xdp(Verbs, unittest.TestCase):
    DATAPATH = "xdp"


class Afxdp(Verbs, unittest.TestCase):
    DATAPATH = "afxdp"


if __name__ == "__main__":
    main()
