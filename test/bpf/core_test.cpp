// SPDX-License-Identifier: BSD-2-Clause
// The core natively: what no packet through BPF_PROG_TEST_RUN reaches, and limits that are stated as numbers.
#include <numeric>

#include "../support/catch.hpp"
#include "../support/packet_grammar.hpp"
#include "reference.hpp"
#include "ringway/core/csum.h"
#include "ringway/core/l2.h"
#include "ringway/core/parse.h"
#include "ringway/core/sync.h"

namespace ringway::test {
namespace {

using bytes = std::vector<std::uint8_t>;

rw_l2 l2_config(std::uint8_t mode) {
  rw_l2 c{};
  c.port = 3;
  c.out = 4;
  c.mode = mode;
  for (std::uint8_t i = 0; i < 6; ++i) c.dst[i] = static_cast<std::uint8_t>(0xd0 + i);
  for (std::uint8_t i = 0; i < 6; ++i) c.src[i] = static_cast<std::uint8_t>(0x50 + i);
  return c;
}

bytes numbered(std::size_t size) {
  bytes b(size);
  std::iota(b.begin(), b.end(), std::uint8_t{0});
  return b;
}

rw_verdict l2(std::uint8_t mode, bytes& packet) {
  const rw_l2 config = l2_config(mode);
  return rw_l2_process(&config, packet.data(), packet.data() + packet.size());
}

rw_parsed parse(const bytes& packet, std::uint32_t beyond = 0) {
  guarded_packet guarded;
  const auto p = guarded.copy(packet);
  rw_parsed result;
  const std::uint8_t outcome =
      rw_parse(&result, p.data(), p.data() + p.size(), static_cast<std::uint32_t>(p.size()) + beyond);
  CHECK(outcome == result.outcome);
  return result;
}

/// Ethernet, `tags` VLAN tags, then IPv6 with `ext` destination-options headers before UDP of 8 bytes.
bytes ipv6_udp(std::uint32_t tags, std::uint32_t ext) {
  bytes p(12, 1);
  p.reserve(256);  // GCC 12 believes otherwise that the tags may not fit
  for (std::uint32_t i = 0; i < tags; ++i)
    p.insert(p.end(), {0x81, 0x00, 0x20, static_cast<std::uint8_t>(i)});
  p.insert(p.end(), {0x86, 0xdd, 0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(8 * ext + 8),
                     static_cast<std::uint8_t>(ext ? RW_IP_DSTOPTS : RW_IP_UDP), 64});
  p.resize(p.size() + 32, 0xaa);
  for (std::uint32_t i = 0; i < ext; ++i)
    p.insert(p.end(),
             {static_cast<std::uint8_t>(i + 1 < ext ? RW_IP_DSTOPTS : RW_IP_UDP), 0, 1, 4, 0, 0, 0, 0});
  p.insert(p.end(), {0x12, 0x34, 0x56, 0x78, 0, 8, 0, 0});
  return p;
}

}  // namespace

TEST_CASE("each l2 mode rewrites the addresses and nothing else") {
  for (const std::uint8_t mode : {RW_L2_IO, RW_L2_MAC, RW_L2_MACSWAP, RW_L2_L2FWD}) {
    bytes packet = numbered(60), expected = packet;
    if (mode == RW_L2_MACSWAP) {
      for (std::uint8_t i = 0; i < 6; ++i)
        expected[i] = static_cast<std::uint8_t>(6 + i), expected[6 + i] = i;
    }
    if (mode == RW_L2_MAC || mode == RW_L2_L2FWD) {
      for (std::uint8_t i = 0; i < 6; ++i)
        expected[i] = static_cast<std::uint8_t>(0xd0 + i),
        expected[6 + i] = static_cast<std::uint8_t>(0x50 + i);
    }
    CHECK(l2(mode, packet) == 4);
    CHECK(packet == expected);
  }
  bytes packet = numbered(60);
  CHECK(l2(RW_L2_RXONLY, packet) == RW_DROP(RW_REASON_RX_ONLY));
  CHECK(packet == numbered(60));
}

TEST_CASE("a frame shorter than an Ethernet header is malformed where the mode touches it, and left alone") {
  for (std::size_t size = 0; size < 16; ++size) {
    for (const std::uint8_t mode : {RW_L2_MAC, RW_L2_MACSWAP, RW_L2_L2FWD}) {
      bytes packet = numbered(size);
      CHECK(l2(mode, packet) == (size < 14 ? RW_DROP(RW_REASON_MALFORMED) : 4));
      if (size < 14) CHECK(packet == numbered(size));
    }
    bytes packet = numbered(size);
    CHECK(l2(RW_L2_IO, packet) == 4);
    CHECK(l2(RW_L2_RXONLY, packet) == RW_DROP(RW_REASON_RX_ONLY));
    CHECK(packet == numbered(size));
  }
}

TEST_CASE("a reason has a counter slot, and what is out of range counts as no verdict") {
  CHECK(rw_reason_slot(0) == 0);
  CHECK(rw_reason_slot(RW_REASON_LIB_SLOTS - 1) == 31);
  CHECK(rw_reason_slot(RW_REASON_LIB_SLOTS) == RW_REASON_NO_VERDICT);
  CHECK(rw_reason_slot(RW_REASON_NF - 1) == RW_REASON_NO_VERDICT);
  CHECK(rw_reason_slot(RW_REASON_NF) == 32);
  CHECK(rw_reason_slot(RW_REASON_NF + 63) == 95);
  CHECK(rw_reason_slot(RW_REASON_NF + 64) == RW_REASON_NO_VERDICT);
}

TEST_CASE("two tags and eight extension headers are parsed, one more of either is an outcome of its own") {
  for (std::uint32_t tags = 0; tags <= 3; ++tags) {
    for (std::uint32_t ext = 0; ext <= 9; ++ext) {
      const rw_parsed p = parse(ipv6_udp(tags, ext));
      CAPTURE(tags, ext);
      if (tags == 3) {
        CHECK(p.outcome == RW_PARSE_TOO_MANY_TAGS);
        continue;
      }
      CHECK(p.l3 == 14 + 4 * tags);
      CHECK(p.tags == tags);
      if (ext == 9) {
        CHECK(p.outcome == RW_PARSE_TOO_MANY_EXT);
        continue;
      }
      CHECK(p.outcome == RW_PARSE_OK);
      CHECK(p.ext == ext);
      CHECK(p.l4 == 14 + 4 * tags + 40 + 8 * ext);
      CHECK(p.payload == p.l4 + 8);
      CHECK(p.end == p.payload);
      CHECK(p.sport == RW_BE16(0x1234));
      CHECK(p.dport == RW_BE16(0x5678));
    }
  }
}

TEST_CASE("cut at every byte, a packet is never OK, and never read beyond its end") {
  const bytes whole = ipv6_udp(2, 3);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    // Until the IPv6 header is there nothing is known of a length; from then on it says more than the frame
    // has.
    CHECK(parse(cut).outcome == (size < 62 ? RW_PARSE_TRUNCATED : RW_PARSE_BAD_LENGTH));
    // As the first fragment of the whole packet the length holds, but the headers do not lie in it.
    CHECK(parse(cut, static_cast<std::uint32_t>(whole.size() - size)).outcome == RW_PARSE_TRUNCATED);
  }
  CHECK(parse(whole).outcome == RW_PARSE_OK);
}

