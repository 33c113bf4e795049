/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The counters that all programs of a forwarder share: the loader makes the map once and hands it
 * to every instance (bpf_map__reuse_fd). Its only element holds all ports, so that a packet pays
 * for one look-up.
 */
#ifndef RW_BPF_COUNTERS_H
#define RW_BPF_COUNTERS_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "ringway/core/wire.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_counters);
} counters SEC(".maps");

/* This CPU's. Never null: element 0 of an array exists; but the verifier wants to see the check. */
RW_CORE struct rw_counters *rw_counters_here(void)
{
	__u32 first = 0;

	return (struct rw_counters *)bpf_map_lookup_elem(&counters, &first);
}

/* A constant of .rodata as the core's functions want it, without `volatile`. clang must not see
 * where the pointer comes from, or it would fold the initialiser in; the verifier sees it, and
 * folds what the loader wrote. */
#define RW_CONFIG(object)                                                                          \
	({                                                                                         \
		const void *rw_config = (const void *)&(object);                                   \
		__asm__ __volatile__("" : "+r"(rw_config));                                        \
		rw_config;                                                                         \
	})

#endif
