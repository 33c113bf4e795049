/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The frames that the balancer's figures are taken with, as the front program (front.bpf.c) and
 * userspace make them: flow i is UDP over IPv4 to VIP i mod `vips`.
 */
#ifndef RW_BENCH_LB_FLOWS_H
#define RW_BENCH_LB_FLOWS_H

#include "ringway/core/csum.h"

#define LB_FRAME 60u /* bytes without FCS: the classic 64 */
#define LB_FRAME_WORDS (LB_FRAME / 4u)
#define LB_FIRST_SOURCE 0xc6120001u /* 198.18.0.1 */
#define LB_FIRST_VIP 0xc6130001u    /* 198.19.0.1 */
#define LB_FIRST_PORT 49152u
#define LB_PORT_BITS 14u
#define LB_VIP_PORT 9u

struct lb_flows {
  __u32 word[LB_FRAME_WORDS]; /* the frame; what flows differ by is 0 */
  __u32 sum;                  /* of its IP header */
  __u32 mask;                 /* flows less one: a power of two of them */
  __u32 vips;                 /* at least one */
  __u32 next;                 /* flow, of the front program's next packet */
};

RW_CORE __be32 lb_flow_source(__u32 flow) { return RW_BE32(LB_FIRST_SOURCE + (flow >> LB_PORT_BITS)); }

RW_CORE __be16 lb_flow_port(__u32 flow) {
  return RW_BE16(LB_FIRST_PORT + (flow & ((1u << LB_PORT_BITS) - 1)));
}

/* The whole frame of a flow: whatever stood there is overwritten. */
RW_CORE void lb_flow_write(void* frame, const struct lb_flows* f, __u32 flow) {
  __be32 src = lb_flow_source(flow), dst = RW_BE32(LB_FIRST_VIP + flow % f->vips);
  __u8* p = (__u8*)frame;
  __u32 i;

  RW_UNROLL
  for (i = 0; i < LB_FRAME_WORDS; i++) rw_store32(p + 4 * i, f->word[i]);
  rw_store16(p + 24, rw_csum_finish((__u64)f->sum + src + dst));
  rw_store32(p + 26, src);
  rw_store32(p + 30, dst);
  rw_store16(p + 34, lb_flow_port(flow));
}

#endif
