/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Whose packet it is: looks the destination up among the VIPs. What is none of theirs goes to the
 * kernel. The steering program of the AF_XDP datapath runs this much of the core too.
 */
#ifndef RW_CORE_LB_CLASSIFY_H
#define RW_CORE_LB_CLASSIFY_H

#include "lb_parse.h"

RW_CORE __u64 rw_vip_hash_begin(const struct rw_hash_key *secret, __be32 addr, __be16 port,
				__u8 proto, __u8 family)
{
	return rw_hash_step(secret->first,
			    (__u64)addr << 32 | (__u32)port << 16 | (__u32)proto << 8 | family);
}

/* The other words of an IPv6 address. */
RW_CORE __u64 rw_vip_hash_rest(__u64 h, __be32 second, __be32 third, __be32 fourth)
{
	return rw_hash_step(rw_hash_step(h, (__u64)second << 32 | third), fourth);
}

RW_CORE __u64 rw_vip_hash(const struct rw_vip_key *key, const struct rw_hash_key *secret)
{
	__u64 h = rw_vip_hash_begin(secret, key->addr[0], key->port, key->proto, key->family);

	if (key->family == 6)
		h = rw_vip_hash_rest(h, key->addr[1], key->addr[2], key->addr[3]);
	return rw_hash_end(h, secret->last);
}

RW_CORE __u32 rw_vip_bucket_of(__u64 hash, __u32 buckets)
{
	return rw_hash_reduce((__u32)(hash >> 32), buckets);
}

/* False: not in this bucket. `found` is written only if it is. */
RW_FUNC __u32 rw_vip_find(const struct rw_vip_bucket *b, const struct rw_vip_key *key, __u32 tag,
			  struct rw_vip_target *found)
{
	const struct rw_vip *vip;
	__u32 i;

	if (!b || !key || !found)
		return 0;
	RW_UNROLL
	for (i = 0; i < RW_VIP_WAYS; i++) {
		if (b->tag[i] != tag)
			continue;
		vip = &b->way[i];
		if ((vip->key.addr[0] ^ key->addr[0]) | (vip->key.addr[1] ^ key->addr[1]) |
		    (vip->key.addr[2] ^ key->addr[2]) | (vip->key.addr[3] ^ key->addr[3]) |
		    (__u32)(vip->key.port ^ key->port) | (__u32)(vip->key.proto ^ key->proto) |
		    (__u32)(vip->key.family ^ key->family))
			continue;
		*found = vip->target;
		return 1;
	}
	return 0;
}

/* The element of `vips` where the key is, if it is anywhere. Generation and bucket come from
 * `base` by address arithmetic. */
RW_CORE __u32 rw_vip_element_of(const struct rw_lb_env *env, __u32 base, __u64 hash)
{
	return base + 1 + rw_vip_bucket_of(hash, env->sizes->vip_buckets);
}

/* Looks `ask` up in the generation at `base`, whose head is there. 1 found, 0 not, -1: no such
 * element. */
RW_CORE int rw_vip_look_up(const struct rw_lb_env *env, __u32 base,
			   const union rw_vip_element *head, const struct rw_vip_key *ask,
			   struct rw_vip_target *found)
{
	__u64 hash = rw_vip_hash(ask, &head->head.key);
	const union rw_vip_element *element = rw_vips_at(env, rw_vip_element_of(env, base, hash));

	if (!element)
		return -1;
	return (int)rw_vip_find(&element->bucket, ask, (__u32)hash, found);
}

/* Looks r->ask up, with this port and protocol. 1 found, 0 not, -1: no such element. */
RW_CORE int rw_lb_look_up(const struct rw_lb_env *env, struct rw_lb_packet *r, __be16 port,
			  __u8 proto)
{
	const union rw_vip_element *head = rw_vips_at(env, r->base);

	if (!head)
		return -1;
	if (!port && proto && !head->head.any_port)
		return 0;
	r->ask.port = port;
	r->ask.proto = proto;
	return rw_vip_look_up(env, r->base, head, &r->ask, &r->vip);
}

/* The first of at most two keys: the exact port, of a fragment any port, else the address. */
RW_CORE int rw_lb_look_up_first(const struct rw_lb_env *env, struct rw_lb_packet *r)
{
	if (r->want == RW_WANT_PORTS)
		return rw_lb_look_up(env, r, r->flow.dport, r->flow.proto);
	return rw_lb_look_up(env, r, 0, r->want == RW_WANT_FRAGMENT ? r->flow.proto : 0);
}

#define RW_ND_ADVERTISEMENT_LEN 32u /* header, target, one option */

/* A solicitation may be shorter or longer than the advertisement that it becomes. */
RW_CORE __u32 rw_lb_announce_nd(struct rw_lb_packet *r)
{
	r->tail = (__s16)(rw_lb_l3(r) + sizeof(struct rw_ipv6) + RW_ND_ADVERTISEMENT_LEN - r->len);
	return RW_STAGE_ND;
}

/* What becomes of a packet whose destination is a VIP's. */
RW_CORE __u32 rw_lb_owned(struct rw_lb_packet *r)
{
	__u16 flags = r->vip.flags;

	switch (r->want) {
	case RW_WANT_PORTS:
		return RW_STAGE_PICK;
	case RW_WANT_FRAGMENT:
		if (flags & RW_VIP_FRAGMENTS)
			return RW_STAGE_PICK;
		return rw_lb_drop(r, RW_LB_DROP_FRAGMENT);
	case RW_WANT_ERROR:
		return RW_STAGE_INNER;
	case RW_WANT_MALFORMED:
		return rw_lb_drop(r, RW_REASON_MALFORMED);
	}
	if (r->want == RW_WANT_ECHO && flags & RW_VIP_PING)
		return RW_STAGE_ECHO;
	if (r->want == RW_WANT_ARP && flags & RW_VIP_ANNOUNCE)
		return RW_STAGE_ARP;
	if (r->want == RW_WANT_ND && flags & RW_VIP_ANNOUNCE)
		return rw_lb_announce_nd(r);
	return rw_lb_done(r, RW_PUNT);
}

/* The next stage; RW_STAGE_DONE with RW_PUNT for what is not ours. */
RW_CORE __u32 rw_lb_classify(const struct rw_lb_env *env, struct rw_lb_packet *r)
{
	int found;

	if (r->want == RW_WANT_NOTHING)
		return rw_lb_done(r, RW_PUNT);
	found = rw_lb_look_up_first(env, r);
	if (!found && (r->want == RW_WANT_PORTS || r->want == RW_WANT_FRAGMENT))
		found = rw_lb_look_up(env, r, 0, r->want == RW_WANT_PORTS ? r->flow.proto : 0);
	if (found < 0)
		return rw_lb_drop(r, RW_REASON_TABLE_MISS);
	return found ? rw_lb_owned(r) : rw_lb_done(r, RW_PUNT);
}

#endif
