/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The parser's upper half: TCP, UDP, ICMP. Included by parse.h.
 */
#ifndef RW_CORE_PARSE_L4_H
#define RW_CORE_PARSE_L4_H

#include "parsed.h"

/* The packet, as the parser's functions hand it on. */
struct rw_frame {
	const __u8 *data, *data_end; /* its first fragment */
	__u32 len;		     /* of all fragments */
};

/* The bytes at offset ... offset + size, if they lie in the first fragment, else null. Hidden from
 * clang for BPF, which would ask twice whether they do, and lose the verifier between the two. */
RW_CORE const void *rw_frame_at(const struct rw_frame *f, __u32 offset, __u32 size)
{
	const __u8 *at = f->data + offset;

	if (at + size > f->data_end)
		at = (const __u8 *)0;
	RW_HIDE(at);
	return at;
}

RW_CORE __u8 rw_parse_tcp(const struct rw_frame *f, struct rw_parsed *p)
{
	const struct rw_tcp *tcp = (const struct rw_tcp *)rw_frame_at(f, p->l4, sizeof(*tcp));
	__u32 len;

	if (p->l4 + sizeof(*tcp) > p->end)
		return RW_PARSE_BAD_LENGTH;
	if (!tcp)
		return RW_PARSE_TRUNCATED;
	len = (tcp->offset >> 4) * 4u;
	if (len < sizeof(*tcp) || p->l4 + len > p->end)
		return RW_PARSE_BAD_L4;
	p->sport = tcp->src;
	p->dport = tcp->dst;
	p->flags |= RW_PARSED_PORTS;
	p->payload = (__u16)(p->l4 + len);
	return RW_PARSE_OK;
}

RW_CORE __u8 rw_parse_udp(const struct rw_frame *f, struct rw_parsed *p)
{
	const struct rw_udp *udp = (const struct rw_udp *)rw_frame_at(f, p->l4, sizeof(*udp));
	__u32 len;

	if (p->l4 + sizeof(*udp) > p->end)
		return RW_PARSE_BAD_LENGTH;
	if (!udp)
		return RW_PARSE_TRUNCATED;
	len = RW_CPU16(udp->len);
	/* a first fragment says the length of the whole datagram */
	if (len < sizeof(*udp) || (!(p->flags & RW_PARSED_FRAGMENT) && p->l4 + len > p->end))
		return RW_PARSE_BAD_L4;
	p->sport = udp->src;
	p->dport = udp->dst;
	p->flags |= RW_PARSED_PORTS;
	p->payload = (__u16)(p->l4 + sizeof(*udp));
	return RW_PARSE_OK;
}

/* Every ICMP and ICMPv6 message has at least 8 bytes. */
RW_CORE __u8 rw_parse_icmp(const struct rw_frame *f, struct rw_parsed *p)
{
	const struct rw_icmp *icmp = (const struct rw_icmp *)rw_frame_at(f, p->l4, sizeof(*icmp));

	if (p->l4 + sizeof(*icmp) > p->end)
		return RW_PARSE_BAD_LENGTH;
	if (!icmp)
		return RW_PARSE_TRUNCATED;
	p->icmp_type = icmp->type;
	p->icmp_code = icmp->code;
	p->flags |= RW_PARSED_ICMP;
	p->payload = (__u16)(p->l4 + sizeof(*icmp));
	return RW_PARSE_OK;
}

/* p->l4, proto4, end and flags are set. A protocol that is not known here is OK, without ports. */
RW_CORE __u8 rw_parse_l4(const struct rw_frame *f, struct rw_parsed *p)
{
	if (p->flags & RW_PARSED_LATER)
		return RW_PARSE_OK;
	if (p->proto4 == RW_IP_TCP)
		return rw_parse_tcp(f, p);
	if (p->proto4 == RW_IP_UDP)
		return rw_parse_udp(f, p);
	if (p->proto4 == (p->proto3 == RW_ETH_IPV4 ? RW_IP_ICMP : RW_IP_ICMPV6))
		return rw_parse_icmp(f, p);
	return RW_PARSE_OK;
}

#endif
