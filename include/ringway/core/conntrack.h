/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The connection table's ways: find a flow, find a place for one, write it there, keep it fresh. No
 * lock and no clock: age comes from control.tick, and both datapaths evict alike.
 *
 * Of equal keys (two CPUs entered a flow at once) the lower slot counts; the other one ages away.
 */
#ifndef RW_CORE_CONNTRACK_H
#define RW_CORE_CONNTRACK_H

#include "conn_table.h"
#include "sync.h"

struct rw_conn_hit {
	__u64 word; /* as it was when the rest was read */
	__u32 real, real_version;
};

/* What a new flow would take the place of. The lowest rank is taken. */
enum rw_conn_class {
	RW_CONN_IS_FREE,
	RW_CONN_IS_EXPIRED,
	RW_CONN_IS_HALF, /* half open or closing */
	RW_CONN_IS_LIVE,
	RW_CONN_IS_CLAIMED /* somebody is writing: not to be had */
};

struct rw_conn_place {
	__u64 word; /* of the slot */
	__u64 rank; /* compares places of two buckets: more room first, then class, then age */
	__u32 slot, kind;
};

/* A flow to be entered. */
struct rw_conn_entry {
	struct rw_flow key;
	__u32 real, real_version;
	__u64 hash;
	__u32 tick, pad;
};

RW_CORE __u16 rw_conn_idle(__u64 word, __u32 tick)
{
	__u16 idle = (__u16)(tick - rw_conn_age(word));

	return idle < 0x8000 ? idle : 0; /* another CPU has seen the next tick already */
}

RW_CORE int rw_conn_expired(__u64 word, const struct rw_lb_control *control, __u32 tick)
{
	__u32 state = rw_conn_state(word) & (RW_CONN_TIMEOUTS - 1);

	return rw_conn_idle(word, tick) > RW_READ_ONCE(&control->timeout[state]);
}

/* Whether way i holds the key, and if so what; `word` has its tag. */
RW_CORE int rw_conn_read(const struct rw_conn_bucket *b, __u32 i, __u64 word, const void *key,
			 struct rw_conn_hit *hit)
{
	const struct rw_conn *c = &b->way[i];
	const __u8 *k = (const __u8 *)key;
	__u64 differs, again;
	__u32 tries;

	RW_UNROLL
	for (tries = 0; tries < 2; tries++) {
		RW_RMB();
		differs = RW_READ_ONCE(&c->key[0]) ^ rw_load64(k);
		differs |= RW_READ_ONCE(&c->key[1]) ^ rw_load64(k + 8);
		differs |= RW_READ_ONCE(&c->key[2]) ^ rw_load64(k + 16);
		differs |= RW_READ_ONCE(&c->key[3]) ^ rw_load64(k + 24);
		differs |= RW_READ_ONCE(&c->key[4]) ^ rw_load64(k + 32);
		hit->real = RW_READ_ONCE(&c->real);
		hit->real_version = RW_READ_ONCE(&c->real_version);
		RW_RMB();
		again = RW_READ_ONCE(&b->word[i]);
		if (!((again ^ word) & ~RW_CONN_AGE_BITS)) {
			hit->word = word;
			return !differs;
		}
		word = again;
		if (rw_conn_state(word) < RW_CONN_NEW)
			return 0;
	}
	return 0;
}

/* The slot that holds the key, or RW_CONN_WAYS. */
RW_FUNC __u32 rw_conn_find(const struct rw_conn_bucket *b, const struct rw_flow *key, __u32 tag,
			   struct rw_conn_hit *hit)
{
	__u64 word;
	__u32 i;

	if (!b || !key || !hit)
		return RW_CONN_WAYS;
	RW_UNROLL
	for (i = 0; i < RW_CONN_WAYS; i++) {
		word = RW_READ_ONCE(&b->word[i]);
		if (rw_conn_tag(word) != tag || rw_conn_state(word) < RW_CONN_NEW)
			continue;
		if (rw_conn_read(b, i, word, key, hit))
			return i;
	}
	return RW_CONN_WAYS;
}

