# SPDX-License-Identifier: BSD-2-Clause
"""Stamped frames and HdrHistogram's encoding, made and read anew: what ringway-gen does is held against this."""
import base64
import struct
import time
import zlib

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

MAGIC = 0x72777374
SRC, DST = "198.18.0.1", "198.19.0.1"
PORTS = {"sport": 49152, "dport": 9}


def stamp(sequence, flow=0, intended=None):
    """The 18 bytes of bpf/stamp.h."""
    intended = time.monotonic_ns() if intended is None else intended
    folded = MAGIC ^ flow ^ sequence & 0xffffffff ^ intended & 0xffffffff ^ intended >> 32
    return struct.pack("<HIIQ", (folded ^ folded >> 16) & 0xffff, flow, sequence & 0xffffffff, intended)


MACS = {"dst": "02:00:00:00:00:01", "src": "02:00:00:00:00:02"}
HEAD = bytes(Ether(**MACS, type=0x0800) / IP(src=SRC, dst=DST, len=46, flags="DF") / UDP(**PORTS, len=26, chksum=0))


def frame(sequence, flow=0, intended=None):
    """The smallest stamped frame; a thousand times faster than Scapy makes one."""
    return HEAD + stamp(sequence, flow, intended)


def chosen(sequence):
    """Is it one of those that a sampling sink looks at?"""
    return (sequence * 0x9E3779B1 & 0xffffffff) >> 26 == 0


def decode_hdr(text):
    """HdrHistogram's compressed V2 encoding, from its description: {bucket's lowest value: count}."""
    raw = base64.b64decode(text, validate=True)
    cookie, size = struct.unpack(">II", raw[:8])
    assert cookie == 0x1c849314 and size == len(raw) - 8, (hex(cookie), size)
    plain = zlib.decompress(raw[8:])
    cookie, size, offset, digits, lowest, highest, ratio = struct.unpack(">IIIIQQd", plain[:40])
    assert cookie == 0x1c849313 and size == len(plain) - 40, (hex(cookie), size)
    assert (offset, digits, lowest, ratio) == (0, 3, 1, 1.0) and highest == 2**36 - 1, (offset, digits, lowest, ratio)
    counts, index, at = {}, 0, 40
    while at < len(plain):
        value = shift = 0
        while True:  # LEB128, of which a ninth byte is whole
            byte, at = plain[at], at + 1
            value |= (byte if shift == 56 else byte & 0x7f) << shift
            shift += 7
            if byte < 0x80 or shift == 63:
                break
        value = value >> 1 ^ -(value & 1)  # ZigZag
        if value < 0:
            index -= value
            continue
        # counts index -> value: 2048 sub-buckets, then 1024 for each doubling
        bucket = max(0, index // 1024 - 1)
        counts[(index - bucket * 1024) << bucket] = value
        index += 1
    return counts
