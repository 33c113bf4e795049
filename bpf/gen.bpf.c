/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The generator: run by BPF_PROG_TEST_RUN with live frames, it is called for one frame after the
 * other and sends each, or drops it (its page is used again) while the next one is not due yet.
 *
 * A page comes back with whatever the device under test wrote into it, so headers are written in
 * full every time; nothing is changed relative to what is there. The kernel itself gives every
 * frame its full length again.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "gen.h"
#include "gen_frame.h"
#include "gen_schedule.h"
#include "netdev.h"

#define IDLE_TURN_MAX 1000 /* ns: what takes longer was interrupted */
#define BULK 16		   /* the kernel's DEV_MAP_BULK_SIZE */

const volatile struct gen_config config = {};
const volatile struct gen_schedule schedule = {};
const volatile struct gen_traffic traffic = {};
const volatile __u64 head[RW_GEN_WORDS] = {}; /* the template, of which traffic.head bytes count */
struct gen_state state = {};
struct gen_clock clock = {};
struct gen_choice choice = {};
struct gen_device device = {};

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} port SEC(".maps");

struct gen_quantiles {
	__u32 flow[RW_GEN_CELLS + 1];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gen_quantiles);
} quantiles SEC(".maps");

RW_CORE int rw_gen_finish(void)
{
	state.done = 1;
	clock.due = RW_GEN_NEVER; /* from now on every turn is an idle one */
	return XDP_DROP;
}

static __attribute__((noinline)) int rw_gen_fall_behind(__u64 now)
{
	if (rw_gen_skip(&schedule, &clock, now) == RW_GEN_OVER)
		rw_gen_finish();
	return 0;
}

/* How long such a turn takes is measured from one to the next, unless a frame or its delivery was
 * between the two. */
RW_CORE void rw_gen_count_idle(__u64 now)
{
	__u64 passed = now - state.idle_at;

	if (state.done)
		return;
	if (state.idle_after == state.attempted && device.last <= state.idle_at &&
	    passed < IDLE_TURN_MAX) {
		state.idle_ns += passed;
		state.idle_measured++;
	}
	state.idle_at = now;
	state.idle_after = state.attempted;
	state.idle++;
}

RW_CORE bool rw_gen_turn(__u64 *intended)
{
	__u64 now = bpf_ktime_get_ns();
	int what = rw_gen_due(&schedule, &clock, now, intended);

	if (what == RW_GEN_DUE)
		return true;
	if (what == RW_GEN_IDLE)
		rw_gen_count_idle(now);
	else if (what == RW_GEN_SKIP)
		rw_gen_fall_behind(now);
	else
		rw_gen_finish();
	return false;
}

RW_CORE __u32 rw_gen_flow(void)
{
	struct gen_quantiles *table = NULL;
	__u32 first = 0;

	if (traffic.flows <= 1)
		return 0;
	if (traffic.distribution == RW_GEN_QUANTILES)
		table = bpf_map_lookup_elem(&quantiles, &first);
	return rw_gen_next_flow(&traffic, &choice, table ? table->flow : NULL);
}

SEC("xdp")
int rw_gen(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 intended = 0;
	__u32 size = traffic.size, flow;

	if (config.count && state.attempted - (config.once ? 0 : device.refused) >= config.count)
		return rw_gen_finish();
	if (schedule.interval_ns && !rw_gen_turn(&intended))
		return XDP_DROP;
	if (traffic.sizes > 1) {
		size = rw_gen_next_size(&traffic, &choice);
		if (bpf_xdp_adjust_tail(ctx, (int)(size - traffic.size)))
			return XDP_ABORTED;
		data = (void *)(long)ctx->data;
		end = (void *)(long)ctx->data_end;
	}
	if (data + traffic.need > end || traffic.need < RW_GEN_MIN)
		return XDP_ABORTED;
	rw_gen_head(data, &traffic, head);
	if (traffic.varies) {
		flow = rw_gen_flow();
		if (traffic.stamp_at && !schedule.interval_ns)
			intended = bpf_ktime_get_ns();
		rw_gen_vary(data, &traffic, flow, size, (__u32)state.attempted, intended);
	}
	if (RW_UNLIKELY(bpf_redirect_map(&port, 0, XDP_DROP) != XDP_REDIRECT)) {
		state.unmapped++;
		return XDP_DROP;
	}
	state.attempted++;
	if (config.departures)
		state.pending[state.queued++ % RW_GEN_PENDING] = intended;
	return XDP_REDIRECT;
}

/* Frames came again after a restart. */
static __attribute__((noinline)) int rw_gen_restarted(__u64 now)
{
	__u64 gap = now - device.last, i = device.restarts;

	if (i < RW_GEN_RESTARTS) {
		device.restart_at[i] = device.last;
		device.restart_gap[i] = gap;
	}
	device.restarts = i + 1;
	device.restart_gap_sum += gap;
	device.resume = 0;
	return 0;
}

/* What the device took of a bulk of redirected frames, and what it did not: the first ones, and the
 * others. Arguments: from, to, sent, drops, error (include/trace/events/xdp.h). */
SEC("tp_btf/xdp_devmap_xmit")
int rw_gen_xmit(__u64 *args)
{
	const struct net_device *to = (void *)args[1];
	int sent = args[2], drops = args[3], i;
	__u64 now, first = device.departed;

	if (to->ifindex != (int)config.ifindex || to->nd_net.net->ns.inum != config.netns)
		return 0;
	if (drops > 0) {
		device.refused += drops;
		device.departed += drops;
	}
	if (sent <= 0)
		return 0;
	device.accepted += sent;
	device.departed += sent;
	now = bpf_ktime_get_ns();
	if (!device.first)
		device.first = now;
	else if (device.resume)
		rw_gen_restarted(now);
	else if (now - device.last > device.longest_gap)
		device.longest_gap = now - device.last;
	device.last = now;
	if (!config.departures)
		return 0;
	RW_UNROLL
	for (i = 0; i < BULK; i++) {
		if (i < sent)
			rw_gen_count_late(&device.lateness,
					  now - state.pending[(first + i) % RW_GEN_PENDING]);
	}
	return 0;
}

/* The redirect itself failed: the device is down, cannot take the frame, or its peer has neither
 * XDP nor GRO. Arguments: from, program, to, error, map type, map id, index. */
SEC("tp_btf/xdp_redirect_err")
int rw_gen_err(__u64 *args)
{
	if ((__u32)args[5] != device.map_id)
		return 0;
	device.refused++;
	if (state.queued)
		state.queued--; /* the latest: it never got behind the others */
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
