#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""scapy_oracle.py PARSE_DUMP [--packets N] [--seed S] [--save FILE | --replay FILE]

Two equal datapaths can be equally wrong. So packets of all classes are built with Scapy, and what the core must find in
them is computed from the fields that Scapy was given or filled in, never from a parser of ours: outcome, offsets,
ports, sums; the bytes after NAT-like rewriting are those of a packet that Scapy builds anew with the new address and
port; the bytes after each l2 mode those of Scapy's Ethernet header before the same payload.

PARSE_DUMP is the native core behind a line protocol (parse_dump.cpp). --save writes packets and expectations to a file,
--replay takes them from it. Prints the first differing packets; exit 0 when there is none, 1 otherwise, 2 on usage.
"""
import argparse
import json
import multiprocessing
import random
import socket
import subprocess
import sys

from scapy.config import conf
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_RR, in4_chksum
from scapy.layers.inet6 import (ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, PadN, in6_chksum)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether, LLC
from scapy.packet import Raw
from scapy.utils import checksum

conf.verb = 0
FRAGMENT, LATER, PORTS, IS_ICMP, OPTIONS = 1, 2, 4, 8, 16
L2_DST, L2_SRC = "02:00:00:00:00:07", "02:aa:bb:cc:dd:ee"


def mac(r):
    return ":".join("%02x" % r.randrange(256) for _ in range(6))


def ip4(r):
    return ".".join(str(r.randrange(256)) for _ in range(4))


def ip6(r):
    return ":".join("%x" % r.randrange(65536) for _ in range(8))


def layers_len(layer):
    """Bytes of one layer as Scapy builds it, without its payload."""
    return len(bytes(layer)) - len(layer.payload)


class Case:
    """A packet, what must be found in it, and what it must become."""

    def __init__(self, r):
        self.r = r
        self.dst, self.src = mac(r), mac(r)
        self.tags = [(r.choice((Dot1Q, Dot1AD)), r.randrange(4096), r.randrange(8), r.randrange(2))
                     for _ in range(r.choice((0, 0, 0, 1, 2)))]
        self.new_src4, self.new_src6, self.new_sport = ip4(r), ip6(r), r.randrange(65536)
        self.want = {}
        self.rewritten = None

    def frame(self, payload, ethertype, trailer=b""):
        """Ethernet, the tags, then the bytes of `payload`."""
        types = [0x8100 if tag[0] is Dot1Q else 0x88a8 for tag in self.tags] + [ethertype]
        head = bytes(Ether(dst=self.dst, src=self.src, type=types[0]))
        for (cls, vlan, prio, dei), proto in zip(self.tags, types[1:]):
            fields = dict(vlan=vlan, prio=prio, type=proto)
            fields["dei" if "dei" in [f.name for f in cls.fields_desc] else "id"] = dei
            head += bytes(cls(**fields))
        return head + payload + trailer

    def expect_l2(self, ethertype):
        tci = [prio << 13 | dei << 12 | vlan for _, vlan, prio, dei in self.tags[:2]] + [0, 0]
        self.want.update(l3=14 + 4 * min(len(self.tags), 2), tags=min(len(self.tags), 2), tci="%d,%d" % tuple(tci[:2]),
                         proto3=ethertype)

    def data(self, most=64):
        r = self.r
        return r.randbytes(r.choice((0, 1, r.randrange(most), r.randrange(most), r.randrange(900))))

    # ---- transport ----
    def transport(self, v6, fields=None):
        """A transport layer, and how it looks after the rewriting: (layer, rewritten layer, protocol)."""
        r, fields = self.r, fields or {}
        kind = r.choice(("tcp", "udp", "udp", "icmp"))
        payload = Raw(self.data())
        sport, dport = r.randrange(65536), r.randrange(65536)
        if kind == "tcp":
            options = r.choice(([], [("MSS", 1460)], [("NOP", None)] * 4, [("Timestamp", (r.randrange(2**32), 0))]))
            common = dict(dport=dport, seq=r.randrange(2**32), ack=r.randrange(2**32), flags=r.randrange(512),
                          window=r.randrange(65536), options=options, **fields)
            self.want.update(sport=sport, dport=dport)
            return TCP(sport=sport, **common) / payload, TCP(sport=self.new_sport, **common) / payload, 6
        if kind == "udp":
            common = dict(dport=dport, **fields)
            if not v6 and r.randrange(6) == 0:
                common["chksum"] = 0  # none; it must stay none
            self.want.update(sport=sport, dport=dport)
            return UDP(sport=sport, **common) / payload, UDP(sport=self.new_sport, **common) / payload, 17
        if v6:
            icmp = ICMPv6EchoRequest(id=r.randrange(65536), seq=r.randrange(65536), data=bytes(payload))
            self.want.update(icmp="128,0")
            return icmp, icmp.copy(), 58
        code = r.randrange(16)
        icmp = ICMP(type=8, code=code, id=r.randrange(65536), seq=r.randrange(65536)) / payload
        self.want.update(icmp="8,%d" % code)
        return icmp, icmp.copy(), 1

    def expect_l4(self, proto, l4, layer):
        header = layers_len(layer) if proto in (6, 17) else 8
        self.want.update(outcome="ok", l4=l4, proto4=proto, payload=l4 + header)
        return PORTS if proto in (6, 17) else IS_ICMP

    # ---- IPv4 ----
    def ipv4_options(self):
        return self.r.choice(([], [], [IPOption_NOP()] * self.r.choice((1, 4, 8, 40)), [IPOption_RR(routers=[ip4(self.r)])]))

    def ipv4(self, options, **fields):
        r = self.r
        base = dict(tos=r.randrange(256), id=r.randrange(65536), flags=r.choice((0, 2)), ttl=r.randrange(256),
                    dst=ip4(r), options=options)
        base.update(fields)
        return IP(src=ip4(r), **base)

    def valid4(self):
        r = self.r
        layer, after, proto = self.transport(False)
        ip = self.ipv4(self.ipv4_options(), proto=proto)
        raw = bytes(ip / layer)
        trailer = r.randbytes(r.choice((0, 0, 6, 18)))
        self.expect_l2(0x0800)
        header = layers_len(ip)
        l3 = self.want["l3"]
        flags = self.expect_l4(proto, l3 + header, layer) | (OPTIONS if header > 20 else 0)
        l4 = raw[header:]
        l4_sum = checksum(l4) if proto == 1 else in4_chksum(proto, IP(raw), l4)
        self.want.update(end=l3 + len(raw), flags=flags, ip_sum=~checksum(raw[:header]) & 0xffff,
                         l4_sum=~l4_sum & 0xffff)
        new = ip.copy()
        new.src = self.new_src4
        self.rewritten = self.frame(bytes(new / after), 0x0800, trailer)
        return self.frame(raw, 0x0800, trailer)

    def unknown4(self):
        r = self.r
        proto = r.choice((0, 2, 41, 43, 44, 47, 50, 51, 58, 60, 89, 132, 255))
        ip = self.ipv4(self.ipv4_options(), proto=proto)
        raw = bytes(ip / Raw(self.data()))
        self.expect_l2(0x0800)
        header = layers_len(ip)
        self.want.update(outcome="ok", proto4=proto, l4=self.want["l3"] + header, end=self.want["l3"] + len(raw),
                         flags=OPTIONS if header > 20 else 0, payload=0, sport=0, dport=0)
        return self.frame(raw, 0x0800)

    def fragment4(self):
        """One of the fragments that Scapy makes of a datagram, and the same one after the rewriting."""
        r = self.r
        layer, after, proto = self.transport(False)
        layer, after = layer / Raw(b"x" * 700), after / Raw(b"x" * 700)
        ip = self.ipv4([], proto=proto, flags=0)
        new = ip.copy()
        new.src = self.new_src4
        pieces = [bytes(p) for p in IP(bytes(ip / layer)).fragment(fragsize=r.choice((96, 200, 400)))]
        after = [bytes(p) for p in IP(bytes(new / after)).fragment(fragsize=len(pieces[0]) - 20)]
        i = r.randrange(len(pieces))
        self.expect_l2(0x0800)
        l3 = self.want["l3"]
        if i == 0:
            self.want["flags"] = self.expect_l4(proto, l3 + 20, layer) | FRAGMENT
            self.rewritten = self.frame(after[0], 0x0800)
        else:
            for key in ("sport", "dport", "icmp"):
                self.want.pop(key, None)
            self.want.update(outcome="ok", l4=l3 + 20, proto4=proto, flags=FRAGMENT | LATER, sport=0, dport=0, icmp="0,0",
                             payload=0)
            self.rewritten = self.frame(pieces[i], 0x0800)
        self.want["end"] = l3 + len(pieces[i])
        return self.frame(pieces[i], 0x0800)

    # ---- IPv6 ----
    def extension(self):
        r = self.r
        pad = [PadN(optdata=b"\0" * r.choice((4, 12, 20)))]
        return r.choice((lambda: IPv6ExtHdrDestOpt(options=pad), lambda: IPv6ExtHdrHopByHop(options=pad),
                         lambda: IPv6ExtHdrRouting(type=0, segleft=0, addresses=[ip6(r)] * r.randrange(3)),
                         lambda: self.auth(r.choice((4, 12))),
                         lambda: IPv6ExtHdrFragment(id=r.randrange(2**32), offset=0, m=0)))()

    def auth(self, icv):
        """Scapy leaves AH's length to a security association; RFC 4302 2.2: words of 4 bytes, less 2."""
        r = self.r
        return AH(payloadlen=(12 + icv) // 4 - 2, spi=r.randrange(2**32), seq=r.randrange(2**32), icv=r.randbytes(icv))

    def ipv6(self, headers, proto, layer, src=None, **fields):
        """IPv6, the extension headers with their `nh` set, and the transport layer's bytes, as a Scapy packet. The
        headers are built one by one: Scapy copies all that it has so far at every `/`."""
        numbers = [{IPv6ExtHdrHopByHop: 0, IPv6ExtHdrRouting: 43, IPv6ExtHdrFragment: 44, AH: 51,
                    IPv6ExtHdrDestOpt: 60}[type(h)] for h in headers] + [proto]
        data = b""
        for header, number in zip(headers, numbers[1:]):
            header.nh = number
            data += bytes(header)
        return IPv6(src=src or self.src6, dst=self.dst6, tc=self.tc, fl=self.fl, hlim=self.hlim, nh=numbers[0],
                    **fields) / Raw(data + bytes(layer))

    def flow6(self):
        r = self.r
        self.src6, self.dst6 = ip6(r), ip6(r)
        self.tc, self.fl, self.hlim = r.randrange(256), r.randrange(1 << 20), r.randrange(256)

    def checked6(self, layer, proto, src):
        """The transport layer's bytes with the checksum that in6_chksum gives: extension headers play no part."""
        layer.fields["cksum" if proto == 58 else "chksum"] = 0
        raw = bytes(layer)
        if proto == 17:
            raw = raw[:4] + len(raw).to_bytes(2, "big") + raw[6:]
        value = in6_chksum(proto, IPv6(src=src, dst=self.dst6), raw)
        at = {6: 16, 17: 6, 58: 2}[proto]
        if proto == 17 and value == 0:
            value = 0xffff
        return raw[:at] + value.to_bytes(2, "big") + raw[at + 2:]

    def valid6(self, count=None):
        r = self.r
        self.flow6()
        headers = [self.extension() for _ in range(r.choice((0, 0, 1, 2, 3, 5, 7, 8)) if count is None else count)]
        layer, after, proto = self.transport(True)
        l4 = self.checked6(layer, proto, self.src6)
        new_l4 = self.checked6(after, proto, self.new_src6)
        raw = bytes(self.ipv6(headers, proto, Raw(l4)))
        self.expect_l2(0x86dd)
        at = len(raw) - len(l4)
        l3 = self.want["l3"]
        flags = self.expect_l4(proto, l3 + at, layer) | (OPTIONS if headers else 0)
        self.want.update(end=l3 + len(raw), ext=len(headers), flags=flags,
                         l4_sum=~in6_chksum(proto, IPv6(src=self.src6, dst=self.dst6), l4) & 0xffff)
        trailer = r.randbytes(r.choice((0, 0, 6)))
        self.rewritten = self.frame(bytes(self.ipv6(headers, proto, Raw(new_l4), src=self.new_src6)), 0x86dd, trailer)
        return self.frame(raw, 0x86dd, trailer)

    def unknown6(self):
        self.flow6()
        proto = self.r.choice((1, 50, 59, 41, 47, 132, 135, 255))
        headers = [self.extension() for _ in range(self.r.choice((0, 1, 2)))]
        data = self.data()
        raw = bytes(self.ipv6(headers, proto, Raw(data)))
        self.expect_l2(0x86dd)
        self.want.update(outcome="ok", proto4=proto, ext=len(headers), l4=self.want["l3"] + len(raw) - len(data),
                         end=self.want["l3"] + len(raw), flags=OPTIONS if headers else 0, payload=0, sport=0, dport=0)
        return self.frame(raw, 0x86dd)

    def fragment6(self):
        r = self.r
        self.flow6()
        offset, more = r.choice(((0, 1), (1, 0), (7, 1), (8191, 0), (8191, 1)))
        layer, _, proto = self.transport(True)
        for key in ("sport", "dport", "icmp") if offset else ():
            self.want.pop(key, None)
        l4 = self.checked6(layer, proto, self.src6)
        headers = [IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])] * r.randrange(2)
        headers += [IPv6ExtHdrFragment(id=r.randrange(2**32), offset=offset, m=more)]
        raw = bytes(self.ipv6(headers, proto, Raw(l4)))
        self.expect_l2(0x86dd)
        at = self.want["l3"] + len(raw) - len(l4)
        if offset:
            self.want.update(outcome="ok", l4=at, proto4=proto, flags=FRAGMENT | LATER | OPTIONS, payload=0, sport=0,
                             dport=0, icmp="0,0")
        else:
            self.want["flags"] = self.expect_l4(proto, at, layer) | FRAGMENT | OPTIONS
        self.want.update(end=self.want["l3"] + len(raw), ext=len(headers))
        return self.frame(raw, 0x86dd)

    # ---- what must be refused ----
    def too_many_tags(self):
        self.tags = [(Dot1Q, 1 + i, 0, 0) for i in range(self.r.choice((3, 3, 4, 6)))]
        self.expect_l2(0)
        self.want["outcome"] = "too_many_tags"
        return self.frame(bytes(self.ipv4([], proto=17) / UDP()), 0x0800)

    def not_ip(self):
        r = self.r
        payload, ethertype = r.choice(((bytes(ARP(pdst=ip4(r))), 0x0806), (bytes(LLC() / Raw(b"\x42" * 40)), 43),
                                       (r.randbytes(46), r.choice((0x8847, 0x88cc, 0x9000, 0x0801, 0x86dc, 0x0008)))))
        self.expect_l2(ethertype)
        self.want["outcome"] = "not_ip"
        return self.frame(payload, ethertype)

    def too_many_ext(self):
        frame = self.valid6(self.r.choice((9, 9, 10, 12)))
        self.rewritten = None
        self.want = {"outcome": "too_many_ext", "ext": 8, "l3": self.want["l3"]}
        return frame

    def bad_version(self):
        version = self.r.choice([v for v in range(16) if v not in (4, 6)] + [4, 6])
        v6 = version == 4 or (version != 6 and self.r.randrange(2))
        self.flow6()
        raw = (bytes(self.ipv6([], 17, UDP(chksum=0) / Raw(self.data()), version=version)) if v6 else
               bytes(self.ipv4([], version=version, ihl=5, proto=17) / UDP() / Raw(self.data())))
        self.expect_l2(0x86dd if v6 else 0x0800)
        self.want["outcome"] = "bad_version"
        return self.frame(raw, self.want["proto3"])

    def bad_ihl(self):
        self.expect_l2(0x0800)
        self.want["outcome"] = "bad_ihl"
        return self.frame(bytes(self.ipv4([], ihl=self.r.randrange(5), proto=6) / TCP() / Raw(self.data())), 0x0800)

    def bad_length4(self):
        """A total length beyond the frame, below the header, or below what TCP, UDP or ICMP needs."""
        r = self.r
        options = self.ipv4_options()
        layer = r.choice((TCP(), UDP(), ICMP())) / Raw(self.data())
        ip = self.ipv4(options) / layer
        real, header = len(bytes(ip)), len(bytes(ip)) - len(bytes(layer))
        need = {TCP: 20, UDP: 8, ICMP: 8}[type(layer)]
        ip.len = r.choice((real + 1, real + r.randrange(1, 5000), 65535, 0, header - 1, r.randrange(header),
                           header + r.randrange(need)))
        self.expect_l2(0x0800)
        self.want["outcome"] = "bad_length"
        return self.frame(bytes(ip), 0x0800)

    def bad_length6(self):
        r = self.r
        self.flow6()
        layer, _, proto = self.transport(True)
        for key in ("sport", "dport", "icmp"):
            self.want.pop(key, None)
        ip = self.ipv6([], proto, self.checked6(layer, proto, self.src6))
        real = len(bytes(ip)) - 40
        ip.plen = r.choice((real + 1, real + r.randrange(1, 5000), 65535, r.randrange({6: 20, 17: 8, 58: 8}[proto])))
        self.expect_l2(0x86dd)
        self.want["outcome"] = "bad_length"
        return self.frame(bytes(ip), 0x86dd)

    def truncated(self):
        """Cut inside Ethernet, a tag, or the fixed IP header."""
        v6 = self.r.randrange(2)
        frame = self.valid6() if v6 else self.valid4()
        self.rewritten = None
        self.want = {"outcome": "truncated"}
        return frame[:self.r.randrange(14 + 4 * len(self.tags) + (40 if v6 else 20))]

    def bad_l4(self):
        r = self.r
        payload = self.data()
        if r.randrange(2):
            words = r.choice((0, 1, 2, 3, 4, 15))
            layer = TCP(sport=1, dport=2, dataofs=words) / Raw(payload[:39])
        else:
            real = 8 + len(payload)
            layer = UDP(sport=1, dport=2, len=r.choice((0, 1, 7, real + 1, real + r.randrange(1, 999), 65535))) / Raw(payload)
        ip = self.ipv4([], proto=6 if TCP in layer else 17, flags=0)
        self.expect_l2(0x0800)
        self.want["outcome"] = "bad_l4"
        return self.frame(bytes(ip / layer), 0x0800)

    CLASSES = {"valid4": 8, "valid6": 8, "unknown4": 2, "unknown6": 2, "fragment4": 3, "fragment6": 3, "too_many_tags": 1,
               "not_ip": 1, "too_many_ext": 1, "bad_version": 1, "bad_ihl": 1, "bad_length4": 2, "bad_length6": 2,
               "truncated": 2, "bad_l4": 2}

    def l2(self, frame):
        """The verdict and bytes of every l2 mode, by Scapy's Ethernet header before the same payload."""
        want = {"io": "7:" + frame.hex(), "rxonly": "%d:%s" % (0x8003, frame.hex())}
        if len(frame) < 14:
            want.update(dict.fromkeys(("mac", "macswap", "l2fwd"), "%d:%s" % (0x8001, frame.hex())))
            return want
        proto, rest = int.from_bytes(frame[12:14], "big"), frame[14:].hex()
        want["macswap"] = "7:" + bytes(Ether(dst=self.src, src=self.dst, type=proto)).hex() + rest
        want["mac"] = want["l2fwd"] = "7:" + bytes(Ether(dst=L2_DST, src=L2_SRC, type=proto)).hex() + rest
        return want


