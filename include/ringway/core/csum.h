/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Internet checksums (RFC 1071): whole, of pseudo-headers, and updated in place (RFC 1624, eqn. 3).
 *
 * A sum in the making is a __u64 to which words are added as they lie in the packet; the one's
 * complement sum is the same in either byte order, and 2^32 counts as 1, as 2^16 does. So wide
 * words are added as they come, and rw_csum_fold() makes 16 bits of them at the end.
 *
 * Of the two zeros: a sum folds to 0x0000 only if every word was 0, which no header's is (there is
 * a version, a protocol). An update never makes 0x0000 of another sum, so that it gives bit for bit
 * what a new computation would.
 */
#ifndef RW_CORE_CSUM_H
#define RW_CORE_CSUM_H

#include "wire.h"

/* The longest piece that rw_csum_bytes() takes: the first fragment fits into a page. */
#define RW_CSUM_MAX 4096u

/* 16 bits of a sum, not complemented. */
RW_CORE __u16 rw_csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* What goes into the header. */
RW_CORE __sum16 rw_csum_finish(__u64 sum)
{
	return (__sum16)~rw_csum_fold(sum);
}

/* The same for UDP, where 0 says that there is no checksum. */
RW_CORE __sum16 rw_csum_finish_udp(__u64 sum)
{
	__sum16 check = rw_csum_finish(sum);

	return check ? check : (__sum16)0xffff;
}

/* Adds len bytes, the last one as if a 0 followed. False, if they run past `end` or are more than
 * RW_CSUM_MAX: *sum is then without meaning. */
RW_CORE int rw_csum_bytes(__u64 *sum, const void *from, const void *end, __u32 len)
{
	const __u8 *p = (const __u8 *)from, *stop = (const __u8 *)end, *next;
	__u32 words = len / 8, i;

	if (len > RW_CSUM_MAX)
		return 0;
	for (i = 0; i < words; i++) {
		next = p + 8;
		RW_HIDE(next);
		if (next > stop)
			return 0;
		*sum += (rw_load64(p) & 0xffffffff) + (rw_load64(p) >> 32);
		p = next;
	}
	/* Reckoned anew, not left over from the loop: the verifier then sees the same pointer
	 * however often it went round, and looks at what follows once. */
	RW_HIDE(len);
	p = (const __u8 *)from + (len & (2 * RW_CSUM_MAX - 8));
	if (len & 4) {
		if (p + 4 > stop)
			return 0;
		*sum += rw_load32(p);
		p += 4;
	}
	if (len & 2) {
		if (p + 2 > stop)
			return 0;
		*sum += rw_load16(p);
		p += 2;
	}
	if (len & 1) {
		if (p + 1 > stop)
			return 0;
		*sum += RW_BE16(*p << 8);
	}
	return 1;
}

/* The pseudo-header of TCP, UDP over IPv4 (RFC 793, RFC 768); `len` is that of header and data. */
RW_CORE __u64 rw_csum_pseudo4(__be32 src, __be32 dst, __u8 proto, __u16 len)
{
	return (__u64)src + dst + RW_BE16(proto) + RW_BE16(len);
}

/* An IPv6 address, wherever it lies. */
RW_CORE __u64 rw_csum_address6(const void *address)
{
	const __u8 *a = (const __u8 *)address;

	return (__u64)rw_load32(a) + rw_load32(a + 4) + rw_load32(a + 8) + rw_load32(a + 12);
}

/* The pseudo-header over IPv6 (RFC 8200 8.1). */
RW_CORE __u64 rw_csum_pseudo6(const void *src, const void *dst, __u8 proto, __u32 len)
{
	return rw_csum_address6(src) + rw_csum_address6(dst) + RW_BE32(len) + RW_BE32(proto);
}

/* ---- updates: a header's checksum after one of the words that it covers has changed. The words
 * lie at an even distance from the beginning of what is summed ---- */
RW_CORE __sum16 rw_csum_replace16(__sum16 check, __u16 from, __u16 to)
{
	return rw_csum_finish((__u64)(__u16)~check + (__u16)~from + to);
}

/* Of an IPv4 header whose TTL goes down by one: what rw_csum_replace16() gives, for any TTL but 0.
 */
RW_CORE __sum16 rw_csum_ttl_down(__sum16 check)
{
	__u32 sum = (__u32)(__u16)~check + RW_BE16(0xfeff);

	return (__sum16) ~((sum & 0xffff) + (sum >> 16));
}

RW_CORE __sum16 rw_csum_replace32(__sum16 check, __u32 from, __u32 to)
{
	return rw_csum_finish((__u64)(__u16)~check + (__u32)~from + to);
}

RW_CORE __sum16 rw_csum_replace128(__sum16 check, const void *from, const void *to)
{
	/* ~a + ~b + ~c + ~d */
	__u64 minus = 4 * (__u64)0xffffffff - rw_csum_address6(from);

	return rw_csum_finish((__u64)(__u16)~check + minus + rw_csum_address6(to));
}

/* A UDP checksum that was updated: none stays none, and what became 0 is written as 0xffff. */
RW_CORE __sum16 rw_csum_udp(__sum16 before, __sum16 after)
{
	if (!before)
		return 0;
	return after ? after : (__sum16)0xffff;
}

#endif
