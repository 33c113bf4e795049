# SPDX-License-Identifier: BSD-2-Clause
"""The mutants: each one place of the packet logic or of the glue round it, made wrong.

(name, file, text, replacement). The text occurs exactly once in the file, or the list is out of date and the run fails.
"""
CORE = "include/ringway/core/"
PARSE, L4, CSUM, L2, WIRE = (CORE + name for name in ("parse.h", "parse_l4.h", "csum.h", "l2.h", "wire.h"))
PARSED = CORE + "parsed.h"
GLUE, L2FWD, REDIRECT = "bpf/glue.h", "bpf/l2fwd.bpf.c", "bpf/redirect.bpf.c"

# Mutated on the BPF side only: the native core stays what it was, and the differential test must tell them apart.
DIFFERENTIAL = [
    # ---- comparisons ----
    ("header may not end with the packet", L4, "if (at + size > f->data_end)", "if (at + size >= f->data_end)"),
    ("IPv4 version from 4 up", PARSE, "if (ip->ver_ihl >> 4 != 4)", "if (ip->ver_ihl >> 4 < 4)"),
    ("IPv6 version up to 6", PARSE, ">> 28 != 6)", ">> 28 > 6)"),
    ("IHL 5 is bad", PARSE, "if (header < sizeof(*ip))", "if (header <= sizeof(*ip))"),
    ("IPv4 without data is bad", PARSE, "if (len < header || p->l3 + len > f->len)",
     "if (len <= header || p->l3 + len > f->len)"),
    ("IPv4 may not fill the frame", PARSE, "if (len < header || p->l3 + len > f->len)",
     "if (len < header || p->l3 + len >= f->len)"),
    ("IPv6 may not fill the frame", PARSE, "\tif (p->l3 + len > f->len)", "\tif (p->l3 + len >= f->len)"),
    ("20 bytes of header are options", PARSE, "if (header > sizeof(*ip))", "if (header >= sizeof(*ip))"),
    ("extension header may not end the packet", PARSE, "if (at + len > p->end)", "if (at + len >= p->end)"),
    ("TCP header of 20 bytes is bad", L4, "if (len < sizeof(*tcp) || p->l4 + len > p->end)",
     "if (len <= sizeof(*tcp) || p->l4 + len > p->end)"),
    ("TCP without data is bad", L4, "if (len < sizeof(*tcp) || p->l4 + len > p->end)",
     "if (len < sizeof(*tcp) || p->l4 + len >= p->end)"),
    ("UDP without data is bad", L4, "if (len < sizeof(*udp) ||", "if (len <= sizeof(*udp) ||"),
    ("UDP without data runs past the packet", L4, "if (p->l4 + sizeof(*udp) > p->end)",
     "if (p->l4 + sizeof(*udp) >= p->end)"),
    ("first fragment is a later one", L4, "if (p->flags & RW_PARSED_LATER)", "if (p->flags & RW_PARSED_FRAGMENT)"),
    ("ICMP numbers of the other version", L4, "p->proto3 == RW_ETH_IPV4 ?", "p->proto3 != RW_ETH_IPV4 ?"),
    ("14 bytes are no Ethernet header", L2, "+ sizeof(struct rw_eth) >", "+ sizeof(struct rw_eth) >="),
    ("l2fwd is rxonly", L2, "if (l2->mode == RW_L2_RXONLY)", "if (l2->mode == RW_L2_L2FWD)"),
    ("last port is no port", GLUE, "if (verdict <= RW_PORT_LAST)", "if (verdict < RW_PORT_LAST)"),
    ("one drop counter too many", GLUE, "reason < RW_REASON_LIB_SLOTS ?", "reason <= RW_REASON_LIB_SLOTS ?"),
    ("length of fragments where there are none", GLUE, "return multi_buffer ?", "return !multi_buffer ?"),
    # ---- constants ----
    ("seven extension headers", PARSED, "#define RW_MAX_EXT 8u", "#define RW_MAX_EXT 7u"),
    ("one tag", PARSED, "#define RW_MAX_TAGS 2u", "#define RW_MAX_TAGS 1u"),
    ("IHL of three bits", PARSE, "(ip->ver_ihl & 15)", "(ip->ver_ihl & 7)"),
    ("longest extension header wraps", PARSE, "& 0xfff;", "& 0x7ff;"),
    ("fragment header of 16 bytes", PARSE, "\t\treturn 8;", "\t\treturn 16;"),
    ("AH one word short", PARSE, "return (len + 2) * 4;", "return (len + 1) * 4;"),
    ("extension headers in words", PARSE, "return (len + 1) * 8;", "return (len + 1) * 4;"),
    ("IPv4 offset 1 is none", WIRE, "#define RW_IPV4_OFFSET 0x1fff", "#define RW_IPV4_OFFSET 0x1ffe"),
    ("IPv6 offset 1 is none", WIRE, "#define RW_IPV6_OFFSET 0xfff8", "#define RW_IPV6_OFFSET 0xfff0"),
    ("rxonly counts as malformed", L2, "RW_DROP(RW_REASON_RX_ONLY)", "RW_DROP(RW_REASON_MALFORMED)"),
    ("own port passes", GLUE, "return rw_send(in, len, XDP_TX);", "return rw_send(in, len, XDP_PASS);"),
    ("drop reasons shifted by one", GLUE, "verdict - RW_DROP_BASE", "verdict - RW_DROP_BASE + 1"),
    ("unserved packets are dropped", REDIRECT, "\treturn XDP_PASS;\n}", "\treturn XDP_DROP;\n}"),
    # ---- offsets ----
    ("IPv6 length without its header", PARSE, "len = sizeof(*ip) + RW_CPU16(ip->len)", "len = RW_CPU16(ip->len)"),
    ("L4 behind the data", L4, "p->payload = (__u16)(p->l4 + len);", "p->payload = (__u16)len;"),
    ("source port is the destination's", L4, "p->sport = udp->src;", "p->sport = udp->dst;"),
    ("tag's type for its value", PARSE, "p->tci[i] = tag->tci;", "p->tci[i] = tag->proto;"),
    ("third word of an address twice", CSUM, "rw_load32(a + 12)", "rw_load32(a + 8)"),
    ("swap takes dst from its middle", L2, "rw_load16(dst + 4), src_back", "rw_load16(dst + 2), src_back"),
    ("set copies src from its middle", L2, "rw_load32(from + 8)", "rw_load32(from + 4)"),
    ("TCP offset from the low bits", L4, "(tcp->offset >> 4) * 4u", "(tcp->offset & 15) * 4u"),
    ("sent packets of the ingress port", GLUE, "return rw_send(&all->port[verdict], len,", "return rw_send(in, len,"),
    ("neighbour's queue", REDIRECT, "ctx->rx_queue_index, XDP_PASS)", "ctx->rx_queue_index + 1, XDP_PASS)"),
    ("one packet's bytes for all", GLUE, "in->rx_bytes += len;", "in->rx_bytes += 60;"),
    # ---- byte order ----
    ("EtherType as it lies", PARSE, "proto = RW_CPU16(eth->proto);", "proto = eth->proto;"),
    ("IPv4 length as it lies", PARSE, "len = RW_CPU16(ip->len);\n", "len = ip->len;\n"),
    ("fragment offset as it lies", PARSE, "RW_CPU16(frag->offset_more)", "frag->offset_more"),
    ("UDP length as it lies", L4, "len = RW_CPU16(udp->len);", "len = udp->len;"),
    ("last byte of a sum on the wrong side", CSUM, "*sum += RW_BE16(*p << 8);", "*sum += *p << 8;"),
    ("protocol of the pseudo-header as it is", CSUM, "RW_BE16(proto) + RW_BE16(len)", "proto + RW_BE16(len)"),
    # ---- omitted updates ----
    ("no 802.1ad", PARSE, "return proto == RW_ETH_8021Q || proto == RW_ETH_8021AD;", "return proto == RW_ETH_8021Q;"),
    ("no AH", PARSE, "next == RW_IP_DSTOPTS || next == RW_IP_AH", "next == RW_IP_DSTOPTS"),
    ("more fragments is no fragment", PARSE, "(RW_IPV4_MF | RW_IPV4_OFFSET)", "(RW_IPV4_OFFSET)"),
    ("UDP length of a first fragment", L4, "(!(p->flags & RW_PARSED_FRAGMENT) && ", "("),
    ("no ICMP code", L4, "\tp->icmp_code = icmp->code;\n", ""),
    ("extension headers not counted", PARSE, "\t\tp->ext++;\n", ""),
    ("one carry lost", CSUM, "\tsum = (sum & 0xffff) + (sum >> 16);\n\tsum = (sum & 0xffff) + (sum >> 16);\n",
     "\tsum = (sum & 0xffff) + (sum >> 16);\n"),
    ("UDP checksum 0 is sent", CSUM, "return check ? check : (__sum16)0xffff;", "return check;"),
    ("no UDP checksum becomes one", CSUM, "if (!before)", "if (!after)"),
    ("sum does not move past four bytes", CSUM, "\t\tp += 4;\n", ""),
    ("old word not taken out", CSUM, "(__u32)~from + to", "(__u32)from + to"),
    ("old and new word change places", CSUM, "(__u16)~from + to", "(__u16)~to + from"),
    ("swap leaves src's end", L2, "\trw_store16(src + 4, dst_back);\n", ""),
    ("received packets not counted", GLUE, "\tin->rx_packets++;\n", ""),
    ("sent bytes not counted", GLUE, "\tout->tx_bytes += len;\n", ""),
    ("passed not counted", GLUE, "\t\tin->passed++;\n", ""),
    ("unserved counts as passed", REDIRECT, "all->port[port].unserved_queue++;", "all->port[port].passed++;"),
    ("program looks at no packet", L2FWD, "rw_l2_process(config, (void *)(long)ctx->data,",
     "rw_l2_process(config, (void *)(long)ctx->data_end,"),
    # ---- those that no packet can tell from the original, see SURVIVORS ----
    ("action of an empty queue", REDIRECT, "ctx->rx_queue_index, XDP_PASS)", "ctx->rx_queue_index, XDP_DROP)"),
    ("one 0xffffffff less", CSUM, "4 * (__u64)0xffffffff", "5 * (__u64)0xffffffff"),
]

