// SPDX-License-Identifier: BSD-2-Clause
// A control plane over plain memory, and what packets would find in it.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <ringway/error.hpp>
#include <string>
#include <vector>

#include "plane.hpp"
#include "ringway/core/lb.h"

namespace ringway::lb_app::test {

inline lb_destination to(std::uint32_t n) {
  lb_destination d;
  d.address = ip_address::parse(fmt::format("10.0.{}.{}", n / 250, n % 250 + 1));
  return d;
}

inline real_entry real(std::uint32_t n, std::uint32_t weight = 1) {
  return {fmt::format("r{}", n), {to(n), weight}};
}

/// VIP "vN" 10.9.N.x:80, checked, with those reals.
inline vip_entry vip(std::uint32_t n, const std::vector<std::uint32_t>& reals) {
  vip_entry v;
  v.name = fmt::format("v{}", n);
  v.vip.address = ip_address::parse(fmt::format("10.9.{}.{}", n / 250, n % 250 + 1));
  v.vip.port = 80;
  v.check.kind = check_kind::tcp;
  for (const std::uint32_t r : reals) v.reals.push_back(real(r));
  return v;
}

inline configuration file(std::vector<vip_entry> vips) {
  configuration c;
  c.capacity = {.vips = 16, .rings = 16, .reals = 32, .connections = 1024, .ring_size = 1021};
  c.vips = std::move(vips);
  return c;
}

inline lb_next_hop hop(std::uint8_t last = 9) {
  return {.mac = {2, 0, 0, 0, 0, last}, .port = 0, .up = true};
}

inline std::vector<port_facts> ports() {
  return {{"p0", {2, 0, 0, 0, 0, 1}, 1500, {{ip_address::parse("10.9.0.254"), 24}}},
          {"p1", {2, 0, 0, 0, 0, 2}, 9000, {{ip_address::parse("fc00:1::fe"), 64}}}};
}

/// What a look-up of that VIP finds in those tables.
inline std::optional<rw_vip_target> look_up(const lb_store& store, const lb_vip& v) {
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

/// The destination of every slot; empty: the VIP has no ring.
inline std::vector<lb_destination> ring_of(const lb_store& store, const lb_tables& tables, const lb_vip& v) {
  std::vector<lb_destination> slots;
  const auto found = look_up(store, v);
  if (!found || found->ring == RW_RING_NO_RING) return slots;
  const std::uint16_t* ring = store.memory().rings + std::size_t{found->ring} * store.memory().ring_stride;
  for (std::uint32_t s = 0; s < store.capacity().ring_size; ++s) {
    const lb_destination* d = tables.destination_of(ring[s]);
    slots.push_back(d == nullptr ? lb_destination{} : *d);
  }
  return slots;
}

struct rig {
  lb_store store;
  int waits = 0;
  control_plane plane;

  explicit rig(const configuration& f, bool resolved = true, std::vector<ip_address> local = {})
      : store(lb_store::in_process(f.capacity)),
        plane(
            store, {}, [this] { ++waits; }, ports(), f, std::move(local)) {
    if (resolved) resolve();
  }
  void resolve() {
    for (const lb_destination& d : plane.destinations()) plane.next_hop(d, hop());
    plane.settle();
  }
  void fail(const std::string& v, std::uint32_t n) {
    plane.health(v, fmt::format("r{}", n), false, "refused");
  }
  void heal(const std::string& v, std::uint32_t n) { plane.health(v, fmt::format("r{}", n), true, ""); }

  const vip_view& view(std::string_view v) const { return *plane.find(v); }
  const real_view& view(std::string_view v, std::uint32_t n) const {
    for (const real_view& r : plane.find(v)->reals)
      if (r.entry.name == fmt::format("r{}", n)) return r;
    throw usage_error("no real r{} in {}", n, v);
  }
  bool has(std::string_view v, std::uint32_t n) const {
    for (const real_view& r : plane.find(v)->reals)
      if (r.entry.name == fmt::format("r{}", n)) return true;
    return false;
  }
  std::vector<lb_destination> ring(std::string_view v) const {
    return ring_of(store, plane.tables(), plane.find(v)->entry.vip);
  }
  std::size_t slots(std::string_view v, std::uint32_t n) const {
    std::size_t count = 0;
    for (const lb_destination& d : ring(v)) count += d == to(n) ? 1 : 0;
    return count;
  }
  bool up(std::uint32_t n) const {
    const int element = plane.tables().real_of(to(n));
    return element >= 0 && rw_hop_state(store.memory().reals[element].hop) == RW_HOP_UP;
  }
  bool alarmed(std::string_view part) const {
    return std::ranges::any_of(
        plane.alarms(), [part](const std::string& line) { return line.find(part) != std::string::npos; });
  }
  /// All bytes that packets read, connections apart.
  std::string memory() const {
    const rw_lb_memory& m = store.memory();
    std::string all(reinterpret_cast<const char*>(m.control), sizeof(*m.control));
    all.append(reinterpret_cast<const char*>(m.vips), sizeof(*m.vips) * m.vip_count);
    all.append(reinterpret_cast<const char*>(m.reals), sizeof(*m.reals) * m.real_count);
    all.append(reinterpret_cast<const char*>(m.rings), sizeof(*m.rings) * m.ring_stride * m.ring_count);
    return all;
  }
};

/// What the usage_error says; empty: there was none.
template <class F>
std::string refusal(F&& what) {
  try {
    what();
  } catch (const usage_error& e) {
    return e.what();
  }
  return "";
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace ringway::lb_app::test
