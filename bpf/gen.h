/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the generator's program and ringway-gen share: settings in .rodata, state in .bss.
 */
#ifndef RW_BPF_GEN_H
#define RW_BPF_GEN_H

#include <linux/types.h>

#define RW_GEN_WORDS 8		 /* of the frame's template, 64 bits each */
#define RW_GEN_MIN 60u		 /* bytes without FCS; so many are written every time */
#define RW_GEN_PORT_BITS 14	 /* flows that differ by source port: the dynamic ports, */
#define RW_GEN_PORT_FIRST 49152u /* 49152 and up; more flows take further source addresses */

struct gen_config {
	__u64 interval_ns;   /* between two frames; 0: as fast as it goes */
	__u64 interval_frac; /* and 2^-32 ns */
	__u64 limit_ns;	     /* further behind the schedule than this: skip, never catch up */
	__u64 duration_ns;   /* of the schedule; 0: no end */
	__u64 count;	     /* frames that the device shall accept; 0: no end */
	__u32 flows;
	__u32 src_address; /* of the first flow, host order */
	__u32 ip_sum;	   /* of the IPv4 header less source address and checksum, not folded */
	__u32 ifindex;	   /* the port, in the namespace below */
	__u32 netns;
};

/* What the program knows; one CPU writes it. */
struct gen_state {
	__u64 due, due_frac; /* when the next frame shall leave */
	__u64 end;	     /* no frame is due from then on; 0: not started */
	__u64 attempted;     /* frames handed to the kernel */
	__u64 unmapped;	     /* not even that: the port is gone */
	__u64 late;	     /* skipped */
	__u64 behind; /* ns: the furthest behind that a frame left. That far frames leave in a burst
		       */
	__u32 flow;
	__u32 resume; /* by userspace: the engine was started again, take up the schedule here */
	__u32 done;
};

/* What the device did with it; written by the tracepoints, on the same CPU. */
struct gen_device {
	__u64 accepted, refused;
	__u64 first, last; /* ns of CLOCK_MONOTONIC: frames accepted */
	__u64 longest_gap;
	__u64 restart_gap; /* ns without frames because the engine was started again */
	__u32 resume;
	__u32 map_id; /* of `port`; by userspace */
};

#endif
