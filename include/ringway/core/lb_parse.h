/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The load balancer's first stage, without its tables: what a packet might be, from its headers.
 */
#ifndef RW_CORE_LB_PARSE_H
#define RW_CORE_LB_PARSE_H

#include "lb_packet.h"

/* RFC 826 over Ethernet and IPv4; the addresses lie at odd multiples of two. */
struct rw_arp {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 op;
	__u8 sender_mac[6], sender[4];
	__u8 target_mac[6], target[4];
} RW_WIRE;
RW_STATIC_ASSERT(sizeof(struct rw_arp) == 28, "arp");

#define RW_ICMP_ECHO_REPLY 0
#define RW_ICMP_UNREACHABLE 3
#define RW_ICMP_ECHO 8
#define RW_ICMP_TIME_EXCEEDED 11
#define RW_ICMP_PARAMETER 12
#define RW_ICMP6_UNREACHABLE 1
#define RW_ICMP6_TOO_BIG 2
#define RW_ICMP6_PARAMETER 4 /* 1 ... 4 are the errors that are forwarded */
#define RW_ICMP6_ECHO 128
#define RW_ICMP6_ECHO_REPLY 129
#define RW_ICMP6_SOLICITATION 135
#define RW_ICMP6_ADVERTISEMENT 136

#define RW_TCP_FIN 0x01
#define RW_TCP_SYN 0x02
#define RW_TCP_RST 0x04
#define RW_TCP_ACK 0x10

/* Whether the frame is for this port's own address. */
RW_CORE int rw_lb_is_port_mac(const struct rw_lb_env *env, const __u8 *data)
{
	__u64 port = RW_READ_ONCE(&env->control->port[env->sizes->port & (RW_PORTS_MAX - 1)]);
	struct rw_lb_port ours;

	ours = rw_lb_port_of(port);
	return rw_load32(data) == rw_load32(ours.mac) &&
	       rw_load16(data + 4) == rw_load16(ours.mac + 4);
}

/* Whether the frame is for this port: in promiscuous mode, and where a switch floods, come others,
 * among them what was just sent to a real. */
RW_CORE int rw_lb_is_for_port(const struct rw_lb_env *env, const struct rw_lb_packet *r,
			      const __u8 *data)
{
	if (rw_lb_is_port_mac(env, data))
		return 1;
	return (r->want == RW_WANT_ARP || r->want == RW_WANT_ND) && data[0] & 1;
}

RW_CORE __u8 rw_lb_want_icmp(const struct rw_lb_packet *r)
{
	__u8 type = r->p.icmp_type;

	if (rw_lb_is_v4(r)) {
		if (type == RW_ICMP_ECHO)
			return RW_WANT_ECHO;
		if (type == RW_ICMP_UNREACHABLE || type == RW_ICMP_TIME_EXCEEDED ||
		    type == RW_ICMP_PARAMETER)
			return RW_WANT_ERROR;
		return RW_WANT_NOTHING;
	}
	if (type == RW_ICMP6_ECHO)
		return RW_WANT_ECHO;
	if (type == RW_ICMP6_SOLICITATION)
		return RW_WANT_ND;
	return type >= RW_ICMP6_UNREACHABLE && type <= RW_ICMP6_PARAMETER ? RW_WANT_ERROR
									  : RW_WANT_NOTHING;
}

RW_CORE __u8 rw_lb_want(const struct rw_lb_packet *r)
{
	if (r->p.outcome != RW_PARSE_OK)
		return RW_WANT_MALFORMED;
	if (r->p.flags & RW_PARSED_FRAGMENT)
		return RW_WANT_FRAGMENT;
	if (r->p.flags & RW_PARSED_PORTS)
		return RW_WANT_PORTS;
	if (r->p.flags & RW_PARSED_ICMP)
		return rw_lb_want_icmp(r);
	return RW_WANT_NOTHING;
}

/* Addresses, TTL, DSCP and ECN; the destination is also what will be looked up. False: the first
 * fragment ends before. */
