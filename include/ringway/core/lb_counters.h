/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the load balancer counts beside the ports' counters (verdict.h): its own drop reasons, what
 * its connection table and its answers did, and the traffic of every VIP and real.
 */
#ifndef RW_CORE_LB_COUNTERS_H
#define RW_CORE_LB_COUNTERS_H

#include "wire.h"

/* Counts; one thread writes, others read. */
#if defined(__bpf__)
#define RW_LB_ADD(p, n) ((void)(*(p) += (n)))
#else
#define RW_LB_ADD(p, n)                                                                            \
	__atomic_store_n((p), __atomic_load_n((p), __ATOMIC_RELAXED) + (n), __ATOMIC_RELAXED)
#endif

/* Reasons RW_REASON_NF + 0 ... X(enumerator suffix, name, what it means) */
#define RW_LB_REASONS(X)                                                                           \
	X(NO_REAL, "no_real", "the VIP has no real that takes packets")                            \
	X(NO_NEIGHBOUR, "no_neighbour", "the chosen real's next hop has no link address")          \
	X(TTL, "ttl_exceeded", "TTL or hop limit is used up")                                      \
	X(FRAGMENT, "fragment", "a fragment, to a VIP that is not chosen by addresses alone")      \
	X(TOO_BIG, "too_big",                                                                      \
	  "too long once encapsulated, and must not be answered (no DF, ICMP)")                    \
	X(ANSWER_LIMIT, "answer_limit",                                                            \
	  "too long or refused, but this second's answers are spent")                              \
	X(ICMP_NO_FLOW, "icmp_no_flow", "an ICMP error about a packet that no VIP has sent")       \
	X(NO_ROOM, "no_room", "no room before or after the packet for what it would become")       \
	X(NO_CHECKSUM, "no_checksum", "the outer checksum covers bytes that cannot be reached")    \
	X(LATE_PASS, "late_pass", "a VIP's packet that a reload has made the kernel's meanwhile")

enum rw_lb_reason {
	RW_LB_REASON_BASE = RW_REASON_NF - 1,
#define RW_X(suffix, name, text) RW_LB_DROP_##suffix,
	RW_LB_REASONS(RW_X)
#undef RW_X
		RW_LB_REASON_END
};
#define RW_LB_REASON_COUNT ((__u32)RW_LB_REASON_END - (__u32)RW_REASON_NF)
#define RW_LB_REASON_SLOTS 16u
RW_STATIC_ASSERT(RW_LB_REASON_COUNT <= RW_LB_REASON_SLOTS, "reasons fit their slots");

/* X(enumerator suffix, name, what it counts) */
#define RW_LB_EVENTS(X)                                                                            \
	X(CONN_HIT, "conn_hit", "packets whose flow was in the connection table")                  \
	X(CONN_NEW, "conn_new", "flows entered")                                                   \
	X(CONN_MOVED, "conn_moved", "flows given another real, for theirs is gone")                \
	X(CONN_RENEWED, "conn_renewed",                                                            \
	  "flows begun anew in the place of their ended predecessor")                              \
	X(CONN_EXPIRED, "conn_expired", "entries replaced after their time")                       \
	X(CONN_EVICTED_HALF, "conn_evicted_half", "entries replaced: half open or closing")        \
	X(CONN_EVICTED_LIVE, "conn_evicted_live", "entries replaced: established, in their time")  \
	X(CONN_BUSY, "conn_busy", "flows not entered: another CPU wrote there")                    \
	X(CONN_GATED, "conn_gated", "flows not entered: too many new ones this second")            \
	X(ICMP_RELATED, "icmp_related", "ICMP errors sent on to the owner of the flow")            \
	X(ANSWERED_ARP, "answered_arp", "ARP requests for a VIP")                                  \
	X(ANSWERED_ND, "answered_nd", "neighbour solicitations for a VIP")                         \
	X(ANSWERED_ECHO, "answered_echo", "echo requests to a VIP")                                \
	X(ANSWERED_TOO_BIG, "answered_too_big", "packets answered with what fits")                 \
	X(ANSWERED_RESET, "answered_reset", "TCP packets answered with a reset, for lack of a real")

enum rw_lb_event {
#define RW_X(suffix, name, text) RW_LB_##suffix,
	RW_LB_EVENTS(RW_X)
#undef RW_X
		RW_LB_EVENT_COUNT
};
#define RW_LB_EVENT_SLOTS 24u
RW_STATIC_ASSERT(RW_LB_EVENT_COUNT <= RW_LB_EVENT_SLOTS, "events fit their slots");

/* How many of something there have been since the tick changed. */
struct rw_lb_gate {
	__u32 tick, count;
};

/* Of one CPU (one worker). Every packet is in one counter of its ingress port: tx, passed, drops[]
 * of rw_port_counters, or drops[] here. */
struct rw_lb_local {
	__u64 drops[RW_PORTS_MAX][RW_LB_REASON_SLOTS];
	__u64 events[RW_LB_EVENT_SLOTS];
	struct rw_lb_gate flows, answers;
};
RW_STATIC_ASSERT(sizeof(struct rw_lb_local) == 32 * 16 * 8 + 24 * 8 + 16, "read by userspace");

/* Of one VIP or real, on one CPU: what was sent on. Bytes are those of the packet as it came. */
struct rw_lb_traffic {
	__u64 packets, bytes;
};

#endif
