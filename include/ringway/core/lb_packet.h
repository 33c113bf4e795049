/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the load balancer knows of a packet on its way through the stages: in BPF a record per CPU,
 * which lives across tail calls; in userspace one for each packet of a batch.
 *
 *	known: of a connection; sent to its real at once (lb_known.h). Everything else:
 *	parse --+-- not ours: RW_PUNT
 *		+-- pick ----------+-- l2, ipip, gue: sent to a real
 *		+-- inner -- pick  +-- too_big, reset: answered
 *		+-- arp, nd, echo: answered
 *
 * A stage that changes the packet's size says by how much (head, tail) and names the stage that
 * writes; whoever runs the stages makes the room in between.
 */
#ifndef RW_CORE_LB_PACKET_H
#define RW_CORE_LB_PACKET_H

#include "lb_env.h"
#include "parse.h"

enum rw_lb_stage {
	RW_STAGE_DONE,	/* `out` is the verdict */
	RW_STAGE_PARSE, /* nothing is known of it yet */
	RW_STAGE_PICK,
	RW_STAGE_INNER,
	RW_STAGE_L2, /* from here on they write; room has been made before */
	RW_STAGE_IPIP,
	RW_STAGE_GUE,
	RW_STAGE_ARP,
	RW_STAGE_ND,
	RW_STAGE_ECHO,
	RW_STAGE_TOO_BIG,
	RW_STAGE_RESET,
	RW_STAGE_COUNT
};
#define RW_STAGE_FIRST_WRITER RW_STAGE_L2

/* What the headers alone say; `rw_lb_classify()` asks the tables. */
enum rw_lb_want {
	RW_WANT_NOTHING, /* the kernel's, whatever the tables say */
	RW_WANT_PORTS,	 /* TCP, UDP: the VIP of that port, or of any */
	RW_WANT_FRAGMENT,
	RW_WANT_MALFORMED,
	RW_WANT_ARP,
	RW_WANT_ND,
	RW_WANT_ECHO,
	RW_WANT_ERROR, /* ICMP */
	RW_WANT_COUNT
};

#define RW_LB_SYN 1u /* TCP: opens a connection */
#define RW_LB_END 2u /* TCP: FIN or RST */
#define RW_LB_TCP 4u
#define RW_LB_DF 8u	  /* must not be fragmented; every IPv6 packet */
#define RW_LB_RELATED 16u /* an ICMP error: `flow` is that of the packet which it is about */

struct rw_lb_packet {
	__u64 conn_hash;  /* of the flow as the connection table has it */
	__u64 hash;	  /* of what chooses the real; also: GUE source port, IPv6 flow label */
	__u64 hop;	  /* of the real, read once */
	__u32 base, tick; /* of the control block, read once */
	__u32 len;	  /* of the whole packet */
	__u32 real;	  /* element of `reals` */
	struct rw_flow flow;
	struct rw_flow key; /* of the flow in the connection table */
	struct rw_parsed p;
	struct rw_vip_target vip;
	struct rw_vip_key ask; /* what was looked up */
	__s16 head, tail;      /* bytes to add before and after the packet; negative: to take off */
	__u16 mtu;	       /* what would fit, for the answer */
	__u16 l2; /* length of the Ethernet header that will be written, tag included */
	rw_verdict out;
	__u8 outer; /* length of outer headers, IP and UDP */
	__u8 ttl, tos;
	__u8 flags;
	__u8 want;  /* enum rw_lb_want */
	__u8 stage; /* which writer comes; for programs that serve several */
};
RW_STATIC_ASSERT(sizeof(struct rw_lb_packet) % 8 == 0, "an element of a per-CPU array");

RW_CORE __u32 rw_lb_done(struct rw_lb_packet *r, rw_verdict out)
{
	r->out = out;
	return RW_STAGE_DONE;
}

RW_CORE __u32 rw_lb_drop(struct rw_lb_packet *r, __u32 reason)
{
	return rw_lb_done(r, RW_DROP(reason));
}

/* Offsets that a record brings along: the verifier has forgotten what the parser knew. */
RW_CORE __u32 rw_lb_l3(const struct rw_lb_packet *r)
{
	return r->p.l3 & 0x1f;
}

RW_CORE __u32 rw_lb_l4(const struct rw_lb_packet *r)
{
	return r->p.l4 & 0x7fff;
}

RW_CORE int rw_lb_is_v4(const struct rw_lb_packet *r)
{
	return r->p.proto3 == RW_ETH_IPV4;
}

#endif
