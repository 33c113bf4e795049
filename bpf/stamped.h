/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Finds the stamp in a frame that may have come back with a VLAN tag, with other addresses or
 * ports, or with a lower TTL; and says of a frame without one whether it is damaged or another's.
 */
#ifndef RW_BPF_STAMPED_H
#define RW_BPF_STAMPED_H

#include "analyse.h"
#include "ringway/core/csum.h"
#include "ringway/core/parse.h"

/* So much of a frame is looked at, at most: Ethernet, two tags, IPv6, TCP with options, stamp. */
#define RW_STAMPED_BYTES 144u

/* The networks that RFC 2544 and RFC 5180 set aside for measurements: 198.18.0.0/15, 2001:2::/48 */
RW_CORE int rw_is_bench4(__be32 address)
{
	return (address & RW_BE32(0xfffe0000)) == RW_BE32(0xc6120000);
}

RW_CORE int rw_is_bench6(__be32 first, __be32 second)
{
	return first == RW_BE32(0x20010002) && !(second & RW_BE32(0xffff0000));
}

/* Where what TCP, UDP or ICMP carries begins; 0: neither. */
RW_CORE __u32 rw_stamped_l4(const struct rw_frame *f, __u32 at, __u8 proto)
{
	const struct rw_tcp *tcp;

	if (proto == RW_IP_UDP || proto == RW_IP_ICMP || proto == RW_IP_ICMPV6)
		return at + 8;
	if (proto != RW_IP_TCP)
		return 0;
	tcp = (const struct rw_tcp *)rw_frame_at(f, at, sizeof(*tcp));
	return tcp ? at + (tcp->offset >> 4) * 4u : 0;
}

/* Offset of the stamp, if there is one; 0: no frame of ours has this form. */
RW_CORE __u32 rw_stamped_at(const struct rw_analyse_config *c, const struct rw_frame *f,
			    const struct rw_parsed *p)
{
	const struct rw_ipv4 *ip;
	const struct rw_ipv6 *ip6;

	if (p->proto3 == RW_ETH_IPV4) {
		ip = (const struct rw_ipv4 *)rw_frame_at(f, p->l3, sizeof(*ip));
		if (!ip || ip->ver_ihl != 0x45 || ip->frag & RW_BE16(RW_IPV4_MF | RW_IPV4_OFFSET))
			return 0;
		return rw_stamped_l4(f, p->l3 + sizeof(*ip), ip->proto);
	}
	if (p->proto3 == RW_ETH_IPV6) {
		ip6 = (const struct rw_ipv6 *)rw_frame_at(f, p->l3, sizeof(*ip6));
		return ip6 ? rw_stamped_l4(f, p->l3 + sizeof(*ip6), ip6->next) : 0;
	}
	return p->proto3 == c->raw_type ? p->l3 + c->raw_at : 0;
}

/* Is a frame of this generator, although its stamp does not say so? */
RW_CORE int rw_stamped_ours(const struct rw_analyse_config *c, const struct rw_frame *f,
			    const struct rw_parsed *p)
{
	const struct rw_ipv4 *ip = (const struct rw_ipv4 *)rw_frame_at(f, p->l3, sizeof(*ip));
	const struct rw_ipv6 *ip6 = (const struct rw_ipv6 *)rw_frame_at(f, p->l3, sizeof(*ip6));

	if (p->proto3 == RW_ETH_IPV4)
		return ip && (rw_is_bench4(ip->src) || rw_is_bench4(ip->dst));
	if (p->proto3 == RW_ETH_IPV6)
		return ip6 && (rw_is_bench6(ip6->src[0], ip6->src[1]) ||
			       rw_is_bench6(ip6->dst[0], ip6->dst[1]));
	return p->proto3 == c->raw_type;
}

/* The sum over an IPv4 header is right; of anything else there is none. */
RW_CORE int rw_stamped_header_good(const struct rw_frame *f, const struct rw_parsed *p)
{
	const __u8 *ip = (const __u8 *)rw_frame_at(f, p->l3, sizeof(struct rw_ipv4));

	if (p->proto3 != RW_ETH_IPV4)
		return 1;
	return ip && rw_csum_fold((__u64)rw_load32(ip) + rw_load32(ip + 4) + rw_load32(ip + 8) +
				  rw_load32(ip + 12) + rw_load32(ip + 16)) == 0xffff;
}

enum rw_stamped {
	RW_STAMPED_GOOD,
	RW_STAMPED_UNCHOSEN, /* not to be looked at: its stamp was not checked */
	RW_STAMPED_FOREIGN,
	RW_STAMPED_CORRUPTED
};

/* Reads the stamp of a frame, or says why there is none. */
RW_CORE enum rw_stamped rw_stamped_read(const struct rw_analyse_config *c, const struct rw_frame *f,
					struct rw_stamp *s)
{
	enum rw_stamped without;
	struct rw_parsed p;
	const __u8 *stamp;
	__u32 at;

	__builtin_memset(&p, 0, sizeof(p));
	if (rw_parse_l2(f, &p) != RW_PARSE_OK)
		return RW_STAMPED_FOREIGN;
	at = rw_stamped_at(c, f, &p);
	without = at && rw_stamped_ours(c, f, &p) ? RW_STAMPED_CORRUPTED : RW_STAMPED_FOREIGN;
	RW_HIDE(at);
	at &= 255; /* for the verifier */
	stamp = (const __u8 *)rw_frame_at(f, at, RW_STAMP_SIZE);
	if (!at || !stamp)
		return without;
	s->check = rw_load16(stamp);
	s->flow = rw_load32(stamp + 2);
	s->sequence = rw_load32(stamp + 6);
	s->intended_ns = rw_load64(stamp + 10);
	if (c->sample && !rw_stamp_sampled(s->sequence))
		return RW_STAMPED_UNCHOSEN;
	if (s->check != rw_stamp_check(s->flow, s->sequence, s->intended_ns))
		return without;
	if (s->intended_ns < c->since_ns)
		return RW_STAMPED_FOREIGN;
	return rw_stamped_header_good(f, &p) ? RW_STAMPED_GOOD : RW_STAMPED_CORRUPTED;
}

#endif
