// SPDX-License-Identifier: BSD-2-Clause
// What the analysing sink decides (bpf/analyse.h, bpf/stamped.h), natively: the window's edges, numbers
// beyond 32 bits, and what is lost.
#include <analyse.h>
#include <stamped.h>

#include <algorithm>
#include <analyse.hpp>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "support/catch.hpp"

namespace {

using namespace ringway::gen;

struct state {
  std::unique_ptr<rw_analysis> a = std::make_unique<rw_analysis>();
  std::map<std::uint32_t, __u64> flows;

  void arrive(std::uint64_t number, std::uint32_t flow = 0, std::int64_t latency = 1) {
    rw_analysis_arrive(a.get(), &flows[flow], static_cast<std::uint32_t>(number), latency,
                       rw_histogram_index(static_cast<std::uint64_t>(latency)));
  }
  std::uint64_t span() const { return a->highest - a->lowest + 1; }
};

TEST_CASE("numbers are unwrapped to the nearest", "[analyse]") {
  const std::uint64_t high = 7 * RW_SEQUENCE_BASE + 5;
  CHECK(rw_unwrap(0, 123) == RW_SEQUENCE_BASE + 123);
  CHECK(rw_unwrap(high, 5) == high);
  CHECK(rw_unwrap(high, 6) == high + 1);
  CHECK(rw_unwrap(high, 0xffffffff) == high - 6);
  CHECK(rw_unwrap(high, 5 + 0x7fffffffu) == high + 0x7fffffff);
  CHECK(rw_unwrap(high, 5 + 0x80000001u) == high - 0x7fffffff);
}

TEST_CASE("a stream through 2^32 has no gap and no duplicate", "[analyse]") {
  state s;
  const std::uint64_t first = (std::uint64_t{1} << 32) - 100000;
  for (std::uint64_t n = first; n < first + 200000; ++n) s.arrive(n);
  CHECK(s.a->unique == 200000);
  CHECK(s.span() == 200000);
  CHECK(s.a->duplicated + s.a->reordered + s.a->beyond_window == 0);
}

TEST_CASE("the window knows what is late by less than its size", "[analyse]") {
  // Words of 64 numbers are taken over as a whole, so at the edge it depends on where in its word a number
  // is.
  for (const std::uint64_t late : {1u, 63u, 64u, 1000u, RW_WINDOW - 64}) {
    state s;
    const std::uint64_t missing_one = 500;
    for (std::uint64_t n = 0; n <= missing_one + late; ++n)
      if (n != missing_one) s.arrive(n);
    s.arrive(missing_one);
    CAPTURE(late);
    CHECK(s.a->unique == missing_one + late + 1);
    CHECK(s.a->reordered == 1);
    s.arrive(missing_one);
    CHECK(s.a->duplicated == 1);
  }
}

TEST_CASE("beyond the window nothing is believed", "[analyse]") {
  state s;
  for (std::uint64_t n = 0; n <= 500 + RW_WINDOW; ++n)
    if (n != 500) s.arrive(n);
  s.arrive(500);  // the first time
  s.arrive(499);  // the second
  CHECK(s.a->beyond_window == 2);
  CHECK(s.a->unique == 500 + RW_WINDOW);
  CHECK(s.a->duplicated == 0);
}

TEST_CASE("a gap of any size is a gap", "[analyse]") {
  for (const std::uint64_t gap : {std::uint64_t{RW_WINDOW} - 1, std::uint64_t{RW_WINDOW},
                                  std::uint64_t{RW_WINDOW} * 1000 + 1, (std::uint64_t{1} << 31) - 1}) {
    state s;
    s.arrive(10);
    s.arrive(10 + gap);
    s.arrive(10 + gap);
    CAPTURE(gap);
    CHECK(s.span() == gap + 1);
    CHECK((s.a->unique == 2 && s.a->duplicated == 1));
  }
}

TEST_CASE("a window agrees with one that forgets nothing", "[analyse]") {
  const unsigned seed = GENERATE(1u, 2u, 3u);
  std::mt19937_64 dice(seed);
  std::vector<std::uint64_t> order;  // late by up to 40000, a tenth twice, a tenth never; through 2^32
  for (std::uint64_t n = 0; n < 300000; ++n) {
    const auto fate = dice() % 10;
    if (fate == 0) continue;
    for (unsigned copy = 0; copy < (fate == 1 ? 2 : 1); ++copy)
      order.push_back((n + (dice() % 50 == 0 ? dice() % 40000 : 0)) << 20 | n);
  }
  std::stable_sort(order.begin(), order.end(), [](auto x, auto y) { return x >> 20 < y >> 20; });
  state s;
  std::set<std::uint64_t> known;
  std::map<std::uint64_t, std::uint64_t> highest;
  std::uint64_t duplicated = 0, reordered = 0;
  for (const std::uint64_t both : order) {
    const std::uint64_t n = (both & 0xfffff) + 0xffff0000, flow = n % 13;
    s.arrive(n, static_cast<std::uint32_t>(flow));
    if (!known.insert(n).second) {
      ++duplicated;
      continue;
    }
    reordered += n < highest[flow];
    highest[flow] = std::max(highest[flow], n);
  }
  CHECK(s.a->beyond_window == 0);
  CHECK(s.a->unique == known.size());
  CHECK(s.a->duplicated == duplicated);
  CHECK(s.a->reordered == reordered);
  CHECK((duplicated > 20000 && reordered > 2000));
}

TEST_CASE("whatever arrives, a duplicate is never taken for a first", "[analyse]") {
  std::mt19937_64 dice(4);
  state s;
  std::set<std::uint32_t> known;
  constexpr std::uint64_t frames = 100000;
  for (std::uint64_t i = 0; i < frames; ++i) {
    const auto n = static_cast<std::uint32_t>(dice() % (3 * RW_WINDOW));
    known.insert(n);
    s.arrive(n);
    REQUIRE(s.a->unique <= known.size());
  }
  CHECK(s.a->unique + s.a->duplicated + s.a->beyond_window == frames);
  CHECK(s.a->beyond_window > 0);
}

TEST_CASE("latency is that of first arrivals", "[analyse]") {
  state s;
  s.arrive(0, 0, 5000);
  s.arrive(1, 0, 300);
  s.arrive(1, 0, 10);  // a duplicate
  s.arrive(2, 0, -1);  // before it should have left
  CHECK((s.a->latency_count == 2 && s.a->latency_sum == 5300));
  CHECK((s.a->latency_min == 300 && s.a->latency_max == 5000));
  CHECK(s.a->early == 1);
  CHECK(std::accumulate(std::begin(s.a->histogram), std::end(s.a->histogram), 0u) == 2);
}

TEST_CASE("a frame that is cut off anywhere is read no further", "[analyse]") {
  rw_analyse_config c{};
  c.raw_type = 0x88b5;
  for (const std::uint16_t type : {RW_ETH_IPV4, RW_ETH_IPV6, RW_ETH_8021Q, RW_ETH_8021AD, 0x88b5}) {
    for (std::size_t length = 0; length < 100; ++length) {
      std::vector<std::uint8_t> bytes(length, 0x45);  // the vector's end is guarded in the sanitizer's build
      if (length >= 14) {
        bytes[12] = static_cast<std::uint8_t>(type >> 8);
        bytes[13] = static_cast<std::uint8_t>(type);
      }
      for (const std::uint8_t proto : {RW_IP_UDP, RW_IP_TCP, RW_IP_ICMP, 89}) {
        if (length > 23) bytes[20] = bytes[21] = 0, bytes[23] = proto;
        const rw_frame f = {bytes.data(), bytes.data() + length, static_cast<std::uint32_t>(length)};
        rw_stamp stamp{};
        CHECK(rw_stamped_read(&c, &f, &stamp) != RW_STAMPED_GOOD);
      }
    }
  }
}

TEST_CASE("a stamp is good when all of it is there", "[analyse]") {
  std::vector<std::uint8_t> frame(60);
  rw_eth eth{};
  eth.proto = RW_BE16(RW_ETH_IPV4);
  rw_ipv4 ip{};
  ip.ver_ihl = 0x45;
  ip.proto = RW_IP_UDP;
  ip.src = RW_BE32(0xc6120001);
  __u64 sum = 0;
  REQUIRE(rw_csum_bytes(&sum, &ip, &ip + 1, sizeof ip));
  ip.check = rw_csum_finish(sum);
  const rw_stamp stamp = {rw_stamp_check(7, 8, 9000), 7, 8, 9000};
  std::memcpy(frame.data(), &eth, sizeof eth);
  std::memcpy(frame.data() + sizeof eth, &ip, sizeof ip);
  std::memcpy(frame.data() + RW_STAMP_OFFSET, &stamp, sizeof stamp);
  rw_analyse_config c{};
  const auto read = [&](std::size_t length) {
    const std::vector<std::uint8_t> cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length));
    const rw_frame f = {cut.data(), cut.data() + length, static_cast<std::uint32_t>(length)};
    rw_stamp found{};
    const rw_stamped result = rw_stamped_read(&c, &f, &found);
    if (result == RW_STAMPED_GOOD)
      CHECK((found.flow == 7 && found.sequence == 8 && found.intended_ns == 9000));
    return result;
  };
  CHECK(read(60) == RW_STAMPED_GOOD);
  for (std::size_t length = 34; length < 60; ++length) CHECK(read(length) == RW_STAMPED_CORRUPTED);
  for (std::size_t length = 0; length < 34; ++length) CHECK(read(length) == RW_STAMPED_FOREIGN);
  c.since_ns = 9001;
  CHECK(read(60) == RW_STAMPED_FOREIGN);
  c.since_ns = 0;
  c.sample = 1;
  CHECK(read(60) == RW_STAMPED_UNCHOSEN);
}

