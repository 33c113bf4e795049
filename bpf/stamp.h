/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the generator writes into every frame and the analyser reads: which frame it is, and when
 * it should have left. Both run on one machine, so everything is in host byte order.
 */
#ifndef RW_BPF_STAMP_H
#define RW_BPF_STAMP_H

#include <linux/types.h>

#define RW_STAMP_SIZE 18u
#define RW_STAMP_OFFSET                                                                            \
	42u /* after Ethernet, IPv4 and UDP or ICMP; see gen's --stamp for others                  \
	     */
#define RW_STAMP_MAGIC 0x72777374u /* "rwst" */
#define RW_STAMP_SAMPLE_BITS 6u	   /* 1 frame in 64 is looked at by a sampling analyser */

struct rw_stamp {
	__u16 check;
	__u32 flow;
	__u32 sequence; /* of all frames, its low 32 bits; restarts of the engine do not reset it */
	__u64 intended_ns; /* CLOCK_MONOTONIC: the schedule's time of departure; unpaced: now */
} __attribute__((packed));

/* Of a stamp with these fields; any other value: not our frame, or a damaged one. */
static inline __attribute__((always_inline)) __u16 rw_stamp_check(__u32 flow, __u32 sequence,
								  __u64 intended_ns)
{
	__u32 folded =
		RW_STAMP_MAGIC ^ flow ^ sequence ^ (__u32)intended_ns ^ (__u32)(intended_ns >> 32);

	return (__u16)(folded ^ folded >> 16);
}

/* By number, never by arrival: else a lost frame would look like one that was not looked at. */
static inline __attribute__((always_inline)) int rw_stamp_sampled(__u32 sequence)
{
	return (sequence * 0x9E3779B1u) >> (32 - RW_STAMP_SAMPLE_BITS) == 0;
}

#endif
