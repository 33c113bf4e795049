/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The load balancer's tables: arrays in memory that both datapaths and the control plane map.
 *
 *	control		one element: which generation of `vips` holds, the time, what ports are
 *	vips		two generations side by side, each a head and buckets of 8 VIPs; the control
 *			plane picks the head's key so that no bucket overflows: a look-up is one
 *bucket rings		a Maglev ring of u16 slots per element, numbers of reals (RW_RING_NONE:
 *none) reals		where packets go and how conns		the connection table (conn_table.h)
 *
 * Who writes: the control plane; `conns` the packets. Free elements are filled, then one store of
 * control.vips_base shows all of it. A packet reads that word once and carries it; everything else
 * is reached by address arithmetic from it. An element that was taken out is written to again only
 * after a grace period, when no packet can hold it any more.
 */
#ifndef RW_CORE_LB_TABLES_H
#define RW_CORE_LB_TABLES_H

#include "flow_hash.h"

#define RW_VIP_WAYS 8u
#define RW_RING_NO_RING 0xffffffffu
#define RW_RING_NONE 0xffffu /* a slot without a real */

/* ---- VIPs ---- */
#define RW_VIP_ANNOUNCE 1u   /* ARP, ND: the balancer answers for the address (address entries) */
#define RW_VIP_PING 2u	     /* echo requests likewise */
#define RW_VIP_STATEFUL 4u   /* flows are kept in the connection table */
#define RW_VIP_RESET 8u	     /* no real: answer TCP with RST; else drop */
#define RW_VIP_FRAGMENTS 16u /* fragments are sent on: neither ring nor VIP looks at ports */

/* What is looked up. An entry of proto 0 and port 0 stands for the address itself: ARP, ND, ICMP.
 * An entry of port 0 and a protocol takes every port that has none of its own. */
struct rw_vip_key {
	__be32 addr[4]; /* of IPv4 the first word */
	__be16 port;
	__u8 proto;
	__u8 family; /* 4 or 6; 0: the entry is free */
};
RW_STATIC_ASSERT(sizeof(struct rw_vip_key) == 20, "five words of 32 bits");

/* What is found. */
struct rw_vip_target {
	__u32 ring; /* element of `rings`, or RW_RING_NO_RING */
	__u16 id;   /* of its counters; stays the VIP's while the process runs */
	__u16 flags;
	__u8 hash; /* enum rw_flow_mode */
	__u8 pad[3];
};

struct rw_vip {
	struct rw_vip_key key;
	struct rw_vip_target target;
};
RW_STATIC_ASSERT(sizeof(struct rw_vip) == 32, "never across a cache line");

struct rw_vip_bucket {
	__u32 tag[RW_VIP_WAYS]; /* low half of the key's hash */
	struct rw_vip way[RW_VIP_WAYS];
};
RW_STATIC_ASSERT(sizeof(struct rw_vip_bucket) == 288, "an element of `vips`");

/* The head of a generation. */
struct rw_vip_head {
	struct rw_hash_key key;
	__u32 serial;	/* counts generations; for reports */
	__u32 any_port; /* there are VIPs of any port: worth a second look-up */
};

union rw_vip_element {
	struct rw_vip_head head;
	struct rw_vip_bucket bucket;
};
RW_STATIC_ASSERT(sizeof(union rw_vip_element) == sizeof(struct rw_vip_bucket), "head is smaller");

/* ---- reals ---- */
enum rw_lb_method { RW_METHOD_L2, RW_METHOD_IPIP, RW_METHOD_GUE, RW_METHOD_COUNT };

#define RW_REAL_TTL_KEEP                                                                           \
	1u /* the inner TTL stays; else the balancer counts as a hop (RFC 2003 3.1) */
