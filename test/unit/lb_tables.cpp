// SPDX-License-Identifier: BSD-2-Clause
// The control plane's side: all or nothing, shared rings, elements that are reused only after a grace period.
#include <fmt/format.h>

#include <optional>
#include <ringway/error.hpp>
#include <ringway/lb_tables.hpp>

#include "ringway/core/lb.h"
#include "support/catch.hpp"

using namespace ringway;

namespace {

lb_vip vip(std::uint32_t n, std::initializer_list<std::uint32_t> reals) {
  lb_vip v;
  v.address = ip_address::parse(fmt::format("10.9.{}.{}", n / 250, n % 250 + 1));
  v.port = 80;
  for (const std::uint32_t r : reals) {
    lb_member m;
    m.to.address = ip_address::parse(fmt::format("10.0.{}.{}", r / 250, r % 250 + 1));
    v.reals.push_back(m);
  }
  return v;
}

struct rig {
  lb_store store;
  int waits = 0;
  lb_tables tables;
  explicit rig(
      const lb_capacity& c = {.vips = 8, .rings = 4, .reals = 8, .connections = 64, .ring_size = 251})
      : store(lb_store::in_process(c)), tables(store, {}, [this] { ++waits; }) {}

  /// What a look-up finds, by the core's own function.
  std::optional<rw_vip_target> find(const lb_vip& v) {
    const rw_lb_sizes sizes = store.sizes(0, {});
    const rw_lb_memory& m = store.memory();
    rw_lb_env env{&sizes, m.control, nullptr, &m, nullptr, 0, 1};
    rw_lb_packet r{};
    r.base = m.control->vips_base;
    std::copy(v.address.words.begin(), v.address.words.end(), r.ask.addr);
    r.ask.family = v.address.family;
    if (rw_lb_look_up(&env, &r, RW_BE16(v.port), v.protocol) != 1) return std::nullopt;
    return r.vip;
  }
  std::string refusal(const std::vector<lb_vip>& vips) {
    try {
      tables.apply(vips);
    } catch (const usage_error& e) {
      return e.what();
    }
    return "";
  }
};

}  // namespace

TEST_CASE("VIPs with equal sets of reals share one ring") {
  rig r;
  const std::vector<lb_vip> vips = {vip(0, {1, 2}), vip(1, {2, 1}), vip(2, {1, 2, 3})};
  const lb_change c = r.tables.apply(vips);
  CHECK(c.rings_built == 2);
  CHECK(c.rings_shared == 1);
  CHECK(c.reals_added == 3);
  CHECK(r.find(vips[0])->ring == r.find(vips[1])->ring);
  CHECK(r.find(vips[0])->ring != r.find(vips[2])->ring);
  CHECK(r.waits == 1);
}

TEST_CASE("an equal configuration writes nothing") {
  rig r;
  const std::vector<lb_vip> vips = {vip(0, {1, 2})};
  r.tables.apply(vips);
  const std::uint32_t base = r.store.memory().control->vips_base;
  CHECK(r.tables.apply(vips).rings_built == 0);
  CHECK(r.store.memory().control->vips_base == base);
  CHECK(r.waits == 1);
}

TEST_CASE("what is wrong is refused by name, and the old configuration stays") {
  rig r;
  const std::vector<lb_vip> good = {vip(0, {1, 2}), vip(1, {3})};
  r.tables.apply(good);
  const rw_vip_target before = *r.find(good[0]);
  std::vector<lb_vip> many;
  for (std::uint32_t i = 0; i < 9; ++i) many.push_back(vip(i, {1}));
  CHECK(r.refusal(many).find("9 VIPs needed, the capacity is 8") != std::string::npos);
  CHECK(r.refusal({vip(0, {1, 2, 3, 4, 5, 6, 7, 8, 9})}).find("9 reals needed") != std::string::npos);
  CHECK(r.refusal({vip(0, {1}), vip(1, {2}), vip(2, {3}), vip(3, {4}), vip(4, {5})}).find("5 rings") !=
        std::string::npos);
  CHECK(r.refusal({vip(0, {1}), vip(0, {2})}).find("10.9.0.1:80/tcp twice") != std::string::npos);
  CHECK(r.refusal({vip(0, {1, 1})}).find("the real 10.0.0.2 twice") != std::string::npos);
  std::vector<lb_vip> odd = {vip(0, {1})};
  odd[0].fragments = true;
  CHECK(r.refusal(odd).find("hash = source") != std::string::npos);
  odd = {vip(0, {1})};
  odd[0].reals[0].to.method = RW_METHOD_GUE;
  CHECK(r.refusal(odd).find("outer source address") != std::string::npos);
  CHECK(r.find(good[0])->ring == before.ring);
  CHECK(r.find(good[0])->id == before.id);
  CHECK(r.tables.vips() == good);
}

