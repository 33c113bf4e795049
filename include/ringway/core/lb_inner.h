/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * ICMP errors about a packet that a real sent from a VIP: whose flow was it? The error carries the
 * packet's IP header and at least 8 bytes more (RFC 792), so the ports; read backwards they are the
 * flow as the client's packets show it, and the error goes where those go.
 */
#ifndef RW_CORE_LB_INNER_H
#define RW_CORE_LB_INNER_H

#include "lb_classify.h"

/* Where the quoted packet's transport header begins, or 0; r->flow gets addresses and protocol. */
RW_CORE __u32 rw_lb_quoted_ip(struct rw_lb_packet *r, const __u8 *data, const __u8 *data_end)
{
	__u32 at = r->p.payload & 0x7fff;
	const __u8 *ip = data + at;

	if (rw_lb_is_v4(r)) {
		if (ip + sizeof(struct rw_ipv4) > data_end || ip[0] >> 4 != 4 || (ip[0] & 15) < 5 ||
		    rw_load16(ip + 6) & RW_BE16(RW_IPV4_OFFSET))
			return 0;
		r->flow.src[0] = rw_load32(ip + 16);
		r->flow.dst[0] = rw_load32(ip + 12);
		r->flow.proto = ip[9];
		return at + (ip[0] & 15) * 4u;
	}
	if (ip + sizeof(struct rw_ipv6) > data_end || ip[0] >> 4 != 6)
		return 0;
	__builtin_memcpy(r->flow.src, ip + 24, 16);
	__builtin_memcpy(r->flow.dst, ip + 8, 16);
	r->flow.proto = ip[6]; /* extension headers are not followed */
	return at + sizeof(struct rw_ipv6);
}

/* The quoted packet was sent by the VIP that the error came to. */
RW_CORE int rw_lb_quoted_is_of_vip(const struct rw_lb_packet *r)
{
	return !((r->flow.dst[0] ^ r->ask.addr[0]) | (r->flow.dst[1] ^ r->ask.addr[1]) |
		 (r->flow.dst[2] ^ r->ask.addr[2]) | (r->flow.dst[3] ^ r->ask.addr[3]));
}

RW_CORE __u32 rw_lb_inner(const struct rw_lb_env *env, struct rw_lb_packet *r, const void *begin,
			  const void *end)
{
	const __u8 *data = (const __u8 *)begin, *data_end = (const __u8 *)end, *ports;
	__u32 at = rw_lb_quoted_ip(r, data, data_end);
	int found;

	ports = data + (at & 0x7fff);
	if (!at || at + sizeof(struct rw_ports) > r->p.end ||
	    ports + sizeof(struct rw_ports) > data_end || !rw_lb_quoted_is_of_vip(r) ||
	    (r->flow.proto != RW_IP_TCP && r->flow.proto != RW_IP_UDP))
		return rw_lb_drop(r, RW_LB_DROP_ICMP_NO_FLOW);
	r->flow.sport = rw_load16(ports + 2);
	r->flow.dport = rw_load16(ports);
	r->flags |= RW_LB_RELATED;
	found = rw_lb_look_up(env, r, r->flow.dport, r->flow.proto);
	if (!found)
		found = rw_lb_look_up(env, r, 0, r->flow.proto);
	if (found < 0)
		return rw_lb_drop(r, RW_REASON_TABLE_MISS);
	if (!found)
		return rw_lb_drop(r, RW_LB_DROP_ICMP_NO_FLOW);
	return RW_STAGE_PICK;
}

#endif
