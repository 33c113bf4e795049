#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""demo-summary.py DIRECTORY DATAPATH...: what became of the frames of each run, from its two reports.

Exits with 1 unless every datapath delivered 99.9 % of what was offered at the least, at half of the rate asked for or more,
and offered = delivered + losses that have a name.

demo-summary.py --paced DIRECTORY DATAPATH: exits with 1 if the generator was kept from its schedule.
"""
import json
import pathlib
import sys

ENOUGH = 0.999
# Of the frames that fell due: below, other work had the generator's CPU, and the run is worth another attempt; and what it
# has to be if all attempts were like that, on a machine that is busy.
PACED, LEAST = 0.95, 0.5


def generated(directory, datapath):
    return json.loads((directory / f"{datapath}-gen.json").read_text())


def paced(generator, share=PACED):
    return generator["offered"] >= share * (generator["offered"] + generator["refused"] + generator["late"])


def losses(report):
    """Every way in which the forwarder lost a frame, by name."""
    named = {}

    def add(name, packets):
        if packets:
            named[name] = named.get(name, 0) + packets

    for port in report["ports"]:
        for name in ("rx_dropped", "rx_ring_full"):
            add(name, port.get("kernel", {}).get(name, 0))
        for name in ("passed", "punted", "unserved_queue"):
            add(name, port[name])
        for name, packets in port["drops"].items():
            add(name, packets)
    return named


def mode(report):
    port = report["ports"][0]
    how = f"{port['attach']} XDP"
    if report["datapath"] == "xdp":
        return f"{how}, in the kernel"
    return f"{how}, {'zero-copy' if port['zero_copy'] else 'copy mode'}"


def judge(directory, datapath):
    """Prints one run's lines; what is wrong with it."""
    generator = generated(directory, datapath)
    forwarder = json.loads((directory / f"{datapath}-l2fwd.json").read_text())
    offered, delivered = generator["offered"], generator["sinks"][0]["packets"]
    lost = losses(forwarder)
    unexplained = offered - delivered - sum(lost.values())
    share = delivered / offered if offered else 0.0
    speed = delivered / generator["duration_s"] / 1e6 if generator["duration_s"] else 0.0
    print(f"{datapath:<6} {offered:>10,} {delivered:>10,} {100 * share:>10.3f} % {speed:>8.4f}   {mode(forwarder)}")
    print(f"       lost: {', '.join(f'{n} {p:,}' for n, p in lost.items()) or 'none'}"
          + (f", unexplained {unexplained:,}" if unexplained else "")
          + (f"; skipped by the generator {generator['late']:,}" if generator["late"] else ""))
    wrong = []
    if share < ENOUGH:
        wrong.append(f"{datapath} delivered {100 * share:.3f} % of {offered} frames, {100 * ENOUGH} % are asked for")
    if not paced(generator, LEAST):
        wrong.append(f"{datapath}: only {offered} frames could be sent, {generator['late']} were skipped: other work had the CPU")
    elif not paced(generator):
        print("       offered less than was asked for, in every attempt: other work had the generator's CPU")
    if unexplained:
        wrong.append(f"{datapath}: {unexplained} frames have gone without a name")
    return wrong


def main():
    if sys.argv[1] == "--paced":
        return 0 if paced(generated(pathlib.Path(sys.argv[2]), sys.argv[3])) else 1
    directory = pathlib.Path(sys.argv[1])
    print(f"{'':<6} {'offered':>10} {'delivered':>10} {'':>12} {'Mpps':>8}   mode obtained")
    wrong = [line for datapath in sys.argv[2:] for line in judge(directory, datapath)]
    for line in wrong:
        print(f"demo: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