RW_CORE int rw_lb_addresses(struct rw_lb_packet *r, const __u8 *data, const __u8 *data_end)
{
	const __u8 *ip = data + rw_lb_l3(r);

	if (rw_lb_is_v4(r)) {
		if (ip + sizeof(struct rw_ipv4) > data_end)
			return 0;
		rw_store64(r->flow.src, rw_word_of(rw_load32(ip + 12), 0));
		rw_store64(r->flow.dst, rw_word_of(rw_load32(ip + 16), 0));
		r->ask.addr[0] = rw_load32(ip + 16);
		r->ask.family = 4;
		r->tos = ip[1];
		r->ttl = ip[8];
		if (rw_load16(ip + 6) & RW_BE16(RW_IPV4_DF))
			r->flags |= RW_LB_DF;
		return 1;
	}
	if (ip + sizeof(struct rw_ipv6) > data_end)
		return 0;
	__builtin_memcpy(r->flow.src, ip + 8, 16);
	__builtin_memcpy(r->flow.dst, ip + 24, 16);
	__builtin_memcpy(r->ask.addr, ip + 24, 16);
	r->ask.family = 6;
	r->tos = (__u8)(RW_CPU16(rw_load16(ip)) >> 4);
	r->ttl = ip[7];
	r->flags |= RW_LB_DF;
	return 1;
}

/* What TCP's flags say of the connection. */
RW_CORE void rw_lb_tcp(struct rw_lb_packet *r, const __u8 *data, const __u8 *data_end)
{
	const __u8 *tcp = data + rw_lb_l4(r);

	if (r->flow.proto != RW_IP_TCP || tcp + sizeof(struct rw_tcp) > data_end)
		return;
	r->flags |= RW_LB_TCP;
	if ((tcp[13] & (RW_TCP_SYN | RW_TCP_ACK)) == RW_TCP_SYN)
		r->flags |= RW_LB_SYN;
	if (tcp[13] & (RW_TCP_FIN | RW_TCP_RST))
		r->flags |= RW_LB_END;
}

/* A request for an address that is not the sender's own. */
RW_CORE void rw_lb_arp(struct rw_lb_packet *r, const __u8 *data, const __u8 *data_end)
{
	const __u8 *at = data + rw_lb_l3(r);
	const struct rw_arp *arp = (const struct rw_arp *)at;

	if (at + sizeof(*arp) > data_end)
		return;
	if (arp->hardware != RW_BE16(1) || arp->protocol != RW_BE16(RW_ETH_IPV4) ||
	    arp->hardware_len != 6 || arp->protocol_len != 4 || arp->op != RW_BE16(1) ||
	    rw_load32(arp->sender) == rw_load32(arp->target))
		return;
	r->ask.addr[0] = rw_load32(arp->target);
	r->ask.family = 4;
	r->want = RW_WANT_ARP;
}

/* The address that a neighbour solicitation asks for (RFC 4861 4.3, 7.1.1). */
RW_CORE void rw_lb_nd(struct rw_lb_packet *r, const __u8 *data, const __u8 *data_end)
{
	const __u8 *icmp = data + rw_lb_l4(r);

	if (r->ttl != 255 || r->p.icmp_code || r->p.end - r->p.l4 < 24 || icmp + 24 > data_end ||
	    r->p.flags & RW_PARSED_OPTIONS) {
		r->want = RW_WANT_NOTHING;
		return;
	}
	__builtin_memcpy(r->ask.addr, icmp + 8, 16);
}

/* Reads the control block, once, and the headers. Everything in `r` is written but what later
 * stages find. */
RW_CORE void rw_lb_parse(const struct rw_lb_env *env, struct rw_lb_packet *r, const void *begin,
			 const void *end, __u32 len)
{
	const __u8 *data = (const __u8 *)begin, *data_end = (const __u8 *)end;
	struct rw_parsed parsed;

	__builtin_memset(r, 0, sizeof(*r));
	r->base = RW_READ_ONCE(&env->control->vips_base);
	r->tick = RW_READ_ONCE(&env->control->tick);
	r->len = len;
	rw_parse(&parsed, data, data_end, len);
	r->p = parsed; /* parsed on the stack, where the verifier knows what it read */
	if (!r->p.proto3 || data + sizeof(struct rw_eth) > data_end)
		return; /* no whole Ethernet header, or more tags than we follow */
	if (r->p.proto3 == RW_ETH_ARP) {
		rw_lb_arp(r, data, data_end);
	} else if (r->p.outcome != RW_PARSE_NOT_IP) {
		if (!rw_lb_addresses(r, data, data_end))
			return;
		r->want = rw_lb_want(r);
		rw_store64(&r->flow.sport,
			   rw_flow_last(r->p.sport, r->p.dport, r->p.proto4, r->ask.family));
		if (r->want == RW_WANT_PORTS)
			rw_lb_tcp(r, data, data_end);
		else if (r->want == RW_WANT_ND)
			rw_lb_nd(r, data, data_end);
	}
	if (r->want != RW_WANT_NOTHING && !rw_lb_is_for_port(env, r, data))
		r->want = RW_WANT_NOTHING;
}

#endif
