/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Which flow a packet belongs to, and a keyed hash of it.
 *
 * 64 bits at a time: xor, multiply by an odd constant, fold the upper half down. A step is a
 * bijection of what came before, so flows that differ in one word alone never collide; the key
 * stands before the first word and again before the last mixing, so that whoever does not know it
 * cannot choose flows that share a bucket by trying on a machine of his own. It is no cryptographic
 * hash: a key is worth changing when an attacker can see which real each of his flows reaches.
 */
#ifndef RW_CORE_FLOW_HASH_H
#define RW_CORE_FLOW_HASH_H

#include "wire.h"

/* Addresses as on the wire; of IPv4 the first word, the others 0. What a hash mode leaves out is 0.
 */
struct rw_flow {
	__be32 src[4], dst[4];
	__be16 sport, dport;
	__u8 proto;
	__u8 family; /* 4 or 6 */
	__u16 pad;
} __attribute__((aligned(8)));
RW_STATIC_ASSERT(sizeof(struct rw_flow) == 40, "five words of 64 bits");

/* 64 bits that lie in memory as `first` and then `second`. What is written in one piece can be read
 * in any; to read one piece of what was just written in several makes a CPU wait for the stores. */
RW_CORE __u64 rw_word_of(__u32 first, __u32 second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)second << 32 | first;
#else
	return (__u64)first << 32 | second;
#endif
}

/* Ports, protocol, family: the last word of a flow. */
RW_CORE __u64 rw_flow_last(__be16 sport, __be16 dport, __u8 proto, __u8 family)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return rw_word_of((__u32)dport << 16 | sport, (__u32)family << 8 | proto);
#else
	return rw_word_of((__u32)sport << 16 | dport, (__u32)proto << 24 | (__u32)family << 16);
#endif
}

struct rw_hash_key {
	__u64 first, last;
};

/* What of a flow chooses the real. */
#define RW_FLOW_HASHES(X)                                                                          \
	X(5TUPLE, "5tuple", "addresses, ports, protocol")                                          \
	X(SOURCE, "source", "the client's address alone")                                          \
	X(DST_PORT, "dst-port", "the destination port alone")                                      \
	X(NO_DST_PORT, "no-dst-port", "everything but the destination port")

enum rw_flow_mode {
#define RW_X(suffix, name, text) RW_FLOW_##suffix,
	RW_FLOW_HASHES(RW_X)
#undef RW_X
		RW_FLOW_HASH_COUNT
};

RW_CORE __u64 rw_hash_step(__u64 h, __u64 word)
{
	h ^= word;
	h *= 0x9e3779b97f4a7c15ull; /* 2^64 / golden ratio, odd */
	return h ^ h >> 32;
}

/* The last step of splitmix64 (Steele, Lea, Flood 2014): every bit of the result depends on all. */
RW_CORE __u64 rw_hash_end(__u64 h, __u64 last)
{
	h ^= last;
	h ^= h >> 30;
	h *= 0xbf58476d1ce4e5b9ull;
	h ^= h >> 27;
	h *= 0x94d049bb133111ebull;
	return h ^ h >> 31;
}

/* Of IPv4; `last` by rw_flow_last(). */
RW_CORE __u64 rw_flow_hash4(__be32 src, __be32 dst, __u64 last, const struct rw_hash_key *key)
{
	__u64 h = rw_hash_step(key->first, (__u64)src << 32 | dst);

	return rw_hash_end(rw_hash_step(h, last), key->last);
}

/* Of IPv6; the addresses may lie anywhere. */
RW_CORE __u64 rw_flow_hash6(const __u8 *src, const __u8 *dst, __u64 last,
			    const struct rw_hash_key *key)
{
	__u64 h = rw_hash_step(key->first, rw_load64(src + 8));

	h = rw_hash_step(h, rw_load64(dst));
	h = rw_hash_step(h, rw_load64(dst + 8));
	h = rw_hash_step(h, rw_load64(src));
	return rw_hash_end(rw_hash_step(h, last), key->last);
}

/* Of addresses, ports and protocol. */
RW_CORE __u64 rw_flow_hash(const struct rw_flow *flow, const struct rw_hash_key *key)
{
	const __u8 *f = (const __u8 *)flow;

	if (flow->family == 6)
		return rw_flow_hash6(f, f + 16, rw_load64(f + 32), key);
	return rw_flow_hash4(flow->src[0], flow->dst[0], rw_load64(f + 32), key);
}

/* The flow less what the mode leaves out: flows that are equal then have one hash. */
RW_CORE void rw_flow_reduce(struct rw_flow *to, const struct rw_flow *flow, __u8 mode)
{
	*to = *flow;
	if (mode == RW_FLOW_NO_DST_PORT) {
		to->dport = 0;
		return;
	}
	if (mode == RW_FLOW_5TUPLE)
		return;
	to->dst[0] = to->dst[1] = to->dst[2] = to->dst[3] = 0;
	to->sport = 0;
	to->proto = 0;
	if (mode == RW_FLOW_SOURCE) {
		to->dport = 0;
		return;
	}
	to->src[0] = to->src[1] = to->src[2] = to->src[3] = 0;
	to->family = 0;
}

/* 0 ... size - 1, evenly: a multiplication instead of %, which the verifier can bound. */
RW_CORE __u32 rw_hash_reduce(__u32 hash, __u32 size)
{
	return (__u32)((__u64)hash * size >> 32);
}

#endif
