/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Which real gets the packet: the connection table first, then the VIP's
 * ring; then the checks that need both packet and real (TTL, MTU), and the room for what is
 * written.
 */
#ifndef RW_CORE_LB_PICK_H
#define RW_CORE_LB_PICK_H

#include "lb_conn.h"
#include "lb_plan.h"

/* The real in the flow's slot of the ring. False: *stage is what becomes of the packet. */
RW_CORE int rw_lb_ring(const struct rw_lb_env *env, struct rw_lb_packet *r, __u32 *stage)
{
	const __u16 *ring;
	__u32 slot = rw_hash_reduce((__u32)r->hash, env->sizes->ring_size);

	r->real = RW_RING_NONE;
	if (r->vip.ring != RW_RING_NO_RING) {
		ring = rw_rings_at(env, r->vip.ring);
		if (!ring) {
			*stage = rw_lb_drop(r, RW_REASON_TABLE_MISS);
			return 0;
		}
		r->real = ring[slot];
	}
	if (r->real != RW_RING_NONE)
		return 1;
	*stage = rw_lb_no_real(env, r);
	return 0;
}

/* The real that the connection names, if it still is what it was and takes packets. */
RW_CORE const struct rw_lb_real *rw_lb_conn_real(const struct rw_lb_env *env,
						 struct rw_lb_packet *r, const struct rw_lb_conn *c)
{
	const struct rw_lb_real *real = rw_reals_at(env, c->hit.real);

	if (!real)
		return real;
	r->hop = RW_READ_ONCE(&real->hop);
	RW_RMB();
	if (rw_hop_state(r->hop) != RW_HOP_UP || c->hit.real_version & RW_REAL_RETIRED ||
	    RW_READ_ONCE(&real->version) != c->hit.real_version)
		return (const struct rw_lb_real *)0;
	r->real = c->hit.real;
	return real;
}

/* The flow's connection has seen this packet. */
RW_CORE void rw_lb_conn_hit(const struct rw_lb_env *env, const struct rw_lb_packet *r,
			    const struct rw_lb_conn *c)
{
	__u8 state = rw_conn_state(c->hit.word);

	if (rw_lb_read_only(env))
		return;
	rw_conn_touch(c->b, c->slot, c->hit.word, rw_lb_conn_state(r, state), r->tick);
	rw_lb_count(env, RW_LB_CONN_HIT);
}

/* Counts what goes to a real, and where the flow's packets went. */
RW_CORE void rw_lb_count_traffic(const struct rw_lb_env *env, const struct rw_lb_packet *r)
{
	struct rw_lb_traffic *vip = rw_traffic_at(env, r->vip.id);
	struct rw_lb_traffic *real = rw_traffic_at(env, env->sizes->traffic_vips + r->real);

	if (vip) {
		RW_LB_ADD(&vip->packets, 1);
		RW_LB_ADD(&vip->bytes, r->len);
	}
	if (real) {
		RW_LB_ADD(&real->packets, 1);
		RW_LB_ADD(&real->bytes, r->len);
	}
	if (r->flags & RW_LB_RELATED)
		rw_lb_count(env, RW_LB_ICMP_RELATED);
}

/* By the ring. Null: *stage is what becomes of the packet. */
RW_CORE const struct rw_lb_real *rw_lb_ring_real(const struct rw_lb_env *env,
						 struct rw_lb_packet *r, __u32 *stage)
{
	const struct rw_lb_real *real;

	if (!rw_lb_ring(env, r, stage))
		return (const struct rw_lb_real *)0;
	real = rw_reals_at(env, r->real);
	if (!real) {
		*stage = rw_lb_drop(r, RW_REASON_TABLE_MISS);
		return real;
	}
	r->hop = RW_READ_ONCE(&real->hop);
	if (rw_hop_state(r->hop) == RW_HOP_UP)
		return real;
	*stage = rw_lb_drop(r, RW_LB_DROP_NO_NEIGHBOUR);
	return (const struct rw_lb_real *)0;
}

/* By the connection table, else by the ring, and then into the table. */
RW_CORE const struct rw_lb_real *rw_lb_choose(const struct rw_lb_env *env, struct rw_lb_packet *r,
					      __u32 *stage)
{
	enum rw_lb_event event = RW_LB_CONN_NEW;
	const struct rw_lb_real *real;
	struct rw_lb_conn c;

	if (!env->sizes->conn_buckets || !(r->vip.flags & RW_VIP_STATEFUL))
		return rw_lb_ring_real(env, r, stage);
	if (!rw_lb_conn_find(env, &r->key, r->conn_hash, &c)) {
		*stage = rw_lb_drop(r, RW_REASON_TABLE_MISS);
		return (const struct rw_lb_real *)0;
	}
	if (c.slot < RW_CONN_WAYS) {
		event = RW_LB_CONN_RENEWED;
		if (!rw_lb_conn_is_over(env, r, &c)) {
			event = RW_LB_CONN_MOVED;
			real = rw_lb_conn_real(env, r, &c);
			if (real) {
				rw_lb_conn_hit(env, r, &c);
				return real;
			}
		}
	}
	real = rw_lb_ring_real(env, r, stage);
	if (real)
		rw_lb_conn_enter(env, r, &c, RW_READ_ONCE(&real->version), event);
	return real;
}

/* After rw_lb_hash(). */
RW_CORE __u32 rw_lb_pick_hashed(const struct rw_lb_env *env, struct rw_lb_packet *r)
{
	const struct rw_lb_real *real;
	__u32 stage = RW_STAGE_DONE;

	real = rw_lb_choose(env, r, &stage);
	if (real)
		stage = rw_lb_plan(env, r, real);
	if (stage >= RW_STAGE_L2 && stage <= RW_STAGE_GUE)
		rw_lb_count_traffic(env, r);
	return stage;
}

RW_CORE __u32 rw_lb_pick(const struct rw_lb_env *env, struct rw_lb_packet *r)
{
	rw_lb_hash(env, r);
	return rw_lb_pick_hashed(env, r);
}

#endif
