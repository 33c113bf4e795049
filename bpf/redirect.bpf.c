/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Steers packets to the AF_XDP socket of the queue that they came on. What the network function
 * does not own must go to the kernel from here: in userspace it has left the kernel's path.
 */
#include "counters.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64); /* the loader sets the interface's number of queues */
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

const volatile __u32 port = 0; /* ours, in `counters` */

/* Whose packet it is. A forwarder at layer 2 owns them all; a function that does not puts its
 * core's classification here, and counts as `passed` what it leaves to the kernel. */
RW_CORE bool rw_is_ours(struct xdp_md *ctx)
{
	(void)ctx;
	return true;
}

SEC("xdp.frags") /* it reads no packet data, so it takes packets of any number of fragments */
int rw_redirect(struct xdp_md *ctx)
{
	bool ours = rw_is_ours(ctx);
	struct rw_counters *all;

	if (ours && bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS) == XDP_REDIRECT)
		return XDP_REDIRECT;
	all = rw_counters_here();
	if (all && port < RW_PORTS_MAX) {
		if (ours)
			all->port[port].unserved_queue++;
		else
			all->port[port].passed++;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
