/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the reference program keeps in its maps (reference.bpf.c).
 */
#ifndef RW_BENCH_LB_REFERENCE_H
#define RW_BENCH_LB_REFERENCE_H

#include "ringway/core/flow_hash.h"

#define REF_PORTS 32u

struct ref_vip_key { /* of IPv4 the first word; as large as IPv6 needs it */
  __be32 addr[4];
  __be16 port;
  __u8 proto, family;
};
RW_STATIC_ASSERT(sizeof(struct ref_vip_key) == 20, "a key has no padding");

struct ref_vip {
  __u32 number; /* of its counters */
  __u32 first;  /* slot of `ref_rings`: its ring begins there */
};

enum ref_method { REF_L2, REF_IPIP, REF_GUE };

struct ref_real {
  __be32 src, dst;    /* of the outer header */
  __u8 mac[6], of[6]; /* of the next hop, of the port */
  __u16 port, mtu;
  __be16 gue_port, pad;
  __u8 method, up, ttl, pad2;
};
RW_STATIC_ASSERT(sizeof(struct ref_real) == 32, "no padding");

struct ref_traffic {
  __u64 packets, bytes;
};

struct ref_counters {
  __u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
};

struct ref_all_counters {
  struct ref_counters port[REF_PORTS];
};

#endif
