/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The yardstick of the balancer's XDP datapath: the same work by the kernel's own maps, as one
 * would write it by hand for exactly this. A hash for the VIP, an LRU hash for the flow, arrays for
 * rings, reals and counters, the same headers written; one program without tail calls. It knows
 * IPv4 without options, TCP and UDP and no VLAN, tells nothing of a connection's state or age (the
 * LRU does), and answers nobody. Of Ringway it has the flow's hash and the checksum, so that both
 * choose the same real and their packets can be compared byte by byte.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "reference.h"
#include "ringway/core/csum.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ref_all_counters);
} ref_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct ref_vip_key);
	__type(value, struct ref_vip);
} ref_vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct rw_flow);
	__type(value, __u32); /* of the real */
} ref_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65537);
	__type(key, __u32);
	__type(value, __u32); /* of the real */
} ref_rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct ref_real);
} ref_reals SEC(".maps");

/* VIPs, then reals. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 128);
	__type(key, __u32);
	__type(value, struct ref_traffic);
} ref_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, REF_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} ref_ports SEC(".maps");

const volatile __u64 key_first = 0, key_last = 0;
const volatile __u32 in_port = 0, ring_size = 65537, first_real = 64;

/* What the packet asks for. False: nothing of ours. */
RW_CORE int ref_parse(void *data, void *end, struct rw_flow *flow, struct ref_vip_key *ask)
{
	struct rw_eth *eth = data;
	struct rw_ipv4 *ip = (void *)(eth + 1);
	struct rw_ports *l4 = (void *)(ip + 1);

	if ((void *)(l4 + 1) > end || eth->proto != RW_BE16(RW_ETH_IPV4) || ip->ver_ihl != 0x45 ||
	    ip->frag & RW_BE16(RW_IPV4_MF | RW_IPV4_OFFSET))
		return 0;
	if (ip->proto != RW_IP_TCP && ip->proto != RW_IP_UDP)
		return 0;
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->src[0] = rw_load32(&ip->src);
	flow->dst[0] = rw_load32(&ip->dst);
	flow->sport = l4->src;
	flow->dport = l4->dst;
	flow->proto = ip->proto;
	flow->family = 4;
	__builtin_memset(ask, 0, sizeof(*ask));
	ask->addr[0] = flow->dst[0];
	ask->port = flow->dport;
	ask->proto = flow->proto;
	ask->family = 4;
	return 1;
}

/* By the ring, and from now on. */
RW_CORE struct ref_real *ref_choose(const struct rw_flow *flow, const struct ref_vip *vip,
				    __u32 *number)
{
	struct rw_hash_key key = {key_first, key_last};
	struct ref_real *real;
	__u32 slot, *named;

	slot = vip->first + rw_hash_reduce((__u32)rw_flow_hash(flow, &key), ring_size);
	named = bpf_map_lookup_elem(&ref_rings, &slot);
	if (!named)
		return 0;
	*number = *named;
	real = bpf_map_lookup_elem(&ref_reals, number);
	if (!real || !real->up)
		return 0;
	bpf_map_update_elem(&ref_flows, flow, number, BPF_ANY);
	return real;
}

RW_CORE struct ref_real *ref_pick(const struct rw_flow *flow, const struct ref_vip *vip,
				  __u32 *number)
{
	__u32 *owner = bpf_map_lookup_elem(&ref_flows, flow);
	struct ref_real *real;

	if (!owner)
		return ref_choose(flow, vip, number);
	*number = *owner;
	real = bpf_map_lookup_elem(&ref_reals, number);
	return real && real->up ? real : ref_choose(flow, vip, number);
}

RW_CORE void ref_count(__u32 element, __u64 len)
{
	struct ref_traffic *t = bpf_map_lookup_elem(&ref_traffic, &element);

	if (!t)
		return;
	t->packets++;
	t->bytes += len;
}

/* A router on the packet's way. */
RW_CORE void ref_hop(struct rw_ipv4 *ip)
{
	__u16 before = rw_load16(&ip->ttl), after = (__u16)(before - RW_BE16(0x0100));

	rw_store16(&ip->ttl, after);
	ip->check = rw_csum_replace16(ip->check, before, after);
}

