/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * A program that says XDP_REDIRECT or XDP_TX has sent nothing yet. These count the frames that are
 * lost after it, for our ports only: the tracepoints see the whole machine.
 *
 * Each tracepoint is a program of its own and attached on its own, so that a kernel that lacks one
 * still serves the others. Raw tracepoints, not tp_btf: those refuse to load when one is missing.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "netdev.h"
#include "ringway/core/wire.h"
#include "txtrace.h"

const volatile __u32 devmap_id = 0; /* `ports` of our programs: its key is the egress port */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RW_PORTS_MAX);
	__type(key, struct rw_txtrace_device);
	__type(value, __u32);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RW_PORTS_MAX);
	__type(key, __u32);
	__type(value, struct rw_txtrace_losses);
} losses SEC(".maps");

/* Our number of a device; null: it is not ours. */
RW_CORE __u32 *rw_port_of(__u64 device)
{
	const struct net_device *dev = (const struct net_device *)device;
	struct rw_txtrace_device key = {};

	key.netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	key.ifindex = BPF_CORE_READ(dev, ifindex);
	return bpf_map_lookup_elem(&devices, &key);
}

RW_CORE int rw_lost(__u32 *port, __s32 frames, bool refused)
{
	struct rw_txtrace_losses *l = port ? bpf_map_lookup_elem(&losses, port) : 0;

	if (!l || frames <= 0)
		return 0;
	if (refused)
		l->refused += frames;
	else
		l->device += frames;
	return 0;
}

/* The frame never reached the egress device: it is down, has no ndo_xdp_xmit, the frame is too long
 * for it, or, on veth, its peer has neither XDP nor GRO.
 * Arguments: from, program, to, error, map type, map id, index. */
SEC("raw_tracepoint/xdp_redirect_err")
int rw_redirect_err(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 port = ctx->args[6];

	if ((__u32)ctx->args[5] != devmap_id)
		return 0;
	return rw_lost(&port, 1, true);
}

/* A bulk of redirected frames, of one ingress device. An error concerns all of it: none was taken.
 * Only from our ports: others may redirect to our interfaces as well.
 * Arguments: from, to, sent, drops, error. */
SEC("raw_tracepoint/xdp_devmap_xmit")
int rw_devmap_xmit(struct bpf_raw_tracepoint_args *ctx)
{
	if ((__s32)ctx->args[3] <= 0 || !rw_port_of(ctx->args[0]))
		return 0;
	return rw_lost(rw_port_of(ctx->args[1]), ctx->args[3], (__s32)ctx->args[4] < 0);
}

/* A bulk of XDP_TX, in veth and some drivers. Arguments: device, sent, drops, error. */
SEC("raw_tracepoint/xdp_bulk_tx")
int rw_bulk_tx(struct bpf_raw_tracepoint_args *ctx)
{
	if ((__s32)ctx->args[2] <= 0)
		return 0;
	return rw_lost(rw_port_of(ctx->args[0]), ctx->args[2], (__s32)ctx->args[3] < 0);
}

/* A single XDP_TX that failed, and in generic mode any frame for a queue that is stopped;
 * XDP_REDIRECT has its own tracepoint, and other actions are no transmission. Arguments: device,
 * program, action. */
SEC("raw_tracepoint/xdp_exception")
int rw_exception(struct bpf_raw_tracepoint_args *ctx)
{
	if ((__u32)ctx->args[2] != XDP_TX)
		return 0;
	return rw_lost(rw_port_of(ctx->args[0]), 1, false);
}

char _license[] SEC("license") = "Dual BSD/GPL";
