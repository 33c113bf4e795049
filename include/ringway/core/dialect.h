/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The common subset of C11, C++20 and clang's C for BPF, in which the core is written: cast from
 * void *, no compound literals, no designated initialisers in expressions.
 */
#ifndef RW_CORE_DIALECT_H
#define RW_CORE_DIALECT_H

#include <linux/types.h>

#if defined(__cplusplus)
#define RW_STATIC_ASSERT static_assert
#else
#define RW_STATIC_ASSERT _Static_assert
#endif

/* A function of the core. The coverage build defines it as `inline`: of what is always inlined,
 * gcov would count the branches of every copy. */
#if !defined(RW_CORE)
#if defined(__cplusplus)
#define RW_CORE inline __attribute__((always_inline))
#else
#define RW_CORE static inline __attribute__((always_inline))
#endif
#endif

/* A function that the verifier checks once, on its own (a global function); inline on the host.
 * For scans and loops that would multiply the paths of whoever calls them. */
#if defined(__bpf__)
#define RW_FUNC __attribute__((noinline))
#elif defined(__cplusplus)
#define RW_FUNC inline
#else
#define RW_FUNC static inline
#endif

/* BPF: natural alignment, else clang emits one load per byte. Host: packets are not aligned and
 * alias everything. The layout is identical; the asserts below hold it so. */
#if defined(__bpf__)
#define RW_WIRE __attribute__((may_alias))
#else
#define RW_WIRE __attribute__((packed, may_alias))
#endif

#define RW_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Hides from clang for BPF how a value came about, so that it computes what the text says and not
 * something equal that the verifier cannot follow. Nothing on the host. */
#if defined(__bpf__)
#define RW_HIDE(x) __asm__ __volatile__("" : "+r"(x))
#else
#define RW_HIDE(x) ((void)0)
#endif

/* Before a short `for` whose body has branches: Linux 6.1 refuses a loop in which clang lets the
 * last block fall into the first ("back-edge"). Nothing on the host. */
#if defined(__bpf__)
#define RW_UNROLL _Pragma("unroll")
#else
#define RW_UNROLL
#endif

/* ---- words of a packet, in its byte order, at any address: one instruction on either side ---- */
struct rw_word16 {
	__u16 value;
} RW_WIRE;
struct rw_word32 {
	__u32 value;
} RW_WIRE;
struct rw_word64 {
	__u64 value;
} RW_WIRE;

RW_CORE __u16 rw_load16(const void *p)
{
	return ((const struct rw_word16 *)p)->value;
}

RW_CORE __u32 rw_load32(const void *p)
{
	return ((const struct rw_word32 *)p)->value;
}

RW_CORE __u64 rw_load64(const void *p)
{
	return ((const struct rw_word64 *)p)->value;
}

RW_CORE void rw_store16(void *p, __u16 value)
{
	((struct rw_word16 *)p)->value = value;
}

RW_CORE void rw_store32(void *p, __u32 value)
{
	((struct rw_word32 *)p)->value = value;
}

RW_CORE void rw_store64(void *p, __u64 value)
{
	((struct rw_word64 *)p)->value = value;
}

#endif
