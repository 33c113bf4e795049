/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Sends the load balancer's own probes to the real that their mark names, with the outer headers
 * that the VIP's packets get: the same core on the same tables. It stands where packets come out of
 * a veth pair: there their checksums are complete and GSO is undone, which in front of it they are
 * not.
 */
#include "ringway/core/encap_gue.h"
#include "ringway/core/lb_parse.h"
#include "ringway/core/lb_plan.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_lb_control);
} lb_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct rw_lb_real);
} lb_reals SEC(".maps");

/* Not those of the packets' programs: a probe neither uses up their answers nor is counted there.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_lb_local);
} probe_local SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_lb_packet);
} probe_record SEC(".maps");

/* Set by the loader. */
const volatile __u32 first_mark = 0;		/* of 65536: one for each element of lb_reals */
const volatile __u32 egress[RW_PORTS_MAX] = {}; /* ifindex by port */

RW_CORE struct rw_lb_real *rw_reals_at(const struct rw_lb_env *env, __u32 i)
{
	(void)env;
	return (struct rw_lb_real *)bpf_map_lookup_elem(&lb_reals, &i);
}

RW_CORE bool rw_probe_parse(const struct rw_lb_env *env, struct rw_lb_packet *r,
			    struct __sk_buff *skb)
{
	/* spreads probes as flows are spread: outer source port, flow label; no secret */
	const struct rw_hash_key key = {0x70726f6265ull, 0x73ull};

	rw_lb_parse(env, r, (void *)(long)skb->data, (void *)(long)skb->data_end, skb->len);
	if (r->p.outcome != RW_PARSE_OK || !(r->p.flags & RW_PARSED_PORTS))
		return false;
	r->hash = rw_flow_hash(&r->flow, &key);
	return true;
}

/* Which stage writes the packet; RW_STAGE_DONE: it cannot go there. A real that fails its checks
 * has a hop that is not up, and is what must be asked most of all. */
RW_CORE __u32 rw_probe_plan(const struct rw_lb_env *env, struct rw_lb_packet *r, __u32 element)
{
	const struct rw_lb_real *real = rw_reals_at(env, element);
	struct rw_hop hop;

	if (!real)
		return RW_STAGE_DONE;
	r->real = element;
	r->hop = RW_READ_ONCE(&real->hop);
	RW_RMB();
	hop = rw_hop_of(r->hop);
	if (hop.state == RW_HOP_UNUSED || RW_READ_ONCE(&real->version) & RW_REAL_RETIRED ||
	    !(rw_load32(hop.mac) | rw_load16(hop.mac + 4)))
		return RW_STAGE_DONE;
	return rw_lb_plan(env, r, real);
}

RW_CORE void rw_probe_write(const struct rw_lb_env *env, struct rw_lb_packet *r, __u32 stage,
			    struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;

	if (stage == RW_STAGE_L2)
		rw_lb_write_l2(env, r, data, data_end);
	else if (stage == RW_STAGE_IPIP)
		rw_lb_write_ipip(env, r, data, data_end);
	else
		rw_lb_write_gue(env, r, data, data_end);
}

SEC("tc")
int rw_lb_probe(struct __sk_buff *skb)
{
	struct rw_lb_sizes sizes = {};
	struct rw_lb_env env = {.sizes = &sizes};
	struct rw_lb_packet *r;
	__u32 first = 0, element = skb->mark - first_mark, stage;

	r = (struct rw_lb_packet *)bpf_map_lookup_elem(&probe_record, &first);
	env.control = (struct rw_lb_control *)bpf_map_lookup_elem(&lb_control, &first);
	env.local = (struct rw_lb_local *)bpf_map_lookup_elem(&probe_local, &first);
	if (!r || !env.control || !env.local || element > 0xffff)
		return TC_ACT_SHOT;
	if (!rw_probe_parse(&env, r, skb))
		return TC_ACT_SHOT;
	stage = rw_probe_plan(&env, r, element);
	if (stage < RW_STAGE_L2 || stage > RW_STAGE_GUE || r->head < 0)
		return TC_ACT_SHOT;
	if (r->head && bpf_skb_change_head(skb, (__u32)r->head, 0))
		return TC_ACT_SHOT;
	rw_probe_write(&env, r, stage, skb);
	if (r->out >= RW_PORTS_MAX || !egress[r->out & (RW_PORTS_MAX - 1)])
		return TC_ACT_SHOT;
	skb->mark = 0; /* it has said what it was for */
	return (int)bpf_redirect(egress[r->out & (RW_PORTS_MAX - 1)], 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
