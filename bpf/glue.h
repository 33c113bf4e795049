/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What every forwarding program does round its core function: count what came, act on the verdict,
 * count the outcome. Every packet ends in exactly one of tx_packets (of the egress port), drops[]
 * and passed (of the ingress port).
 */
#ifndef RW_BPF_GLUE_H
#define RW_BPF_GLUE_H

#include "counters.h"

/* Where a verdict leads: port id -> interface, shared by all instances as `counters` is. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, RW_PORTS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

/* Length of the whole packet. Set by the loader, together with BPF_F_XDP_HAS_FRAGS, where the MTU
 * asks for it. */
const volatile bool multi_buffer = false;

/* What goes back where it came from leaves by a redirect, too: what XDP_TX hands to a veth's peer
 * stays in a ring there until something else wakes it. Set by the loader. */
const volatile bool redirect_back = false;

RW_CORE __u64 rw_length(struct xdp_md *ctx)
{
	return multi_buffer ? bpf_xdp_get_buff_len(ctx) : ctx->data_end - ctx->data;
}

RW_CORE void rw_count_rx(struct rw_port_counters *in, __u64 len)
{
	in->rx_packets++;
	in->rx_bytes += len;
}

RW_CORE int rw_drop(struct rw_port_counters *in, __u32 reason)
{
	in->drops[reason < RW_REASON_LIB_SLOTS ? reason : RW_REASON_NO_VERDICT]++;
	return XDP_DROP;
}

RW_CORE int rw_send(struct rw_port_counters *out, __u64 len, int action)
{
	out->tx_packets++;
	out->tx_bytes += len;
	return action;
}

/* Turns a verdict into an XDP action; `port` is the ingress port, below RW_PORTS_MAX. */
RW_CORE int rw_finish(struct rw_counters *all, __u32 port, __u32 verdict, __u64 len)
{
	struct rw_port_counters *in = &all->port[port];

	if (verdict < RW_PORTS_MAX) {
		if (verdict == port && !redirect_back)
			return rw_send(in, len, XDP_TX);
		/* the action for a port that is not there is 0, XDP_ABORTED: it is told apart here
		 */
		if (bpf_redirect_map(&ports, verdict, 0) == XDP_REDIRECT)
			return rw_send(&all->port[verdict], len, XDP_REDIRECT);
	}
	if (verdict <= RW_PORT_LAST)
		return rw_drop(in, RW_REASON_BAD_PORT);
	if (verdict == RW_PUNT) {
		in->passed++;
		return XDP_PASS;
	}
	return rw_drop(in, verdict - RW_DROP_BASE);
}

#endif
