/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Layer 2 forwarding in the kernel: one instance for each port, with what becomes of its packets in
 * .rodata, so that the verifier removes the code of all other modes.
 */
#include "glue.h"
#include "ringway/core/l2.h"

const volatile struct rw_l2 l2 = {};

SEC("xdp")
int rw_l2fwd(struct xdp_md *ctx)
{
	const struct rw_l2 *config = RW_CONFIG(l2);
	struct rw_counters *all = rw_counters_here();
	__u64 len = rw_length(ctx);
	__u32 port = config->port;
	rw_verdict verdict;

	if (!all || port >= RW_PORTS_MAX)
		return XDP_ABORTED;
	rw_count_rx(&all->port[port], len);
	verdict = rw_l2_process(config, (void *)(long)ctx->data, (void *)(long)ctx->data_end);
	return rw_finish(all, port, verdict, len);
}

char _license[] SEC("license") = "Dual BSD/GPL";
