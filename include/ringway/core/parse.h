/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Finds the headers of a packet, and believes no length in it: Ethernet, up to two VLAN tags, IPv4
 * with options, IPv6 with up to eight extension headers, fragments of both, TCP, UDP, ICMP, ICMPv6.
 * What it found is in offsets from the packet's beginning; nothing is changed.
 *
 * Three limits guard every header: the IP packet's own length (BAD_LENGTH), the frame's (`len`,
 * BAD_LENGTH too where a length field runs past it), and the end of the first fragment (`data_end`,
 * TRUNCATED), for headers must lie in that.
 */
#ifndef RW_CORE_PARSE_H
#define RW_CORE_PARSE_H

#include "parse_l4.h"

/* IPv6 headers that name another one as the next. */
RW_CORE int rw_is_ext(__u8 next)
{
	return next == RW_IP_HOPOPTS || next == RW_IP_ROUTING || next == RW_IP_FRAGMENT ||
	       next == RW_IP_DSTOPTS || next == RW_IP_AH;
}

/* The length of such a header, from its length byte. A function of its own for the verifier: it
 * forgets which kind of header it was, and looks at the next one once instead of three times. */
RW_FUNC __u32 rw_ext_len(__u32 kind, __u32 len)
{
	if (kind == RW_IP_FRAGMENT)
		return 8;
	if (kind == RW_IP_AH)
		return (len + 2) * 4; /* RFC 4302 2.2 */
	return (len + 1) * 8;
}

RW_CORE __u8 rw_parse_ipv4(const struct rw_frame *f, struct rw_parsed *p)
{
	const struct rw_ipv4 *ip = (const struct rw_ipv4 *)rw_frame_at(f, p->l3, sizeof(*ip));
	__u32 header, len;
	__u16 frag;

	if (!ip)
		return RW_PARSE_TRUNCATED;
	if (ip->ver_ihl >> 4 != 4)
		return RW_PARSE_BAD_VERSION;
	header = (ip->ver_ihl & 15) * 4u;
	if (header < sizeof(*ip))
		return RW_PARSE_BAD_IHL;
	len = RW_CPU16(ip->len);
	if (len < header || p->l3 + len > f->len)
		return RW_PARSE_BAD_LENGTH;
	p->end = p->l3 + len;
	p->l4 = (__u16)(p->l3 + header);
	p->proto4 = ip->proto;
	if (header > sizeof(*ip))
		p->flags |= RW_PARSED_OPTIONS;
	frag = RW_CPU16(ip->frag);
	if (frag & (RW_IPV4_MF | RW_IPV4_OFFSET))
		p->flags |= RW_PARSED_FRAGMENT;
	if (frag & RW_IPV4_OFFSET)
		p->flags |= RW_PARSED_LATER;
	if (!rw_frame_at(f, p->l3, header))
		return RW_PARSE_TRUNCATED;
	return rw_parse_l4(f, p);
}

/* What a fragment header says. One that begins at 0 and has no more is whole (RFC 6946). */
RW_CORE __u8 rw_frag_flags(const struct rw_ipv6_frag *frag)
{
	__u16 offset_more = RW_CPU16(frag->offset_more);

	if (offset_more & RW_IPV6_OFFSET)
		return RW_PARSED_FRAGMENT | RW_PARSED_LATER;
	return offset_more & RW_IPV6_MORE ? RW_PARSED_FRAGMENT : 0;
}

