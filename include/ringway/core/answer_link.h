/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Answers that make a VIP reachable on its link, and answer a ping: ARP replies, neighbour
 * advertisements, echo replies. The request is turned round in place.
 */
#ifndef RW_CORE_ANSWER_LINK_H
#define RW_CORE_ANSWER_LINK_H

#include "csum.h"
#include "lb_classify.h"

/* Back to where the frame came from, from our own address. False: no Ethernet header, the
 * verifier's fear. */
RW_CORE int rw_answer_l2(const struct rw_lb_env *env, __u8 *data, const void *data_end)
{
	__u32 port = env->sizes->port & (RW_PORTS_MAX - 1);
	struct rw_lb_port ours;

	if (data + sizeof(struct rw_eth) > (const __u8 *)data_end)
		return 0;
	ours = rw_lb_port_of(RW_READ_ONCE(&env->control->port[port]));
	rw_store32(data, rw_load32(data + 6));
	rw_store16(data + 4, rw_load16(data + 10));
	rw_store32(data + 6, rw_load32(ours.mac));
	rw_store16(data + 10, rw_load16(ours.mac + 4));
	return 1;
}

RW_CORE __u32 rw_answer_sent(const struct rw_lb_env *env, struct rw_lb_packet *r,
			     enum rw_lb_event event)
{
	rw_lb_count(env, event);
	return rw_lb_done(r, (rw_verdict)env->sizes->port);
}

RW_CORE __u32 rw_lb_write_arp(const struct rw_lb_env *env, struct rw_lb_packet *r, void *begin,
			      void *end)
{
	__u8 *data = (__u8 *)begin, *at = data + rw_lb_l3(r);
	struct rw_arp *arp = (struct rw_arp *)at;

	if (at + sizeof(*arp) > (__u8 *)end || !rw_answer_l2(env, data, end))
		return rw_lb_drop(r, RW_REASON_MALFORMED);
	arp->op = RW_BE16(2);
	rw_store32(arp->target_mac, rw_load32(arp->sender_mac));
	rw_store16(arp->target_mac + 4, rw_load16(arp->sender_mac + 4));
	rw_store32(arp->target, rw_load32(arp->sender));
	rw_store32(arp->sender_mac, rw_load32(data + 6));
	rw_store16(arp->sender_mac + 4, rw_load16(data + 10));
	rw_store32(arp->sender, r->ask.addr[0]);
	return rw_answer_sent(env, r, RW_LB_ANSWERED_ARP);
}

RW_CORE int rw_is_unspecified(const __be32 *a)
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

/* The advertisement (RFC 4861 4.4, 7.2.4); to all nodes, unsolicited, if the asker has no address
 * yet (duplicate address detection). */
RW_CORE void rw_nd_advertise(const struct rw_lb_packet *r, __u8 *data, __u8 *ip, __u8 *icmp)
{
	int probe = rw_is_unspecified(r->flow.src);
	__u64 sum;

	if (probe) {
		rw_store16(data, RW_BE16(0x3333));
		rw_store32(data + 2, RW_BE32(1));
		rw_store32(ip + 24, RW_BE32(0xff020000));
		rw_store32(ip + 28, 0);
		rw_store32(ip + 32, 0);
		rw_store32(ip + 36, RW_BE32(1));
	} else {
		__builtin_memcpy(ip + 24, r->flow.src, 16);
	}
	__builtin_memcpy(ip + 8, r->ask.addr, 16);
	rw_store16(ip + 4, RW_BE16(RW_ND_ADVERTISEMENT_LEN));
	ip[7] = 255;
	rw_store32(icmp, RW_BE32(RW_ICMP6_ADVERTISEMENT << 24));
	rw_store32(icmp + 4, probe ? RW_BE32(0x20000000) : RW_BE32(0x60000000)); /* S, O */
	__builtin_memcpy(icmp + 8, r->ask.addr, 16);
	rw_store16(icmp + 24, RW_BE16(0x0201)); /* target's link-layer address, 8 bytes */
	rw_store32(icmp + 26, rw_load32(data + 6));
	rw_store16(icmp + 30, rw_load16(data + 10));
	sum = rw_csum_pseudo6(ip + 8, ip + 24, RW_IP_ICMPV6, RW_ND_ADVERTISEMENT_LEN);
	sum += rw_csum_address6(icmp) + rw_csum_address6(icmp + 16);
	rw_store16(icmp + 2, rw_csum_finish(sum));
}

RW_CORE __u32 rw_lb_write_nd(const struct rw_lb_env *env, struct rw_lb_packet *r, void *begin,
			     void *end)
{
	__u8 *data = (__u8 *)begin, *ip = data + rw_lb_l3(r), *icmp = ip + sizeof(struct rw_ipv6);

	if (icmp + RW_ND_ADVERTISEMENT_LEN > (__u8 *)end || !rw_answer_l2(env, data, end))
		return rw_lb_drop(r, RW_LB_DROP_NO_ROOM);
	rw_nd_advertise(r, data, ip, icmp);
	return rw_answer_sent(env, r, RW_LB_ANSWERED_ND);
}

/* Request becomes reply: addresses change places, which no checksum sees; type and TTL are updated.
 */
RW_CORE __u32 rw_lb_write_echo(const struct rw_lb_env *env, struct rw_lb_packet *r, void *begin,
			       void *end)
{
	__u8 *data = (__u8 *)begin, *ip = data + rw_lb_l3(r), *icmp = data + rw_lb_l4(r);
	__u32 header = rw_lb_is_v4(r) ? sizeof(struct rw_ipv4) : sizeof(struct rw_ipv6);
	__u16 before, after;

	if (ip + header > (__u8 *)end || icmp + sizeof(struct rw_icmp) > (__u8 *)end ||
	    !rw_answer_l2(env, data, end))
		return rw_lb_drop(r, RW_REASON_MALFORMED);
	before = rw_load16(icmp);
	after = before & RW_BE16(0x00ff);
	if (rw_lb_is_v4(r)) {
		__u16 ttl = rw_load16(ip + 8), fresh = (ttl & RW_BE16(0x00ff)) | RW_BE16(64 << 8);

		rw_store16(ip + 8, fresh);
		rw_store16(ip + 10, rw_csum_replace16(rw_load16(ip + 10), ttl, fresh));
		rw_store32(ip + 12, r->flow.dst[0]);
		rw_store32(ip + 16, r->flow.src[0]);
	} else {
		if (ip + sizeof(struct rw_ipv6) > (__u8 *)end)
			return rw_lb_drop(r, RW_REASON_MALFORMED);
		after |= RW_BE16(RW_ICMP6_ECHO_REPLY << 8);
		ip[7] = 64;
		__builtin_memcpy(ip + 8, r->flow.dst, 16);
		__builtin_memcpy(ip + 24, r->flow.src, 16);
	}
	rw_store16(icmp, after);
	rw_store16(icmp + 2, rw_csum_replace16(rw_load16(icmp + 2), before, after));
	return rw_answer_sent(env, r, RW_LB_ANSWERED_ECHO);
}

#endif
