/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The short way's first steps (lb_known.h): is the packet one for it, and which VIP's.
 */
#ifndef RW_CORE_LB_KNOWN_PARSE_H
#define RW_CORE_LB_KNOWN_PARSE_H

#include "lb_classify.h"

#define RW_KNOWN_L4 (sizeof(struct rw_eth) + sizeof(struct rw_ipv4))

struct rw_known {
	__be32 src, dst;
	__u64 last; /* rw_flow_last(); the other words of the flow are 0 */
	__u64 hash;
	struct rw_conn_bucket *b; /* of the connection */
	const struct rw_lb_real *real;
	__u32 base;	/* of the control block, read once */
	__u32 len, end; /* of the packet; end of its IP packet */
	__be16 port;	/* of the VIP */
	__u16 vip;	/* its counters */
	__u8 proto, flags /* RW_LB_* */, tos, ttl, slot;
};
RW_STATIC_ASSERT(sizeof(struct rw_known) == 64, "a cache line");

/* The length of the header at L4, 0: this is no packet for the short way. Neither is one that
 * begins or ends a connection. */
RW_CORE __u32 rw_known_l4(struct rw_known *k, const __u8 *l4, __u8 proto)
{
	__u32 len;

	if (proto == RW_IP_UDP) {
		len = RW_CPU16(rw_load16(l4 + 4));
		return len >= sizeof(struct rw_udp) ? len : 0;
	}
	if (proto != RW_IP_TCP || l4[13] & (RW_TCP_FIN | RW_TCP_SYN | RW_TCP_RST))
		return 0;
	k->flags |= RW_LB_TCP;
	len = (l4[12] >> 4) * 4u;
	return len >= sizeof(struct rw_tcp) ? len : 0;
}

/* Headers. False: not for the short way. */
RW_CORE int rw_known_headers(struct rw_known *k, const __u8 *data, const __u8 *data_end, __u32 len)
{
	const __u8 *ip = data + sizeof(struct rw_eth), *l4 = data + RW_KNOWN_L4;
	__u16 frag;
	__u32 header;

	if (l4 + sizeof(struct rw_tcp) > data_end || rw_load16(data + 12) != RW_BE16(RW_ETH_IPV4) ||
	    ip[0] != 0x45)
		return 0;
	frag = rw_load16(ip + 6);
	if (frag & RW_BE16(RW_IPV4_MF | RW_IPV4_OFFSET))
		return 0;
	k->flags = frag & RW_BE16(RW_IPV4_DF) ? RW_LB_DF : 0;
	k->proto = ip[9];
	header = rw_known_l4(k, l4, k->proto);
	k->end = (__u32)sizeof(struct rw_eth) + RW_CPU16(rw_load16(ip + 2));
	if (!header || RW_KNOWN_L4 + header > k->end || k->end > len)
		return 0;
	k->tos = ip[1];
	k->ttl = ip[8];
	k->len = len;
	k->src = rw_load32(ip + 12);
	k->dst = rw_load32(ip + 16);
	k->port = rw_load16(l4 + 2);
	k->last = rw_flow_last(rw_load16(l4), k->port, k->proto, 4);
	return 1;
}

/* Headers, hash. False: the stages begin. */
RW_CORE int rw_known_parse(const struct rw_lb_env *env, struct rw_known *k, const void *begin,
			   const void *end, __u32 len)
{
	const __u8 *data = (const __u8 *)begin;

	if (!env->sizes->conn_buckets || rw_lb_read_only(env) ||
	    !rw_known_headers(k, data, (const __u8 *)end, len) || !rw_lb_is_port_mac(env, data))
		return 0;
	k->base = RW_READ_ONCE(&env->control->vips_base);
	k->hash = rw_flow_hash4(k->src, k->dst, k->last, &env->sizes->flow_key);
	return 1;
}

/* The VIP: one of exactly this port that keeps whole flows. The first that has the tag, or none:
 * the stages look further. */
RW_CORE int rw_known_vip(const struct rw_lb_env *env, struct rw_known *k)
{
	const union rw_vip_element *head = rw_vips_at(env, k->base), *element;
	const struct rw_vip *vip;
	__u64 hash;
	__u32 i;

	if (!head)
		return 0;
	hash = rw_hash_end(rw_vip_hash_begin(&head->head.key, k->dst, k->port, k->proto, 4),
			   head->head.key.last);
	element = rw_vips_at(env, rw_vip_element_of(env, k->base, hash));
	if (!element)
		return 0;
	RW_UNROLL
	for (i = 0; i < RW_VIP_WAYS; i++)
		if (element->bucket.tag[i] == (__u32)hash)
			break;
	vip = &element->bucket.way[i & (RW_VIP_WAYS - 1)];
	k->vip = vip->target.id;
	return vip->key.addr[0] == k->dst && vip->key.port == k->port &&
	       vip->key.proto == k->proto && vip->key.family == 4 &&
	       vip->target.flags & RW_VIP_STATEFUL && vip->target.hash == RW_FLOW_5TUPLE;
}

#endif
