/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The load balancer's steering program for the AF_XDP datapath: packets of a VIP go to the socket
 * of their queue, all others to the kernel, for in userspace they would have left its path. It asks
 * the same tables by the same core as the worker, which decides: one that a reload takes away from
 * us between the two is dropped there by name (late_pass).
 */
#include "lb_maps.h"
#include "ringway/core/lb_classify.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64); /* the loader sets the interface's number of queues */
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

/* Counts for itself what the core would drop: the worker sees, and counts, the same packet. */
SEC("xdp.frags")
int rw_lb_redirect(struct xdp_md *ctx)
{
	struct rw_lb_packet *r = rw_lb_record();
	struct rw_counters *all = rw_counters_here();
	struct rw_lb_env env;
	__u32 port;

	if (!r || !all || !rw_lb_env_here(&env))
		return XDP_ABORTED;
	port = env.sizes->port;
	if (port >= RW_PORTS_MAX)
		return XDP_ABORTED;
	rw_lb_parse(&env, r, (void *)(long)ctx->data, (void *)(long)ctx->data_end,
		    (__u32)bpf_xdp_get_buff_len(ctx));
	if (rw_lb_classify(&env, r) == RW_STAGE_DONE && r->out == RW_PUNT) {
		all->port[port].passed++;
		return XDP_PASS;
	}
	if (bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS) == XDP_REDIRECT)
		return XDP_REDIRECT;
	all->port[port].unserved_queue++;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
