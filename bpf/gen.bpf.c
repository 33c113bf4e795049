/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The generator: run by BPF_PROG_TEST_RUN with live frames, it is called for one frame after the
 * other and sends each, or drops it (its page is used again) while the next one is not due yet.
 *
 * A page comes back with whatever the device under test wrote into it, so headers are written in
 * full every time; nothing is changed relative to what is there.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "gen.h"
#include "netdev.h"
#include "ringway/core/wire.h"

#define SRC_ADDRESS_OFFSET 26 /* in Ethernet + IPv4 */
#define IP_CHECK_OFFSET 24
#define SRC_PORT_OFFSET 34

const volatile struct gen_config config = {};
const volatile __u64 frame[RW_GEN_WORDS] = {}; /* the first RW_GEN_MIN bytes of every frame */
struct gen_state state = {};
struct gen_device device = {};

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} port SEC(".maps");

RW_CORE int rw_gen_finish(void)
{
	state.done = 1;
	state.due = ~0ULL >> 1; /* never: from now on every turn is an idle one */
	return XDP_DROP;
}

/* The schedule starts here, or goes on here after a restart, or is too far behind: the frames that
 * are due are not sent in a burst, which would look like the device's loss, but counted as late. */
static __attribute__((noinline)) int rw_gen_skip(__u64 now)
{
	__u64 last = now, n;

	if (!state.end) {
		state.end = config.duration_ns ? now + config.duration_ns : ~0ULL >> 1;
		state.due = now;
		state.resume = 0;
		return 0;
	}
	if (state.resume) {
		state.resume = 0;
		state.due = now;
		return 0;
	}
	if (state.due >= state.end)
		return rw_gen_finish();
	if (last >= state.end)
		last = state.end - 1;
	n = (last - state.due) / config.interval_ns + 1;
	state.late += n;
	state.due_frac += n * config.interval_frac;
	state.due += n * config.interval_ns + (state.due_frac >> 32);
	state.due_frac &= 0xffffffff;
	return 0;
}

/* Is a frame due? Advances the schedule when it is. */
RW_CORE bool rw_gen_due(void)
{
	__u64 now = bpf_ktime_get_ns();
	__s64 behind = now - state.due;

	if (behind < 0)
		return false;
	if (RW_UNLIKELY(behind > (__s64)config.limit_ns)) {
		rw_gen_skip(now);
		return false;
	}
	if (RW_UNLIKELY(state.due >= state.end)) {
		rw_gen_finish();
		return false;
	}
	state.due_frac += config.interval_frac;
	state.due += config.interval_ns + (state.due_frac >> 32);
	state.due_frac &= 0xffffffff;
	if (behind > (__s64)state.behind)
		state.behind = behind;
	return true;
}

/* Flow i: source port by its low bits, source address by the others. The UDP checksum is 0: none.
 */
RW_CORE void rw_gen_flow(__u8 *data)
{
	__u32 flow = state.flow, address, sum;

	state.flow = flow + 1 < config.flows ? flow + 1 : 0;
	*(__be16 *)(data + SRC_PORT_OFFSET) =
		RW_BE16(RW_GEN_PORT_FIRST + (flow & ((1u << RW_GEN_PORT_BITS) - 1)));
	if (config.flows <= 1u << RW_GEN_PORT_BITS)
		return;
	address = config.src_address + (flow >> RW_GEN_PORT_BITS);
	sum = config.ip_sum + (address >> 16) + (address & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*(__be16 *)(data + IP_CHECK_OFFSET) = RW_BE16(~sum);
	*(__be16 *)(data + SRC_ADDRESS_OFFSET) = RW_BE16(address >> 16);
	*(__be16 *)(data + SRC_ADDRESS_OFFSET + 2) = RW_BE16(address);
}

SEC("xdp")
int rw_gen(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	int i;

	if (data + RW_GEN_MIN > end)
		return XDP_DROP;
	if (config.count && state.attempted - device.refused >= config.count)
		return rw_gen_finish();
	if (config.interval_ns && !rw_gen_due())
		return XDP_DROP;
#pragma unroll
	for (i = 0; i < RW_GEN_WORDS - 1; i++)
		((__u64 *)data)[i] = frame[i];
	((__u32 *)data)[2 * i] = (__u32)frame[i];
	if (config.flows > 1)
		rw_gen_flow(data);
	if (RW_UNLIKELY(bpf_redirect_map(&port, 0, XDP_DROP) != XDP_REDIRECT)) {
		state.unmapped++;
		return XDP_DROP;
	}
	state.attempted++;
	return XDP_REDIRECT;
}

/* What the device took of a bulk of redirected frames, and what it did not.
 * Arguments: from, to, sent, drops, error (include/trace/events/xdp.h). */
SEC("tp_btf/xdp_devmap_xmit")
int rw_gen_xmit(__u64 *args)
{
	const struct net_device *to = (void *)args[1];
	int sent = args[2], drops = args[3];
	__u64 now;

	if (to->ifindex != (int)config.ifindex || to->nd_net.net->ns.inum != config.netns)
		return 0;
	if (drops > 0)
		device.refused += drops;
	if (sent <= 0)
		return 0;
	device.accepted += sent;
	now = bpf_ktime_get_ns();
	if (!device.first)
		device.first = now;
	else if (device.resume)
		device.restart_gap += now - device.last;
	else if (now - device.last > device.longest_gap)
		device.longest_gap = now - device.last;
	device.resume = 0;
	device.last = now;
	return 0;
}

/* The redirect itself failed: the device is down, cannot take the frame, or its peer has neither
 * XDP nor GRO. Arguments: from, program, to, error, map type, map id, index. */
SEC("tp_btf/xdp_redirect_err")
int rw_gen_err(__u64 *args)
{
	if ((__u32)args[5] == device.map_id)
		device.refused++;
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
