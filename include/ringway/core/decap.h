/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The other end of the load balancer's tunnels, for reals whose kernel has none: takes IP in IP and
 * GUE variant 1 off a packet for one of our addresses; the kernel's stack gets what was inside.
 * What is no such packet is left as it is. Outer fragments are not put together, outer UDP
 * checksums not verified: the inner packet's own are the kernel's to check.
 */
#ifndef RW_CORE_DECAP_H
#define RW_CORE_DECAP_H

#include "csum.h"
#include "encap.h"
#include "parse.h"

#define RW_DECAP_ANY4 1u /* any outer destination */
#define RW_DECAP_ANY6 2u

struct rw_decap {
	__be32 addr4; /* our address, the tunnel's end */
	__be32 addr6[4];
	__be16 gue_port; /* 0: no GUE */
	__u16 flags;
};
RW_STATIC_ASSERT(sizeof(struct rw_decap) == 24, "in .rodata, written by the loader");

RW_CORE int rw_decap_is_ours(const struct rw_decap *d, const struct rw_parsed *p, const __u8 *ip,
			     const __u8 *data_end)
{
	if (p->proto3 == RW_ETH_IPV4)
		return ip + sizeof(struct rw_ipv4) <= data_end &&
		       (d->flags & RW_DECAP_ANY4 || rw_load32(ip + 16) == d->addr4);
	if (ip + sizeof(struct rw_ipv6) > data_end)
		return 0;
	return d->flags & RW_DECAP_ANY6 ||
	       !((rw_load32(ip + 24) ^ d->addr6[0]) | (rw_load32(ip + 28) ^ d->addr6[1]) |
		 (rw_load32(ip + 32) ^ d->addr6[2]) | (rw_load32(ip + 36) ^ d->addr6[3]));
}

/* Where the inner packet begins, and its EtherType; 0: there is none. */
RW_CORE __u32 rw_decap_inner(const struct rw_decap *d, const struct rw_parsed *p, const __u8 *data,
			     const __u8 *data_end, __u16 *ethertype)
{
	__u32 at = p->l4;
	__u8 version;

	if (p->proto4 == RW_IP_UDP && d->gue_port && p->dport == d->gue_port)
		at = p->payload;
	else if (p->proto4 != RW_IP_IPIP && p->proto4 != RW_IP_IPV6)
		return 0;
	at &= 0x7fff;
	if (at + sizeof(struct rw_ipv4) > p->end || data + at + sizeof(struct rw_ipv4) > data_end)
		return 0;
	version = data[at] >> 4;
	*ethertype = version == 4 ? RW_ETH_IPV4 : RW_ETH_IPV6;
	if ((version != 4 && version != 6) || (p->proto4 == RW_IP_IPIP && version != 4) ||
	    (p->proto4 == RW_IP_IPV6 && version != 6))
		return 0;
	return at;
}

/* RFC 6040 4.2: congestion met in the tunnel is told to the inner packet, which must understand it.
 * False: it does not, and is dropped. */
RW_CORE int rw_decap_ecn(__u8 outer, __u8 *ip, const __u8 *data_end, __u16 ethertype)
{
	__u16 word, marked;

	if (ip + sizeof(struct rw_ipv4) > data_end)
		return 0;
	word = rw_load16(ip);
	if ((outer & 3) != 3)
		return 1;
	if (ethertype == RW_ETH_IPV4) {
		if (!(word & RW_BE16(0x0003)))
			return 0;
		marked = word | RW_BE16(0x0003);
		rw_store16(ip + 10, rw_csum_replace16(rw_load16(ip + 10), word, marked));
	} else {
		if (!(word & RW_BE16(0x0030)))
			return 0;
		marked = word | RW_BE16(0x0030);
	}
	rw_store16(ip, marked);
	return 1;
}

/* RW_PUNT: to the kernel, after `*take` bytes (0: as it is) are taken off its beginning; the
 * Ethernet header stands behind them already. Else a drop. VLAN tags go with the outer header. */
RW_CORE rw_verdict rw_decap_process(const struct rw_decap *d, void *begin, void *end, __u32 len,
				    __u32 *take)
{
	__u8 *data = (__u8 *)begin, *data_end = (__u8 *)end, *ip, *eth, tos;
	__u16 ethertype = 0;
	struct rw_parsed p;
	__u32 at;

	*take = 0;
	if (rw_parse(&p, data, data_end, len) != RW_PARSE_OK || p.flags & RW_PARSED_FRAGMENT)
		return RW_PUNT;
	ip = data + (p.l3 & 0x1f);
	if (!rw_decap_is_ours(d, &p, ip, data_end))
		return RW_PUNT;
	at = rw_decap_inner(d, &p, data, data_end, &ethertype);
	if (at < 2 * sizeof(struct rw_eth) || data + sizeof(struct rw_eth) > data_end ||
	    ip + 2 > data_end)
		return RW_PUNT;
	tos = p.proto3 == RW_ETH_IPV4 ? ip[1] : (__u8)(RW_CPU16(rw_load16(ip)) >> 4);
	if (!rw_decap_ecn(tos, data + at, data_end, ethertype))
		return RW_DROP(RW_REASON_MALFORMED);
	at -= sizeof(struct rw_eth);
	RW_HIDE(at); /* one sum with the packet's beginning, not a step back from the inner header
		      */
	at &= 0x7fff;
	eth = data + at;
	if (eth + sizeof(struct rw_eth) > data_end)
		return RW_PUNT;
	rw_store64(eth, rw_load64(data));
	rw_store32(eth + 8, rw_load32(data + 8));
	rw_store16(eth + 12, RW_BE16(ethertype));
	*take = at;
	return RW_PUNT;
}

#endif