TEST_CASE("how many numbers of a range are chosen", "[analyse]") {
  const auto by_hand = [](std::uint64_t first, std::uint64_t count) {
    std::uint64_t sum = 0;
    for (std::uint64_t n = first; n < first + count; ++n)
      sum += rw_stamp_sampled(static_cast<std::uint32_t>(n)) ? 1 : 0;
    return sum;
  };
  std::mt19937_64 dice(5);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t first = dice() >> (dice() % 40 + 20), count = dice() % 5000;
    CAPTURE(first, count);
    CHECK(sampled_among(first, count) == by_hand(first, count));
  }
  CHECK(sampled_among(0, 0) == 0);
  CHECK(sampled_among(0, 1'000'000) == by_hand(0, 1'000'000));
  const std::uint64_t turn = std::uint64_t{1} << 32;
  CHECK(sampled_among(turn - 10, 20) == by_hand(turn - 10, 20));
  CHECK(sampled_among(7, turn) == turn / 64);
  CHECK(sampled_among(0, 1000 * turn + 5000) == 1000 * turn / 64 + by_hand(0, 5000));
}

TEST_CASE("what is missing of what was sent", "[analyse]") {
  analysis a;
  a.unique = 90;
  a.duplicated = 10;
  a.first = 5;
  a.last = 99;
  CHECK(missing(a, std::nullopt).lost == 5);
  CHECK(missing(a, std::nullopt).by_span);
  CHECK(missing(a, sent_frames{.accepted = 100, .attempted = 100}).lost == 10);
  CHECK(missing(a, sent_frames{.accepted = 95, .attempted = 100}).lost == 5);
  CHECK(missing(a, sent_frames{.accepted = 80, .attempted = 80}).lost == -10);  // told, not hidden
  a.sampled = true;
  a.unique = 15000;
  const missing_frames m = missing(a, sent_frames{.accepted = 1'000'000, .attempted = 1'000'000});
  CHECK(m.of == sampled_among(0, 1'000'000));
  CHECK(m.lost == static_cast<std::int64_t>(m.of) - 15000);
  // Nobody knows whether refused ones were among the chosen.
  CHECK_FALSE(missing(a, sent_frames{.accepted = 999'999, .attempted = 1'000'000}).lost);
  CHECK(missing(analysis{}, std::nullopt).lost == 0);
}

}  // namespace
