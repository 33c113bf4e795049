/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the generator's program and ringway-gen share: settings in .rodata, state in .bss.
 */
#ifndef RW_BPF_GEN_H
#define RW_BPF_GEN_H

#include <linux/types.h>

#define RW_GEN_MIN 60u	    /* bytes of the smallest frame, without FCS */
#define RW_GEN_WORDS 10	    /* of the frame's template, 64 bits each */
#define RW_GEN_SIZES 64u    /* frames after which a mix of sizes begins anew, at most */
#define RW_GEN_PENDING 512  /* frames under way to the device, at most: a batch of 256, and room */
#define RW_GEN_RESTARTS 512 /* that are recorded one by one */

/* Of which flow is the next frame? */
#define RW_GEN_ROUND_ROBIN 0
#define RW_GEN_RANDOM 1
#define RW_GEN_QUANTILES 2 /* by a table of the inverse distribution: Zipf */

/* That table: RW_GEN_CELLS + 1 values, each a flow and 8 bits of fraction. */
#define RW_GEN_CELL_BITS 14
#define RW_GEN_CELLS (1u << RW_GEN_CELL_BITS)

/* When a frame is due. */
struct gen_schedule {
	__u64 interval_ns;   /* between two frames; 0: as fast as it goes */
	__u64 interval_frac; /* and 2^-32 ns */
	__u64 limit_ns;	     /* further behind than this: skip, never catch up */
	__u64 duration_ns;   /* of the schedule; 0: no end */
	/* What follows it without a pause: */
	__u64 then_ns, then_frac; /* between two frames */
	__u64 then_duration_ns;	  /* 0: nothing follows */
};

struct gen_config {
	__u64 count;	  /* frames that the device shall accept; 0: no end */
	__u32 once;	  /* frames that it refuses count as well */
	__u32 departures; /* there is a schedule, and tracepoints tell when frames leave */
	__u32 ifindex;	  /* the port, in the namespace below */
	__u32 netns;
};

/* A header field that differs between flows: base + (flow >> shift & mask). */
#define RW_GEN_FIELD(name)                                                                         \
	__u32 name##_at, name##_base, name##_shift, name##_mask /* mask 0: it does not vary */

/* What differs between frames; the rest is in the template. */
#define RW_GEN_L2 1u   /* addresses, tag */
#define RW_GEN_IP 2u   /* addresses, length */
#define RW_GEN_L4 4u   /* ports, length */
#define RW_GEN_FLOW 8u /* there are several */
#define RW_GEN_STAMP 16u

/* What stands in a frame beyond its template. Offsets are 0 for what is not there or need not be
 * written. Sums are of 16-bit words as they lie in memory, not folded, without what varies. */
struct gen_traffic {
	__u32 head;   /* bytes of the template, a multiple of 4 */
	__u32 need;   /* bytes that are written, the stamp included */
	__u32 size;   /* of the frame, or of the largest */
	__u32 sizes;  /* how many frames size_of[] has; 1: all are alike */
	__u32 varies; /* which of what follows: RW_GEN_L2 ... */
	__u32 flows, distribution;
	__u32 stamp_at;
	RW_GEN_FIELD(src_mac); /* the lower 24 bits of an address */
	RW_GEN_FIELD(dst_mac);
	RW_GEN_FIELD(vlan);
	RW_GEN_FIELD(src_ip); /* IPv4, or the lower 32 bits of IPv6 */
	RW_GEN_FIELD(dst_ip);
	RW_GEN_FIELD(src_port); /* also: identifier of an ICMP echo */
	RW_GEN_FIELD(dst_port);
	__u32 ip_length_at, ip_length_less; /* bytes of the frame that the field does not count */
	__u32 l4_length_at, l4_length_less;
	__u32 ip_check_at, ip_sum;
	__u32 l4_check_at, l4_sum;
	__u32 l4_addresses; /* its sum has the pseudo header */
	__u16 size_of[RW_GEN_SIZES];
};

/* How far a schedule has come. */
struct gen_clock {
	__u64 due, due_frac; /* when the next frame shall leave */
	__u64 end;	     /* no frame is due from then on; 0: not started */
	__u64 late;	     /* skipped for good */
	__u64 owed;	     /* skipped, to be sent later on: at most RW_GEN_OWED_MAX */
	__u64 paced;	     /* frames sent on the schedule since the last one that was owed */
	__u64 behind; /* ns: the furthest behind that a frame left. That far frames leave in a burst
		       */
	__u64 resume; /* the engine was started again: take up the schedule here */
	__u64 then;   /* what follows has begun */
};

/* Which frame is the next one. */
struct gen_choice {
	__u32 flow, size, random; /* random: never 0 */
};

/* What the program knows; one CPU writes it. */
struct gen_state {
	__u64 attempted;	   /* frames handed to the kernel */
	__u64 unmapped;		   /* not even that: the port is gone */
	__u64 idle;		   /* turns without a frame, because none was due */
	__u64 idle_at, idle_after; /* the last one: when, and after how many frames */
	__u64 idle_ns,
		idle_measured; /* from one idle turn to the next, where nothing came between */
	__u64 queued;	       /* frames in or behind pending[] */
	__u64 done;
	__u64 pending[RW_GEN_PENDING]; /* when the frames under way were due */
};

/* Lateness of departures: steps of 32 ns up to 32 us, of 1 us up to 1 ms, of 1 ms up to 1 s. */
#define RW_GEN_LATE_STEPS 1024u
#define RW_GEN_LATE_LEVELS 3u
#define RW_GEN_LATE_SHIFT 5u
#define RW_GEN_LATE_LEVEL_SHIFT 10u
struct gen_lateness {
	__u64 frames[RW_GEN_LATE_LEVELS][RW_GEN_LATE_STEPS];
	__u64 max;
};

/* What the device did with it; written by the tracepoints, on the same CPU. */
struct gen_device {
	__u64 accepted, refused;
	__u64 departed;	   /* frames out of pending[] */
	__u64 first, last; /* ns of CLOCK_MONOTONIC: frames accepted */
	__u64 longest_gap;
	__u64 restarts; /* after which frames came again */
	__u64 resume;
	__u32 map_id; /* of `port`; by userspace */
	__u64 restart_at[RW_GEN_RESTARTS], restart_gap[RW_GEN_RESTARTS]; /* ns, without frames */
	__u64 restart_gap_sum;
	struct gen_lateness lateness;
};

#endif
