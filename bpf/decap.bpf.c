/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Takes IP in IP and GUE off what comes for this machine, and lets the kernel have what was inside:
 * for reals of a load balancer whose kernel has no such tunnel. Attach to the interface that the
 * balancer's packets come in on; the VIP is an address of lo there.
 */
#include "ringway/core/decap.h"
#include "counters.h"

const volatile struct rw_decap decap = {
	.gue_port = RW_BE16(6080),
	.flags = RW_DECAP_ANY4 | RW_DECAP_ANY6,
};

/* Packets by what became of them. */
enum { RW_DECAP_TAKEN, RW_DECAP_LEFT, RW_DECAP_DROPPED, RW_DECAP_FAILED, RW_DECAP_COUNTERS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RW_DECAP_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} decapped SEC(".maps");

RW_CORE int rw_decap_end(__u32 what, int action)
{
	__u64 *count = (__u64 *)bpf_map_lookup_elem(&decapped, &what);

	if (count)
		(*count)++;
	return action;
}

SEC("xdp.frags")
int rw_decap(struct xdp_md *ctx)
{
	const struct rw_decap *config = RW_CONFIG(decap);
	__u32 take;
	rw_verdict verdict;

	verdict = rw_decap_process(config, (void *)(long)ctx->data, (void *)(long)ctx->data_end,
				   (__u32)bpf_xdp_get_buff_len(ctx), &take);
	if (verdict != RW_PUNT)
		return rw_decap_end(RW_DECAP_DROPPED, XDP_DROP);
	if (!take)
		return rw_decap_end(RW_DECAP_LEFT, XDP_PASS);
	if (bpf_xdp_adjust_head(ctx, (int)take))
		return rw_decap_end(RW_DECAP_FAILED, XDP_DROP);
	return rw_decap_end(RW_DECAP_TAKEN, XDP_PASS);
}

char _license[] SEC("license") = "Dual BSD/GPL";