# Mutated on both sides, so that the two stay equal: only Scapy can tell.
SCAPY = [
    ("both: AH one word short", PARSE, "return (len + 2) * 4;", "return (len + 1) * 4;"),
    ("both: no AH", PARSE, "next == RW_IP_DSTOPTS || next == RW_IP_AH", "next == RW_IP_DSTOPTS"),
    ("both: the bit for more fragments elsewhere", WIRE, "#define RW_IPV4_MF 0x2000", "#define RW_IPV4_MF 0x4000"),
    ("both: IPv6 length without its header", PARSE, "len = sizeof(*ip) + RW_CPU16(ip->len)", "len = RW_CPU16(ip->len)"),
    ("both: TCP without data is bad", L4, "if (len < sizeof(*tcp) || p->l4 + len > p->end)",
     "if (len < sizeof(*tcp) || p->l4 + len >= p->end)"),
    ("both: source port is the destination's", L4, "p->sport = tcp->src;", "p->sport = tcp->dst;"),
    ("both: UDP length of a first fragment", L4, "(!(p->flags & RW_PARSED_FRAGMENT) && ", "("),
    ("both: last byte of a sum on the wrong side", CSUM, "*sum += RW_BE16(*p << 8);", "*sum += *p << 8;"),
    ("both: no UDP checksum becomes one", CSUM, "if (!before)", "if (!after)"),
    ("both: pseudo-header of IPv6 without its protocol", CSUM, " + RW_BE32(proto)", ""),
    ("both: old word not taken out", CSUM, "(__u32)~from + to", "(__u32)from + to"),
    ("both: swap takes dst from its middle", L2, "rw_load16(dst + 4), src_back", "rw_load16(dst + 2), src_back"),
    ("both: set copies src from its middle", L2, "rw_load32(from + 8)", "rw_load32(from + 4)"),
    ("both: eight extension headers are too many", PARSED, "#define RW_MAX_EXT 8u", "#define RW_MAX_EXT 7u"),
]

# Why no packet can tell.
SURVIVORS = {
    "action of an empty queue": "bpf_redirect_map's answer is only compared with XDP_REDIRECT, and none of the two is that",
    "one 0xffffffff less": "0xffffffff is 0 in one's complement arithmetic of 16 bits, as is any multiple of it; the "
                           "constant only keeps the difference from becoming negative",
}
