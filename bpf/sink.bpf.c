/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The sink of a throughput figure, at tc ingress: counts and frees, nothing else. It runs on the
 * CPU of whoever transmits, so whatever it did would be measured as the transmitter's.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "ringway/core/wire.h"

struct sink_count {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sink_count);
} received SEC(".maps");

SEC("tc")
int rw_sink(struct __sk_buff *skb)
{
	__u32 first = 0, segments = skb->gso_segs;
	struct sink_count *here = bpf_map_lookup_elem(&received, &first);

	if (here) {
		here->packets += segments ? segments : 1; /* GRO may have merged several */
		here->bytes += skb->len;
	}
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
