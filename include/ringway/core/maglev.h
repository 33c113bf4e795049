/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Maglev hashing (Eisenbud et al., NSDI 2016, 3.4): a ring of slots, each naming a real. Every real
 * has a permutation of the slots; taking turns, each claims the next free slot of its own, until
 * all are taken. For userspace: it loops far longer than a verifier would follow.
 *
 * Weights: a real has a turn whenever its credit reaches the largest weight; each round adds its
 * weight to it. So shares are exact to a slot.
 *
 * Turns depend on the order as the permutations do. The caller sorts the reals (address, port,
 * weight), so that the order in a file does not matter and all nodes of a cluster choose alike.
 */
#ifndef RW_CORE_MAGLEV_H
#define RW_CORE_MAGLEV_H

#include "lb_tables.h"

#define RW_RING_SIZES_MIN 251u
#define RW_RING_SIZES_MAX 131071u

struct rw_maglev_real {
	__u64 hash; /* of address and port, keyed: where its permutation begins and how it steps */
	__u32 weight; /* 0: no slots */
	__u16 index;  /* what is written into the slots */
	__u16 pad;
	/* used by rw_maglev_fill(); the caller leaves them alone */
	__u32 next, step;
	__u64 credit;
};

/* Words that `taken` needs: a bit for each slot. */
RW_CORE __u32 rw_maglev_words(__u32 size)
{
	return (size + 63) / 64;
}

RW_CORE int rw_is_prime(__u32 n)
{
	__u32 d;

	if (n < 2 || n % 2 == 0)
		return n == 2;
	for (d = 3; d * d <= n; d += 2)
		if (n % d == 0)
			return 0;
	return 1;
}

/* Claims the next free slot of the real's permutation; there is one. */
RW_CORE void rw_maglev_claim(struct rw_maglev_real *real, __u16 *ring, __u32 size, __u64 *taken)
{
	__u32 at = real->next;

	while (taken[at / 64] >> at % 64 & 1) {
		at += real->step;
		if (at >= size)
			at -= size;
	}
	taken[at / 64] |= 1ull << at % 64;
	ring[at] = real->index;
	at += real->step;
	real->next = at >= size ? at - size : at;
}

/* Fills ring[0 ... size - 1]; `size` is a prime. `taken`: rw_maglev_words(size) words of scratch.
 */
RW_CORE void rw_maglev_fill(__u16 *ring, __u32 size, struct rw_maglev_real *reals, __u32 count,
			    __u64 *taken)
{
	__u32 most = 0, left = size, i;

	for (i = 0; i < rw_maglev_words(size); i++)
		taken[i] = 0;
	for (i = 0; i < count; i++) {
		struct rw_maglev_real *real = &reals[i];

		real->next = rw_hash_reduce((__u32)(real->hash >> 32), size);
		real->step = 1 + rw_hash_reduce((__u32)real->hash, size - 1);
		real->credit = 0;
		if (real->weight > most)
			most = real->weight;
	}
	if (!most) {
		for (i = 0; i < size; i++)
			ring[i] = RW_RING_NONE;
		return;
	}
	while (left) {
		for (i = 0; i < count && left; i++) {
			reals[i].credit += reals[i].weight;
			if (reals[i].credit < most)
				continue;
			reals[i].credit -= most;
			rw_maglev_claim(&reals[i], ring, size, taken);
			left--;
		}
	}
}

#endif
