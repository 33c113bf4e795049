/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The short way of nearly all packets: no tag, IPv4 without options or IPv6 without extension
 * headers, TCP or UDP, of a connection that is in the table and goes on. It decides what the stages
 * would decide, without their record: `r` and `k` are variables of the caller's whose fields the
 * compiler keeps in registers, and only those are set that are read on this way. For any other
 * packet nothing has happened: the stages begin.
 *
 *	rw_known_parse	headers, hash
 *	rw_known_vip	the VIP
 *	rw_known_first	one of two buckets that the connection may be in
 *	rw_known_look	which, and where in it
 *	rw_known_pick	is it there, and does it go on?
 *
 * Steps, so that a worker can fetch what the next one reads.
 */
#ifndef RW_CORE_LB_KNOWN_H
#define RW_CORE_LB_KNOWN_H

#include "encap_gue.h"
#include "lb_known_parse.h"
#include "lb_pick.h"

/* The first way of this bucket that has the tag, if any. */
RW_CORE int rw_known_tag(struct rw_known *k)
{
	__u32 tag = rw_conn_tag_of(k->hash), i;

	RW_UNROLL
	for (i = 0; i < RW_CONN_WAYS; i++)
		if (rw_conn_tag(RW_READ_ONCE(&k->b->word[i])) == tag)
			break;
	k->slot = (__u8)(i & (RW_CONN_WAYS - 1));
	return i < RW_CONN_WAYS;
}

/* The first bucket that the connection may be in. False: the stages begin. */
RW_CORE int rw_known_first(const struct rw_lb_env *env, struct rw_known *k)
{
	k->b = rw_conns_at(env, rw_conn_first(k->hash, env->sizes->conn_buckets));
	return k->b != (struct rw_conn_bucket *)0;
}

/* Where it may be: a way with its tag, in that bucket or in the second. False: the stages begin. */
RW_CORE int rw_known_look(const struct rw_lb_env *env, struct rw_known *k)
{
	if (rw_known_tag(k))
		return 1;
	k->b = rw_conns_at(env, rw_conn_second(k->hash, env->sizes->conn_buckets));
	return k->b && rw_known_tag(k);
}

/* The entry's key, less the flow's: of IPv4 three words, an entry of that family has no other. */
RW_CORE __u64 rw_known_differs(const struct rw_known *k, const struct rw_conn *c)
{
	__u64 differs = RW_READ_ONCE(&c->key[4]) ^ k->last;

	if (k->family == 4)
		return differs | (RW_READ_ONCE(&c->key[0]) ^ rw_word_of(rw_load32(k->ip + 12), 0)) |
		       (RW_READ_ONCE(&c->key[2]) ^ rw_word_of(rw_load32(k->ip + 16), 0));
	return differs | (RW_READ_ONCE(&c->key[0]) ^ rw_load64(k->ip + 8)) |
	       (RW_READ_ONCE(&c->key[1]) ^ rw_load64(k->ip + 16)) |
	       (RW_READ_ONCE(&c->key[2]) ^ rw_load64(k->ip + 24)) |
	       (RW_READ_ONCE(&c->key[3]) ^ rw_load64(k->ip + 32));
}

/* Whether it is there, as rw_conn_read() asks it. False also while it changes. */
RW_CORE int rw_known_read(const struct rw_known *k, struct rw_conn_hit *hit)
{
	const struct rw_conn *c = &k->b->way[k->slot & (RW_CONN_WAYS - 1)];
	__u64 differs;

	hit->word = RW_READ_ONCE(&k->b->word[k->slot]);
	RW_RMB();
	differs = rw_known_differs(k, c);
	hit->real = RW_READ_ONCE(&c->real);
	hit->real_version = RW_READ_ONCE(&c->real_version);
	RW_RMB();
	differs |= (RW_READ_ONCE(&k->b->word[k->slot]) ^ hit->word) & ~RW_CONN_AGE_BITS;
	return !differs && rw_conn_state(hit->word) >= RW_CONN_NEW;
}

/* What of the record is read from here on. */
RW_CORE void rw_known_record(const struct rw_lb_env *env, struct rw_lb_packet *r,
			     const struct rw_known *k)
{
	r->p.l3 = sizeof(struct rw_eth);
	r->p.proto3 = k->family == 4 ? RW_ETH_IPV4 : RW_ETH_IPV6;
	r->p.end = k->end;
	r->hash = k->hash;
	r->tick = RW_READ_ONCE(&env->control->tick);
	r->len = k->len;
	r->flags = k->flags;
	r->tos = k->tos;
	r->vip.id = k->vip;
	r->vip.hash = RW_FLOW_5TUPLE;
	r->tail = 0;
}

/* The stage that writes, RW_STAGE_L2, _IPIP or _GUE, to k->real: the packet is counted. Else
 * RW_STAGE_PARSE. */
RW_CORE __u32 rw_known_pick(const struct rw_lb_env *env, struct rw_lb_packet *r, struct rw_known *k)
{
	struct rw_lb_conn c;
	__u32 outer, stage;

	if (!rw_known_read(k, &c.hit))
		return RW_STAGE_PARSE;
	c.b = k->b;
	c.slot = k->slot;
	rw_known_record(env, r, k);
	if (rw_lb_conn_is_over(env, r, &c))
		return RW_STAGE_PARSE;
	k->real = rw_lb_conn_real(env, r, &c);
	if (!k->real || k->ttl <= 1 ||
	    (k->real->method == RW_METHOD_GUE && rw_gue_wants_sum(k->real)))
		return RW_STAGE_PARSE;
	outer = rw_lb_outer(k->real);
	if (k->end - sizeof(struct rw_eth) + outer > rw_lb_mtu(env, r, k->real))
		return RW_STAGE_PARSE;
	stage = rw_lb_send(r, k->real, outer);
	rw_lb_conn_hit(env, r, &c);
	rw_lb_count_traffic(env, r);
	return stage;
}

/* All of them. */
RW_CORE __u32 rw_lb_known(const struct rw_lb_env *env, struct rw_lb_packet *r, struct rw_known *k,
			  const void *begin, const void *end, __u32 len)
{
	if (!rw_known_parse(env, k, begin, end, len) || !rw_known_vip(env, k) ||
	    !rw_known_first(env, k) || !rw_known_look(env, k))
		return RW_STAGE_PARSE;
	return rw_known_pick(env, r, k);
}

/* After room was made. */
RW_CORE void rw_lb_write_known(const struct rw_lb_env *env, struct rw_lb_packet *r,
			       const struct rw_known *k, __u32 stage, void *data, void *data_end)
{
	if (stage == RW_STAGE_L2)
		(void)rw_lb_write_l2_to(env, r, k->real, data, data_end);
	else if (stage == RW_STAGE_GUE)
		(void)rw_lb_write_gue_to(env, r, k->real, data, data_end);
	else
		(void)rw_lb_write_ipip_to(env, r, k->real, data, data_end);
}

#endif