/* Walks the extension headers; p->l4 and p->proto4 move on with it. */
RW_CORE __u8 rw_parse_ext(const struct rw_frame *f, struct rw_parsed *p)
{
	const struct rw_ipv6_frag *ext;
	__u32 at = p->l4, len, i;

	RW_UNROLL
	for (i = 0; i < RW_MAX_EXT; i++) {
		if (!rw_is_ext(p->proto4) || p->flags & RW_PARSED_LATER)
			return RW_PARSE_OK;
		if (at + sizeof(*ext) > p->end) /* the shortest ones have 8 bytes, all of them */
			return RW_PARSE_BAD_LENGTH;
		ext = (const struct rw_ipv6_frag *)rw_frame_at(f, at, sizeof(*ext));
		if (!ext)
			return RW_PARSE_TRUNCATED;
		/* byte 1, unless of a fragment; the mask is for the verifier */
		len = rw_ext_len(p->proto4, ext->reserved) & 0xfff;
		if (at + len > p->end)
			return RW_PARSE_BAD_LENGTH;
		p->flags |= RW_PARSED_OPTIONS;
		if (p->proto4 == RW_IP_FRAGMENT)
			p->flags |= rw_frag_flags(ext);
		at += len;
		p->ext++;
		p->proto4 = ext->next;
		p->l4 = (__u16)at;
	}
	if (rw_is_ext(p->proto4) && !(p->flags & RW_PARSED_LATER))
		return RW_PARSE_TOO_MANY_EXT;
	return RW_PARSE_OK;
}

RW_CORE __u8 rw_parse_ipv6(const struct rw_frame *f, struct rw_parsed *p)
{
	const struct rw_ipv6 *ip = (const struct rw_ipv6 *)rw_frame_at(f, p->l3, sizeof(*ip));
	__u32 len;
	__u8 outcome;

	if (!ip)
		return RW_PARSE_TRUNCATED;
	if (RW_CPU32(ip->ver_tc_flow) >> 28 != 6)
		return RW_PARSE_BAD_VERSION;
	len = sizeof(*ip) + RW_CPU16(ip->len); /* no jumbograms (RFC 2675): theirs says 0 */
	if (p->l3 + len > f->len)
		return RW_PARSE_BAD_LENGTH;
	p->end = p->l3 + len;
	p->l4 = (__u16)(p->l3 + sizeof(*ip));
	p->proto4 = ip->next;
	outcome = rw_parse_ext(f, p);
	return outcome == RW_PARSE_OK ? rw_parse_l4(f, p) : outcome;
}

RW_CORE int rw_is_tag(__u16 proto)
{
	return proto == RW_ETH_8021Q || proto == RW_ETH_8021AD;
}

/* Ethernet and its tags: p->l3 and p->proto3. */
RW_CORE __u8 rw_parse_l2(const struct rw_frame *f, struct rw_parsed *p)
{
	const struct rw_eth *eth = (const struct rw_eth *)rw_frame_at(f, 0, sizeof(*eth));
	const struct rw_vlan *tag;
	__u16 proto;
	__u32 i;

	if (!eth)
		return RW_PARSE_TRUNCATED;
	proto = RW_CPU16(eth->proto);
	p->l3 = sizeof(*eth);
	RW_UNROLL
	for (i = 0; i < RW_MAX_TAGS && rw_is_tag(proto); i++) {
		tag = (const struct rw_vlan *)rw_frame_at(f, p->l3, sizeof(*tag));
		if (!tag)
			return RW_PARSE_TRUNCATED;
		p->tci[i] = tag->tci;
		p->tags++;
		p->l3 += sizeof(*tag);
		proto = RW_CPU16(tag->proto);
	}
	if (rw_is_tag(proto))
		return RW_PARSE_TOO_MANY_TAGS;
	p->proto3 = proto;
	return RW_PARSE_OK;
}

/* `len` is that of the whole packet, data ... data_end its first fragment. Returns p->outcome. */
RW_CORE __u8 rw_parse(struct rw_parsed *p, const void *data, const void *data_end, __u32 len)
{
	struct rw_frame f;

	f.data = (const __u8 *)data;
	f.data_end = (const __u8 *)data_end;
	f.len = len;
	__builtin_memset(p, 0, sizeof(*p));
	p->outcome = rw_parse_l2(&f, p);
	if (p->outcome != RW_PARSE_OK)
		return p->outcome;
	if (p->proto3 == RW_ETH_IPV4)
		p->outcome = rw_parse_ipv4(&f, p);
	else if (p->proto3 == RW_ETH_IPV6)
		p->outcome = rw_parse_ipv6(&f, p);
	else
		p->outcome = RW_PARSE_NOT_IP;
	return p->outcome;
}

#endif
