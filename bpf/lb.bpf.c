/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The load balancer in the kernel: one instance for each port. Packets of known flows go the short
 * way (lb_known.h), in the first program alone; all others through a chain of stages by tail calls.
 * One program with all of it would multiply the paths that the verifier has to look at, and share
 * one stack of 512 bytes. What a stage leaves to the next is in this CPU's record.
 */
#include "ringway/core/lb.h"
#include "glue.h"
#include "lb_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__uint(value_size, 65544 * sizeof(__u16)); /* rw_ring_stride(65537) */
} lb_rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct rw_lb_real);
} lb_reals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct rw_conn_bucket);
} lb_conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct rw_lb_traffic);
} lb_traffic SEC(".maps");

RW_CORE const __u16 *rw_rings_at(const struct rw_lb_env *env, __u32 i)
{
	(void)env;
	return (const __u16 *)bpf_map_lookup_elem(&lb_rings, &i);
}

RW_CORE struct rw_lb_real *rw_reals_at(const struct rw_lb_env *env, __u32 i)
{
	(void)env;
	return (struct rw_lb_real *)bpf_map_lookup_elem(&lb_reals, &i);
}

RW_CORE struct rw_conn_bucket *rw_conns_at(const struct rw_lb_env *env, __u32 i)
{
	(void)env;
	return (struct rw_conn_bucket *)bpf_map_lookup_elem(&lb_conns, &i);
}

RW_CORE struct rw_lb_traffic *rw_traffic_at(const struct rw_lb_env *env, __u32 i)
{
	(void)env;
	return (struct rw_lb_traffic *)bpf_map_lookup_elem(&lb_traffic, &i);
}

int rw_stage_parse(struct xdp_md *ctx);
int rw_stage_pick(struct xdp_md *ctx);
int rw_stage_inner(struct xdp_md *ctx);
int rw_stage_l2(struct xdp_md *ctx);
int rw_stage_ipip(struct xdp_md *ctx);
int rw_stage_gue(struct xdp_md *ctx);
int rw_stage_link(struct xdp_md *ctx);
int rw_stage_big(struct xdp_md *ctx);
int rw_stage_reset(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, RW_STAGE_COUNT);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} lb_stages SEC(".maps") = {
	.values =
		{
			[RW_STAGE_PARSE] = (void *)&rw_stage_parse,
			[RW_STAGE_PICK] = (void *)&rw_stage_pick,
			[RW_STAGE_INNER] = (void *)&rw_stage_inner,
			[RW_STAGE_L2] = (void *)&rw_stage_l2,
			[RW_STAGE_IPIP] = (void *)&rw_stage_ipip,
			[RW_STAGE_GUE] = (void *)&rw_stage_gue,
			[RW_STAGE_ARP] = (void *)&rw_stage_link,
			[RW_STAGE_ND] = (void *)&rw_stage_link,
			[RW_STAGE_ECHO] = (void *)&rw_stage_link,
			[RW_STAGE_TOO_BIG] = (void *)&rw_stage_big,
			[RW_STAGE_RESET] = (void *)&rw_stage_reset,
		},
};

/* The verdict, counted. */
RW_CORE int rw_lb_end(const struct rw_lb_env *env, const struct rw_lb_packet *r, __u64 len)
{
	struct rw_counters *all = rw_counters_here();
	__u32 port = env->sizes->port;

	if (!all || port >= RW_PORTS_MAX)
		return XDP_ABORTED;
	if (rw_lb_count_drop(env->local, port, r->out))
		return XDP_DROP;
	return rw_finish(all, port, r->out, len);
}

/* Does not return if the stage is there. To a stage that is named by a constant the JIT jumps
 * straight, without an indirect branch: for those of nearly all packets. */
RW_CORE void rw_lb_go(struct xdp_md *ctx, __u32 stage)
{
	if (stage == RW_STAGE_PICK)
		bpf_tail_call_static(ctx, &lb_stages, RW_STAGE_PICK);
	else if (stage == RW_STAGE_L2)
		bpf_tail_call_static(ctx, &lb_stages, RW_STAGE_L2);
	else if (stage == RW_STAGE_IPIP)
		bpf_tail_call_static(ctx, &lb_stages, RW_STAGE_IPIP);
	else if (stage == RW_STAGE_GUE)
		bpf_tail_call_static(ctx, &lb_stages, RW_STAGE_GUE);
	else
		bpf_tail_call(ctx, &lb_stages, stage);
}

/* Makes the room that the next stage writes to, and goes there. */
RW_CORE int rw_lb_next(struct xdp_md *ctx, const struct rw_lb_env *env, struct rw_lb_packet *r,
		       __u32 stage)
{
	if (stage >= RW_STAGE_FIRST_WRITER) {
		r->stage = (__u8)stage;
		if ((r->head && bpf_xdp_adjust_head(ctx, -r->head)) ||
		    (r->tail && bpf_xdp_adjust_tail(ctx, r->tail)))
			stage = rw_lb_drop(r, RW_LB_DROP_NO_ROOM);
	}
	if (stage != RW_STAGE_DONE) {
		rw_lb_go(ctx, stage);
		rw_lb_drop(r, RW_REASON_TABLE_MISS); /* not there, or too many of them: never */
	}
	return rw_lb_end(env, r, r->len);
}

