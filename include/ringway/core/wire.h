/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What both datapaths agree on: verdicts, drop reasons, wire formats, byte order.
 * Compiled as C by clang -target bpf, as C11 and as C++20 on the host: keep to the common subset
 * (cast from void *, no compound literals, no designated initialisers in expressions).
 */
#ifndef RW_CORE_WIRE_H
#define RW_CORE_WIRE_H

#include <linux/types.h>

#if defined(__cplusplus)
#define RW_CORE inline __attribute__((always_inline))
#define RW_STATIC_ASSERT static_assert
#else
#define RW_CORE static inline __attribute__((always_inline))
#define RW_STATIC_ASSERT _Static_assert
#endif

/* A function that the verifier checks once, on its own (a global function); inline on the host.
 * For scans and loops that would multiply the paths of whoever calls them. */
#if defined(__bpf__)
#define RW_FUNC __attribute__((noinline))
#elif defined(__cplusplus)
#define RW_FUNC inline
#else
#define RW_FUNC static inline
#endif

/* BPF: natural alignment, else clang emits one load per byte. Host: packets are not aligned and
 * alias everything. The layout is identical; the asserts below hold it so. */
#if defined(__bpf__)
#define RW_WIRE __attribute__((may_alias))
#else
#define RW_WIRE __attribute__((packed, may_alias))
#endif

#define RW_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Hides from clang for BPF how a value came about, so that it computes what the text says and not
 * something equal that the verifier cannot follow. Nothing on the host. */
#if defined(__bpf__)
#define RW_HIDE(x) __asm__ __volatile__("" : "+r"(x))
#else
#define RW_HIDE(x) ((void)0)
#endif

/* ---- words of a packet, in its byte order, at any address: one instruction on either side ---- */
struct rw_word16 {
	__u16 value;
} RW_WIRE;
struct rw_word32 {
	__u32 value;
} RW_WIRE;
struct rw_word64 {
	__u64 value;
} RW_WIRE;

RW_CORE __u16 rw_load16(const void *p)
{
	return ((const struct rw_word16 *)p)->value;
}

RW_CORE __u32 rw_load32(const void *p)
{
	return ((const struct rw_word32 *)p)->value;
}

RW_CORE __u64 rw_load64(const void *p)
{
	return ((const struct rw_word64 *)p)->value;
}

RW_CORE void rw_store16(void *p, __u16 value)
{
	((struct rw_word16 *)p)->value = value;
}

RW_CORE void rw_store32(void *p, __u32 value)
{
	((struct rw_word32 *)p)->value = value;
}

RW_CORE void rw_store64(void *p, __u64 value)
{
	((struct rw_word64 *)p)->value = value;
}

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

/* ---- byte order: constants fold, so that they may stand in switch labels and initialisers ---- */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define RW_BE16(x) ((__be16)__builtin_bswap16((__u16)(x)))
#define RW_BE32(x) ((__be32)__builtin_bswap32((__u32)(x)))
#else
#define RW_BE16(x) ((__be16)(x))
#define RW_BE32(x) ((__be32)(x))
#endif
#define RW_CPU16(x) ((__u16)RW_BE16(x))
#define RW_CPU32(x) ((__u32)RW_BE32(x))

/* ---- numbers of the wire (IEEE 802, IANA) ---- */
#define RW_ETH_IPV4 0x0800
#define RW_ETH_ARP 0x0806
#define RW_ETH_IPV6 0x86dd
#define RW_ETH_8021Q 0x8100
#define RW_ETH_8021AD 0x88a8

#define RW_IP_HOPOPTS 0
#define RW_IP_ICMP 1
#define RW_IP_TCP 6
#define RW_IP_UDP 17
#define RW_IP_ROUTING 43
#define RW_IP_FRAGMENT 44
#define RW_IP_AH 51
#define RW_IP_ICMPV6 58
#define RW_IP_DSTOPTS 60

#define RW_IPV4_DF 0x4000 /* host order, of rw_ipv4.frag */
#define RW_IPV4_MF 0x2000
#define RW_IPV4_OFFSET 0x1fff
#define RW_IPV6_OFFSET 0xfff8 /* host order, of rw_ipv6_frag.offset_more */
#define RW_IPV6_MORE 0x0001

/* ---- headers ---- */
struct rw_eth { /* IEEE 802.3 3.2 */
	__u8 dst[6];
	__u8 src[6];
	__be16 proto;
} RW_WIRE;

struct rw_vlan { /* IEEE 802.1Q 9.6, what follows the TPID */
	__be16 tci;
	__be16 proto;
} RW_WIRE;

struct rw_ipv4 { /* RFC 791 3.1 */
	__u8 ver_ihl;
	__u8 tos;
	__be16 len;
	__be16 id;
	__be16 frag;
	__u8 ttl;
	__u8 proto;
	__sum16 check;
	__be32 src;
	__be32 dst;
} RW_WIRE;

struct rw_ipv6 { /* RFC 8200 3 */
	__be32 ver_tc_flow;
	__be16 len;
	__u8 next;
	__u8 hop_limit;
	__be32 src[4];
	__be32 dst[4];
} RW_WIRE;

struct rw_ipv6_ext { /* RFC 8200 4.3, 4.4, 4.6: hop-by-hop, routing, destination options */
	__u8 next;
	__u8 len; /* in units of 8 bytes, not counting the first 8 */
} RW_WIRE;

struct rw_ipv6_frag { /* RFC 8200 4.5 */
	__u8 next;
	__u8 reserved;
	__be16 offset_more; /* offset in 8-byte units << 3 | more */
	__be32 id;
} RW_WIRE;

struct rw_ports { /* what TCP and UDP begin with */
	__be16 src;
	__be16 dst;
} RW_WIRE;

struct rw_tcp { /* RFC 9293 3.1 */
	__be16 src;
	__be16 dst;
	__be32 seq;
	__be32 ack;
	__u8 offset; /* upper four bits: header length in words */
	__u8 flags;
	__be16 window;
	__sum16 check;
	__be16 urgent;
} RW_WIRE;

struct rw_udp { /* RFC 768 */
	__be16 src;
	__be16 dst;
	__be16 len;
	__sum16 check;
} RW_WIRE;

struct rw_icmp { /* RFC 792, RFC 4443 2.1 */
	__u8 type;
	__u8 code;
	__sum16 check;
	__be32 rest;
} RW_WIRE;

RW_STATIC_ASSERT(sizeof(struct rw_eth) == 14, "ethernet header");
RW_STATIC_ASSERT(sizeof(struct rw_vlan) == 4, "vlan tag");
RW_STATIC_ASSERT(sizeof(struct rw_ipv4) == 20, "ipv4 header");
RW_STATIC_ASSERT(sizeof(struct rw_ipv6) == 40, "ipv6 header");
RW_STATIC_ASSERT(sizeof(struct rw_ipv6_ext) == 2, "ipv6 extension header");
RW_STATIC_ASSERT(sizeof(struct rw_ipv6_frag) == 8, "ipv6 fragment header");
RW_STATIC_ASSERT(sizeof(struct rw_ports) == 4, "ports");
RW_STATIC_ASSERT(sizeof(struct rw_tcp) == 20, "tcp header");
RW_STATIC_ASSERT(sizeof(struct rw_udp) == 8, "udp header");
RW_STATIC_ASSERT(sizeof(struct rw_icmp) == 8, "icmp header");

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
