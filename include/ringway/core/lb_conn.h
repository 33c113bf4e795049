/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The load balancer's use of the connection table: which real a flow has, entering a new one, what
 * a packet makes of a connection's state.
 */
#ifndef RW_CORE_LB_CONN_H
#define RW_CORE_LB_CONN_H

#include "conntrack.h"
#include "lb_packet.h"

/* Where a flow is in the table, or where it was looked for. */
struct rw_lb_conn {
	struct rw_conn_hit hit;
	__u32 first, second; /* its candidate buckets; the second only if it is not in the first */
	__u32 bucket, slot;  /* slot RW_CONN_WAYS: it is not there */
	struct rw_conn_bucket *b; /* where it is, or was looked for last */
};

/* Both hashes of a flow, and its key. The table knows whole flows; but of a VIP that chooses by the
 * source alone it knows sources, with the VIP. */
RW_CORE void rw_lb_hash(const struct rw_lb_env *env, struct rw_lb_packet *r)
{
	const struct rw_hash_key *secret = &env->sizes->flow_key;

	rw_flow_reduce(&r->key, &r->flow, r->vip.hash);
	r->hash = rw_flow_hash(&r->key, secret);
	r->conn_hash = r->hash;
	if (r->vip.hash == RW_FLOW_5TUPLE)
		return;
	r->key = r->flow;
	if (r->vip.hash == RW_FLOW_SOURCE) {
		r->key.sport = 0;
		r->key.dport = r->ask.port;
	}
	r->conn_hash = rw_flow_hash(&r->key, secret);
}

/* Looks for a flow with this hash; fills `c`. False: there is no such bucket. */
RW_CORE int rw_lb_conn_find(const struct rw_lb_env *env, const struct rw_flow *key, __u64 hash,
			    struct rw_lb_conn *c)
{
	__u32 tag = rw_conn_tag_of(hash);

	__builtin_memset(c, 0, sizeof(*c));
	c->first = c->bucket = rw_conn_first(hash, env->sizes->conn_buckets);
	c->b = rw_conns_at(env, c->first);
	if (!c->b)
		return 0;
	c->slot = rw_conn_find(c->b, key, tag, &c->hit);
	if (c->slot < RW_CONN_WAYS)
		return 1;
	c->second = c->bucket = rw_conn_second(hash, env->sizes->conn_buckets);
	c->b = rw_conns_at(env, c->second);
	if (!c->b)
		return 0;
	c->slot = rw_conn_find(c->b, key, tag, &c->hit);
	return 1;
}

/* The state after this packet. Where sources are kept, several connections share an entry, and none
 * of their ends is its end. */
RW_CORE __u8 rw_lb_conn_state(const struct rw_lb_packet *r, __u8 state)
{
	int tcp = r->flags & RW_LB_TCP && r->vip.hash != RW_FLOW_SOURCE;

	if (r->flags & RW_LB_RELATED || (tcp && state == RW_CONN_CLOSING))
		return state;
	if (tcp && r->flags & RW_LB_END)
		return RW_CONN_CLOSING;
	if (tcp && r->flags & RW_LB_SYN)
		return state;
	return RW_CONN_LIVE;
}

/* A flow that was found has come to its end, and this packet begins another one. */
RW_CORE int rw_lb_conn_is_over(const struct rw_lb_env *env, const struct rw_lb_packet *r,
			       const struct rw_lb_conn *c)
{
	if (rw_conn_expired(c->hit.word, env->control, r->tick))
		return 1;
	return rw_conn_state(c->hit.word) == RW_CONN_CLOSING && r->flags & RW_LB_SYN;
}

/* May the flow be entered? Neither what ends one, nor an ICMP error, nor, while too many come, a
 * new one. */
RW_CORE int rw_lb_conn_may_enter(const struct rw_lb_env *env, const struct rw_lb_packet *r)
{
	__u32 limit = RW_READ_ONCE(&env->control->flow_limit);

	if (rw_lb_read_only(env) || r->flags & (RW_LB_END | RW_LB_RELATED))
		return 0;
	if (limit && !rw_lb_gate_open(&env->local->flows, r->tick, limit)) {
		rw_lb_count(env, RW_LB_CONN_GATED);
		return 0;
	}
	return 1;
}

/* Finds a place for a flow that is in neither bucket: the emptier one's best. */
RW_CORE int rw_lb_conn_place(const struct rw_lb_env *env, const struct rw_lb_packet *r,
			     struct rw_lb_conn *c, struct rw_conn_place *place)
{
	const struct rw_conn_bucket *first = rw_conns_at(env, c->first);
	const struct rw_conn_bucket *second = rw_conns_at(env, c->second);
	struct rw_conn_place other;

	if (!first || !second)
		return 0;
	__builtin_memset(place, 0, sizeof(*place));
	__builtin_memset(&other, 0, sizeof(other));
	rw_conn_room(first, env->control, r->tick, place);
	rw_conn_room(second, env->control, r->tick, &other);
	c->bucket = c->first;
	if (other.rank < place->rank) {
		*place = other;
		c->bucket = c->second;
	}
	return 1;
}

RW_CORE void rw_lb_conn_count_place(const struct rw_lb_env *env, __u32 kind)
{
	if (kind == RW_CONN_IS_EXPIRED)
		rw_lb_count(env, RW_LB_CONN_EXPIRED);
	else if (kind == RW_CONN_IS_HALF)
		rw_lb_count(env, RW_LB_CONN_EVICTED_HALF);
	else if (kind == RW_CONN_IS_LIVE)
		rw_lb_count(env, RW_LB_CONN_EVICTED_LIVE);
}

/* Enters the flow with its real: where it was (`event` says why anew), or in a new place. */
RW_CORE void rw_lb_conn_enter(const struct rw_lb_env *env, const struct rw_lb_packet *r,
			      struct rw_lb_conn *c, __u32 real_version, enum rw_lb_event event)
{
	struct rw_conn_place place;
	struct rw_conn_entry entry;
	struct rw_conn_bucket *b;

	if (!rw_lb_conn_may_enter(env, r))
		return;
	__builtin_memset(&place, 0, sizeof(place));
	place.slot = c->slot;
	place.word = c->hit.word;
	if (c->slot >= RW_CONN_WAYS && !rw_lb_conn_place(env, r, c, &place))
		return;
	__builtin_memset(&entry, 0, sizeof(entry));
	entry.key = r->key;
	entry.real = r->real;
	entry.real_version = real_version;
	entry.hash = r->conn_hash;
	entry.tick = r->tick;
	b = rw_conns_at(env, c->bucket);
	if (!b || place.kind == RW_CONN_IS_CLAIMED ||
	    !rw_conn_enter(b, place.slot, place.word, &entry)) {
		rw_lb_count(env, RW_LB_CONN_BUSY);
		return;
	}
	rw_lb_count(env, event);
	rw_lb_conn_count_place(env, place.kind);
}

#endif
