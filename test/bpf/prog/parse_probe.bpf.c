/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * For the tests only: the parser and the checksums as the kernel runs them. What they found goes to
 * `result`, which the test has mapped.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "probe.h"

struct rw_probe_input input;
struct rw_probe_result result;

SEC("xdp.frags")
int rw_parse_probe(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data, *data_end = (__u8 *)(long)ctx->data_end;
	struct rw_probe_result *r = &result;
	struct rw_parsed parsed;

	rw_parse(&parsed, data, data_end, (__u32)bpf_xdp_get_buff_len(ctx) + input.extra);
	__builtin_memset(r, 0, sizeof(*r));
	r->parsed = parsed;
	/* Read back from memory, what was parsed is the same to the verifier on all paths: it looks
	 * at the sums once. */
	RW_HIDE(r);
	rw_probe_sums(&input, r, &r->parsed, data, data_end);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