TEST_CASE("counters' elements stay with their VIP through changes") {
  rig r;
  const lb_vip a = vip(0, {1}), b = vip(1, {2}), c = vip(2, {3});
  r.tables.apply(std::vector<lb_vip>{a, b});
  const int id = r.tables.vip_id(b);
  r.tables.apply(std::vector<lb_vip>{c, b});
  CHECK(r.tables.vip_id(b) == id);
  CHECK(r.find(b)->id == id);
  CHECK(r.tables.vip_id(a) == -1);
  CHECK(r.tables.vip_id(c) != id);
}

TEST_CASE("a thousand changes neither leak elements nor show a half of one") {
  rig r;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    std::vector<lb_vip> vips;
    for (std::uint32_t v = 0; v < 4; ++v) vips.push_back(vip((i + v) % 11, {(i + v) % 9, (i + v + 3) % 9}));
    r.tables.apply(vips);
    CHECK(r.tables.rings_in_use() <= 4);
    for (const lb_vip& v : vips) {
      const auto found = r.find(v);
      REQUIRE(found);
      const std::uint16_t* ring =
          r.store.memory().rings + std::size_t{found->ring} * r.store.memory().ring_stride;
      for (std::uint32_t s = 0; s < 251; ++s) {
        const lb_destination* to = r.tables.destination_of(ring[s]);
        REQUIRE(to != nullptr);
        if (*to != v.reals[0].to && *to != v.reals[1].to) FAIL("slot " << s << " names another VIP's real");
      }
    }
  }
}

TEST_CASE("a real without weight keeps its element, one that is gone changes its version") {
  rig r;
  std::vector<lb_vip> vips = {vip(0, {1, 2})};
  const lb_destination to = vips[0].reals[0].to;
  r.tables.set_next_hop(to, {.mac = {2}, .port = 1, .up = true});
  r.tables.apply(vips);
  const int element = r.tables.real_of(to);
  const rw_lb_real& real = r.store.memory().reals[element];
  const std::uint32_t version = real.version;
  CHECK(rw_hop_state(real.hop) == RW_HOP_UP);
  vips[0].reals[0].weight = 0;
  r.tables.apply(vips);
  CHECK(r.tables.real_of(to) == element);
  CHECK(real.version == version);
  r.tables.set_alive(to, false);
  CHECK(rw_hop_state(real.hop) == RW_HOP_FAILED);
  r.tables.set_alive(to, true);
  CHECK(rw_hop_state(real.hop) == RW_HOP_UP);
  vips[0].reals.erase(vips[0].reals.begin());
  r.tables.apply(vips);
  CHECK(r.tables.real_of(to) == -1);
  CHECK(real.version != version);
  CHECK(rw_hop_state(real.hop) == RW_HOP_UNUSED);
}

TEST_CASE("a sweep frees what has expired, and counts the rest") {
  rig r;
  rw_conn_bucket* b = r.store.memory().conns;
  r.tables.set_tick(100);
  b[0].word[0] = rw_conn_word(1, 99, RW_CONN_LIVE, 0);
  b[0].word[1] = rw_conn_word(1, 10, RW_CONN_CLOSING, 0);
  b[1].word[0] = rw_conn_word(1, 95, RW_CONN_NEW, 0);
  const lb_occupancy o = r.tables.sweep(0, ~0u);
  CHECK(o.established == 1);
  CHECK(o.half_open == 1);
  CHECK(o.expired == 1);
  CHECK(o.free == r.store.memory().conn_count * 8u - 3);
  CHECK(rw_conn_state(b[0].word[1]) == RW_CONN_FREE);
}

TEST_CASE("2000 VIPs find their buckets without one overflowing") {
  rig r({.vips = 2000, .rings = 4, .reals = 8, .connections = 0, .ring_size = 251});
  std::vector<lb_vip> vips;
  for (std::uint32_t i = 0; i < 2000; ++i) vips.push_back(vip(i, {i % 3}));
  r.tables.apply(vips);
  for (const lb_vip& v : vips)
    if (!r.find(v)) FAIL(v.address.text() << " is not found");
  CHECK_FALSE(r.find(vip(2001, {})));
}

TEST_CASE("addresses are parsed and printed, and what is none is refused") {
  CHECK(ip_address::parse("10.1.2.3").text() == "10.1.2.3");
  CHECK(ip_address::parse("fc00::1").text() == "fc00::1");
  for (const char* bad : {"", "10.1.2", "10.1.2.3.4", "fc00:::1", "host", "10.1.2.3 "})
    CHECK_THROWS_AS(ip_address::parse(bad), usage_error);
}