#define RW_REAL_DF_COPY 2u  /* outer DF as the inner one (IPv6: set); else set */
#define RW_REAL_SUM_ZERO 4u /* outer UDP checksum: never; else over IPv6 only */
#define RW_REAL_SUM_FULL 8u /* over IPv4 too */
#define RW_REAL_ENTROPY                                                                            \
	16u /* low 16 bits of the outer IPv4 source from the flow, for RSS at the real */

#define RW_HOP_UNUSED 0u
#define RW_HOP_UP 1u
#define RW_HOP_FAILED 2u /* no link address: flows go elsewhere, ring slots are dropped by name */

/* What of a real changes alone: one aligned word, read and written whole. */
struct rw_hop {
	__u8 mac[6];
	__u8 port; /* egress */
	__u8 state;
};

/* An element's version is even while a configuration has its real, odd from when it is taken out
 * until another one is put in: a connection with an odd version, entered in between by a packet
 * that still saw the old ring, is nobody's. */
#define RW_REAL_RETIRED 1u

RW_CORE struct rw_hop rw_hop_of(__u64 word)
{
	struct rw_hop hop;

	__builtin_memcpy(&hop, &word, sizeof(hop));
	return hop;
}

/* Everything but `hop` and `version` is constant while a ring names the element. */
struct rw_lb_real {
	__u64 hop;	       /* struct rw_hop */
	__u32 version;	       /* of what the element holds; connections name it */
	__u16 mtu;	       /* of the path, IP bytes; 0: that of the egress port */
	__be16 vlan;	       /* TCI of the next hop's VLAN; 0: untagged */
	__be32 src[4], dst[4]; /* outer addresses; of IPv4 the first word */
	__be16 port;	       /* of GUE */
	__u8 method;	       /* enum rw_lb_method */
	__u8 family;	       /* of the outer header, 4 or 6 */
	__u8 ttl;	       /* outer */
	__u8 flags;
	__u8 pad[10];
};
RW_STATIC_ASSERT(sizeof(struct rw_lb_real) == 64, "a cache line");
RW_STATIC_ASSERT(__builtin_offsetof(struct rw_lb_real, hop) % 8 == 0, "an aligned word");

/* ---- control ---- */
struct rw_lb_port {
	__u8 mac[6];
	__u16 mtu; /* IP bytes */
};

RW_CORE struct rw_lb_port rw_lb_port_of(__u64 word)
{
	struct rw_lb_port port;

	__builtin_memcpy(&port, &word, sizeof(port));
	return port;
}

#define RW_CONN_TIMEOUTS 8u /* by enum rw_conn_state (conn_table.h); a power of two */

struct rw_lb_control {
	__u32 vips_base;	  /* element of the head of the generation that holds */
	__u32 tick;		  /* seconds, from any beginning */
	__u64 port[RW_PORTS_MAX]; /* struct rw_lb_port */
	__u32 flow_limit;	  /* new flows a second and CPU that are entered; 0: no limit */
	__u32 answer_limit;	  /* ICMP errors and resets a second and CPU; 0: none */
	__u16 timeout[RW_CONN_TIMEOUTS]; /* seconds, by state of the connection; below 32,768 */
};
RW_STATIC_ASSERT(sizeof(struct rw_lb_control) == 288, "mapped by both datapaths");

/* Fixed while the process runs: .rodata of the programs. */
struct rw_lb_sizes {
	struct rw_hash_key flow_key;
	__u32 port;	    /* the ingress port of this instance */
	__u32 ring_size;    /* slots, a prime */
	__u32 vip_buckets;  /* of one generation, without its head */
	__u32 conn_buckets; /* 0: no connection table */
	__u32 traffic_vips; /* elements of `traffic` before those of the reals */
	__u32 pad;
};
RW_STATIC_ASSERT(sizeof(struct rw_lb_sizes) == 40, "written by the loader");

/* u16 slots of an element of `rings`: whole words of 64 bits. */
RW_CORE __u32 rw_ring_stride(__u32 size)
{
	return (size + 7) & ~7u;
}

#endif
