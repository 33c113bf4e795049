// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Calls a helper that no kernel has: the load test must fail on it. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

static long (*const no_such_helper)(void) = (void *)9999;

SEC("xdp")
int rw_unknown(struct xdp_md *ctx)
{
	(void)ctx;
	return no_such_helper() ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
