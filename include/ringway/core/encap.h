/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Writes what a real gets: a new Ethernet header, and before the packet an outer IP header (RFC
 * 2003, RFC 2473), with UDP between the two for GUE variant 1 (draft-ietf-intarea-gue, IP directly
 * in UDP, as Linux's fou takes it). Room has been made: the record's `head` bytes before the
 * packet.
 *
 * Outer TOS is the inner one: DSCP copied, ECN by RFC 6040's normal mode. Incoming VLAN tags go;
 * the next hop may have one of its own.
 */
#ifndef RW_CORE_ENCAP_H
#define RW_CORE_ENCAP_H

#include "csum.h"
#include "lb_packet.h"

#define RW_IP_IPIP 4
#define RW_IP_IPV6 41
#define RW_GUE_PORT_FIRST 49152u /* RFC 6335 6: dynamic ports, the flow's hash in them */

/* Where the inner packet begins, after the room was made. */
RW_CORE __u32 rw_encap_inner(const struct rw_lb_packet *r)
{
	return (r->l2 & 0x1fu) + (r->outer & 0x3fu);
}

RW_CORE __u16 rw_encap_inner_len(const struct rw_lb_packet *r)
{
	return (__u16)(r->p.end - r->p.l3);
}

/* The new Ethernet header. False: it is not there (the verifier's fear). */
RW_CORE int rw_encap_l2(const struct rw_lb_env *env, const struct rw_lb_packet *r,
			const struct rw_lb_real *real, __u8 *data, __u8 *data_end, __u16 proto)
{
	struct rw_lb_port port;
	struct rw_hop hop;

	hop = rw_hop_of(r->hop);
	port = rw_lb_port_of(RW_READ_ONCE(&env->control->port[hop.port & (RW_PORTS_MAX - 1)]));
	if (data + sizeof(struct rw_eth) + sizeof(struct rw_vlan) > data_end)
		return 0;
	rw_store32(data, rw_load32(hop.mac));
	rw_store16(data + 4, rw_load16(hop.mac + 4));
	rw_store32(data + 6, rw_load32(port.mac));
	rw_store16(data + 10, rw_load16(port.mac + 4));
	if (r->l2 > sizeof(struct rw_eth)) {
		rw_store16(data + 12, RW_BE16(RW_ETH_8021Q));
		rw_store16(data + 14, real->vlan);
		rw_store16(data + 16, RW_BE16(proto));
	} else {
		rw_store16(data + 12, RW_BE16(proto));
	}
	return 1;
}

/* The balancer is a router on the packet's way (RFC 2003 3.1): one hop less, checksum updated. */
RW_CORE int rw_encap_hop(const struct rw_lb_packet *r, const struct rw_lb_real *real, __u8 *data,
			 __u8 *data_end)
{
	__u8 *ip = data + rw_encap_inner(r);

	if (real->flags & RW_REAL_TTL_KEEP)
		return 1;
	if (rw_lb_is_v4(r)) {
		if (ip + sizeof(struct rw_ipv4) > data_end)
			return 0;
		ip[8]--;
		rw_store16(ip + 10, rw_csum_ttl_down(rw_load16(ip + 10)));
		return 1;
	}
	if (ip + sizeof(struct rw_ipv6) > data_end)
		return 0;
	ip[7]--;
	return 1;
}

RW_CORE __be32 rw_encap_src4(const struct rw_lb_packet *r, const struct rw_lb_real *real)
{
	__be32 src = real->src[0];

	if (real->flags & RW_REAL_ENTROPY)
		src = (src & RW_BE32(0xffff0000)) | RW_BE32((__u32)(r->hash >> 48));
	return src;
}

/* `len`: of what follows the header. */
RW_CORE int rw_encap_ipv4(const struct rw_lb_packet *r, const struct rw_lb_real *real, __u8 *data,
			  __u8 *data_end, __u32 len, __u8 proto)
{
	__u8 *ip = data + (r->l2 & 0x1f);
	__be32 src = rw_encap_src4(r, real), first, ttl;
	__be32 second = RW_BE32(RW_IPV4_DF); /* RFC 6864: of atomic datagrams the id says nothing */
	__u64 sum;

	if (ip + sizeof(struct rw_ipv4) > data_end)
		return 0;
	if (real->flags & RW_REAL_DF_COPY && !(r->flags & RW_LB_DF)) {
		second = RW_BE32((__u32)(r->hash >> 16 ^ r->len) << 16);
	}
	len += sizeof(struct rw_ipv4);
	first = RW_BE32(0x45000000u | (__u32)r->tos << 16 | len);
	ttl = RW_BE32((__u32)real->ttl << 24 | (__u32)proto << 16);
	sum = (__u64)first + second + ttl + src + real->dst[0];
	rw_store32(ip, first);
	rw_store32(ip + 4, second);
	rw_store32(ip + 8, ttl);
	rw_store16(ip + 10, rw_csum_finish(sum));
	rw_store32(ip + 12, src);
	rw_store32(ip + 16, real->dst[0]);
	return 1;
}

RW_CORE int rw_encap_ipv6(const struct rw_lb_packet *r, const struct rw_lb_real *real, __u8 *data,
			  __u8 *data_end, __u32 len, __u8 proto)
{
	__u8 *ip = data + (r->l2 & 0x1f);

	if (ip + sizeof(struct rw_ipv6) > data_end)
		return 0;
	/* flow label: RFC 6438, so that routers and the real spread flows, not tunnels */
	rw_store32(ip, RW_BE32(6u << 28 | (__u32)r->tos << 20 | (__u32)(r->hash >> 44)));
	rw_store16(ip + 4, RW_BE16(len));
	ip[6] = proto;
	ip[7] = real->ttl;
	__builtin_memcpy(ip + 8, real->src, 16);
	__builtin_memcpy(ip + 24, real->dst, 16);
	return 1;
}

RW_CORE __u16 rw_encap_ethertype(const struct rw_lb_real *real)
{
	return real->family == 4 ? RW_ETH_IPV4 : RW_ETH_IPV6;
}

/* Outer IP with what follows it. */
RW_CORE int rw_encap_outer(const struct rw_lb_packet *r, const struct rw_lb_real *real, __u8 *data,
			   __u8 *data_end, __u32 len, __u8 proto)
{
	if (real->family == 4)
		return rw_encap_ipv4(r, real, data, data_end, len, proto);
	return rw_encap_ipv6(r, real, data, data_end, len, proto);
}

/* The method l2: another Ethernet header, nothing else. */
RW_CORE __u32 rw_lb_write_l2_to(const struct rw_lb_env *env, struct rw_lb_packet *r,
				const struct rw_lb_real *real, void *data, void *data_end)
{
	if (!rw_encap_hop(r, real, (__u8 *)data, (__u8 *)data_end) ||
	    !rw_encap_l2(env, r, real, (__u8 *)data, (__u8 *)data_end, r->p.proto3))
		return rw_lb_drop(r, RW_REASON_MALFORMED);
	return RW_STAGE_DONE;
}

RW_CORE __u32 rw_lb_write_ipip_to(const struct rw_lb_env *env, struct rw_lb_packet *r,
				  const struct rw_lb_real *real, void *data, void *data_end)
{
	__u8 proto = rw_lb_is_v4(r) ? RW_IP_IPIP : RW_IP_IPV6;

	if (!rw_encap_hop(r, real, (__u8 *)data, (__u8 *)data_end) ||
	    !rw_encap_l2(env, r, real, (__u8 *)data, (__u8 *)data_end, rw_encap_ethertype(real)) ||
	    !rw_encap_outer(r, real, (__u8 *)data, (__u8 *)data_end, rw_encap_inner_len(r), proto))
		return rw_lb_drop(r, RW_REASON_MALFORMED);
	return RW_STAGE_DONE;
}

/* The same to the real that the record names. */
RW_CORE __u32 rw_lb_write_l2(const struct rw_lb_env *env, struct rw_lb_packet *r, void *data,
			     void *data_end)
{
	const struct rw_lb_real *real = rw_reals_at(env, r->real);

	if (!real)
		return rw_lb_drop(r, RW_REASON_TABLE_MISS);
	return rw_lb_write_l2_to(env, r, real, data, data_end);
}

RW_CORE __u32 rw_lb_write_ipip(const struct rw_lb_env *env, struct rw_lb_packet *r, void *data,
			       void *data_end)
{
	const struct rw_lb_real *real = rw_reals_at(env, r->real);

	if (!real)
		return rw_lb_drop(r, RW_REASON_TABLE_MISS);
	return rw_lb_write_ipip_to(env, r, real, data, data_end);
}

#endif
