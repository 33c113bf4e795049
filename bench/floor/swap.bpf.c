/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The yardstick of the XDP datapath: the same work as ringway-l2fwd --mode macswap (swap the
 * addresses, count packets and bytes in and out, redirect), written by hand for one pair of ports,
 * with nothing of Ringway in it.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct port_counters {
	__u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
};
struct all_counters {
	struct port_counters port[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct all_counters);
} floor_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u32);
} floor_ports SEC(".maps");

const volatile __u32 in_port = 0, out_port = 1;

/* On its way to `out`; in == out leaves by XDP_TX. */
static __attribute__((always_inline)) int swap(struct xdp_md *ctx, __u32 in, __u32 out)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 len = end - data;
	__u32 zero = 0, *front = data, *src_front = data + 6;
	__u16 *back = data + 4, *src_back = data + 10;
	struct all_counters *all = bpf_map_lookup_elem(&floor_counters, &zero);

	if (!all || in >= 32 || out >= 32 || data + 14 > end)
		return XDP_DROP;
	all->port[in].rx_packets++;
	all->port[in].rx_bytes += len;

	__u32 dst32 = *front;
	__u16 dst16 = *back;
	*front = *src_front;
	*back = *src_back;
	*src_front = dst32;
	*src_back = dst16;

	if (in != out && bpf_redirect_map(&floor_ports, out, 0) != XDP_REDIRECT)
		return XDP_DROP;
	all->port[out].tx_packets++;
	all->port[out].tx_bytes += len;
	return in == out ? XDP_TX : XDP_REDIRECT;
}

SEC("xdp")
int floor_swap(struct xdp_md *ctx)
{
	return swap(ctx, in_port, out_port);
}

char _license[] SEC("license") = "Dual BSD/GPL";
