/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * GUE variant 1: IP directly in UDP. The outer checksum, where there is one, is made without
 * touching the payload (local checksum offload): a checksum inside that covers all of it makes its
 * sum known.
 */
#ifndef RW_CORE_ENCAP_GUE_H
#define RW_CORE_ENCAP_GUE_H

#include "encap.h"

RW_CORE __be16 rw_gue_source_port(const struct rw_lb_packet *r)
{
	return RW_BE16(RW_GUE_PORT_FIRST | (__u16)(r->hash >> 32 & 0x3fff));
}

RW_CORE __u32 rw_gue_udp_at(const struct rw_lb_packet *r)
{
	return (r->l2 & 0x1fu) + ((r->outer - (__u32)sizeof(struct rw_udp)) & 0x3f);
}

/* Does the inner transport checksum cover everything after the inner IP header? Not of fragments,
 * of UDP without one or with less data than IP says, behind extension headers, of other protocols.
 */
RW_CORE int rw_gue_covered(const struct rw_lb_packet *r, const __u8 *l4, const __u8 *data_end)
{
	if (r->p.outcome != RW_PARSE_OK || r->p.flags & RW_PARSED_FRAGMENT || r->p.ext)
		return 0;
	if (r->p.proto4 == RW_IP_UDP)
		return l4 + sizeof(struct rw_udp) <= data_end && rw_load16(l4 + 6) &&
		       RW_CPU16(rw_load16(l4 + 4)) == (r->p.end - r->p.l4);
	return r->p.proto4 == RW_IP_TCP || r->p.flags & RW_PARSED_ICMP;
}

/* Adds the inner packet's sum where it is known. An IPv4 header sums up to nothing, and so does
 * what its transport checksum covers: the segment's sum is the complement of its pseudo-header's.
 */
RW_CORE int rw_gue_known_sum(const struct rw_lb_packet *r, const __u8 *data, const __u8 *data_end,
			     __u64 *sum)
{
	const __u8 *ip = data + rw_encap_inner(r);
	const __u8 *l4 = ip + ((__u32)(r->p.l4 - r->p.l3) & 0x3f);
	__u32 len = r->p.end - r->p.l4, i;
	__u64 pseudo = 0;

	if (!rw_gue_covered(r, l4, data_end))
		return 0;
	if (rw_lb_is_v4(r)) {
		if (ip + sizeof(struct rw_ipv4) > data_end)
			return 0;
		if (r->p.proto4 != RW_IP_ICMP)
			pseudo = rw_csum_pseudo4(rw_load32(ip + 12), rw_load32(ip + 16),
						 r->p.proto4, (__u16)len);
	} else {
		if (ip + sizeof(struct rw_ipv6) > data_end)
			return 0;
		RW_UNROLL
		for (i = 0; i < sizeof(struct rw_ipv6); i += 4)
			*sum += rw_load32(ip + i);
		pseudo = rw_csum_pseudo6(ip + 8, ip + 24, r->p.proto4, len);
	}
	*sum += (__u16)~rw_csum_fold(pseudo); /* of none: 0xffff, which is nothing too */
	return 1;
}

/* The outer UDP checksum over header, pseudo-header and inner packet. False: out of reach. */
RW_CORE int rw_gue_sum(const struct rw_lb_packet *r, const struct rw_lb_real *real, __u8 *data,
		       __u8 *data_end, __u32 len)
{
	__u8 *udp = data + rw_gue_udp_at(r);
	__u64 sum;

	if (real->family == 4)
		sum = rw_csum_pseudo4(rw_encap_src4(r, real), real->dst[0], RW_IP_UDP, (__u16)len);
	else
		sum = rw_csum_pseudo6(real->src, real->dst, RW_IP_UDP, len);
	if (udp + sizeof(struct rw_udp) > data_end)
		return 0;
	sum += rw_load32(udp) + (__u64)RW_BE16(len);
	if (!rw_gue_known_sum(r, data, data_end, &sum) &&
	    !rw_csum_bytes(&sum, udp + sizeof(struct rw_udp), data_end, rw_encap_inner_len(r)))
		return 0;
	rw_store16(udp + 6, rw_csum_finish_udp(sum));
	return 1;
}

RW_CORE int rw_gue_wants_sum(const struct rw_lb_real *real)
{
	if (real->flags & RW_REAL_SUM_ZERO)
		return 0;
	return real->family == 6 || real->flags & RW_REAL_SUM_FULL;
}

/* All but the outer checksum. False: the packet is not long enough (the verifier's fear). */
RW_CORE int rw_gue_headers(const struct rw_lb_env *env, const struct rw_lb_packet *r,
			   const struct rw_lb_real *real, __u8 *data, __u8 *data_end)
{
	__u32 len = sizeof(struct rw_udp) + rw_encap_inner_len(r);
	__u8 *udp = data + rw_gue_udp_at(r);

	if (!rw_encap_hop(r, real, data, data_end) ||
	    !rw_encap_l2(env, r, real, data, data_end, rw_encap_ethertype(real)) ||
	    !rw_encap_outer(r, real, data, data_end, len, RW_IP_UDP) ||
	    udp + sizeof(struct rw_udp) > data_end)
		return 0;
	rw_store16(udp, rw_gue_source_port(r));
	rw_store16(udp + 2, real->port);
	rw_store16(udp + 4, RW_BE16(len));
	rw_store16(udp + 6, 0);
	return 1;
}

/* To a real that wants no outer checksum. */
RW_CORE __u32 rw_lb_write_gue_to(const struct rw_lb_env *env, struct rw_lb_packet *r,
				 const struct rw_lb_real *real, void *data, void *data_end)
{
	if (!rw_gue_headers(env, r, real, (__u8 *)data, (__u8 *)data_end))
		return rw_lb_drop(r, RW_REASON_MALFORMED);
	return RW_STAGE_DONE;
}

RW_CORE __u32 rw_lb_write_gue(const struct rw_lb_env *env, struct rw_lb_packet *r, void *begin,
			      void *end)
{
	const struct rw_lb_real *real = rw_reals_at(env, r->real);
	__u8 *data = (__u8 *)begin, *data_end = (__u8 *)end;
	__u32 len = sizeof(struct rw_udp) + rw_encap_inner_len(r);

	if (!real)
		return rw_lb_drop(r, RW_REASON_TABLE_MISS);
	if (!rw_gue_headers(env, r, real, data, data_end))
		return rw_lb_drop(r, RW_REASON_MALFORMED);
	if (rw_gue_wants_sum(real) && !rw_gue_sum(r, real, data, data_end, len))
		return rw_lb_drop(r, RW_LB_DROP_NO_CHECKSUM);
	return RW_STAGE_DONE;
}

#endif
