/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the load balancer is handed: its tables, by accessors, and this CPU's counters. For BPF the
 * program defines the accessors as map look-ups; everywhere else the tables are plain memory. Null
 * is "no such element": the drop `table_miss`.
 */
#ifndef RW_CORE_LB_ENV_H
#define RW_CORE_LB_ENV_H

#include "conn_table.h"
#include "lb_counters.h"
#include "sync.h"

/* The arrays, and how many elements each has. */
struct rw_lb_memory {
	struct rw_lb_control *control;
	union rw_vip_element *vips;
	__u16 *rings;
	struct rw_lb_real *reals;
	struct rw_conn_bucket *conns;
	__u32 vip_count, ring_count, ring_stride, real_count, conn_count;
};

struct rw_lb_env {
	const struct rw_lb_sizes *sizes;
	struct rw_lb_control *control;
	struct rw_lb_local *local;
#if !defined(__bpf__)
	const struct rw_lb_memory *memory;
	struct rw_lb_traffic *traffic; /* of this worker: VIPs, then reals */
	__u32 traffic_count;
	__u32 read_only; /* look, but enter and touch nothing: `explain` */
#endif
};

#if defined(__bpf__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-internal" /* where no program defines them: tests */
RW_CORE const union rw_vip_element *rw_vips_at(const struct rw_lb_env *env, __u32 i);
RW_CORE const __u16 *rw_rings_at(const struct rw_lb_env *env, __u32 i);
RW_CORE struct rw_lb_real *rw_reals_at(const struct rw_lb_env *env, __u32 i);
RW_CORE struct rw_conn_bucket *rw_conns_at(const struct rw_lb_env *env, __u32 i);
RW_CORE struct rw_lb_traffic *rw_traffic_at(const struct rw_lb_env *env, __u32 i);
#pragma clang diagnostic pop

RW_CORE int rw_lb_read_only(const struct rw_lb_env *env)
{
	(void)env;
	return 0;
}
#else
RW_CORE const union rw_vip_element *rw_vips_at(const struct rw_lb_env *env, __u32 i)
{
	return i < env->memory->vip_count ? &env->memory->vips[i] : (const union rw_vip_element *)0;
}

RW_CORE const __u16 *rw_rings_at(const struct rw_lb_env *env, __u32 i)
{
	const struct rw_lb_memory *m = env->memory;

	return i < m->ring_count ? &m->rings[(__u64)i * m->ring_stride] : (const __u16 *)0;
}

RW_CORE struct rw_lb_real *rw_reals_at(const struct rw_lb_env *env, __u32 i)
{
	return i < env->memory->real_count ? &env->memory->reals[i] : (struct rw_lb_real *)0;
}

RW_CORE struct rw_conn_bucket *rw_conns_at(const struct rw_lb_env *env, __u32 i)
{
	return i < env->memory->conn_count ? &env->memory->conns[i] : (struct rw_conn_bucket *)0;
}

RW_CORE struct rw_lb_traffic *rw_traffic_at(const struct rw_lb_env *env, __u32 i)
{
	return i < env->traffic_count ? &env->traffic[i] : (struct rw_lb_traffic *)0;
}

RW_CORE int rw_lb_read_only(const struct rw_lb_env *env)
{
	return (int)env->read_only;
}
#endif

RW_CORE void rw_lb_count(const struct rw_lb_env *env, enum rw_lb_event event)
{
	RW_LB_ADD(&env->local->events[event], 1);
}

/* One more this second? `limit` 0 lets none through. */
RW_CORE int rw_lb_gate_open(struct rw_lb_gate *gate, __u32 tick, __u32 limit)
{
	if (gate->tick != tick) {
		gate->tick = tick;
		gate->count = 0;
	}
	if (gate->count >= limit)
		return 0;
	gate->count++;
	return 1;
}

#endif