TEST_CASE("an updated checksum is what a new computation gives, for every pair of old and new word") {
  static constexpr std::uint16_t words[] = {0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x1234};
  for (std::uint32_t other = 1; other <= 0xffff; other += 7) {  // the rest of a header: never 0
    for (const std::uint16_t from : words) {
      const __sum16 before = rw_csum_finish(std::uint64_t{other} + from);
      for (const std::uint16_t to : words) {
        if (rw_csum_replace16(before, from, to) == rw_csum_finish(std::uint64_t{other} + to)) continue;
        CAPTURE(other, from, to);
        FAIL("differs");
      }
    }
  }
}

TEST_CASE("a TTL less by one changes every checksum as an update of its word does") {
  for (std::uint32_t check = 0; check <= 0xffff; ++check) {
    for (const std::uint8_t ttl : {1, 2, 64, 128, 255}) {
      const auto word = [](std::uint8_t t) {
        return RW_BE16(static_cast<std::uint32_t>(t) << 8 | RW_IP_UDP);
      };
      const __sum16 before = static_cast<__sum16>(check);
      const __sum16 after = rw_csum_replace16(before, word(ttl), word(static_cast<std::uint8_t>(ttl - 1)));
      if (rw_csum_ttl_down(before) == after) continue;
      CAPTURE(check, ttl);
      FAIL("differs");
    }
  }
}

