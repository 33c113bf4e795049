// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <ringway/core/wire.h>

/* Sends back IPv4, with the addresses that are in the packet: nothing but that the core's types are
 * there. */
SEC("xdp")
int rw_tiny(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 14 > end)
		return XDP_DROP;
	return rw_load16(data + 12) == 0x0008 ? XDP_TX : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
