/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The generator's frames, the same text for both engines: which is the next one, and its bytes.
 */
#ifndef RW_BPF_GEN_FRAME_H
#define RW_BPF_GEN_FRAME_H

#include "gen.h"
#include "ringway/core/wire.h"
#include "stamp.h"

#define RW_GEN_VALUE(t, name, flow)                                                                \
	((t)->name##_base + ((flow) >> (t)->name##_shift & (t)->name##_mask))

/* Marsaglia's xorshift: a period of 2^32 - 1, good enough to choose flows by. */
RW_CORE __u32 rw_gen_random(struct gen_choice *c)
{
	__u32 x = c->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	c->random = x;
	return x;
}

/* The flow of the next frame. `quantiles` is used only for the distribution of that name. */
RW_CORE __u32 rw_gen_next_flow(const volatile struct gen_traffic *t, struct gen_choice *c,
			       const __u32 *quantiles)
{
	__u32 flow = c->flow, random, cell;

	if (t->distribution == RW_GEN_ROUND_ROBIN) {
		c->flow = flow + 1 < t->flows ? flow + 1 : 0;
		return flow;
	}
	random = rw_gen_random(c);
	if (t->distribution == RW_GEN_RANDOM || !quantiles)
		return (__u64)random * t->flows >> 32;
	cell = random >> (32 - RW_GEN_CELL_BITS);
	random &= (1u << (32 - RW_GEN_CELL_BITS)) - 1;
	flow = quantiles[cell];
	flow += (__u64)(quantiles[cell + 1] - flow) * random >> (32 - RW_GEN_CELL_BITS);
	flow >>= 8;
	return flow < t->flows ? flow : t->flows - 1;
}

/* The size of the next frame, where they differ. */
RW_CORE __u32 rw_gen_next_size(const volatile struct gen_traffic *t, struct gen_choice *c)
{
	__u32 i = c->size;

	c->size = i + 1 < t->sizes ? i + 1 : 0;
	return t->size_of[i & (RW_GEN_SIZES - 1)];
}

RW_CORE void rw_gen_head(__u8 *data, const volatile struct gen_traffic *t,
			 const volatile __u64 *head)
{
	__u32 i, bytes = t->head;

	RW_UNROLL
	for (i = 0; i < RW_GEN_MIN / 8; i++)
		rw_store64(data + 8 * i, head[i]);
	RW_UNROLL
	for (i = RW_GEN_MIN / 8; i < RW_GEN_WORDS; i++) {
		if (8 * i + 8 <= bytes)
			rw_store64(data + 8 * i, head[i]);
		else if (8 * i + 4 <= bytes)
			rw_store32(data + 8 * i, (__u32)head[i]);
	}
}

RW_CORE __u32 rw_gen_words(__u32 value)
{
	return (value & 0xffff) + (value >> 16);
}

RW_CORE __u16 rw_gen_fold(__u32 sum)
{
	sum = rw_gen_words(sum);
	return (__u16)~rw_gen_words(sum);
}

RW_CORE void rw_gen_mac(__u8 *lower, __u32 value)
{
	lower[0] = (__u8)(value >> 16);
	rw_store16(lower + 1, RW_BE16(value));
}

/* Fields of IPv4 or IPv6 that differ between frames. Returns what they add to the sum of L4. */
RW_CORE __u32 rw_gen_ip(__u8 *data, const volatile struct gen_traffic *t, __u32 flow, __u32 size)
{
	__u32 sum = 0, value, length = 0;

	if (t->src_ip_mask) {
		value = RW_BE32(RW_GEN_VALUE(t, src_ip, flow));
		rw_store32(data + t->src_ip_at, value);
		sum += rw_gen_words(value);
	}
	if (t->dst_ip_mask) {
		value = RW_BE32(RW_GEN_VALUE(t, dst_ip, flow));
		rw_store32(data + t->dst_ip_at, value);
		sum += rw_gen_words(value);
	}
	if (t->ip_length_at) {
		length = RW_BE16(size - t->ip_length_less);
		rw_store16(data + t->ip_length_at, (__u16)length);
	}
	if (t->ip_check_at)
		rw_store16(data + t->ip_check_at, rw_gen_fold(t->ip_sum + sum + length));
	return t->l4_addresses ? sum : 0;
}

/* The same for the ports and the length, of which the pseudo header has one, and UDP another. */
RW_CORE __u32 rw_gen_l4(__u8 *data, const volatile struct gen_traffic *t, __u32 flow, __u32 size)
{
	__u32 sum = 0, value;

	if (t->src_port_mask) {
		value = RW_BE16(RW_GEN_VALUE(t, src_port, flow));
		rw_store16(data + t->src_port_at, (__u16)value);
		sum += value;
	}
	if (t->dst_port_mask) {
		value = RW_BE16(RW_GEN_VALUE(t, dst_port, flow));
		rw_store16(data + t->dst_port_at, (__u16)value);
		sum += value;
	}
	if (t->l4_length_less) {
		value = RW_BE16(size - t->l4_length_less);
		if (t->l4_addresses)
			sum += value;
		if (t->l4_length_at) {
			rw_store16(data + t->l4_length_at, (__u16)value);
			sum += value;
		}
	}
	return sum;
}

/* Returns its sum. */
RW_CORE __u32 rw_gen_stamp(__u8 *at, __u32 flow, __u32 sequence, __u64 intended)
{
	__u16 check = rw_stamp_check(flow, sequence, intended);

	rw_store16(at, check);
	rw_store32(at + 2, flow);
	rw_store32(at + 6, sequence);
	rw_store32(at + 10, (__u32)intended);
	rw_store32(at + 14, (__u32)(intended >> 32));
	return check + rw_gen_words(flow) + rw_gen_words(sequence) + rw_gen_words((__u32)intended) +
	       rw_gen_words((__u32)(intended >> 32));
}

/* All that differs between frames; the template is there already. */
RW_CORE void rw_gen_vary(__u8 *data, const volatile struct gen_traffic *t, __u32 flow, __u32 size,
			 __u32 sequence, __u64 intended)
{
	__u32 sum = t->l4_sum;
	__u16 check;

	if (t->varies & RW_GEN_L2) {
		if (t->src_mac_mask)
			rw_gen_mac(data + t->src_mac_at, RW_GEN_VALUE(t, src_mac, flow));
		if (t->dst_mac_mask)
			rw_gen_mac(data + t->dst_mac_at, RW_GEN_VALUE(t, dst_mac, flow));
		if (t->vlan_mask)
			rw_store16(data + t->vlan_at, RW_BE16(RW_GEN_VALUE(t, vlan, flow)));
	}
	if (t->varies & RW_GEN_IP)
		sum += rw_gen_ip(data, t, flow, size);
	if (t->varies & RW_GEN_L4)
		sum += rw_gen_l4(data, t, flow, size);
	if (t->stamp_at)
		sum += rw_gen_stamp(data + t->stamp_at, flow, sequence, intended);
	if (t->l4_check_at) {
		check = rw_gen_fold(sum);
		rw_store16(data + t->l4_check_at, check ? check : 0xffff);
	}
}

#endif
