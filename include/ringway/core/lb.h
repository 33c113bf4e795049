/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The layer-4 load balancer: what ringway-lb does to a packet, in both datapaths. VIPs, a Maglev
 *ring for each set of reals, a connection table; packets reach their real by IP in IP, GUE or a new
 * Ethernet header, and the real answers the client itself (direct server return).
 *
 *	lb_tables.h, conn_table.h	the memory that both datapaths and the control plane map
 *	lb_env.h, lb_packet.h		what a stage is handed; stages
 *	lb_parse.h, lb_classify.h	whose packet it is
 *	lb_inner.h, lb_pick.h		which real gets it
 *	lb_known_parse.h, lb_known.h	all of it at once, for what goes on as before
 *	encap*.h, answer_*.h		what leaves
 *
 * In the kernel the stages are programs linked by tail calls (bpf/lb.bpf.c); everywhere else:
 *
 *	stage = rw_lb_decide(&env, &r, data, data_end, len);
 *	if (stage != RW_STAGE_DONE) {
 *		make room: r.head bytes before the packet, r.tail after it; if there is none,
 *			rw_lb_drop(&r, RW_LB_DROP_NO_ROOM);
 *		rw_lb_write(&env, &r, stage, data, data_end);
 *	}
 *	r.out is the verdict
 */
#ifndef RW_CORE_LB_H
#define RW_CORE_LB_H

#include "answer_icmp.h"
#include "encap_gue.h"
#include "lb_inner.h"
#include "lb_known.h"
#include "lb_pick.h"

/* After the parse: which stage writes the packet. */
RW_CORE __u32 rw_lb_decide_parsed(const struct rw_lb_env *env, struct rw_lb_packet *r,
				  const void *data, const void *data_end)
{
	__u32 stage = rw_lb_classify(env, r);

	if (stage == RW_STAGE_INNER)
		stage = rw_lb_inner(env, r, data, data_end);
	return stage == RW_STAGE_PICK ? rw_lb_pick(env, r) : stage;
}

RW_CORE __u32 rw_lb_decide(const struct rw_lb_env *env, struct rw_lb_packet *r, const void *data,
			   const void *data_end, __u32 len)
{
	rw_lb_parse(env, r, data, data_end, len);
	return rw_lb_decide_parsed(env, r, data, data_end);
}

/* The packet as it is after room was made. */
RW_CORE void rw_lb_write(const struct rw_lb_env *env, struct rw_lb_packet *r, __u32 stage,
			 void *data, void *data_end)
{
	switch (stage) {
	case RW_STAGE_L2:
		(void)rw_lb_write_l2(env, r, data, data_end);
		break;
	case RW_STAGE_IPIP:
		(void)rw_lb_write_ipip(env, r, data, data_end);
		break;
	case RW_STAGE_GUE:
		(void)rw_lb_write_gue(env, r, data, data_end);
		break;
	case RW_STAGE_ARP:
		(void)rw_lb_write_arp(env, r, data, data_end);
		break;
	case RW_STAGE_ND:
		(void)rw_lb_write_nd(env, r, data, data_end);
		break;
	case RW_STAGE_ECHO:
		(void)rw_lb_write_echo(env, r, data, data_end);
		break;
	case RW_STAGE_TOO_BIG:
		(void)rw_lb_write_too_big(env, r, data, data_end);
		break;
	case RW_STAGE_RESET:
		(void)rw_lb_write_reset(env, r, data, data_end);
		break;
	default:
		break;
	}
}

/* Counts a drop of this function's own; the library's reasons are the ports' (verdict.h). True if
 * it was one. */
RW_CORE int rw_lb_count_drop(struct rw_lb_local *local, __u32 port, rw_verdict out)
{
	__u32 own = (__u32)out - RW_DROP_BASE - RW_REASON_NF;

	if (out == RW_PUNT || own >= RW_LB_REASON_SLOTS || port >= RW_PORTS_MAX)
		return 0;
	RW_LB_ADD(&local->drops[port][own], 1);
	return 1;
}

#endif
