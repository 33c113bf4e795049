/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the watching program keeps, as it and its loader see it. Times are CLOCK_MONOTONIC ns.
 */
#ifndef RW_WATCH_H
#define RW_WATCH_H

#include <linux/types.h>

#define RW_WATCH_CPUS 1024 /* a power of two */
#define RW_WATCH_THREADS 4096
#define RW_WATCH_PROCESSES 64
#define RW_WATCH_SYSCALLS 512
#define RW_WATCH_COMM 16

enum rw_watch_state {
	RW_WATCH_ON,	  /* it has a CPU */
	RW_WATCH_ASLEEP,  /* it wants none */
	RW_WATCH_WAITING, /* it is runnable, and something else has its CPU */
};

enum rw_watch_who {
	RW_WATCH_OWN, /* the device, or what its traffic keeps busy */
	RW_WATCH_FOREIGN,
	RW_WATCH_IDLE,
};

/* A CPU, and two clocks that stand while others run. */
struct rw_watch_cpu {
	__u64 foreign_ns, idle_ns; /* of those that have left it */
	__u64 since;		   /* the last switch */
	__u32 who;		   /* runs since then */
	__u32 pid;		   /* the last that was not its own */
	char comm[RW_WATCH_COMM];
	/* who had it longest at one go, since a thread of the device had it */
	__u32 most_pid;
	__u64 most_ns;
	char most_comm[RW_WATCH_COMM];
} __attribute__((aligned(128)));

struct rw_watch_thread {
	__u32 state, cpu;  /* and the CPU that it waits for */
	__u32 tgid, epoch; /* what follows `base` is of this epoch */
	__u64 since;	   /* waiting since */
	__u64 base;	   /* what the clocks of `cpu` said then */
	__u64 before;	   /* what was taken in this stretch on CPUs that it waited for earlier */
	__u32 woken, pad;  /* 1: it slept before it waited */

	__u64 stretches;	      /* in which something foreign had its CPU */
	__u64 sum_ns;		      /* foreign time of them all */
	__u64 own_ns;		      /* waited for softirqs, NAPI and threads of its own device */
	__u64 longest_ns, longest_at; /* foreign time of the longest, and when that ended */
	__u32 longest_by, pad2;
	char longest_comm[RW_WATCH_COMM];
};

#endif
