/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The connection table's memory: buckets of 8 entries. An entry's word says whose it is (a tag of
 * the key's hash), how old, in which state, and counts its changes; the rest stands in a cache line
 * of its own. Rules of order (sync.h): a writer claims the word by compare-and-swap, writes the
 * rest, and publishes the word last; a reader reads word, rest, word again.
 */
#ifndef RW_CORE_CONN_TABLE_H
#define RW_CORE_CONN_TABLE_H

#include "lb_tables.h"

#define RW_CONN_WAYS 8u

enum rw_conn_state {
	RW_CONN_FREE,
	RW_CONN_CLAIMED, /* being written */
	RW_CONN_NEW,	 /* one packet, or SYNs alone */
	RW_CONN_LIVE,	 /* established */
	RW_CONN_CLOSING, /* FIN or RST seen */
	RW_CONN_STATE_COUNT
};
RW_STATIC_ASSERT((__u32)RW_CONN_STATE_COUNT <= RW_CONN_TIMEOUTS, "a timeout for each");

struct rw_conn {
	__u64 key[5];	    /* struct rw_flow, in words that can be read and written once */
	__u32 real;	    /* element of `reals` */
	__u32 real_version; /* what it held */
	__u64 nat[2];	    /* for address translation; 0 */
};
RW_STATIC_ASSERT(sizeof(struct rw_conn) == 64, "a cache line");

struct rw_conn_bucket {
	__u64 word[RW_CONN_WAYS];
	struct rw_conn way[RW_CONN_WAYS];
};
RW_STATIC_ASSERT(sizeof(struct rw_conn_bucket) == 576, "nine cache lines");

/* Of a word: bits 0-15 tag, 16-31 age (the tick when it was last seen), 32-39 state, 40-63 changes.
 */
#define RW_CONN_AGE_BITS 0xffff0000ull

RW_CORE __u64 rw_conn_word(__u16 tag, __u16 age, __u8 state, __u32 changes)
{
	return (__u64)changes << 40 | (__u64)state << 32 | (__u64)age << 16 | tag;
}

RW_CORE __u16 rw_conn_tag(__u64 word)
{
	return (__u16)word;
}

RW_CORE __u16 rw_conn_age(__u64 word)
{
	return (__u16)(word >> 16);
}

RW_CORE __u8 rw_conn_state(__u64 word)
{
	return (__u8)(word >> 32);
}

RW_CORE __u32 rw_conn_changes(__u64 word)
{
	return (__u32)(word >> 40);
}

/* Where a flow's two candidate buckets are; n is at least 2. */
RW_CORE __u32 rw_conn_first(__u64 hash, __u32 n)
{
	return rw_hash_reduce((__u32)(hash >> 32), n);
}

RW_CORE __u32 rw_conn_second(__u64 hash, __u32 n)
{
	__u32 first = rw_conn_first(hash, n);
	__u32 second = rw_hash_reduce((__u32)hash * 0x9e3779b1u, n);

	if (second != first)
		return second;
	return first + 1 < n ? first + 1 : 0;
}

RW_CORE __u16 rw_conn_tag_of(__u64 hash)
{
	return (__u16)(hash >> 32);
}

#endif
