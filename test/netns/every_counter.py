#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""every_counter.py VERDICT_H FILE...: every counter of a report has been seen to move, in a test that has a name.

The network tests that run in their own process leave in FILE which counters were not zero in which of their cases. The
drop reasons come from core/verdict.h, so that a new one without a test fails here. A counter that nothing can move is listed
below with its reason; once it is seen, that line is wrong, and fails as well.
"""
import pathlib
import re
import sys

COUNTERS = """rx_packets rx_bytes tx_packets tx_bytes unserved_queue taken rx_dropped rx_ring_full
 rx_fill_ring_empty_descs tx_invalid_descs tx_ring_empty_descs turns kicks rx_kicks kick_errors longest_gap_us stalls
 pool_empty busy_us""".split()
UNREACHABLE = {
    "passed": "the forwarder at layer 2 owns every packet: its programs leave none to the kernel",
    "punted": "there is no TAP device yet: what is meant for the kernel is counted as punt_unavailable",
    "rx_invalid_descs": "the kernel reads it from the RX ring, which it fills itself; a bad address in a fill ring is"
                        " skipped and not told",
}


def main(header, files):
    reasons = re.findall(r'X\(\w+,\s*"(\w+)"', pathlib.Path(header).read_text())
    if len(reasons) < 8:
        sys.exit(f"every_counter: {header}: only {len(reasons)} drop reasons found")
    seen = {}
    for file in files:
        for line in pathlib.Path(file).read_text().splitlines():
            name, case = line.split("\t", 1)
            seen.setdefault(name, f"{pathlib.Path(file).name}: {case}")
    bad = 0
    for name in COUNTERS + reasons + sorted(UNREACHABLE):
        if name in UNREACHABLE and name in seen:
            print(f"SEEN, though it is said to be unreachable: {name} ({seen[name]})")
            bad += 1
        elif name in UNREACHABLE:
            print(f"{name:26} unreachable: {UNREACHABLE[name]}")
        elif name in seen:
            print(f"{name:26} {seen[name]}")
        else:
            print(f"NEVER SEEN: {name}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
