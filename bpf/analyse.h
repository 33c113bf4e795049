/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the analyser decides about a frame that arrives: whether it was seen before, whether it is
 * late, how long it took. In the common subset of C and C++, so that the tests run the same text.
 *
 * Sequence numbers are those of all frames, 32 bits in the stamp and 64 here, by nearness to the
 * highest seen. A window of RW_WINDOW numbers remembers which have arrived; a number that has left
 * it cannot be told from a duplicate and is counted as neither: as lost, then. So a duplicate never
 * stands in for a loss.
 */
#ifndef RW_BPF_ANALYSE_H
#define RW_BPF_ANALYSE_H

#include "ringway/core/wire.h"
#include "stamp.h"

#define RW_WINDOW_WORDS 1024u
#define RW_WINDOW (64u * RW_WINDOW_WORDS)
/* Where the first frame's number is placed: numbers below it (it was not the first that left) stay
 * positive, and no word of the window is as old as 0. */
#define RW_SEQUENCE_BASE (1ULL << 32)

/* The histogram is log-linear, with 3 significant decimal digits, the buckets those of
 * HdrHistogram (lowest value 1, 2048 sub-buckets): exact below 2048 ns, then 1024 buckets for each
 * doubling, each at most 1/1024 of its values wide. */
#define RW_HISTOGRAM_BITS 36u /* values below 2^36 ns, 68 s; longer ones count as the longest */
#define RW_HISTOGRAM_HALF_BITS 10u
#define RW_HISTOGRAM_LEN                                                                           \
	((RW_HISTOGRAM_BITS - RW_HISTOGRAM_HALF_BITS + 1) << RW_HISTOGRAM_HALF_BITS)
#define RW_HISTOGRAM_MAX ((1ULL << RW_HISTOGRAM_BITS) - 1)

/* 64 sequence numbers: which of them have arrived, and in which turn of the window. */
struct rw_window_word {
	__u64 turn, seen;
};

/* Of the frames whose stamp is good. Written under one lock. */
struct rw_analysis {
	__u64 highest, lowest; /* numbers seen; 0: none yet */
	__u64 unique;	       /* frames that arrived for the first time */
	__u64 duplicated;
	__u64 reordered;     /* of unique: below the highest number seen of their flow (RFC 4737) */
	__u64 beyond_window; /* too late to be judged: neither unique nor duplicated */
	__u64 unknown_flow;  /* of unique: not judged for reordering */
	__u64 early;	     /* of unique: here before they should have left; no latency */
	__u64 latency_count, latency_sum, latency_min, latency_max; /* ns, of unique */
	struct rw_window_word window[RW_WINDOW_WORDS];
	__u64 histogram[RW_HISTOGRAM_LEN];
};

/* Of everything that arrives; each CPU has its own. */
struct rw_arrivals {
	__u64 packets; /* as their sender counts them: GRO may have merged several */
	__u64 bytes;
	__u64 merged;	 /* of packets: merged ones, which are not looked into */
	__u64 foreign;	 /* not of this generator, or of an earlier run */
	__u64 corrupted; /* of this generator, with a stamp or an IPv4 header that does not check */
	__u64 contended; /* good ones that could not be judged, because another CPU kept them out */
};

struct rw_analyse_config {
	__u64 since_ns;	     /* stamps from before are of an earlier run */
	__u32 sample;	     /* look at those alone that rw_stamp_sampled() chooses */
	__u32 raw_type;	     /* EtherType of frames without IP, host order; */
	__u32 raw_at;	     /* their stamp follows so many bytes after it */
	__u32 capture_first; /* copy so many frames to userspace; 0: none at all */
	__u64 capture_mask;  /* and then those whose number of arrival has none of these bits */
};

#define RW_CAPTURE_BYTES 1600u /* of a frame that is copied */

struct rw_capture {
	__u64 at_ns;
	__u32 len, captured;
	__u16 vlan_tci, vlan_proto; /* a tag that the kernel has taken off; proto 0: none */
	__u32 missed; /* frames that should have been copied and found no room, so far */
	__u8 data[RW_CAPTURE_BYTES];
};

