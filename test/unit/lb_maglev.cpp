// SPDX-License-Identifier: BSD-2-Clause
// Maglev rings: exact shares, little disruption, the same whatever the order in the file.
#include <algorithm>
#include <cmath>
#include <map>
#include <ringway/lb_tables.hpp>

#include "ringway/core/maglev.h"
#include "support/catch.hpp"

using namespace ringway;

namespace {

constexpr std::uint32_t slots = 65537;

lb_member member(std::uint32_t n, std::uint32_t weight) {
  lb_member m;
  m.to.address.family = 4;
  m.to.address.words[0] = RW_BE32(0x0a000000 + n);
  m.weight = weight;
  return m;
}

lb_vip vip(std::vector<lb_member> reals) {
  lb_vip v;
  v.address = ip_address::parse("192.0.2.1");
  v.port = 80;
  v.reals = std::move(reals);
  return v;
}

/// The destinations' address words, slot by slot, as the tables make them.
std::vector<std::uint32_t> ring_of(const std::vector<lb_member>& members, std::uint32_t size = slots) {
  lb_store store =
      lb_store::in_process({.vips = 4, .rings = 1, .reals = 1000, .connections = 0, .ring_size = size});
  lb_tables tables(store, {}, [] {});
  const std::vector<lb_vip> vips = {vip(members)};
  tables.apply(vips);
  const rw_lb_memory& m = store.memory();
  const std::uint32_t base = m.control->vips_base;
  std::uint32_t ring = RW_RING_NO_RING;
  for (std::uint32_t i = base + 1; i < base + m.vip_count / 2; ++i)
    for (const rw_vip& way : m.vips[i].bucket.way)
      if (way.key.port != 0) ring = way.target.ring;
  REQUIRE(ring != RW_RING_NO_RING);
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < size; ++i)
    out.push_back(m.reals[m.rings[std::size_t{ring} * m.ring_stride + i]].dst[0]);
  return out;
}

std::map<std::uint32_t, double> counts(const std::vector<std::uint32_t>& ring) {
  std::map<std::uint32_t, double> n;
  for (const std::uint32_t real : ring) ++n[real];
  return n;
}

}  // namespace

TEST_CASE("each real's share is its weight's, within a slot or 1 %; of 1000 reals, within two slots") {
  for (const std::uint32_t reals : {1u, 2u, 3u, 10u, 100u, 1000u}) {
    for (const bool weighted : {false, true}) {
      std::vector<lb_member> members;
      double total = 0;
      for (std::uint32_t i = 1; i <= reals; ++i) {
        members.push_back(member(i, weighted ? 1 + i % 7 : 1));
        total += members.back().weight;
      }
      const auto n = counts(ring_of(members));
      for (const lb_member& m : members) {
        const double want = slots * m.weight / total;
        CAPTURE(reals, weighted, m.weight, want);
        CHECK(std::abs(n.at(m.to.address.words[0]) - want) <= std::max(reals <= 100 ? 1.0 : 2.0, want / 100));
      }
    }
  }
}

TEST_CASE("without one of 100 reals, at most 1.5 % of the flows of the others move") {
  std::vector<lb_member> all;
  for (std::uint32_t i = 1; i <= 100; ++i) all.push_back(member(i, 1));
  const std::vector<std::uint32_t> before = ring_of(all);
  double worst = 0;
  for (std::size_t gone = 0; gone < all.size(); gone += 7) {
    std::vector<lb_member> fewer = all;
    fewer[gone].weight = 0;
    const std::uint32_t real = all[gone].to.address.words[0];
    const std::vector<std::uint32_t> after = ring_of(fewer);
    double moved = 0, of = 0;
    for (std::size_t i = 0; i < slots; ++i) {
      if (before[i] == real) {
        if (after[i] == real) FAIL("slot " << i << " still names it");
        continue;
      }
      ++of;
      moved += before[i] != after[i];
    }
    worst = std::max(worst, moved / of);
  }
  CAPTURE(worst);
  CHECK(worst <= 0.015);
}

TEST_CASE("the order of the reals does not matter, their ports and weights do") {
  std::vector<lb_member> some;
  for (std::uint32_t i = 1; i <= 20; ++i) some.push_back(member(i, 1 + i % 3));
  const std::vector<std::uint32_t> ring = ring_of(some, 4099);
  std::reverse(some.begin(), some.end());
  CHECK(ring_of(some, 4099) == ring);
  some[3].weight = 9;
  CHECK(ring_of(some, 4099) != ring);
}

TEST_CASE("every ring size from 251 to 131071 fills all its slots, and others are refused") {
  for (const std::uint32_t size : {251u, 4099u, 65537u, 131071u}) {
    const std::vector<std::uint32_t> ring = ring_of({member(1, 1), member(2, 5)}, size);
    CHECK(ring.size() == size);
    CHECK(counts(ring).size() == 2);
  }
  for (const std::uint32_t size : {0u, 250u, 256u, 65535u, 131072u, 131101u})
    CHECK_THROWS_AS(lb_store::in_process({.ring_size = size}), std::exception);
}

TEST_CASE("flows that differ in one field spread evenly over slots and buckets") {
  const rw_hash_key key = {0x1234, 0x5678};
  constexpr std::uint32_t bins = 1024, flows = 200'000;
  for (int field = 0; field < 5; ++field) {
    std::vector<double> by_slot(bins), by_bucket(bins);
    for (std::uint32_t i = 0; i < flows; ++i) {
      rw_flow f{};
      f.family = field == 4 ? 6 : 4;
      f.src[0] = 0x0100a8c0;
      f.dst[0] = 0x0101c80a;
      f.sport = 0x1234, f.dport = 0x5000, f.proto = 6;
      if (field == 0) f.src[0] = RW_BE32(0xc0a80000 + i);
      if (field == 1) f.sport = static_cast<__be16>(i), f.src[0] = i >> 16;
      if (field == 2) f.dport = RW_BE16(i & 0xffff), f.src[0] = i >> 16;
      if (field == 3) f.dst[0] = i << 8;
      if (field == 4) f.src[3] = RW_BE32(i);
      const std::uint64_t h = rw_flow_hash(&f, &key);
      ++by_slot[rw_hash_reduce(static_cast<std::uint32_t>(h), bins)];
      ++by_bucket[rw_hash_reduce(static_cast<std::uint32_t>(h >> 32), bins)];
    }
    const double want = double{flows} / bins;
    double chi_slot = 0, chi_bucket = 0;
    for (std::uint32_t b = 0; b < bins; ++b) {
      chi_slot += (by_slot[b] - want) * (by_slot[b] - want) / want;
      chi_bucket += (by_bucket[b] - want) * (by_bucket[b] - want) / want;
    }
    CAPTURE(field, chi_slot, chi_bucket);
    // 1023 degrees of freedom: mean 1023, deviation 45; six of them each way
    CHECK(std::abs(chi_slot - 1023) < 270);
    CHECK(std::abs(chi_bucket - 1023) < 270);
  }
}
