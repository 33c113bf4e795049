/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What the parser finds (parse.h): outcomes, and where the headers are.
 */
#ifndef RW_CORE_PARSED_H
#define RW_CORE_PARSED_H

#include "wire.h"

#define RW_MAX_TAGS 2u
#define RW_MAX_EXT 8u

/* X(enumerator suffix, name, what it means) */
#define RW_PARSE_OUTCOMES(X)                                                                       \
	X(OK, "ok", "every header that is there was found, and its lengths hold")                  \
	X(TRUNCATED, "truncated", "a header runs past the end of the first fragment")              \
	X(TOO_MANY_TAGS, "too_many_tags", "more than two VLAN tags")                               \
	X(NOT_IP, "not_ip", "neither IPv4 nor IPv6; l3 is where it begins")                        \
	X(BAD_VERSION, "bad_version", "the IP version is not that of the EtherType")               \
	X(BAD_IHL, "bad_ihl", "an IPv4 header of less than 20 bytes")                              \
	X(BAD_LENGTH, "bad_length", "an IP length beyond the frame, or too short for a header")    \
	X(TOO_MANY_EXT, "too_many_ext", "more than eight IPv6 extension headers")                  \
	X(BAD_L4, "bad_l4", "a TCP or UDP length that is too short, or runs past the packet")

enum rw_parse_outcome {
#define RW_X(suffix, name, text) RW_PARSE_##suffix,
	RW_PARSE_OUTCOMES(RW_X)
#undef RW_X
		RW_PARSE_OUTCOME_COUNT
};

#define RW_PARSED_FRAGMENT 1u /* of a datagram that came, or will come, in pieces */
#define RW_PARSED_LATER 2u /* not its first: there is no L4 header; l4 is where the data begins */
#define RW_PARSED_PORTS 4u /* sport and dport are those of TCP or UDP */
#define RW_PARSED_ICMP 8u  /* icmp_type and icmp_code are those of ICMP or ICMPv6 */
#define RW_PARSED_OPTIONS 16u /* IPv4 options, or IPv6 extension headers */

/* What is not there is 0. After another outcome than OK: what was found before it. Headers end
 * below offset 16,600 (8 extension headers of 2048 bytes). */
struct rw_parsed {
	__u32 end;     /* of the IP packet: what follows in the frame is padding */
	__u16 l3, l4;  /* where the headers begin */
	__u16 payload; /* where the data begins that TCP, UDP or ICMP carries */
	__u16 proto3;  /* EtherType after all tags, host order */
	__be16 tci[2]; /* of the tags, the outer one first */
	__be16 sport, dport;
	__u8 proto4; /* the protocol after all extension headers */
	__u8 tags, ext;
	__u8 flags;
	__u8 icmp_type, icmp_code;
	__u8 outcome;
	__u8 pad;
};
RW_STATIC_ASSERT(sizeof(struct rw_parsed) == 28, "compared as bytes by the tests");

#endif
