/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Layer 2 forwarding: what ringway-l2fwd does to a packet, in both datapaths.
 * The modes mean what they mean in DPDK: testpmd's io, mac, macswap and rxonly, and
 * the l2fwd example.
 *
 *	io	forwards every frame as it is, whatever its length: it touches nothing
 *	mac	source becomes the egress port's address, destination that of its peer
 *	macswap	source and destination change places
 *	l2fwd	as mac, to 02:00:00:00:00:N with N the egress port
 *	rxonly	counts and drops, whatever the length
 *
 * mac and l2fwd are one piece of code: what they write is in the struct, filled by cold code.
 */
#ifndef RW_CORE_L2_H
#define RW_CORE_L2_H

#include "wire.h"

enum rw_l2_mode { RW_L2_IO, RW_L2_MAC, RW_L2_MACSWAP, RW_L2_L2FWD, RW_L2_RXONLY, RW_L2_MODES };

/* What happens to packets of one ingress port. */
struct rw_l2 {
	__u16 port; /* the ingress port itself */
	__u16 out;  /* the egress port */
	__u8 mode;  /* enum rw_l2_mode */
	__u8 pad[3];
	__u8 dst[6]; /* mac, l2fwd: written to the packet; in wire order, so that it is one copy */
	__u8 src[6];
	__u8 pad2[4];
} __attribute__((aligned(8)));
RW_STATIC_ASSERT(sizeof(struct rw_l2) == 24, "in .rodata, written by the loader");
RW_STATIC_ASSERT(__builtin_offsetof(struct rw_l2, dst) == 8, "aligned for whole words");
RW_STATIC_ASSERT(__builtin_offsetof(struct rw_l2, src) == 14, "src follows dst, as on the wire");

/* Source and destination change places; the caller has checked that both are there. Four loads and
 * four stores: as arrays of bytes, clang for BPF would make it twelve of each. */
RW_CORE void rw_l2_swap(void *data)
{
	__u8 *dst = (__u8 *)data, *src = dst + 6;
	__u32 dst_front = rw_load32(dst), src_front = rw_load32(src);
	__u16 dst_back = rw_load16(dst + 4), src_back = rw_load16(src + 4);

	rw_store32(dst, src_front);
	rw_store16(dst + 4, src_back);
	rw_store32(src, dst_front);
	rw_store16(src + 4, dst_back);
}

/* Both addresses become those of the struct, in two stores. */
RW_CORE void rw_l2_set(const struct rw_l2 *l2, void *data)
{
	const __u8 *from = (const __u8 *)l2 + __builtin_offsetof(struct rw_l2, dst);

	rw_store64(data, rw_load64(from));
	rw_store32((__u8 *)data + 8, rw_load32(from + 8));
}

/* What becomes of the packet, which is rewritten in place. data ... data_end is its first fragment.
 */
RW_CORE rw_verdict rw_l2_process(const struct rw_l2 *l2, void *data, void *data_end)
{
	if (l2->mode == RW_L2_RXONLY)
		return RW_DROP(RW_REASON_RX_ONLY);
	if (l2->mode == RW_L2_IO)
		return l2->out;
	if ((__u8 *)data + sizeof(struct rw_eth) > (__u8 *)data_end)
		return RW_DROP(RW_REASON_MALFORMED);
	if (l2->mode == RW_L2_MACSWAP)
		rw_l2_swap(data);
	else
		rw_l2_set(l2, data);
	return l2->out;
}

#endif
