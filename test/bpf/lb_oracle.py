#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""lb_oracle.py LB_DUMP [--packets N] [--seed S]: Scapy says what must leave the load balancer.

Packets of every kind are made by Scapy, with the frame that must come out: outer headers, answers and checksums as
Scapy builds them, from the configuration alone. Of our answer only three things are taken: which real was chosen (it must
be one of the VIP's), the GUE source port (within 49152-65535) and the IPv6 flow label (the hash is ours). All else is
compared byte for byte. What was encapsulated is given to decap as well: the packet must come out as it went in.
Exit: 0 all equal, 1 not.
"""
import argparse
import random
import subprocess
import sys

from scapy.all import (ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                       ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, IPOption_NOP, IPv6, Raw, conf)

conf.verb = 0
OUR_MAC, CLIENT_MAC, HOP_MAC = "02:00:00:00:00:01", "00:00:5e:10:20:30", "0a:00:00:00:00:63"
TTL_KEEP, DF_COPY, SUM_ZERO, SUM_FULL = 1, 2, 4, 8
PUNT, NF = 0xfffe, 0x8400
NO_REAL, NO_NEIGHBOUR, TTL, FRAGMENT, TOO_BIG = NF, NF + 1, NF + 2, NF + 3, NF + 4
HOP_PORT, MTU = 2, 1500
SOURCES = {4: "172.16.1.2", 6: "fc00:2307::1337"}
REALS = {4: ["10.0.0.%d" % i for i in (1, 2, 3)], 6: ["fc00::%d" % i for i in (1, 2, 3)]}

# name: method, outer family, flags, path MTU, VLAN TCI
WAYS = {"ipip4": ("ipip", 4, 0, 0, 0), "ipip6": ("ipip", 6, 0, 0, 0), "keep": ("ipip", 4, TTL_KEEP, 0, 0),
        "dfcopy": ("ipip", 4, DF_COPY, 0, 0), "gue4": ("gue", 4, 0, 0, 0), "gue6": ("gue", 6, 0, 0, 0),
        "gue4full": ("gue", 4, SUM_FULL, 0, 0), "gue6zero": ("gue", 6, SUM_ZERO, 1300, 0), "l2": ("l2", 4, 0, 0, 0),
        "l2vlan": ("l2", 6, 0, 0, 0x2064), "vlan": ("ipip", 6, 0, 0, 0x0007)}


def vips():
    """(address, protocol, way): each way with VIPs of both families and protocols, on ports 80 and 53."""
    for i, way in enumerate(WAYS):
        for proto in (6, 17):
            yield "10.200.2.%d" % (i + 1), proto, way
            yield "fc00:2::%x" % (i + 1), proto, way


def configuration():
    lines = ["port 1 %d %s" % (MTU, OUR_MAC.replace(":", "")), "port %d %d 020000000002" % (HOP_PORT, MTU)]
    for address, proto, way in vips():
        method, family, flags, mtu, vlan = WAYS[way]
        lines.append("vip %s 0 %d 5tuple announce ping stateful" % (address, proto))
        for real in REALS[family]:
            lines.append("real %s 0 %s 1 %s 6080 64 %d %d %d %s %d up" % (
                real, method, "-" if method == "l2" else SOURCES[family], flags, mtu, vlan, HOP_MAC.replace(":", ""), HOP_PORT))
    for address in ("10.200.3.1", "fc00:3::1"):
        lines += ["vip %s 80 6 5tuple reset" % address, "vip %s 80 17 5tuple" % address]
    lines += ["vip 10.200.3.2 80 6 5tuple", "real 10.0.0.9 0 ipip 1 172.16.1.2 0 64 0 0 0 %s 1 down" % HOP_MAC.replace(":", "")]
    return lines + ["apply"]


class Oracle:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.vips = list(vips())

    # ---- what comes in ----
    def ethernet(self):
        tags = self.r.choice((0, 0, 0, 0, 1, 2))
        frame = Ether(dst=OUR_MAC, src=CLIENT_MAC)
        for _ in range(tags):
            frame = frame / Dot1Q(vlan=self.r.randrange(4096), prio=self.r.randrange(8))
        return frame

    def inner(self, vip, proto, size, ttl=None, df=None):
        r = self.r
        ttl = ttl or r.choice((2, 3, 64, 255))
        tos = r.randrange(256)
        l4 = (TCP(sport=r.randrange(1, 65536), dport=r.choice((80, 443)), flags=r.choice("S A PA FA".split()), seq=r.randrange(1 << 32),
                  options=r.choice(([], [("MSS", 1460)], [("NOP", None), ("NOP", None), ("Timestamp", (1, 2))])))
              if proto == 6 else UDP(sport=r.randrange(1, 65536), dport=53))
        if proto == 17 and ":" not in vip and r.randrange(5) == 0:
            l4.chksum = 0
        if ":" in vip:
            ip = IPv6(src="fc00:9::%x" % r.randrange(1, 65536), dst=vip, hlim=ttl, tc=tos, fl=r.randrange(1 << 20))
        else:
            df = r.randrange(2) if df is None else df
            ip = IP(src="192.168.%d.%d" % (r.randrange(256), r.randrange(1, 255)), dst=vip, ttl=ttl, tos=tos, id=r.randrange(65536),
                    flags="DF" if df else 0, options=[IPOption_NOP()] * r.choice((0, 0, 0, 4)))
        return ip / l4 / Raw(r.randbytes(size))

    @staticmethod
    def built(packet):
        """With lengths and checksums filled in, as a packet of its own."""
        return packet.__class__(bytes(packet))

    # ---- what must come out ----
    def hopped(self, ip, flags):
        """The inner packet after the balancer has counted as a hop."""
        ip = self.built(ip)
        if not flags & TTL_KEEP:
            if IPv6 in ip and isinstance(ip, IPv6):
                ip.hlim -= 1
            else:
                ip.ttl -= 1
                del ip.chksum
        return self.built(ip)

    def link(self, vlan, family, to=HOP_MAC, source="02:00:00:00:00:02"):
        frame = Ether(dst=to, src=source)
        kind = 0x0800 if family == 4 else 0x86dd
        if vlan:
            return frame / Dot1Q(vlan=vlan & 0xfff, prio=vlan >> 13, type=kind)
        frame.type = kind
        return frame

    def encapsulated(self, way, ip, real, ours):
        """The frame that goes to the real."""
        method, family, flags, _, vlan = WAYS[way]
        inner = self.hopped(ip, flags)
        v6 = isinstance(inner, IPv6)
        tos = inner.tc if v6 else inner.tos
        if method == "l2":
            return bytes(self.link(vlan, 6 if v6 else 4) / inner)
        offset = 14 + (4 if vlan else 0)
        proto = 17 if method == "gue" else 41 if v6 else 4
        if family == 4:
            df = "DF" if v6 or not flags & DF_COPY or "DF" in str(inner.flags) else 0
            ident = 0 if df else int.from_bytes(ours[offset + 4:offset + 6], "big")
            outer = IP(src=SOURCES[4], dst=real, ttl=64, tos=tos, id=ident, flags=df, proto=proto)
        else:
            label = int.from_bytes(ours[offset:offset + 4], "big") & 0xfffff
            outer = IPv6(src=SOURCES[6], dst=real, hlim=64, tc=tos, fl=label, nh=proto)
        if method == "gue":
            at = offset + (20 if family == 4 else 40)
            port = int.from_bytes(ours[at:at + 2], "big")
            if not 49152 <= port <= 65535:
                return b"GUE source port %d" % port
            udp = UDP(sport=port, dport=6080)
            if flags & SUM_ZERO or (family == 4 and not flags & SUM_FULL):
                udp.chksum = 0
            outer = outer / udp
        return bytes(self.link(vlan, family) / outer / Raw(bytes(inner)))

    def answer_link(self, frame):
        """The Ethernet header and tags of a frame, turned round."""
        l2 = frame.copy()
        l2.src, l2.dst = OUR_MAC, CLIENT_MAC
        return l2

    # ---- the kinds of packets: (input, way or None, expected verdict, expected bytes or a function of ours) ----
    def forwarded(self):
        address, proto, way = self.r.choice(self.vips)
        mtu = WAYS[way][3] or MTU
        ip = self.inner(address, proto, self.r.choice((0, 1, 2, 33, 500, mtu - 160 - self.r.randrange(20))))
        frame = bytes(self.ethernet() / ip) + b"\0" * self.r.choice((0, 0, 0, 7))
        return frame, HOP_PORT, lambda real, ours: self.encapsulated(way, ip, real, ours), WAYS[way]

    def related(self):
        """An ICMP error about a packet from the VIP."""
        address, proto, way = self.r.choice(self.vips)
        sent = self.inner(address, proto, 40)
        sent.src, sent.dst = sent.dst, sent.src
        l4 = sent[TCP] if proto == 6 else sent[UDP]
        l4.sport, l4.dport = l4.dport, l4.sport
        quoted = bytes(self.built(sent))[:self.r.choice((48, 68, 100)) + (20 if ":" in address else 0)]
        if ":" in address:
            ip = IPv6(src="fc00:8::8", dst=address, hlim=60) / ICMPv6PacketTooBig(mtu=1400) / Raw(quoted)
        else:
            ip = IP(src="192.0.2.8", dst=address, ttl=60) / ICMP(type=3, code=4, nexthopmtu=1400) / Raw(quoted)
        return bytes(self.ethernet() / ip), HOP_PORT, lambda real, ours: self.encapsulated(way, ip, real, ours), WAYS[way]

    def too_big(self):
        address, proto, way = self.r.choice([v for v in self.vips if WAYS[v[2]][0] != "l2"])
        method, family, _, path, _ = WAYS[way]
        limit = (path or MTU) - (20 if family == 4 else 40) - (8 if method == "gue" else 0)
        ip = self.inner(address, proto, limit + self.r.choice((0, 1, 30)), df=1)
        l2 = self.ethernet()
        raw = bytes(ip)
        if ":" in address:
            reply = IPv6(src=address, dst=ip.src, hlim=64) / ICMPv6PacketTooBig(mtu=limit) / Raw(raw[:1232])
        else:
            reply = IP(src=address, dst=ip.src, ttl=64, id=0) / ICMP(type=3, code=4, nexthopmtu=limit) / Raw(raw[:548])
        return bytes(l2 / ip), 1, bytes(self.answer_link(l2) / reply), None

    def echo(self):
        address = self.r.choice(self.vips)[0]
        l2, data = self.ethernet(), self.r.randbytes(self.r.randrange(80))
        if ":" in address:
            ip = IPv6(src="fc00:9::1", dst=address, hlim=self.r.randrange(1, 256)) / ICMPv6EchoRequest(id=7, seq=9, data=data)
            reply = IPv6(src=address, dst="fc00:9::1", hlim=64) / ICMPv6EchoReply(id=7, seq=9, data=data)
        else:
            ip = IP(src="192.168.0.1", dst=address, ttl=self.r.randrange(1, 256), id=77) / ICMP(type=8, id=7, seq=9) / Raw(data)
            reply = IP(src=address, dst="192.168.0.1", ttl=64, id=77) / ICMP(type=0, id=7, seq=9) / Raw(data)
        return bytes(l2 / ip), 1, bytes(self.answer_link(l2) / reply), None

    def arp(self):
        address = self.r.choice([v[0] for v in self.vips if ":" not in v[0]])
        l2 = self.ethernet()
        l2.dst = "ff:ff:ff:ff:ff:ff"
        ask = ARP(op=1, hwsrc=CLIENT_MAC, psrc="192.168.0.1", hwdst="00:00:00:00:00:00", pdst=address)
        reply = ARP(op=2, hwsrc=OUR_MAC, psrc=address, hwdst=CLIENT_MAC, pdst="192.168.0.1")
        return bytes(l2 / ask), 1, bytes(self.answer_link(l2) / reply), None

    def solicitation(self):
        address = self.r.choice([v[0] for v in self.vips if ":" in v[0]])
        l2 = self.ethernet()
        l2.dst = "33:33:ff:00:00:01"
        probe = self.r.randrange(4) == 0
        source = "::" if probe else "fc00:9::1"
        ask = IPv6(src=source, dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=address)
        if not probe and self.r.randrange(4):
            ask = ask / ICMPv6NDOptSrcLLAddr(lladdr=CLIENT_MAC)
        answer = self.answer_link(l2)
        if probe:
            answer.dst = "33:33:00:00:00:01"
        reply = (IPv6(src=address, dst="ff02::1" if probe else source, hlim=255) /
                 ICMPv6ND_NA(tgt=address, R=0, S=0 if probe else 1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=OUR_MAC))
        return bytes(l2 / ask), 1, bytes(answer / reply), None

    def reset(self):
        address = self.r.choice(("10.200.3.1", "fc00:3::1"))
        ip = self.inner(address, 6, self.r.randrange(50), ttl=64)
        if ":" not in address:
            ip.options = []
        ip[TCP].dport = 80
        tcp, l2 = ip[TCP], self.ethernet()
        length = len(bytes(tcp.payload)) + ("S" in str(tcp.flags)) + ("F" in str(tcp.flags))
        if "A" in str(tcp.flags):
            back = TCP(sport=80, dport=tcp.sport, flags="R", seq=tcp.ack, ack=0, window=0)
        else:
            back = TCP(sport=80, dport=tcp.sport, flags="RA", seq=0, ack=(tcp.seq + length) & 0xffffffff, window=0)
        head = IPv6(src=address, dst=ip.src, hlim=64) if ":" in address else IP(src=address, dst=ip.src, ttl=64, id=0)
        return bytes(l2 / ip), 1, bytes(self.answer_link(l2) / head / back), None

    def refused(self):
        """Drops and passes: nothing changes."""
        r = self.r
        address, proto, way = r.choice([v for v in self.vips if ":" not in v[0]])
        ip = self.inner(address, proto, 30, ttl=64)
        kind, verdict = r.choice((("ttl", TTL), ("fragment", FRAGMENT), ("big", TOO_BIG), ("other", PUNT), ("mac", PUNT),
                                  ("none", NO_REAL), ("failed", NO_NEIGHBOUR)))
        l2 = self.ethernet()
        if kind == "ttl":
            ip.ttl, verdict = 1, HOP_PORT if way == "keep" else TTL
            if way == "keep":
                return bytes(l2 / ip), verdict, lambda real, ours: self.encapsulated(way, ip, real, ours), WAYS[way]
        elif kind == "fragment":
            ip.flags, ip.frag = r.choice((("MF", 0), (0, 9), ("MF", 100)))
        elif kind == "big":
            if WAYS[way][0] == "l2":
                return self.refused()
            ip = self.inner(address, proto, 1461, ttl=64, df=0)
        elif kind == "other":
            ip.dst = "10.200.9.9"
        elif kind == "mac":
            l2.dst = "02:00:00:00:00:77"
        elif kind == "none":
            ip = self.inner("10.200.3.1", 17, 9, ttl=64)
            ip[UDP].dport = 80
        else:
            ip = self.inner("10.200.3.2", 6, 9, ttl=64)
            ip[TCP].dport = 80
        frame = bytes(l2 / ip)
        return frame, verdict, frame, None

    KINDS = {"forwarded": 12, "related": 3, "too_big": 3, "echo": 2, "arp": 1, "solicitation": 2, "reset": 2, "refused": 4}


def run(dump, lines):
    done = subprocess.run([dump], input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit("lb_oracle: %s" % done.stderr)
    return [line.split(" ") for line in done.stdout.splitlines()]


def judge(case, answer):
    """Empty, or what differs."""
    _, verdict, want, way = case
    got, real, ours = int(answer[0]), answer[2], bytes.fromhex(answer[3])
    if got != verdict:
        return "verdict %#x, wanted %#x" % (got, verdict)
    if callable(want):
        if real not in REALS[way[1]]:
            return "real %s" % real
        want = want(real, ours)
    # padding of the frame that came may stand behind the packet that left
    if ours[:len(want)] != want or any(ours[len(want):]):
        return "bytes\n    wanted %s\n    ours   %s" % (want.hex(), ours.hex())
    return ""


def decapsulation(cases, answers, dump):
    """What was encapsulated comes out again, less the hop. Returns (number, faults)."""
    tunnels = [(c, bytes.fromhex(a[3])) for c, a in zip(cases, answers) if c[3] and c[3][0] != "l2" and int(a[0]) == HOP_PORT]
    out = run(dump, ["decap " + frame.hex() for _, frame in tunnels])
    faults = 0
    for ((frame, _, _, way), sent), answer in zip(tunnels, out):
        came, left = Ether(frame), Ether(bytes.fromhex(answer[3]))
        ip = came[IP] if IP in came and came[IP].dst.startswith("10.200") else came[IPv6]
        total = len(sent) - int(answer[2])
        inner = bytes(Oracle(0).hopped(type(ip)(bytes(ip)), way[2]))
        got = bytes(left.payload)[:len(inner)]
        if int(answer[0]) != PUNT or total != len(bytes(left)) or not int(answer[2]) or got[:len(inner)] != inner[:len(got)]:
            faults += 1
            print("DIFFERS  decap of %s\n    wanted %s\n    ours   %s" % (sent.hex(), inner.hex(), got.hex()))
    return len(tunnels), faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dump")
    parser.add_argument("--packets", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    oracle = Oracle(args.seed)
    names = [name for name, weight in Oracle.KINDS.items() for _ in range(weight)]
    kinds = [names[i % len(names)] for i in range(args.packets)]
    cases = [getattr(oracle, kind)() for kind in kinds]
    lines = []
    for i, case in enumerate(cases):
        lines += ["tick %d" % (i + 1), "packet " + case[0].hex()]      # a second each, so that answers are not limited
    answers = run(args.dump, configuration() + lines)
    differing = 0
    for kind, case, answer in zip(kinds, cases, answers):
        fault = judge(case, answer)
        if fault:
            differing += 1
            if differing <= 5:
                print("DIFFERS  %s: %s\n    packet %s" % (kind, fault, case[0].hex()))
    count, faults = decapsulation(cases, answers, args.dump)
    print("lb_oracle: seed %d: %s; decapsulated %d" % (args.seed, ", ".join("%s %d" % (k, kinds.count(k)) for k in Oracle.KINDS), count))
    print("lb_oracle: %d packets, %d differ" % (len(cases) + count, differing + faults))
    return 1 if differing or faults or len(answers) != len(cases) or not count else 0


if __name__ == "__main__":
    sys.exit(main())
