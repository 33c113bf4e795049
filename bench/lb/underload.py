#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What traffic notices of what happens to the balancer, on veth in namespaces of its own. Root.

    bench/lb/underload.py [--bin DIR] [--datapath xdp|afxdp] [--seconds S] KIND RATE

    syn-flood, udp-flood   RATE frames/s from random sources, while 1024 established flows send 10,000 a second
    reload                 RATE frames/s to 1000 VIPs, while every half second another configuration is put in force: the next
                           hundred VIPs get another set of reals; one real of all of them goes or comes

One line of JSON: frames offered and received of the flows that count, what the balancer says of its connections, its memory.
"""
from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
import threading
import time
from typing import Any

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
from ringway_bench import duts, testbed, tools, wire  # noqa: E402
from ringway_bench.generator import Generator, Traffic  # noqa: E402
from ringway_bench.process import Process, run  # noqa: E402
from ringway_bench.running import RunningDut  # noqa: E402
from ringway_bench.testbed import Port  # noqa: E402

ESTABLISHED, THEIR_RATE = 1024, 10_000
VIPS, REALS, EVERY = 1000, 20, 0.5  # of reload
TURN = 10  # configurations, one after the other
FLOODS = {"syn-flood": "tcp-syn", "udp-flood": "udp"}


def balancer(datapath: str) -> duts.DutSpec:
    return duts.load(f"ringway-lb-{datapath}")


def events(args: argparse.Namespace, folder: str) -> dict[str, int]:
    """What has become of connections, as the balancer counts it."""
    socket = os.path.join(folder, f"{balancer(args.datapath).name}-0-0.json.sock")
    said = json.loads(run(os.path.join(args.bin, "ringway-lb"), "stats", "--json", "--socket", socket))
    return {e["name"]: e["count"] for e in said["events"] if e["name"].startswith("conn_")}


def flood(args: argparse.Namespace) -> dict[str, Any]:
    """The flood comes by the same port as the flows, so what of them leaves is counted by the ring that they are sent by; what
    arrives is told apart by its stamps."""
    found = tools.Tools.find(args.bin)
    with testbed.make("p2p", cpus=(found.generator_cpu, found.dut_cpu)) as bed, \
            RunningDut(balancer(args.datapath), bed, found) as dut:
        mac = Port(bed.places[0].ns, bed.places[0].ports[0]).mac()
        flows = Traffic(flows=ESTABLISHED, destination=mac, engine="afxdp", size=64)
        generator = Generator(found, bed)
        generator.run(flows, rate=THEIR_RATE, seconds=1.0, stamp=True)  # establishes them: two packets each, and more
        memory = dut.memory_kb()
        words = [found.gen, str(bed.gen), "--cpu", str(found.generator_cpu), "--json", "-", "-q", "--dst-mac", mac,
                 "--protocol", FLOODS[args.kind], "--flows", str(1 << 24), "--vary", "src-ip,src-port", "--distribution",
                 "random", "--rate", str(round(args.rate)), "--duration", f"{args.seconds + 2:g}"]
        flooding = Process(words)
        try:
            time.sleep(1.0)
            sent = generator.run(flows, rate=THEIR_RATE, seconds=args.seconds, sink="analyse")
            while flooding.wait(0.05) is None:
                dut.check()
        finally:
            flooding.kill()
        if flooding.code != 0:
            raise SystemExit(f"underload: error: {flooding.stderr.strip()}")
        assert sent.analysed is not None
        flooded = json.loads(flooding.stdout)["offered"] / (args.seconds + 2)
        return {"offered": sent.offered, "received": sent.analysed["unique"], "flood": flooded, "asked": args.rate,
                "memory_kb": [memory, dut.memory_kb()],
                "connections": events(args, bed.folder)}


def configuration(socket: str, mac: str, port: str, number: int) -> str:
    """The number-th: every one differs from the one before it by a hundred VIPs' reals and by one real of all."""
    lines = ["[control]", f'socket = "{socket}"']
    for v in range(VIPS):
        address = f"198.19.{(v + 1) >> 8}.{(v + 1) & 255}"
        lines += ["[[vip]]", f'name = "v{v}"', f'address = "{address}"', "port = 9", 'protocol = "udp"', 'announce = "none"',
                  'method = "l2"']
        shift = v // 100 == number % TURN
        for r in range(REALS):
            if r != 7 or number % 2 == 0:
                lines += ["[[vip.real]]", f'address = "192.0.2.{1 + r + shift}"']
    for r in range(REALS + 1):
        lines += ["[[next-hop]]", f'real = "192.0.2.{1 + r}"', f'mac = "{mac}"', f'interface = "{port}"']
    return "\n".join(lines) + "\n"


def reload(args: argparse.Namespace) -> dict[str, Any]:
    found = tools.Tools.find(args.bin)
    spec = dataclasses.replace(balancer(args.datapath), setup=("true",))
    stop, done = threading.Event(), []
    with testbed.make("p2p", cpus=(found.generator_cpu, found.dut_cpu)) as bed:
        file = os.path.join(bed.folder, f"{spec.name}-0-0.json.toml")
        for number in range(TURN):  # now: writing them takes a CPU that is somebody's during the trial
            with open(f"{file}.{number}", "w", encoding="utf-8") as f:
                f.write(configuration(file + ".sock", testbed.NOBODY, bed.places[0].ports[1], number))

        def put(number: int) -> None:
            os.link(f"{file}.{number % TURN}", file + ".new")
            os.rename(file + ".new", file)

        def again(pid: int) -> None:
            while not stop.wait(EVERY):
                done.append(time.monotonic())
                put(len(done))
                os.kill(pid, signal.SIGHUP)

        put(0)
        with wire.Wire(bed, found, spec, Traffic(flows=VIPS, vary=("dst-ip",))) as w:
            assert w.dut is not None
            reloading = threading.Thread(target=again, args=(w.dut.pids[0],))
            quiet = w.trial(args.rate, args.seconds)
            reloading.start()
            try:
                outcome = w.trial(args.rate, args.seconds)
            finally:
                stop.set()
                reloading.join()
            return {"offered": outcome.offered, "received": outcome.received, "asked": args.rate,
                    "reloads": w.dut.output.count("ringway-lb: reloaded "),
                    "signals": len(done), "losses": outcome.record["balance"],
                    "foreign": foreign(outcome.record),
                    "without": {"offered": quiet.offered, "received": quiet.received, "foreign": foreign(quiet.record)}}


def foreign(record: dict[str, Any]) -> dict[str, Any]:
    """The longest stretch for which something else had the worker's CPU."""
    return {k: record.get(k) for k in ("off_cpu_us", "off_cpu_by")}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("kind", choices=(*FLOODS, "reload"))
    p.add_argument("rate", type=float)
    p.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
    p.add_argument("--datapath", choices=("xdp", "afxdp"), default="xdp")
    p.add_argument("--seconds", type=float, default=5.0)
    args = p.parse_args()
    result = reload(args) if args.kind == "reload" else flood(args)
    print(json.dumps({"kind": args.kind, "datapath": args.datapath, "seconds": args.seconds, **result}))


if __name__ == "__main__":
    main()