/* The bucket of a value, and its ends. */
RW_CORE __u32 rw_histogram_index(__u64 ns)
{
	__u64 x = ns < RW_HISTOGRAM_MAX ? ns : RW_HISTOGRAM_MAX;
	__u32 shift, n;
	__u64 ones = x;

	/* The number of bits beyond the lowest 11, without a loop or a branch: all bits below the
	 * highest set, and then counted. */
	ones |= ones >> 1;
	ones |= ones >> 2;
	ones |= ones >> 4;
	ones |= ones >> 8;
	ones |= ones >> 16;
	ones |= ones >> 32;
	n = (__u32)(ones >> (RW_HISTOGRAM_HALF_BITS + 1));
	n = n - ((n >> 1) & 0x55555555);
	n = (n & 0x33333333) + ((n >> 2) & 0x33333333);
	n = (n + (n >> 4)) & 0x0f0f0f0f;
	shift = (n * 0x01010101u) >> 24;
	n = (shift << RW_HISTOGRAM_HALF_BITS) + (__u32)(x >> shift);
	RW_HIDE(n);
	return n < RW_HISTOGRAM_LEN ? n : RW_HISTOGRAM_LEN - 1;
}

/* The 64-bit number that is nearest to the highest so far. */
RW_CORE __u64 rw_unwrap(__u64 highest, __u32 sequence)
{
	if (!highest)
		return RW_SEQUENCE_BASE + sequence;
	return highest + (__u64)(__s64)(__s32)(sequence - (__u32)highest);
}

enum rw_arrival { RW_ARRIVAL_FIRST, RW_ARRIVAL_DUPLICATE, RW_ARRIVAL_TOO_LATE };

RW_CORE enum rw_arrival rw_window_arrive(struct rw_analysis *a, __u64 number)
{
	struct rw_window_word *word = &a->window[(number / 64) & (RW_WINDOW_WORDS - 1)];
	__u64 turn = number / RW_WINDOW, bit = 1ULL << (number & 63);

	if (word->turn > turn)
		return RW_ARRIVAL_TOO_LATE;
	if (word->turn < turn) {
		word->turn = turn;
		word->seen = 0;
	}
	if (word->seen & bit)
		return RW_ARRIVAL_DUPLICATE;
	word->seen |= bit;
	return RW_ARRIVAL_FIRST;
}

/* `bucket` is that of the latency: reckoned before the lock is taken. */
RW_CORE void rw_analysis_latency(struct rw_analysis *a, __s64 latency, __u32 bucket)
{
	__u64 ns = (__u64)latency;

	if (latency < 0) {
		a->early++;
		return;
	}
	if (!a->latency_count || ns < a->latency_min)
		a->latency_min = ns;
	if (ns > a->latency_max)
		a->latency_max = ns;
	a->latency_count++;
	a->latency_sum += ns;
	a->histogram[bucket]++;
}

/* A frame with a good stamp. `flow_highest` is the highest number seen of its flow, or null. */
RW_CORE void rw_analysis_arrive(struct rw_analysis *a, __u64 *flow_highest, __u32 sequence,
				__s64 latency, __u32 bucket)
{
	__u64 number = rw_unwrap(a->highest, sequence);
	enum rw_arrival arrival = rw_window_arrive(a, number);

	if (arrival == RW_ARRIVAL_TOO_LATE) {
		a->beyond_window++;
		return;
	}
	if (arrival == RW_ARRIVAL_DUPLICATE) {
		a->duplicated++;
		return;
	}
	a->unique++;
	if (number > a->highest)
		a->highest = number;
	if (!a->lowest || number < a->lowest)
		a->lowest = number;
	if (!flow_highest)
		a->unknown_flow++;
	else if (number < *flow_highest)
		a->reordered++;
	else
		*flow_highest = number;
	rw_analysis_latency(a, latency, bucket);
}

#endif
