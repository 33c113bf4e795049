/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Verdicts, drop reasons and the counters that both datapaths share.
 */
#ifndef RW_CORE_VERDICT_H
#define RW_CORE_VERDICT_H

#include "dialect.h"

/* ---- verdicts: what becomes of a packet. 16 bits, the same in packet.out and in rw_result ---- */
typedef __u16 rw_verdict;
#define RW_PORT_LAST ((rw_verdict)0x7fff) /* 0 ... 0x7fff: send to that port */
#define RW_DROP_BASE ((rw_verdict)0x8000)
#define RW_DROP(reason) ((rw_verdict)(0x8000u + (reason))) /* 0x8000 + reason: drop */
#define RW_PUNT ((rw_verdict)0xfffe)			   /* to the kernel's stack */
#define RW_TAKEN ((rw_verdict)0xffff)			   /* the function keeps it (C++ only) */

/* ---- reasons: one numbered list; the library's are below RW_REASON_NF, a function's own start
 * there. X(enumerator suffix, name in reports, what it means) */
#define RW_REASONS(X)                                                                              \
	X(NO_VERDICT, "no_verdict", "the function left the default verdict")                       \
	X(MALFORMED, "malformed", "shorter than, or at odds with, the headers the function needs") \
	X(BAD_PORT, "bad_port", "the verdict names a port that does not exist")                    \
	X(RX_ONLY, "rx_only", "received and counted; the mode forwards nothing")                   \
	X(PUNT_UNAVAILABLE, "punt_unavailable",                                                    \
	  "meant for the kernel, but no TAP device is configured")                                 \
	X(TX_RING_FULL, "tx_ring_full", "no room in the egress port's TX ring")                    \
	X(TX_UNSENT, "tx_unsent", "still in the TX ring at exit")                                  \
	X(TX_DEVICE, "tx_device", "lost in the egress device after it took the packet")            \
	X(TX_REFUSED, "tx_refused", "the kernel refused to hand the packet to the egress device")  \
	X(TOO_MANY_FRAGS, "too_many_frags", "more fragments than a batch has room for")            \
	X(TABLE_MISS, "table_miss", "a shared table has no such element")

enum rw_reason {
#define RW_X(suffix, name, text) RW_REASON_##suffix,
	RW_REASONS(RW_X)
#undef RW_X
		RW_REASON_COUNT,
	RW_REASON_NF = 0x400 /* first of a network function's own */
};

/* Counters are arrays: slots 0 ... 31 are the library's reasons, 32 ... 95 a function's own. */
#define RW_REASON_LIB_SLOTS 32u
#define RW_REASON_SLOTS 96u
RW_STATIC_ASSERT(RW_REASON_COUNT <= RW_REASON_LIB_SLOTS, "library reasons fit their slots");

/* The counter slot of a reason; what is out of range is counted as RW_REASON_NO_VERDICT. */
RW_CORE __u32 rw_reason_slot(__u32 reason)
{
	if (reason < RW_REASON_LIB_SLOTS)
		return reason;
	if (reason - RW_REASON_NF < RW_REASON_SLOTS - RW_REASON_LIB_SLOTS)
		return reason - RW_REASON_NF + RW_REASON_LIB_SLOTS;
	return RW_REASON_NO_VERDICT;
}

/* ---- counters of one port in the XDP datapath; per CPU, summed by the reader ---- */
struct rw_port_counters {
	__u64 rx_packets, rx_bytes; /* by ingress */
	__u64 tx_packets, tx_bytes; /* by egress */
	__u64 passed;
	__u64 unserved_queue;
	__u64 drops[RW_REASON_LIB_SLOTS]; /* programs of ours that need more define their own */
};
RW_STATIC_ASSERT(sizeof(struct rw_port_counters) == 304, "read by userspace");

#define RW_PORTS_MAX 32u /* ports of one forwarder */

/* The one element of the per-CPU map `counters`: one look-up reaches the ingress and the egress
 * port. */
struct rw_counters {
	struct rw_port_counters port[RW_PORTS_MAX];
};
RW_STATIC_ASSERT(sizeof(struct rw_counters) == 32 * 304,
		 "read by userspace; below 32 KiB, a per-CPU element's limit");

#endif