/* The packet of a known connection: makes room, writes, and ends. */
RW_CORE int rw_lb_send_known(struct xdp_md *ctx, const struct rw_lb_env *env,
			     struct rw_counters *all, struct rw_lb_packet *r,
			     const struct rw_known *k, __u32 stage)
{
	__u32 port = env->sizes->port & (RW_PORTS_MAX - 1), out;

	if (r->head && bpf_xdp_adjust_head(ctx, -r->head)) {
		rw_lb_drop(r, RW_LB_DROP_NO_ROOM);
		return rw_lb_end(env, r, r->len);
	}
	rw_lb_write_known(env, r, k, stage, (void *)(long)ctx->data, (void *)(long)ctx->data_end);
	/* one register: clang takes it out of the hop's word again after the check, and Linux 6.1
	 * has forgotten it */
	out = r->out;
	RW_HIDE(out);
	return rw_finish(all, port, out, r->len + (__u32)r->head);
}

SEC("xdp")
int rw_lb(struct xdp_md *ctx)
{
	struct rw_counters *all = rw_counters_here();
	__u32 len = (__u32)rw_length(ctx), port, stage;
	struct rw_lb_packet r;
	struct rw_lb_env env;
	struct rw_known k;

	if (!all || !rw_lb_env_here(&env))
		return XDP_ABORTED;
	port = env.sizes->port;
	if (port >= RW_PORTS_MAX)
		return XDP_ABORTED;
	rw_count_rx(&all->port[port], len);
	stage = rw_lb_known(&env, &r, &k, (void *)(long)ctx->data, (void *)(long)ctx->data_end,
			    len);
	if (stage != RW_STAGE_PARSE)
		return rw_lb_send_known(ctx, &env, all, &r, &k, stage);
	bpf_tail_call_static(ctx, &lb_stages, RW_STAGE_PARSE);
	return rw_drop(&all->port[port], RW_REASON_TABLE_MISS); /* it is there */
}

SEC("xdp")
int rw_stage_parse(struct xdp_md *ctx)
{
	struct rw_lb_packet *r = rw_lb_record();
	struct rw_lb_env env;

	if (!r || !rw_lb_env_here(&env))
		return XDP_ABORTED;
	rw_lb_parse(&env, r, (void *)(long)ctx->data, (void *)(long)ctx->data_end,
		    (__u32)rw_length(ctx));
	return rw_lb_next(ctx, &env, r, rw_lb_classify(&env, r));
}

SEC("xdp")
int rw_stage_inner(struct xdp_md *ctx)
{
	struct rw_lb_packet *r = rw_lb_record();
	struct rw_lb_env env;

	if (!r || !rw_lb_env_here(&env))
		return XDP_ABORTED;
	return rw_lb_next(
		ctx, &env, r,
		rw_lb_inner(&env, r, (void *)(long)ctx->data, (void *)(long)ctx->data_end));
}

SEC("xdp")
int rw_stage_pick(struct xdp_md *ctx)
{
	struct rw_lb_packet *r = rw_lb_record();
	struct rw_lb_env env;

	if (!r || !rw_lb_env_here(&env))
		return XDP_ABORTED;
	return rw_lb_next(ctx, &env, r, rw_lb_pick(&env, r));
}

/* A stage that writes the packet and ends there. */
#define RW_LB_WRITER(name, write)                                                                  \
	SEC("xdp")                                                                                 \
	int name(struct xdp_md *ctx)                                                               \
	{                                                                                          \
		struct rw_lb_packet *r = rw_lb_record();                                           \
		struct rw_lb_env env;                                                              \
                                                                                                   \
		if (!r || !rw_lb_env_here(&env))                                                   \
			return XDP_ABORTED;                                                        \
		write(&env, r, (void *)(long)ctx->data, (void *)(long)ctx->data_end);              \
		return rw_lb_end(&env, r, rw_length(ctx));                                         \
	}

RW_LB_WRITER(rw_stage_l2, rw_lb_write_l2)
RW_LB_WRITER(rw_stage_ipip, rw_lb_write_ipip)
RW_LB_WRITER(rw_stage_gue, rw_lb_write_gue)
RW_LB_WRITER(rw_stage_big, rw_lb_write_too_big)
RW_LB_WRITER(rw_stage_reset, rw_lb_write_reset)

/* ARP, neighbour discovery, ping. */
RW_CORE void rw_lb_write_link(const struct rw_lb_env *env, struct rw_lb_packet *r, void *data,
			      void *data_end)
{
	if (r->stage == RW_STAGE_ARP)
		rw_lb_write_arp(env, r, data, data_end);
	else if (r->stage == RW_STAGE_ND)
		rw_lb_write_nd(env, r, data, data_end);
	else
		rw_lb_write_echo(env, r, data, data_end);
}
RW_LB_WRITER(rw_stage_link, rw_lb_write_link)

char _license[] SEC("license") = "Dual BSD/GPL";
