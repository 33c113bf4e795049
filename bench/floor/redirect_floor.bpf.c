/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The least that an XDP forwarder can do: send every packet to one interface; touches and counts
 * nothing.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u32);
} floor_ports SEC(".maps");

const volatile __u32 out_port = 0;

SEC("xdp")
int floor_redirect(struct xdp_md *ctx)
{
	(void)ctx;
	return bpf_redirect_map(&floor_ports, out_port, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
