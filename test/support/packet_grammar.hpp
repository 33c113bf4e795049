// SPDX-License-Identifier: BSD-2-Clause
// Packets that reach every corner of a parser: random bytes would die in its first two checks.
//
// A grammar builds packets layer by layer, each header valid, at a boundary, or lying about a length; every
// now and then it cuts one at every byte, or mutates one that it made before. The same seed gives the same
// packets.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ringway::test {

/// xoshiro256** (Blackman, Vigna), seeded by splitmix64; the standard's distributions differ between
/// libraries.
class random_source {
 public:
  explicit random_source(std::uint64_t seed) noexcept;
  std::uint64_t next() noexcept;
  /// 0 ... n - 1
  std::uint32_t below(std::uint32_t n) noexcept {
    return static_cast<std::uint32_t>((next() >> 32) * n >> 32);
  }
  /// True once in n times.
  bool one_in(std::uint32_t n) noexcept { return below(n) == 0; }
  template <class T, std::size_t N>
  T pick(const T (&choices)[N]) noexcept {
    return choices[below(N)];
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

struct grammar_options {
  std::uint32_t min_size = 14;    // BPF_PROG_TEST_RUN refuses less than an Ethernet header
  std::uint32_t max_size = 1600;  // longer ones are cut
};

class packet_grammar {
 public:
  explicit packet_grammar(std::uint64_t seed, grammar_options options = {}) : rng_(seed), options_(options) {}

  /// The next packet; valid until the next call.
  std::span<const std::uint8_t> next();
  /// How the last one came about: "built", "cut" or "mutated".
  std::string_view kind() const noexcept { return kind_; }
  random_source& random() noexcept { return rng_; }

 private:
  void build();
  void mutate();
  void mutate_once();

  void put8(std::uint32_t v) { out_.push_back(static_cast<std::uint8_t>(v)); }
  void put16(std::uint32_t v) { put8(v >> 8), put8(v); }
  void put32(std::uint32_t v) { put16(v >> 16), put16(v); }
  void put_random(std::uint32_t n);
  void patch16(std::size_t at, std::uint32_t v);

  std::uint32_t ethernet();
  void ipv4();
  void ipv6();
  std::uint32_t extension_headers(std::size_t next_at);
  void transport(std::uint32_t proto, bool v6, std::size_t l3);
  void tcp();
  void udp();
  void icmp();
  void payload();
  void transport_checksum(std::uint32_t proto, bool v6, std::size_t l3, std::size_t l4);
  std::uint32_t lie(std::uint32_t truth, std::uint32_t one_in);

  random_source rng_;
  grammar_options options_;
  std::vector<std::uint8_t> out_;
  std::array<std::vector<std::uint8_t>, 64> made_;  // material for mutations and cuts
  std::uint32_t made_count_ = 0;
  std::vector<std::uint8_t> cutting_;  // being cut at every byte
  std::size_t cut_at_ = 0;
  std::string_view kind_ = "built";
};

/// RFC 1071, word by word as its text says, for comparison: the folded sum of 16-bit words, big endian.
std::uint16_t plain_sum(std::span<const std::uint8_t> bytes, std::uint32_t start = 0) noexcept;

}  // namespace ringway::test