RW_CORE __u32 rw_conn_class(__u64 word, const struct rw_lb_control *control, __u32 tick)
{
	__u8 state = rw_conn_state(word);

	if (state == RW_CONN_FREE)
		return RW_CONN_IS_FREE;
	if (state == RW_CONN_CLAIMED)
		return RW_CONN_IS_CLAIMED;
	if (rw_conn_expired(word, control, tick))
		return RW_CONN_IS_EXPIRED;
	return state == RW_CONN_LIVE ? RW_CONN_IS_LIVE : RW_CONN_IS_HALF;
}

/* The best place that the bucket has for a new flow. Returns its kind. */
RW_FUNC __u32 rw_conn_room(const struct rw_conn_bucket *b, const struct rw_lb_control *control,
			   __u32 tick, struct rw_conn_place *place)
{
	__u64 rank, best = ~0ull;
	__u32 taken = 0, kind, i;

	if (!b || !control || !place)
		return RW_CONN_IS_CLAIMED;
	RW_UNROLL
	for (i = 0; i < RW_CONN_WAYS; i++) {
		__u64 word = RW_READ_ONCE(&b->word[i]);

		kind = rw_conn_class(word, control, tick);
		taken += kind > RW_CONN_IS_EXPIRED;
		rank = (__u64)kind << 16 | (__u16)~rw_conn_idle(word, tick);
		if (kind == RW_CONN_IS_FREE)
			rank = 0;
		if (rank < best) {
			best = rank;
			place->word = word;
			place->slot = i;
			place->kind = kind;
		}
	}
	place->rank = (__u64)taken << 32 | best;
	return place->kind;
}

/* Writes the flow into the slot whose word is `was`. False: somebody else was there first. */
RW_FUNC __u32 rw_conn_enter(struct rw_conn_bucket *b, __u32 slot, __u64 was,
			    const struct rw_conn_entry *entry)
{
	__u64 claimed, *word;
	struct rw_conn *c;
	const __u8 *k;

	if (!b || !entry || slot >= RW_CONN_WAYS)
		return 0;
	word = &b->word[slot];
	c = &b->way[slot];
	k = (const __u8 *)&entry->key;
	claimed = rw_conn_word(rw_conn_tag_of(entry->hash), (__u16)entry->tick, RW_CONN_CLAIMED,
			       rw_conn_changes(was) + 1);
	if (!RW_CAS(word, was, claimed))
		return 0;
	RW_WRITE_ONCE(&c->key[0], rw_load64(k));
	RW_WRITE_ONCE(&c->key[1], rw_load64(k + 8));
	RW_WRITE_ONCE(&c->key[2], rw_load64(k + 16));
	RW_WRITE_ONCE(&c->key[3], rw_load64(k + 24));
	RW_WRITE_ONCE(&c->key[4], rw_load64(k + 32));
	RW_WRITE_ONCE(&c->real, entry->real);
	RW_WRITE_ONCE(&c->real_version, entry->real_version);
	RW_PUBLISH(word, claimed ^ (__u64)(RW_CONN_CLAIMED ^ RW_CONN_NEW) << 32);
	return 1;
}

/* Notes that a packet came, unless this second has seen one and the state stays. Whoever changes
 * the word at the same time has noted it as well. */
RW_CORE void rw_conn_touch(struct rw_conn_bucket *b, __u32 slot, __u64 word, __u8 state, __u32 tick)
{
	__u64 now;

	if (rw_conn_age(word) == (__u16)tick && rw_conn_state(word) == state)
		return;
	now = rw_conn_word(rw_conn_tag(word), (__u16)tick, state, rw_conn_changes(word));
	if (slot < RW_CONN_WAYS)
		(void)RW_CAS(&b->word[slot], word, now);
}

#endif
