/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * One function that uses all of parse.h and csum.h, for the tests: it parses, sums, and rewrites
 * addresses and a port as NAT would, with every checksum updated in place. Built for BPF and
 * natively, like the core.
 */
#ifndef RW_TEST_PROBE_H
#define RW_TEST_PROBE_H

#include "ringway/core/csum.h"
#include "ringway/core/parse.h"

/* What the packet is to become. */
struct rw_probe_input {
	__u32 extra;	/* bytes that `len` claims beyond the first fragment */
	__be32 src4;	/* new source address */
	__be32 src6[4]; /* likewise */
	__be16 sport;	/* new source port */
	__u16 pad;
};

/* 1: the sum was taken; all of it lay in the first fragment. */
struct rw_probe_result {
	struct rw_parsed parsed;
	__u32 has_ip_sum, has_l4_sum;
	__u16 ip_sum; /* folded, with the checksum that the packet has: 0xffff if it is right */
	__u16 l4_sum; /* likewise, with the pseudo-header */
	__u16 ip_check, l4_check;    /* after the rewriting */
	__u16 ip_finish, udp_finish; /* of the two sums, as a header would have them */
};

/* Where L4 begins. The verifier refuses an offset that could be 65,535; none is, see rw_parsed. */
RW_CORE __u32 rw_probe_l4(const struct rw_parsed *p)
{
	return p->l4 & 0x7fff;
}

/* A checksum field of the L4 header, or null if the first fragment ends before it. */
RW_CORE __u8 *rw_probe_l4_check(const struct rw_parsed *p, __u8 *data, __u8 *data_end)
{
	__u32 in_header = p->proto4 == RW_IP_TCP ? 16 : p->proto4 == RW_IP_UDP ? 6 : 2;
	__u8 *at = data + rw_probe_l4(p) + in_header;

	return at + 2 > data_end ? (__u8 *)0 : at;
}

/* The whole sum over an L4 header and its data. */
RW_CORE void rw_probe_l4_sum(struct rw_probe_result *r, const struct rw_parsed *p, const __u8 *l3,
			     __u8 *data, __u8 *data_end)
{
	__u32 len = p->end - p->l4;
	__u64 sum = 0;

	if (p->proto3 == RW_ETH_IPV6 && l3 + sizeof(struct rw_ipv6) <= data_end)
		sum = rw_csum_pseudo6(l3 + 8, l3 + 24, p->proto4, len);
	else if (p->proto4 != RW_IP_ICMP)
		sum = rw_csum_pseudo4(rw_load32(l3 + 12), rw_load32(l3 + 16), p->proto4,
				      (__u16)len);
	r->has_l4_sum = rw_csum_bytes(&sum, data + rw_probe_l4(p), data_end, len);
	if (!r->has_l4_sum)
		return;
	r->l4_sum = rw_csum_fold(sum);
	r->udp_finish = rw_csum_finish_udp(sum);
}

/* New source address and port, and what covers them. */
RW_CORE void rw_probe_rewrite(const struct rw_probe_input *in, struct rw_probe_result *r,
			      const struct rw_parsed *p, __u8 *l3, __u8 *l4, __u8 *check,
			      const __u8 *data_end)
{
	__u16 sum = rw_load16(check), before = sum;

	if (p->proto3 == RW_ETH_IPV4) {
		__u32 old = rw_load32(l3 + 12);

		r->ip_check = rw_csum_replace32(rw_load16(l3 + 10), old, in->src4);
		rw_store16(l3 + 10, r->ip_check);
		if (p->flags & RW_PARSED_PORTS)
			sum = rw_csum_replace32(sum, old, in->src4);
		rw_store32(l3 + 12, in->src4);
	} else {
		if (l3 + sizeof(struct rw_ipv6) > data_end) /* never; the verifier has forgotten */
			return;
		sum = rw_csum_replace128(sum, l3 + 8, in->src6);
		rw_store32(l3 + 8, in->src6[0]);
		rw_store32(l3 + 12, in->src6[1]);
		rw_store32(l3 + 16, in->src6[2]);
		rw_store32(l3 + 20, in->src6[3]);
	}
	if (p->flags & RW_PARSED_PORTS) {
		sum = rw_csum_replace16(sum, rw_load16(l4), in->sport);
		rw_store16(l4, in->sport);
	}
	if (p->proto4 == RW_IP_UDP)
		sum = rw_csum_udp(before, sum);
	r->l4_check = sum;
	rw_store16(check, sum);
}

/* Everything after the parse: `p` has been parsed from these very bytes. */
RW_CORE void rw_probe_sums(const struct rw_probe_input *in, struct rw_probe_result *r,
			   const struct rw_parsed *p, __u8 *data, __u8 *data_end)
{
	__u8 *l3 = data + (p->l3 & 0x1f), *l4 = data + rw_probe_l4(p), *check;
	__u64 sum = 0;

	if (p->outcome != RW_PARSE_OK || p->flags & RW_PARSED_LATER)
		return;
	if (p->proto3 == RW_ETH_IPV4) {
		r->has_ip_sum = rw_csum_bytes(&sum, l3, data_end, (__u32)(p->l4 - p->l3) & 0xff);
		if (!r->has_ip_sum)
			return;
		r->ip_sum = rw_csum_fold(sum);
		r->ip_finish = rw_csum_finish(sum);
	}
	if (!(p->flags & (RW_PARSED_PORTS | RW_PARSED_ICMP)))
		return;
	if (l3 + (p->proto3 == RW_ETH_IPV4 ? 20 : 40) > data_end || l4 + 4 > data_end)
		return;
	rw_probe_l4_sum(r, p, l3, data, data_end);
	check = rw_probe_l4_check(p, data, data_end);
	if (check)
		rw_probe_rewrite(in, r, p, l3, l4, check, data_end);
}

#endif
