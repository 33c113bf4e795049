/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Stands before a program that BPF_PROG_TEST_RUN repeats, for that would see its own output: takes
 * off what the last run has put before the packet (always, also nothing), writes the next flow's
 * frame, and goes to the program under test by a tail call. What it costs itself is the time with
 * the empty program behind it.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "flows.h"

struct lb_flows flows;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} front_target SEC(".maps");

SEC("xdp")
int lb_front(struct xdp_md *ctx)
{
	__u64 len = ctx->data_end - ctx->data;
	__u32 flow = flows.next++ & flows.mask;
	void *data;

	if (bpf_xdp_adjust_head(ctx, (int)len - (int)LB_FRAME))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	if (data + LB_FRAME > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	lb_flow_write(data, &flows, flow);
	bpf_tail_call(ctx, &front_target, 0);
	return XDP_ABORTED; /* there is no program */
}

SEC("xdp")
int lb_empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
