/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The short way's first steps (lb_known.h): is the packet one for it, and which VIP's.
 */
#ifndef RW_CORE_LB_KNOWN_PARSE_H
#define RW_CORE_LB_KNOWN_PARSE_H

#include "lb_classify.h"

struct rw_known {
	const __u8 *ip; /* in the packet */
	__u64 last;	/* of the flow: rw_flow_last() */
	__u64 hash;
	struct rw_conn_bucket *b; /* of the connection */
	const struct rw_lb_real *real;
	__u32 base;	/* of the control block, read once */
	__u32 len, end; /* of the packet; end of its IP packet */
	__be16 port;	/* of the VIP */
	__u16 vip;	/* its counters */
	__u8 proto, family, flags /* RW_LB_* */, tos, ttl, slot;
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

/* What both families have; `l4` begins after `ip_len` bytes of IP header. */
RW_CORE int rw_known_rest(struct rw_known *k, const __u8 *l4, __u32 ip_len, __u32 len)
{
	__u32 header = rw_known_l4(k, l4, k->proto);

	if (!header || sizeof(struct rw_eth) + ip_len + header > k->end || k->end > len)
		return 0;
	k->len = len;
	k->port = rw_load16(l4 + 2);
	k->last = rw_flow_last(rw_load16(l4), k->port, k->proto, k->family);
	return 1;
}

RW_CORE int rw_known_ipv4(struct rw_known *k, const __u8 *data_end, const struct rw_hash_key *key,
			  __u32 len)
{
	const __u8 *ip = k->ip, *l4 = ip + sizeof(struct rw_ipv4);
	__u16 frag;

	if (l4 + sizeof(struct rw_tcp) > data_end || ip[0] != 0x45)
		return 0;
	frag = rw_load16(ip + 6);
	if (frag & RW_BE16(RW_IPV4_MF | RW_IPV4_OFFSET))
		return 0;
	k->family = 4;
	k->flags = frag & RW_BE16(RW_IPV4_DF) ? RW_LB_DF : 0;
	k->proto = ip[9];
	k->end = (__u32)sizeof(struct rw_eth) + RW_CPU16(rw_load16(ip + 2));
	k->tos = ip[1];
	k->ttl = ip[8];
	if (!rw_known_rest(k, l4, sizeof(struct rw_ipv4), len))
		return 0;
	k->hash = rw_flow_hash4(rw_load32(ip + 12), rw_load32(ip + 16), k->last, key);
	return 1;
}

/* No extension header. */
RW_CORE int rw_known_ipv6(struct rw_known *k, const __u8 *data_end, const struct rw_hash_key *key,
			  __u32 len)
{
	const __u8 *ip = k->ip, *l4 = ip + sizeof(struct rw_ipv6);

	if (l4 + sizeof(struct rw_tcp) > data_end || ip[0] >> 4 != 6)
		return 0;
	k->family = 6;
	k->flags = RW_LB_DF;
	k->proto = ip[6];
	k->end = (__u32)(sizeof(struct rw_eth) + sizeof(struct rw_ipv6)) +
		 RW_CPU16(rw_load16(ip + 4));
	k->tos = (__u8)(ip[0] << 4 | ip[1] >> 4);
	k->ttl = ip[7];
	if (!rw_known_rest(k, l4, sizeof(struct rw_ipv6), len))
		return 0;
	k->hash = rw_flow_hash6(ip + 8, ip + 24, k->last, key);
	return 1;
}

/* Headers, hash. False: the stages begin. */
RW_CORE int rw_known_parse(const struct rw_lb_env *env, struct rw_known *k, const void *begin,
			   const void *end, __u32 len)
{
	const __u8 *data = (const __u8 *)begin, *data_end = (const __u8 *)end;
	const struct rw_hash_key *key = &env->sizes->flow_key;
	__be16 proto;

	if (!env->sizes->conn_buckets || rw_lb_read_only(env) ||
	    data + sizeof(struct rw_eth) > data_end || !rw_lb_is_port_mac(env, data))
		return 0;
	k->base = RW_READ_ONCE(&env->control->vips_base);
	k->ip = data + sizeof(struct rw_eth);
	proto = rw_load16(data + 12);
	if (proto == RW_BE16(RW_ETH_IPV4))
		return rw_known_ipv4(k, data_end, key, len);
	return proto == RW_BE16(RW_ETH_IPV6) && rw_known_ipv6(k, data_end, key, len);
}

/* What is looked up among the VIPs; word by word, for the packet's may lie anywhere. */
RW_CORE __be32 rw_known_dst(const struct rw_known *k, __u32 word)
{
	if (k->family == 4)
		return word ? 0 : rw_load32(k->ip + 16);
	return rw_load32(k->ip + 24 + (__u64)4 * word);
}

RW_CORE __u64 rw_known_vip_hash(const struct rw_known *k, const struct rw_hash_key *secret)
{
	__u64 h = rw_vip_hash_begin(secret, rw_known_dst(k, 0), k->port, k->proto, k->family);

	if (k->family == 6)
		h = rw_vip_hash_rest(h, rw_known_dst(k, 1), rw_known_dst(k, 2), rw_known_dst(k, 3));
	return rw_hash_end(h, secret->last);
}

/* The VIP: one of exactly this port that keeps whole flows. The first that has the tag, or none:
 * the stages look further. */
RW_CORE int rw_known_vip(const struct rw_lb_env *env, struct rw_known *k)
{
	const union rw_vip_element *head = rw_vips_at(env, k->base), *element;
	const struct rw_vip *vip;
	__u32 i, differs;
	__u64 hash;

	if (!head)
		return 0;
	hash = rw_known_vip_hash(k, &head->head.key);
	element = rw_vips_at(env, rw_vip_element_of(env, k->base, hash));
	if (!element)
		return 0;
	RW_UNROLL
	for (i = 0; i < RW_VIP_WAYS; i++)
		if (element->bucket.tag[i] == (__u32)hash)
			break;
	vip = &element->bucket.way[i & (RW_VIP_WAYS - 1)];
	differs = vip->key.addr[0] ^ rw_known_dst(k, 0);
	if (k->family == 6) {
		differs |= (vip->key.addr[1] ^ rw_known_dst(k, 1)) |
			   (vip->key.addr[2] ^ rw_known_dst(k, 2)) |
			   (vip->key.addr[3] ^ rw_known_dst(k, 3));
	}
	k->vip = vip->target.id;
	return !differs && vip->key.port == k->port && vip->key.proto == k->proto &&
	       vip->key.family == k->family && vip->target.flags & RW_VIP_STATEFUL &&
	       vip->target.hash == RW_FLOW_5TUPLE;
}

#endif
