/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The analysing sink, at tc ingress: looks at the stamp of every frame that arrives, or of one in
 * 64, and frees it. It runs on the CPU of whoever transmits, so a throughput figure is never taken
 * with it.
 *
 * The clock is read first: what the analysis takes is no latency.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "analyse.h"
#include "stamped.h"

const volatile struct rw_analyse_config config = {};
__u64 arrived = 0; /* of all CPUs; counted only where frames are captured */
__u32 missed = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_arrivals);
} received SEC(".maps");

/* Frames of one flow may arrive on several CPUs: only who has set this touches `analysis`. Not a
 * bpf_spin_lock, which would be a third of what a frame costs here: it disables interrupts, and we
 * need not, for nothing that runs in one analyses frames. */
__u32 taken = 0;
#define TRIES (1u << 23) /* as many as bpf_loop() makes: tens of milliseconds */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_analysis);
} analysis SEC(".maps");

/* The highest number seen of each flow. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set by the loader */
	__type(key, __u32);
	__type(value, __u64);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} captured SEC(".maps");

static __attribute__((noinline)) int rw_capture_frame(struct __sk_buff *skb)
{
	struct rw_capture *c = bpf_ringbuf_reserve(&captured, sizeof(*c), 0);
	__u32 len = skb->len < RW_CAPTURE_BYTES ? skb->len : RW_CAPTURE_BYTES;

	if (!c) {
		__sync_fetch_and_add(&missed, 1);
		return 0;
	}
	c->at_ns = bpf_ktime_get_ns();
	c->len = skb->len;
	c->captured = len;
	c->missed = missed;
	c->vlan_tci = (__u16)skb->vlan_tci;
	c->vlan_proto = skb->vlan_present ? RW_CPU16(skb->vlan_proto) : 0;
	RW_HIDE(len);
	if (len < sizeof(struct rw_eth)) /* never; for the verifier */
		goto discard;
	RW_HIDE(len);
	if (len > RW_CAPTURE_BYTES || bpf_skb_load_bytes(skb, 0, c->data, len))
		goto discard;
	bpf_ringbuf_submit(c, BPF_RB_NO_WAKEUP); /* its reader comes by itself */
	return 0;
discard:
	bpf_ringbuf_discard(c, BPF_RB_NO_WAKEUP);
	return 0;
}

RW_CORE void rw_capture_some(struct __sk_buff *skb)
{
	__u64 number = __sync_fetch_and_add(&arrived, 1);

	if (number < config.capture_first || !(number & config.capture_mask))
		rw_capture_frame(skb);
}

/* What of the frame is in one piece; asks the kernel to make the headers so, if they are not: a
 * packet socket's ring leaves them where they were. */
RW_CORE void rw_linear(struct __sk_buff *skb, struct rw_frame *f)
{
	__u32 there = skb->data_end - skb->data;

	if (there < RW_STAMPED_BYTES && there < skb->len)
		bpf_skb_pull_data(skb, skb->len < RW_STAMPED_BYTES ? skb->len : RW_STAMPED_BYTES);
	f->data = (const __u8 *)(long)skb->data;
	f->data_end = (const __u8 *)(long)skb->data_end;
	f->len = skb->len;
}

RW_CORE int rw_try(void)
{
	return !__sync_val_compare_and_swap(&taken, 0, 1);
}

static long rw_try_again(__u32 i, int *got)
{
	(void)i;
	*got = rw_try();
	return *got; /* 1 ends the loop */
}

RW_CORE int rw_take(void)
{
	int got = rw_try();

	if (RW_UNLIKELY(!got))
		bpf_loop(TRIES, rw_try_again, &got, 0);
	return got;
}

RW_CORE void rw_give_back(void)
{
	__sync_lock_test_and_set(&taken, 0); /* an exchange: what came before is seen before */
}

/* 0 if its turn did not come: whoever had `analysis` was kept off its CPU. */
static __attribute__((noinline)) int rw_analyse_stamp(const struct rw_stamp *s, __u64 now)
{
	__s64 latency = now - s->intended_ns;
	__u32 bucket = rw_histogram_index(latency), flow = s->flow, first = 0;
	struct rw_analysis *all = bpf_map_lookup_elem(&analysis, &first);
	__u64 *flow_highest = bpf_map_lookup_elem(&flows, &flow);

	if (!all || !rw_take())
		return 0;
	rw_analysis_arrive(all, flow_highest, s->sequence, latency, bucket);
	rw_give_back();
	return 1;
}

SEC("tc")
int rw_analyse(struct __sk_buff *skb)
{
	const struct rw_analyse_config *c = (const void *)&config;
	__u64 now = config.sample ? 0 : bpf_ktime_get_ns();
	__u32 first = 0, segments = skb->gso_segs;
	struct rw_arrivals *here = bpf_map_lookup_elem(&received, &first);
	enum rw_stamped found;
	struct rw_frame f;
	struct rw_stamp s;

	RW_HIDE(c); /* from clang, which would fold the zeros of the initialiser in */
	if (!here)
		return TC_ACT_SHOT;
	here->packets += segments ? segments : 1;
	here->bytes += skb->len;
	if (config.capture_first)
		rw_capture_some(skb);
	if (segments > 1) {
		here->merged += segments;
		return TC_ACT_SHOT;
	}
	rw_linear(skb, &f);
	found = rw_stamped_read(c, &f, &s);
	if (found == RW_STAMPED_GOOD)
		here->contended += !rw_analyse_stamp(&s, config.sample ? bpf_ktime_get_ns() : now);
	else if (found == RW_STAMPED_CORRUPTED)
		here->corrupted++;
	else if (found == RW_STAMPED_FOREIGN)
		here->foreign++;
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
