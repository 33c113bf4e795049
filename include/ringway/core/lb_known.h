/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The short way of nearly all packets: IPv4 without options or tags, TCP or UDP, of a connection
 * that is in the table and goes on. It decides what the stages would decide, without their record:
 * `r` is a variable of the caller's whose fields the compiler keeps in registers, and only those
 * are set that are read on this way. For any other packet nothing has happened: the stages begin.
 */
#ifndef RW_CORE_LB_KNOWN_H
#define RW_CORE_LB_KNOWN_H

#include "lb_classify.h"
#include "lb_pick.h"

#define RW_KNOWN_L4 (sizeof(struct rw_eth) + sizeof(struct rw_ipv4))

/* The length of the header at L4, 0: this is no packet for the short way. Neither is one that
 * begins or ends a connection. */
RW_CORE __u32 rw_known_l4(struct rw_lb_packet *r, const __u8 *l4, __u8 proto)
{
	__u32 len;

	if (proto == RW_IP_UDP) {
		len = RW_CPU16(rw_load16(l4 + 4));
		return len >= sizeof(struct rw_udp) ? len : 0;
	}
	if (proto != RW_IP_TCP || l4[13] & (RW_TCP_FIN | RW_TCP_SYN | RW_TCP_RST))
		return 0;
	r->flags |= RW_LB_TCP;
	len = (l4[12] >> 4) * 4u;
	return len >= sizeof(struct rw_tcp) ? len : 0;
}

/* Headers: what of `r` says where and what. False: not for the short way. */
RW_CORE int rw_known_parse(struct rw_lb_packet *r, struct rw_flow *flow, const __u8 *data,
			   const __u8 *data_end, __u32 len)
{
	const __u8 *ip = data + sizeof(struct rw_eth), *l4 = data + RW_KNOWN_L4;
	__u16 frag;
	__u32 header;

	if (l4 + sizeof(struct rw_tcp) > data_end || rw_load16(data + 12) != RW_BE16(RW_ETH_IPV4) ||
	    ip[0] != 0x45)
		return 0;
	frag = rw_load16(ip + 6);
	if (frag & RW_BE16(RW_IPV4_MF | RW_IPV4_OFFSET))
		return 0;
	r->flags = frag & RW_BE16(RW_IPV4_DF) ? RW_LB_DF : 0;
	header = rw_known_l4(r, l4, ip[9]);
	r->p.end = (__u32)sizeof(struct rw_eth) + RW_CPU16(rw_load16(ip + 2));
	if (!header || RW_KNOWN_L4 + header > r->p.end || r->p.end > len)
		return 0;
	r->want = RW_WANT_PORTS;
	r->p.l3 = sizeof(struct rw_eth);
	r->p.proto3 = RW_ETH_IPV4;
	r->tos = ip[1];
	r->ttl = ip[8];
	r->len = len;
	__builtin_memset(flow, 0, sizeof(*flow));
	rw_store64(flow->src, rw_word_of(rw_load32(ip + 12), 0));
	rw_store64(flow->dst, rw_word_of(rw_load32(ip + 16), 0));
	rw_store64(&flow->sport, rw_flow_last(rw_load16(l4), rw_load16(l4 + 2), ip[9], 4));
	return 1;
}

/* The VIP: one of exactly this port that keeps whole flows. */
RW_CORE int rw_known_vip(const struct rw_lb_env *env, struct rw_lb_packet *r,
			 const struct rw_flow *flow)
{
	const union rw_vip_element *head = rw_vips_at(env, r->base);
	struct rw_vip_target vip;
	struct rw_vip_key ask;

	if (!head)
		return 0;
	__builtin_memset(&ask, 0, sizeof(ask));
	__builtin_memset(&vip, 0, sizeof(vip));
	ask.addr[0] = flow->dst[0];
	ask.port = flow->dport;
	ask.proto = flow->proto;
	ask.family = 4;
	if (rw_vip_look_up(env, r->base, head, &ask, &vip) != 1 || !(vip.flags & RW_VIP_STATEFUL) ||
	    vip.hash != RW_FLOW_5TUPLE)
		return 0;
	r->vip.id = vip.id;
	r->vip.hash = vip.hash;
	return 1;
}

/* The stage that writes, RW_STAGE_L2 or RW_STAGE_IPIP: the packet is counted, and `r` is what that
 * stage reads. Else RW_STAGE_PARSE. */
RW_CORE __u32 rw_lb_known(const struct rw_lb_env *env, struct rw_lb_packet *r, const void *begin,
			  const void *end, __u32 len)
{
	const __u8 *data = (const __u8 *)begin;
	const struct rw_lb_real *real;
	struct rw_lb_conn c;
	struct rw_flow flow;
	__u32 outer, stage;

	if (!env->sizes->conn_buckets || rw_lb_read_only(env) ||
	    !rw_known_parse(r, &flow, data, (const __u8 *)end, len) ||
	    !rw_lb_is_for_port(env, r, data))
		return RW_STAGE_PARSE;
	r->base = RW_READ_ONCE(&env->control->vips_base);
	r->tick = RW_READ_ONCE(&env->control->tick);
	if (!rw_known_vip(env, r, &flow))
		return RW_STAGE_PARSE;
	r->hash = rw_flow_hash(&flow, &env->sizes->flow_key);
	if (!rw_lb_conn_find(env, &flow, r->hash, &c) || c.slot >= RW_CONN_WAYS ||
	    rw_lb_conn_is_over(env, r, &c))
		return RW_STAGE_PARSE;
	real = rw_lb_conn_real(env, r, &c);
	if (!real || real->method > RW_METHOD_IPIP || r->ttl <= 1)
		return RW_STAGE_PARSE;
	outer = rw_lb_outer(real);
	if (r->p.end - rw_lb_l3(r) + outer > rw_lb_mtu(env, r, real))
		return RW_STAGE_PARSE;
	r->tail = 0;
	stage = rw_lb_send(r, real, outer);
	rw_lb_conn_hit(env, r, &c);
	rw_lb_count_traffic(env, r);
	return stage;
}

#endif
