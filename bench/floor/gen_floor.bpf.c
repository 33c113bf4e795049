/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The simplest program that sends live frames: what the generator is measured against. It counts,
 * for somebody has to say how many, and with `clock` it reads the time once a frame, without which
 * nothing can be paced or stamped.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

const volatile bool clock = false;
__u64 sent = 0, at = 0;

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} floor_port SEC(".maps");

SEC("xdp")
int gen_floor(struct xdp_md *ctx)
{
	(void)ctx;
	if (clock)
		at = bpf_ktime_get_ns();
	sent++;
	return (int)bpf_redirect_map(&floor_port, 0, XDP_DROP);
}

char _license[] SEC("license") = "Dual BSD/GPL";
