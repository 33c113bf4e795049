#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The examples, as built against the installed package: each forwards real frames and says the truth about them."""
import json
import os
import pathlib
import signal
import socket
import struct
import tempfile
import time
import unittest

import rwtest

EXAMPLES = pathlib.Path(os.environ.get("RINGWAY_EXAMPLES") or rwtest.BIN.parent / "test/consume/examples")
A, B = b"\x02\0\0\0\0\x0a", b"\x02\0\0\0\0\x0b"


def example(name):
    for path in (EXAMPLES / name / name, EXAMPLES / name / "bin" / name):
        if path.exists():
            return path
    raise RuntimeError(f"{name} is not built: run the tests of label consume first")


def udp(number, port):
    """Ethernet, IPv4, UDP; the payload is its number."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 46, number & 0xffff, 0, 64, 17, 0, b"\x0a\0\0\x01", b"\x0a\0\0\x02")
    return B + A + b"\x08\0" + ip + struct.pack("!HHHH", 4000, port, 26, 0) + struct.pack("!I", number) + bytes(14)


class Examples(unittest.TestCase):
    def setUp(self):
        self.bed = self.enterContext(rwtest.Testbed())
        self.left, self.dut, self.right = (self.bed.ns(role) for role in ("left", "dut", "right"))
        self.bed.veth(self.left, "l0", self.dut, "d0")
        self.bed.veth(self.right, "r0", self.dut, "d1")
        self.l0, self.r0 = self.bed.sniffer(self.left, "l0", 2.0), self.bed.sniffer(self.right, "r0", 2.0)

    def start(self, name, *arguments):
        process = self.bed.start(example(name), f"{self.dut}/d0", *arguments)
        process.wait_for(f"{name}: ready")
        return process

    def received(self, sniffer, source):
        """The next frame that came over the wire, not one that was sent here."""
        while True:
            frame, address = sniffer.recvfrom(2048)
            if address[2] != socket.PACKET_OUTGOING and frame[6:12] == source:
                return frame

    def nothing_within(self, sniffer, source, seconds):
        sniffer.settimeout(seconds)
        with self.assertRaises(socket.timeout):
            self.received(sniffer, source)
        sniffer.settimeout(2.0)

    def test_reflect_sends_back_what_comes_with_addresses_exchanged(self):
        reflect = self.start("reflect")
        for number in range(100):
            sent = udp(number, 53)
            self.l0.send(sent)
            self.assertEqual(self.received(self.l0, B), A + B + sent[12:])
        self.assertEqual(reflect.stop(), 0)
        self.assertIn("100 received, 100 sent", reflect.stdout)

    def test_embed_forwards_and_reports_as_its_program_likes(self):
        with tempfile.TemporaryDirectory() as folder:
            fifo = os.path.join(folder, "stdin")
            os.mkfifo(fifo)
            ports = f"{self.dut}/d0 {self.dut}/d1"
            embed = self.bed.start("sh", "-c", f"exec {example('embed')} {ports} <{fifo}")
            with open(fifo, "w"):
                embed.wait_for('"seconds"')
                for number in range(50):
                    sent = udp(number, 53)
                    self.l0.send(sent)
                    self.assertEqual(self.received(self.r0, A), sent)
            self.assertEqual(embed.wait(10), 0)
        last = json.loads(embed.stdout.splitlines()[-1])
        first, second = (last[f"{self.dut}/{port}"] for port in ("d0", "d1"))
        self.assertEqual((first["rx"], second["tx"]), (50, 50))

    def test_filter_drops_by_its_table_and_reloads_it_under_traffic(self):
        with tempfile.NamedTemporaryFile("w", suffix=".ports") as table:
            self.rewrite(table, "53\n")
            chosen = self.start("filter", f"{self.dut}/d1", table.name)
            self.l0.send(udp(1, 53))
            self.nothing_within(self.r0, A, 0.3)
            self.l0.send(udp(2, 80))
            self.assertEqual(self.received(self.r0, A), udp(2, 80))

            self.rewrite(table, "80\nnonsense\n")
            os.kill(chosen.pid, signal.SIGHUP)
            chosen.wait_for("is no port number")
            self.l0.send(udp(3, 80))
            self.assertEqual(self.received(self.r0, A), udp(3, 80), "a bad file leaves the old table")

            self.rewrite(table, "80\n")
            os.kill(chosen.pid, signal.SIGHUP)
            deadline = time.monotonic() + 5
            sent = 0
            while "reloaded" not in chosen.stdout and time.monotonic() < deadline:
                self.l0.send(udp(sent, 443))  # traffic all the while: none of it may be lost
                sent += 1
                self.assertEqual(self.received(self.r0, A)[36:38], struct.pack("!H", 443))
            self.assertIn("reloaded, 1 ports denied", chosen.stdout)
            self.l0.send(udp(4, 80))
            self.nothing_within(self.r0, A, 0.3)
            self.l0.send(udp(5, 53))
            self.assertEqual(self.received(self.r0, A), udp(5, 53))
            self.assertEqual(chosen.stop(), 0)
            self.assertIn("denied_port 2", chosen.stdout)

    @staticmethod
    def rewrite(file, text):
        pathlib.Path(file.name).write_text(text)


if __name__ == "__main__":
    rwtest.main()
