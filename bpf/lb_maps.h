/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The load balancer's tables as maps. The loader sets how large they are, makes each once, and
 * hands it to the program of every port and to userspace, which maps it.
 */
#ifndef RW_BPF_LB_MAPS_H
#define RW_BPF_LB_MAPS_H

#include "counters.h"
#include "ringway/core/lb_packet.h"

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
	__uint(max_entries, 2 * (1 + 8)); /* two generations */
	__type(key, __u32);
	__type(value, union rw_vip_element);
} lb_vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_lb_local);
} lb_local SEC(".maps");

/* What is known of the packet, from stage to stage. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_lb_packet);
} lb_record SEC(".maps");

const volatile struct rw_lb_sizes sizes = {
	.ring_size = 65537, .vip_buckets = 8, .conn_buckets = 16};

RW_CORE const union rw_vip_element *rw_vips_at(const struct rw_lb_env *env, __u32 i)
{
	(void)env;
	return (const union rw_vip_element *)bpf_map_lookup_elem(&lb_vips, &i);
}

RW_CORE struct rw_lb_packet *rw_lb_record(void)
{
	__u32 first = 0;

	return (struct rw_lb_packet *)bpf_map_lookup_elem(&lb_record, &first);
}

/* False: never; but the verifier wants to see the checks. */
RW_CORE bool rw_lb_env_here(struct rw_lb_env *env)
{
	__u32 first = 0;

	env->sizes = (const struct rw_lb_sizes *)RW_CONFIG(sizes);
	env->control = (struct rw_lb_control *)bpf_map_lookup_elem(&lb_control, &first);
	env->local = (struct rw_lb_local *)bpf_map_lookup_elem(&lb_local, &first);
	return env->control && env->local;
}

#endif