def generate(seed, count, part=500):
    """Cases in parts of a seed of their own, on all CPUs: Scapy takes milliseconds for a packet."""
    parts = [(seed * 1000003 + first, min(part, count - first)) for first in range(0, count, part)]
    with multiprocessing.Pool() as pool:
        return [case for cases in pool.map(make, parts, chunksize=1) for case in cases]


def make(job):
    """Cases: (class, input line, expectations)."""
    return list(cases_of(*job))


def cases_of(seed, count):
    r = random.Random(seed)
    names = [name for name, weight in Case.CLASSES.items() for _ in range(weight)]
    r.shuffle(names)
    for i in range(count):
        name = names[i % len(names)]
        case = Case(r)
        frame = getattr(case, name)()
        want = {key: str(value) for key, value in {**case.want, **case.l2(frame)}.items()}
        if case.rewritten is not None:
            want["rewritten"] = case.rewritten.hex()
        new4 = socket.inet_pton(socket.AF_INET, case.new_src4).hex()
        new6 = socket.inet_pton(socket.AF_INET6, case.new_src6).hex()
        yield name, "%s %s %s %04x" % (frame.hex() or "-", new4, new6, case.new_sport), want


def compare(cases, dump):
    """Feeds all cases to PARSE_DUMP; returns the number that differ."""
    lines = "".join(line + "\n" for _, line, _ in cases)
    done = subprocess.run([dump], input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        print("%s ended with %d: %s" % (dump, done.returncode, done.stderr.strip()))
        return len(cases)
    answers = done.stdout.splitlines()
    if len(answers) != len(cases):
        print("%d answers for %d packets" % (len(answers), len(cases)))
        return len(cases)
    differing = 0
    for (name, line, want), answer in zip(cases, answers):
        got = dict(pair.split("=", 1) for pair in answer.split(" "))
        wrong = [key for key in want if got.get(key) != want[key]]
        if not wrong:
            continue
        differing += 1
        if differing <= 5:
            print("DIFFERS  %s\n    packet %s" % (name, line))
            for key in wrong:
                print("    %-9s Scapy %s\n              core  %s" % (key, want[key], got.get(key)))
    return differing


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dump")
    parser.add_argument("--packets", type=int, default=20010)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save")
    parser.add_argument("--replay")
    args = parser.parse_args()
    if args.replay:
        with open(args.replay) as file:
            cases = [tuple(case) for case in json.load(file)]
    else:
        cases = generate(args.seed, args.packets)
    if args.save:
        with open(args.save, "w") as file:
            json.dump(cases, file)
    differing = compare(cases, args.dump)
    seen = {}
    for name, _, _ in cases:
        seen[name] = seen.get(name, 0) + 1
    print("scapy oracle: seed %d: %s" % (args.seed, ", ".join("%s %d" % item for item in sorted(seen.items()))))
    print("scapy oracle: %d packets of %d classes, %d differ" % (len(cases), len(seen), differing))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