TEST_CASE("updates of 32 and 128 bits agree with new computations") {
  random_source random(7);
  static constexpr std::uint32_t words[] = {0, 1, 0xffff, 0x10000, 0xffff0000, 0xfffffffe, 0xffffffff};
  const auto word = [&] {
    return random.one_in(2) ? random.pick(words) : static_cast<std::uint32_t>(random.next());
  };
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t other = 1 + random.below(0xffffffff);
    const std::uint32_t from[4] = {word(), word(), word(), word()}, to[4] = {word(), word(), word(), word()};
    const auto with = [other](const std::uint32_t(&a)[4]) {
      return rw_csum_finish(other + rw_csum_address6(a));
    };
    if (rw_csum_replace128(with(from), from, to) != with(to)) FAIL("128 bits, case " << i);
    if (rw_csum_replace32(rw_csum_finish(other + from[0]), from[0], to[0]) != rw_csum_finish(other + to[0]))
      FAIL("32 bits, case " << i);
  }
}

TEST_CASE("a sum over bytes agrees with RFC 1071 word by word, at every length and offset") {
  bytes data(RW_CSUM_MAX + 24);
  random_source random(9);
  for (std::uint8_t& b : data) b = static_cast<std::uint8_t>(random.next());
  for (std::uint32_t len = 0; len <= RW_CSUM_MAX + 1; ++len) {
    const std::uint32_t offset = len % 8;
    __u64 sum = 0;
    const int fits = rw_csum_bytes(&sum, data.data() + offset, data.data() + data.size(), len);
    if (fits != (len <= RW_CSUM_MAX)) FAIL("length " << len);
    if (fits && RW_CPU16(rw_csum_fold(sum)) != plain_sum({data.data() + offset, len})) FAIL("sum of " << len);
    // One byte less is there than is asked for.
    if (len > 0 && rw_csum_bytes(&sum, data.data(), data.data() + len - 1, len))
      FAIL("beyond the end, " << len);
  }
}

TEST_CASE("the two zeros of a UDP checksum stay apart") {
  CHECK(rw_csum_udp(0, 0x1234) == 0);
  CHECK(rw_csum_udp(0x4321, 0x1234) == 0x1234);
  CHECK(rw_csum_udp(0x4321, 0) == 0xffff);
  CHECK(rw_csum_finish_udp(0xffff) == 0xffff);
  CHECK(rw_csum_finish(0xffff) == 0);
  CHECK(rw_csum_finish_udp(0x1234) == 0xedcb);
}

TEST_CASE("a sum folds whatever carries it has") {
  CHECK(rw_csum_fold(0) == 0);
  CHECK(rw_csum_fold(0x10000) == 1);
  CHECK(rw_csum_fold(0x1ffff) == 1);
  CHECK(rw_csum_fold(0xffffffffffffffff) == 0xffff);
  CHECK(rw_csum_fold(0xfffffffffffffffe) == 0xfffe);
  CHECK(rw_csum_fold(0x0001000100010001) == 4);
}

TEST_CASE("compare and swap says whether it did") {
  std::uint32_t narrow = 5;
  std::uint64_t wide = 5;
  CHECK(RW_CAS(&narrow, 5, 6));
  CHECK_FALSE(RW_CAS(&narrow, 5, 7));
  CHECK(RW_CAS(&wide, 5, 1ull << 40));
  CHECK_FALSE(RW_CAS(&wide, 5, 7));
  RW_RMB();
  RW_WRITE_ONCE(&narrow, RW_READ_ONCE(&narrow) + 1);
  RW_PUBLISH(&wide, RW_READ_ONCE(&wide) + 1);
  CHECK(narrow == 7);
  CHECK(wide == (1ull << 40) + 1);
}

}  // namespace ringway::test
