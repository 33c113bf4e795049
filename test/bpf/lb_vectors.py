#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""lb_vectors.py LB_DUMP [FOLDER]: packet vectors of another load balancer, against ours.

FOLDER, or the environment variable RINGWAY_VECTORS, holds base_ipip.json, base_gue.json and icmp_too_big.json: lists of
{name, input, expected_verdict, expected_output}, frames in base64. They are not part of the project. Without the folder
the test is skipped, loudly (77; 1 under CI=true).

Compared: the verdict, and of what leaves every byte but those that depend on the other balancer's own hash or on a
decision that differs (docs/lb-vectors.md): the real's address, the outer source address, the GUE source port, the IPv6
flow label, the outer IPv4 DF bit, and the checksums that cover these. Equal flows must get equal reals of the VIP's set.
"""
import base64
import ipaddress
import json
import os
import pathlib
import subprocess
import sys

REALS4 = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
REALS6 = ("fc00::1", "fc00::2", "fc00::3")
TTL_KEEP, SUM_FULL = 1, 8
MAC, NEXT_HOP = "020000000000", "0000deadbeaf"
# address, port, protocol, hash, reals
VIPS = (("10.200.1.1", 80, 17, "5tuple", REALS4), ("10.200.1.1", 80, 6, "5tuple", REALS4),
        ("10.200.1.2", 0, 6, "no-dst-port", REALS4), ("10.200.1.3", 80, 6, "5tuple", REALS6),
        ("10.200.1.4", 0, 6, "dst-port", REALS4), ("fc00:1::1", 80, 6, "5tuple", REALS6),
        ("10.200.1.6", 80, 17, "5tuple", REALS4), ("10.200.1.99", 80, 6, "5tuple", ()))
# Why a vector is not ours to pass; a word of its name.
NOT_OURS = {"QUIC": "connection ids in the other balancer's own format; no VIP of ours looks into QUIC"}
# Where we decide differently, and what we do instead.
DIFFERENT = {
    "trigger PACKET TOOBIG": ("drop", "the answer cannot be made there; here a packet without DF is dropped by name"),
    "ICMPv4 packet too big": ("drop", "without DF nobody may be asked to send less: dropped as too_big; with DF, below"),
}
FILES = {"base_ipip.json": "ipip", "base_gue.json": "gue", "icmp_too_big.json": "ipip"}


def configuration(method, mtu):
    lines = ["port 1 %d %s" % (mtu, MAC)]
    for address, port, proto, mode, reals in VIPS:
        lines.append("vip %s %d %d %s ping" % (address, port, proto, mode))
        for real in reals:
            source = "fc00:2307::1337" if ":" in real else "10.0.13.37"
            lines.append("real %s 0 %s 1 %s 9886 64 %d 0 0 %s 1 up" % (real, method, source, TTL_KEEP | SUM_FULL, NEXT_HOP))
    return lines + ["apply"]


def run(dump, lines, frames):
    text = "\n".join(lines + ["packet " + frame.hex() for frame in frames]) + "\n"
    done = subprocess.run([dump], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit("lb_vectors: %s" % done.stderr)
    answers = [line.split(" ") for line in done.stdout.splitlines()]
    return [(int(a[0]), a[1], a[2], bytes.fromhex(a[3])) for a in answers]


def verdict_name(verdict):
    return "XDP_PASS" if verdict == 0xfffe else "XDP_TX" if verdict < 0x8000 else "XDP_DROP"


def folded(data):
    """The sum of RFC 1071 of big-endian words, not complemented."""
    data += b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def outer_checks(frame):
    """What is wrong with the outer checksums of a frame of ours; empty: nothing."""
    if frame[12:14] == b"\x08\x00":
        if folded(frame[14:34]) != 0xffff:
            return "outer IPv4 checksum"
        pseudo, l4, proto = frame[26:34], 34, frame[23]
    else:
        pseudo, l4, proto = frame[22:54], 54, frame[20]
    if proto != 17:
        return ""
    segment = frame[l4:l4 + int.from_bytes(frame[l4 + 4:l4 + 6], "big")]
    if folded(pseudo + bytes((0, 17)) + len(segment).to_bytes(2, "big") + segment) != 0xffff:
        return "outer UDP checksum"
    return ""


def masked(frame):
    """The encapsulated frame without what may differ."""
    data = bytearray(frame)
    if data[12:14] == b"\x08\x00":
        data[20] &= 0xbf                                            # DF
        data[24:26] = bytes(2)                                      # checksum
        data[26:34] = bytes(8)                                      # source, real
        if data[23] == 17:
            data[34:36] = data[40:42] = bytes(2)                    # source port, checksum
    else:
        data[15] &= 0xf0                                            # flow label
        data[16:18] = bytes(2)
        data[22:54] = bytes(32)
        if data[20] == 17:
            data[54:56] = data[60:62] = bytes(2)
    return bytes(data)


def judge(vector, answer):
    """Empty, or what differs."""
    verdict, stage, real, out = answer
    want = vector["expected_verdict"]
    if verdict_name(verdict) != want:
        return "verdict %s (%#x), wanted %s" % (verdict_name(verdict), verdict, want)
    expected = base64.b64decode(vector["expected_output"])
    if want != "XDP_TX":
        return "" if out == expected else "bytes of a packet that is not sent"
    if stage == "echo":
        return "" if out == expected else "echo answer: %s" % out.hex()
    if not any(ipaddress.ip_address(real) == ipaddress.ip_address(r) for r in REALS4 + REALS6):
        return "real %s" % real
    if masked(out) != masked(expected):
        return "bytes:\n      ours  %s\n      their %s" % (masked(out).hex(), masked(expected).hex())
    return outer_checks(out)


def main():
    dump = sys.argv[1]
    where = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("RINGWAY_VECTORS", "")
    folder = pathlib.Path(where)
    if not where or not folder.is_dir():
        print("lb_vectors: SKIPPED, NOTHING WAS COMPARED: no folder of vectors (RINGWAY_VECTORS or an argument)", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 77
    good = wrong = left = different = 0
    for name, method in FILES.items():
        vectors = json.loads((folder / name).read_text())
        inputs = [base64.b64decode(v["input"]) for v in vectors]
        twice = run(dump, configuration(method, 1500), inputs + inputs)
        for vector, answer, again in zip(vectors, twice, twice[len(inputs):]):
            title = "%s: %s" % (name, vector["name"])
            if any(word in vector["name"] for word in NOT_OURS):
                left += 1
                continue
            other = next((d for word, d in DIFFERENT.items() if word in vector["name"]), None)
            if other:
                fault = "" if verdict_name(answer[0]) == "XDP_DROP" else "verdict %#x, wanted a drop" % answer[0]
                different += not fault
            else:
                fault = judge(vector, answer) or ("" if answer == again else "the same packet again: another real")
                good += not fault
            if fault:
                wrong += 1
                print("DIFFERS  %s: %s" % (title, fault))
    print("lb_vectors: %d equal, %d decided differently as documented, %d about QUIC left out, %d differ"
          % (good, different, left, wrong))
    return 1 if wrong or not good else 0


if __name__ == "__main__":
    sys.exit(main())