RW_CORE void ref_outer(struct rw_ipv4 *ip, const struct ref_real *real, __u8 tos, __u32 len,
		       __u8 proto)
{
	__u64 sum = RW_BE16(0x4500 | tos) + (__u64)RW_BE16(len) + RW_BE16(RW_IPV4_DF);

	sum += RW_BE16(real->ttl << 8 | proto) + (__u64)real->src + real->dst;
	rw_store16(&ip->ver_ihl, RW_BE16(0x4500 | tos));
	ip->len = RW_BE16(len);
	ip->id = 0;
	ip->frag = RW_BE16(RW_IPV4_DF);
	rw_store16(&ip->ttl, RW_BE16(real->ttl << 8 | proto));
	ip->check = rw_csum_finish(sum);
	rw_store32(&ip->src, real->src);
	rw_store32(&ip->dst, real->dst);
}

RW_CORE void ref_ethernet(__u8 *to, const struct ref_real *real)
{
	rw_store32(to, rw_load32(real->mac));
	rw_store16(to + 4, rw_load16(real->mac + 4));
	rw_store16(to + 6, rw_load16(real->of));
	rw_store32(to + 8, rw_load32(real->of + 2));
	rw_store16(to + 12, RW_BE16(RW_ETH_IPV4));
}

RW_CORE void ref_udp(struct rw_udp *udp, const struct ref_real *real, const struct rw_flow *flow,
		     __u32 len)
{
	struct rw_hash_key key = {key_first, key_last};

	udp->src = RW_BE16(49152 | (__u16)(rw_flow_hash(flow, &key) >> 32 & 0x3fff));
	udp->dst = real->gue_port;
	udp->len = RW_BE16(len);
	udp->check = 0;
}

/* Bytes of outer headers. */
RW_CORE __u32 ref_outer_len(const struct ref_real *real)
{
	if (real->method == REF_L2)
		return 0;
	return real->method == REF_IPIP ? sizeof(struct rw_ipv4)
					: sizeof(struct rw_ipv4) + sizeof(struct rw_udp);
}

/* The packet goes to `real`: its new headers. False: it does not. */
RW_CORE int ref_write(struct xdp_md *ctx, const struct ref_real *real, const struct rw_flow *flow)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct rw_ipv4 *ip = data + sizeof(struct rw_eth);
	__u32 outer = ref_outer_len(real), len;
	__u8 tos;

	if ((void *)(ip + 1) > end || ip->ttl <= 1)
		return 0;
	len = RW_CPU16(ip->len) + outer;
	tos = ip->tos;
	if (len > real->mtu)
		return 0;
	ref_hop(ip);
	if (outer && bpf_xdp_adjust_head(ctx, -(int)outer))
		return 0;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	ip = data + sizeof(struct rw_eth);
	if ((void *)(ip + 1) > end)
		return 0;
	ref_ethernet(data, real);
	if (outer)
		ref_outer(ip, real, tos, len, real->method == REF_IPIP ? 4 : RW_IP_UDP);
	if (real->method != REF_GUE)
		return 1;
	if ((void *)(ip + 1) + sizeof(struct rw_udp) > end)
		return 0;
	ref_udp((void *)(ip + 1), real, flow, len - sizeof(struct rw_ipv4));
	return 1;
}

SEC("xdp")
int lb_reference(struct xdp_md *ctx)
{
	__u64 len = ctx->data_end - ctx->data;
	struct ref_all_counters *all;
	struct ref_vip_key ask;
	struct ref_real *real;
	struct rw_flow flow;
	struct ref_vip *vip;
	__u32 number = 0, first = 0, port;

	all = bpf_map_lookup_elem(&ref_counters, &first);
	if (!all || in_port >= REF_PORTS)
		return XDP_ABORTED;
	all->port[in_port].rx_packets++;
	all->port[in_port].rx_bytes += len;
	if (!ref_parse((void *)(long)ctx->data, (void *)(long)ctx->data_end, &flow, &ask))
		return XDP_PASS;
	vip = bpf_map_lookup_elem(&ref_vips, &ask);
	if (!vip)
		return XDP_PASS;
	real = ref_pick(&flow, vip, &number);
	if (!real)
		return XDP_DROP;
	port = real->port;
	if (port >= REF_PORTS || !ref_write(ctx, real, &flow))
		return XDP_DROP;
	ref_count(vip->number, len);
	ref_count(first_real + number, len);
	if (bpf_redirect_map(&ref_ports, port, 0) != XDP_REDIRECT)
		return XDP_DROP;
	len = ctx->data_end - ctx->data;
	all->port[port].tx_packets++;
	all->port[port].tx_bytes += len;
	return XDP_REDIRECT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
