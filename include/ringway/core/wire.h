/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Wire formats and byte order. Includes what everything in the core stands on: verdict.h,
 * dialect.h.
 */
#ifndef RW_CORE_WIRE_H
#define RW_CORE_WIRE_H

#include "verdict.h"

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

#endif
