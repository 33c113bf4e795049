/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Answers from a VIP to a client whose packet cannot be sent on: what fits (RFC 1191, RFC 8201),
 * and a reset where no real is left (RFC 9293 3.5.2). Room has been made.
 */
#ifndef RW_CORE_ANSWER_ICMP_H
#define RW_CORE_ANSWER_ICMP_H

#include "answer_link.h"

#define RW_ICMP_FRAG_NEEDED 4 /* a code of RW_ICMP_UNREACHABLE */

/* The Ethernet header of the packet, which begins `head` bytes further on, as that of the answer.
 */
RW_CORE int rw_answer_move_l2(const struct rw_lb_env *env, const struct rw_lb_packet *r, __u8 *data,
			      __u8 *data_end)
{
	__u8 *old = data + (r->head & 0x3f);
	__u32 i;

	if (old + 14 + 4 * RW_MAX_TAGS > data_end || data + 14 + 4 * RW_MAX_TAGS > data_end)
		return 0;
	RW_UNROLL
	for (i = 0; i < 12; i += 4)
		rw_store32(data + i, rw_load32(old + i));
	RW_UNROLL
	for (i = 12; i < 14 + 4 * RW_MAX_TAGS; i += 2)
		if (i < r->p.l3)
			rw_store16(data + i, rw_load16(old + i));
	return rw_answer_l2(env, data, data_end);
}

/* An IPv4 header without options, from the VIP to the client. */
RW_CORE void rw_answer_ipv4(const struct rw_lb_packet *r, __u8 *ip, __u32 len, __u8 proto)
{
	__u64 sum = RW_BE16(0x4500) + (__u64)RW_BE16(len) + RW_BE16(64 << 8 | proto);

	sum += (__u64)r->flow.dst[0] + r->flow.src[0];
	rw_store32(ip, RW_BE32(0x45000000 | (len & 0xffff)));
	rw_store32(ip + 4, 0);
	rw_store16(ip + 8, RW_BE16(64 << 8 | proto));
	rw_store16(ip + 10, rw_csum_finish(sum));
	rw_store32(ip + 12, r->flow.dst[0]);
	rw_store32(ip + 16, r->flow.src[0]);
}

RW_CORE void rw_answer_ipv6(const struct rw_lb_packet *r, __u8 *ip, __u32 len, __u8 proto)
{
	rw_store32(ip, RW_BE32(6u << 28));
	rw_store16(ip + 4, RW_BE16(len));
	ip[6] = proto;
	ip[7] = 64;
	__builtin_memcpy(ip + 8, r->flow.dst, 16);
	__builtin_memcpy(ip + 24, r->flow.src, 16);
}

/* Bytes of the packet that the error carries: what is left of it. */
RW_CORE __u32 rw_answer_quoted(const struct rw_lb_packet *r)
{
	return (r->len + r->tail - rw_lb_l3(r)) & 0x7ff;
}

RW_CORE __u32 rw_lb_write_too_big(const struct rw_lb_env *env, struct rw_lb_packet *r, void *begin,
				  void *end)
{
	__u8 *data = (__u8 *)begin, *data_end = (__u8 *)end, *ip = data + rw_lb_l3(r), *icmp;
	__u32 quoted = rw_answer_quoted(r), len = sizeof(struct rw_icmp) + quoted;
	__u64 sum;

	if (ip + sizeof(struct rw_ipv6) + sizeof(struct rw_icmp) > data_end ||
	    !rw_answer_move_l2(env, r, data, data_end))
		return rw_lb_drop(r, RW_LB_DROP_NO_ROOM);
	if (rw_lb_is_v4(r)) {
		rw_answer_ipv4(r, ip, len + sizeof(struct rw_ipv4), RW_IP_ICMP);
		icmp = ip + sizeof(struct rw_ipv4);
		rw_store32(icmp, RW_BE32(RW_ICMP_UNREACHABLE << 24 | RW_ICMP_FRAG_NEEDED << 16));
		sum = 0;
	} else {
		rw_answer_ipv6(r, ip, len, RW_IP_ICMPV6);
		icmp = ip + sizeof(struct rw_ipv6);
		rw_store32(icmp, RW_BE32(RW_ICMP6_TOO_BIG << 24));
		sum = rw_csum_pseudo6(r->flow.dst, r->flow.src, RW_IP_ICMPV6, len);
	}
	if (icmp + sizeof(struct rw_icmp) > data_end)
		return rw_lb_drop(r, RW_LB_DROP_NO_ROOM);
	rw_store32(icmp + 4, RW_BE32(r->mtu));
	sum += rw_load32(icmp) + (__u64)rw_load32(icmp + 4);
	if (!rw_csum_bytes(&sum, icmp + sizeof(struct rw_icmp), data_end, quoted))
		return rw_lb_drop(r, RW_LB_DROP_NO_ROOM);
	rw_store16(icmp + 2, rw_csum_finish(sum));
	return rw_answer_sent(env, r, RW_LB_ANSWERED_TOO_BIG);
}

