/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Memory order for what one side writes while another reads (docs/architecture.md).
 *
 * clang 14 for BPF compiles no atomic load, store or fence ("Cannot select"): only volatile
 * accesses and fetching read-modify-writes, which are full barriers there. On the host TSan takes
 * volatile for plain and knows no fences, so the host uses atomic loads and stores.
 *
 *	RW_READ_ONCE(p)		read it once; acquire on the host
 *	RW_WRITE_ONCE(p, v)	write it once; release on the host
 *	RW_PUBLISH(p, v)	write it after everything before it
 *	RW_CAS(p, old, new)	compare and swap; true when it was swapped
 *	RW_RMB()		reads before it stay before reads after it
 */
#ifndef RW_CORE_SYNC_H
#define RW_CORE_SYNC_H

#include "wire.h"

#if defined(__bpf__)
#define RW_READ_ONCE(p) (*(const volatile __typeof__(*(p)) *)(p))
#define RW_WRITE_ONCE(p, v) (*(volatile __typeof__(*(p)) *)(p) = (v))
#define RW_PUBLISH(p, v) ((void)__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST))
#define RW_CAS(p, old, want) (__sync_val_compare_and_swap((p), (old), (want)) == (old))
#else
#define RW_READ_ONCE(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define RW_WRITE_ONCE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define RW_PUBLISH(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
RW_CORE int rw_cas32(__u32 *p, __u32 old, __u32 want)
{
	return __atomic_compare_exchange_n(p, &old, want, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
RW_CORE int rw_cas64(__u64 *p, __u64 old, __u64 want)
{
	return __atomic_compare_exchange_n(p, &old, want, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
#define RW_CAS(p, old, want)                                                                       \
	(sizeof(*(p)) == 8 ? rw_cas64((__u64 *)(void *)(p), (old), (want))                         \
			   : rw_cas32((__u32 *)(void *)(p), (__u32)(old), (__u32)(want)))
#endif

/* BPF programs: nothing more on x86, whose loads stay in order; elsewhere an exchange on a stack
 * word, which is a full barrier. The host's acquire loads have it already. */
#if defined(__bpf__) && defined(RW_BPF_WEAK_ORDER)
#define RW_RMB()                                                                                   \
	do {                                                                                       \
		__u64 rw_word = 0;                                                                 \
		(void)__atomic_exchange_n(&rw_word, 1, __ATOMIC_SEQ_CST);                          \
	} while (0)
#else
#define RW_RMB() __asm__ __volatile__("" ::: "memory")
#endif

#endif
