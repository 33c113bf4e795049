/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What becomes of a packet once it has a real, or none: the checks that need both (TTL, MTU), and
 * the room that is needed before and after it for what will be written.
 */
#ifndef RW_CORE_LB_PLAN_H
#define RW_CORE_LB_PLAN_H

#include "lb_packet.h"

RW_CORE __u8 rw_hop_state(__u64 hop)
{
	struct rw_hop h;

	h = rw_hop_of(hop);
	return h.state;
}

/* ICMP errors and resets are limited: whoever sends to us must not make us send without end. */
RW_CORE int rw_lb_may_answer(const struct rw_lb_env *env, const struct rw_lb_packet *r)
{
	__u32 limit = RW_READ_ONCE(&env->control->answer_limit);

	return rw_lb_gate_open(&env->local->answers, r->tick, limit);
}

/* There is no real: TCP may be told so, unless its header is not where the answer's will be. */
RW_CORE __u32 rw_lb_no_real(const struct rw_lb_env *env, struct rw_lb_packet *r)
{
	__u32 header = rw_lb_is_v4(r) ? sizeof(struct rw_ipv4) : sizeof(struct rw_ipv6);

	if (!(r->flags & RW_LB_TCP) || !(r->vip.flags & RW_VIP_RESET) ||
	    r->p.flags & RW_PARSED_OPTIONS)
		return rw_lb_drop(r, RW_LB_DROP_NO_REAL);
	if (!rw_lb_may_answer(env, r))
		return rw_lb_drop(r, RW_LB_DROP_ANSWER_LIMIT);
	r->tail = (__s16)(rw_lb_l3(r) + header + sizeof(struct rw_tcp) - r->len);
	return RW_STAGE_RESET;
}

/* Length of the outer headers. */
RW_CORE __u32 rw_lb_outer(const struct rw_lb_real *real)
{
	if (real->method == RW_METHOD_L2)
		return 0;
	return (real->family == 4 ? (__u32)sizeof(struct rw_ipv4) : (__u32)sizeof(struct rw_ipv6)) +
	       (real->method == RW_METHOD_GUE ? (__u32)sizeof(struct rw_udp) : 0);
}

/* An error has at most 576 (RFC 1812 4.3.2.3) or 1280 bytes (RFC 4443 2.4 c). */
#define RW_QUOTED_MOST4 (576u - 28u)
#define RW_QUOTED_MOST6 (1280u - 48u)

/* The packet is too long once encapsulated: say so, where that helps. */
RW_CORE __u32 rw_lb_too_big(const struct rw_lb_env *env, struct rw_lb_packet *r)
{
	__u32 quoted = r->p.end - rw_lb_l3(r);
	__u32 most = rw_lb_is_v4(r) ? RW_QUOTED_MOST4 : RW_QUOTED_MOST6;

	if (!(r->flags & RW_LB_DF) || r->flags & RW_LB_RELATED)
		return rw_lb_drop(r, RW_LB_DROP_TOO_BIG);
	if (!rw_lb_may_answer(env, r))
		return rw_lb_drop(r, RW_LB_DROP_ANSWER_LIMIT);
	r->head = (__s16)(rw_lb_is_v4(r) ? 28 : 48);
	if (quoted > most)
		quoted = most;
	r->tail = (__s16)(rw_lb_l3(r) + quoted - r->len);
	return RW_STAGE_TOO_BIG;
}

/* What fits: to the real, and through its port. */
RW_CORE __u32 rw_lb_mtu(const struct rw_lb_env *env, const struct rw_lb_packet *r,
			const struct rw_lb_real *real)
{
	__u32 mtu = real->mtu;
	struct rw_lb_port port;
	struct rw_hop hop;

	hop = rw_hop_of(r->hop);
	port = rw_lb_port_of(RW_READ_ONCE(&env->control->port[hop.port & (RW_PORTS_MAX - 1)]));
	return !mtu || mtu > port.mtu ? port.mtu : mtu;
}

/* The packet may go to `real`: it will leave with `outer` bytes of outer headers. */
RW_CORE __u32 rw_lb_send(struct rw_lb_packet *r, const struct rw_lb_real *real, __u32 outer)
{
	struct rw_hop hop;

	hop = rw_hop_of(r->hop);
	r->outer = (__u8)outer;
	r->out = hop.port;
	r->l2 = (__u16)(sizeof(struct rw_eth) + (real->vlan ? sizeof(struct rw_vlan) : 0));
	r->head = (__s16)(r->l2 + outer - rw_lb_l3(r));
	return RW_STAGE_L2 + real->method;
}

/* The packet goes to `real`: may it, and what room does it need? */
RW_CORE __u32 rw_lb_plan(const struct rw_lb_env *env, struct rw_lb_packet *r,
			 const struct rw_lb_real *real)
{
	__u32 outer = rw_lb_outer(real), mtu;

	if (r->ttl <= 1 && !(real->flags & RW_REAL_TTL_KEEP))
		return rw_lb_drop(r, RW_LB_DROP_TTL);
	mtu = rw_lb_mtu(env, r, real);
	if (r->p.end - rw_lb_l3(r) + outer > mtu) {
		r->outer = (__u8)outer;
		r->mtu = (__u16)(mtu > outer ? mtu - outer : 0);
		return rw_lb_too_big(env, r);
	}
	return rw_lb_send(r, real, outer);
}
RW_STATIC_ASSERT((__u32)RW_STAGE_L2 + (__u32)RW_METHOD_IPIP == (__u32)RW_STAGE_IPIP &&
			 (__u32)RW_STAGE_L2 + (__u32)RW_METHOD_GUE == (__u32)RW_STAGE_GUE,
		 "a stage for each method, in their order");

#endif