/* The segment turned round into its reset. False: it is one itself, which nobody answers. */
RW_CORE int rw_answer_tcp(const struct rw_lb_packet *r, __u8 *tcp)
{
	__u32 seq = RW_CPU32(rw_load32(tcp + 4)), ack = rw_load32(tcp + 8);
	__u32 len = r->p.end - r->p.payload;
	__u8 flags = tcp[13];

	if (flags & RW_TCP_RST)
		return 0;
	len += (flags & RW_TCP_SYN ? 1 : 0) + (flags & RW_TCP_FIN ? 1 : 0);
	rw_store16(tcp, r->flow.dport);
	rw_store16(tcp + 2, r->flow.sport);
	if (flags & RW_TCP_ACK) {
		rw_store32(tcp + 4, ack);
		rw_store32(tcp + 8, 0);
		rw_store32(tcp + 12, RW_BE32(0x50000000 | RW_TCP_RST << 16));
	} else {
		rw_store32(tcp + 4, 0);
		rw_store32(tcp + 8, RW_BE32(seq + len));
		rw_store32(tcp + 12, RW_BE32(0x50000000 | (RW_TCP_RST | RW_TCP_ACK) << 16));
	}
	rw_store32(tcp + 16, 0);
	return 1;
}

RW_CORE __u32 rw_lb_write_reset(const struct rw_lb_env *env, struct rw_lb_packet *r, void *begin,
				void *end)
{
	__u8 *data = (__u8 *)begin, *ip = data + rw_lb_l3(r), *tcp;
	__u32 len = sizeof(struct rw_tcp);
	__u64 sum;

	tcp = ip + (rw_lb_is_v4(r) ? sizeof(struct rw_ipv4) : sizeof(struct rw_ipv6));
	if (tcp + sizeof(struct rw_tcp) > (__u8 *)end)
		return rw_lb_drop(r, RW_LB_DROP_NO_ROOM);
	if (!rw_answer_tcp(r, tcp))
		return rw_lb_drop(r, RW_LB_DROP_NO_REAL);
	if (!rw_answer_l2(env, data, end))
		return rw_lb_drop(r, RW_LB_DROP_NO_ROOM);
	if (rw_lb_is_v4(r)) {
		rw_answer_ipv4(r, ip, sizeof(struct rw_ipv4) + len, RW_IP_TCP);
		sum = rw_csum_pseudo4(r->flow.dst[0], r->flow.src[0], RW_IP_TCP, (__u16)len);
	} else {
		if (ip + sizeof(struct rw_ipv6) > (__u8 *)end)
			return rw_lb_drop(r, RW_LB_DROP_NO_ROOM);
		rw_answer_ipv6(r, ip, len, RW_IP_TCP);
		sum = rw_csum_pseudo6(r->flow.dst, r->flow.src, RW_IP_TCP, len);
	}
	sum += rw_csum_address6(tcp) + rw_load32(tcp + 16);
	rw_store16(tcp + 16, rw_csum_finish(sum));
	return rw_answer_sent(env, r, RW_LB_ANSWERED_RESET);
}

#endif
