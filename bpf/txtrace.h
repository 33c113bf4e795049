/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What bpf/txtrace.bpf.c and its reader in lib/ share.
 */
#ifndef RW_BPF_TXTRACE_H
#define RW_BPF_TXTRACE_H

#include <linux/types.h>

struct rw_txtrace_device { /* an ifindex repeats in every namespace */
	__u32 netns;	   /* inode of its namespace */
	__u32 ifindex;
};

/* One CPU's, of one egress port. In frames: a frame of several fragments is one. */
struct rw_txtrace_losses {
	__u64 device;  /* the device took the call, and not the frame */
	__u64 refused; /* the kernel did not hand it to the device, or the device refused the call
			*/
};

#endif
