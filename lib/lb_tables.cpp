// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/lb_tables.hpp>
#include <tuple>

#include "lb_generation.hpp"
#include "lb_plan.hpp"
#include "lb_reals.hpp"
#include "lb_rings.hpp"
#include "ringway/core/conntrack.h"

namespace ringway {
namespace {

using vip_key = std::tuple<ip_address, std::uint16_t, std::uint8_t>;
vip_key key_of(const lb_vip& v) { return {v.address, v.port, v.protocol}; }

rw_vip entry_of(const ip_address& address, std::uint16_t port, std::uint8_t protocol) {
  rw_vip e{};
  std::copy(address.words.begin(), address.words.end(), e.key.addr);
  e.key.family = address.family;
  e.key.port = RW_BE16(port);
  e.key.proto = protocol;
  e.target.ring = RW_RING_NO_RING;
  return e;
}

std::uint16_t flags_of(const lb_vip& v) {
  std::uint32_t flags = 0;
  if (v.stateful) flags |= RW_VIP_STATEFUL;
  if (v.reset) flags |= RW_VIP_RESET;
  if (v.fragments) flags |= RW_VIP_FRAGMENTS;
  return static_cast<std::uint16_t>(flags);
}

/// The addresses themselves: an answer is given if any of their VIPs wants it.
std::vector<rw_vip> addresses_of(std::span<const lb_vip> vips) {
  std::map<ip_address, std::uint32_t> flags;
  for (const lb_vip& v : vips)
    flags[v.address] |= (v.announce ? RW_VIP_ANNOUNCE : 0u) | (v.ping ? RW_VIP_PING : 0u);
  std::vector<rw_vip> entries;
  for (const auto& [address, set] : flags)
    entries.emplace_back(entry_of(address, 0, 0)).target.flags = static_cast<std::uint16_t>(set);
  return entries;
}

}  // namespace

struct lb_tables::state {
  lb_store& store;
  const rw_lb_memory memory;
  std::function<void()> wait;
  lb_rings rings;
  lb_reals reals;
  std::map<vip_key, std::uint16_t> ids;
  std::vector<std::uint16_t> free_ids;
  std::vector<ring_recipe> recipes;  // in use, one for each VIP that has a ring
  std::uint32_t serial = 0;

  state(lb_store& s, const lb_keys& keys, std::function<void()> w)
      : store(s),
        memory(s.memory()),
        wait(std::move(w)),
        rings(memory, s.capacity().ring_size, keys.ring),
        reals(memory) {
    for (std::uint32_t i = s.capacity().vips; i > 0; --i)
      free_ids.push_back(static_cast<std::uint16_t>(i - 1));
  }

  std::uint32_t half() const { return memory.vip_count / 2; }
  std::uint32_t other_base() const { return memory.control->vips_base == 0 ? half() : 0; }

  /// The ring's parts; empty: no real takes new flows.
  ring_recipe recipe_of(const std::vector<lb_member>& members) const {
    ring_recipe recipe;
    for (const lb_member& m : members)
      if (m.weight > 0)
        recipe.push_back({m.to.address, m.to.port, static_cast<std::uint16_t>(reals.find(m.to)), m.weight});
    return recipe;
  }
  void forget(const std::vector<ring_recipe>& old) {
    for (const ring_recipe& r : old) rings.release(r);
  }
  void number(std::span<const lb_vip> vips);

  /// What was filled for a new generation, and is not shown yet.
  struct staged {
    std::vector<lb_destination> added;
    std::vector<ring_recipe> recipes;
    std::map<vip_key, std::uint16_t> ids;  // as they were
    std::vector<std::uint16_t> free_ids;
  };
  void fill(std::span<const lb_vip> vips, const lb_plan& plan, staged& now, lb_change& change);
  void undo(staged& now);
  void replace(staged& now, const lb_plan& plan, lb_change& change);
};

/// Keeps the counters' elements of VIPs that stay, and gives one to those that are new.
void lb_tables::state::number(std::span<const lb_vip> vips) {
  std::map<vip_key, std::uint16_t> now;
  for (const lb_vip& v : vips)
    if (const auto at = ids.find(key_of(v)); at != ids.end()) now.insert(*at), ids.erase(at);
  for (const auto& [key, id] : ids) free_ids.push_back(id);
  for (const lb_vip& v : vips) {
    if (now.contains(key_of(v))) continue;
    now.emplace(key_of(v), free_ids.back());
    free_ids.pop_back();
  }
  ids = std::move(now);
}

/// Reals, rings and VIPs go into free elements. May throw; undo() then.
void lb_tables::state::fill(std::span<const lb_vip> vips, const lb_plan& plan, staged& now,
                            lb_change& change) {
  std::vector<rw_vip> entries = addresses_of(vips);
  for (const lb_destination& to : plan.destinations) {
    bool fresh = false;
    reals.acquire(to, fresh);
    if (fresh) now.added.push_back(to);
  }
  number(vips);
  for (std::size_t i = 0; i < vips.size(); ++i) {
    rw_vip& e = entries.emplace_back(entry_of(vips[i].address, vips[i].port, vips[i].protocol));
    e.target.id = ids.at(key_of(vips[i]));
    e.target.hash = static_cast<std::uint8_t>(vips[i].hash);
    e.target.flags = flags_of(vips[i]);
    const ring_recipe recipe = recipe_of(plan.members[i]);
    if (recipe.empty()) continue;
    bool built = false;
    e.target.ring = rings.acquire(recipe, built);
    now.recipes.push_back(recipe);
    ++(built ? change.rings_built : change.rings_shared);
  }
  write_generation(memory.vips + other_base(), half() - 1, entries, serial + 1);
}

/// Nothing has been shown: what was filled is free again.
void lb_tables::state::undo(staged& now) {
  forget(now.recipes);
  for (const lb_destination& to : now.added) reals.retire(to);
  rings.recycle();
  reals.recycle();
  ids = std::move(now.ids);
  free_ids = std::move(now.free_ids);
}

/// The new generation has been shown: what only the old one used is freed when no packet holds it any more.
void lb_tables::state::replace(staged& now, const lb_plan& plan, lb_change& change) {
  change.reals_added = static_cast<std::uint32_t>(now.added.size());
  for (const lb_destination& to : reals.all()) {
    if (plan.destinations.contains(to)) continue;
    reals.retire(to);
    ++change.reals_removed;
  }
  forget(recipes);
  recipes = std::move(now.recipes);
  wait();
  rings.recycle();
  reals.recycle();
}

lb_tables::lb_tables(lb_store& store, const lb_keys& keys, std::function<void()> wait)
    : state_(std::make_unique<state>(store, keys, std::move(wait))) {
  write_generation(state_->memory.vips, state_->half() - 1, {}, 0);
  RW_PUBLISH(&state_->memory.control->vips_base, 0u);
  set_tick(1);
  set_timeouts({});
  set_limits({});
}

lb_tables::~lb_tables() = default;

lb_change lb_tables::apply(std::span<const lb_vip> vips) {
  state& s = *state_;
  lb_change change;
  change.serial = s.serial;
  if (std::equal(vips.begin(), vips.end(), vips_.begin(), vips_.end())) return change;
  const auto begin = std::chrono::steady_clock::now();
  const lb_plan plan = plan_of(vips, s.store.capacity());
  std::vector<lb_vip> next(vips.begin(), vips.end());
  state::staged now{{}, {}, s.ids, s.free_ids};
  try {
    s.fill(vips, plan, now, change);
  } catch (...) {
    s.undo(now);
    throw;
  }
  change.serial = ++s.serial;
  RW_PUBLISH(&s.memory.control->vips_base, s.other_base());
  const auto shown = std::chrono::steady_clock::now();
  vips_ = std::move(next);
  s.replace(now, plan, change);
  change.building = shown - begin;
  change.waiting = std::chrono::steady_clock::now() - shown;
  return change;
}

void lb_tables::set_next_hop(const lb_destination& to, const lb_next_hop& hop) {
  state_->reals.set_next_hop(to, hop);
}
void lb_tables::set_alive(const lb_destination& to, bool alive) { state_->reals.set_alive(to, alive); }

void lb_tables::set_port(std::uint32_t port, const std::array<std::uint8_t, 6>& mac, std::uint16_t mtu) {
  if (port >= RW_PORTS_MAX) throw usage_error("port {} (0 to {})", port, RW_PORTS_MAX - 1);
  rw_lb_port p{};
  std::copy(mac.begin(), mac.end(), p.mac);
  p.mtu = mtu;
  std::uint64_t word = 0;
  std::memcpy(&word, &p, sizeof(word));
  RW_WRITE_ONCE(&state_->memory.control->port[port], word);
}

void lb_tables::set_timeouts(const lb_timeouts& t) {
  rw_lb_control& c = *state_->memory.control;
  for (const std::uint16_t seconds : {t.half_open, t.established, t.closing})
    if (seconds == 0 || seconds >= 0x8000) throw usage_error("a timeout of {} s (1 to 32767)", seconds);
  RW_WRITE_ONCE(&c.timeout[RW_CONN_NEW], t.half_open);
  RW_WRITE_ONCE(&c.timeout[RW_CONN_LIVE], t.established);
  RW_WRITE_ONCE(&c.timeout[RW_CONN_CLOSING], t.closing);
}

void lb_tables::set_limits(const lb_limits& limits) {
  RW_WRITE_ONCE(&state_->memory.control->flow_limit, limits.new_flows);
  RW_WRITE_ONCE(&state_->memory.control->answer_limit, limits.answers);
}

void lb_tables::set_tick(std::uint32_t tick) { RW_WRITE_ONCE(&state_->memory.control->tick, tick); }

lb_occupancy lb_tables::sweep(std::uint32_t first, std::uint32_t count) {
  const rw_lb_memory& m = state_->memory;
  lb_occupancy seen;
  std::uint64_t* const by_state[] = {&seen.free, &seen.claimed, &seen.half_open, &seen.established,
                                     &seen.closing};
  for (std::uint32_t b = first; b < m.conn_count && b - first < count; ++b) {
    for (__u64& word : m.conns[b].word) {
      const std::uint64_t now = RW_READ_ONCE(&word);
      const std::uint8_t is = rw_conn_state(now);
      if (is >= RW_CONN_NEW && is < RW_CONN_STATE_COUNT && rw_conn_expired(now, m.control, m.control->tick) &&
          RW_CAS(&word, now, rw_conn_word(0, 0, RW_CONN_FREE, rw_conn_changes(now) + 1)))
        ++seen.expired;
      else if (is < RW_CONN_STATE_COUNT)
        ++*by_state[is];
    }
  }
  return seen;
}

int lb_tables::real_of(const lb_destination& to) const { return state_->reals.find(to); }
const lb_destination* lb_tables::destination_of(std::uint32_t real) const { return state_->reals.at(real); }

int lb_tables::vip_id(const lb_vip& vip) const {
  const auto at = state_->ids.find(key_of(vip));
  return at == state_->ids.end() ? -1 : at->second;
}

std::uint32_t lb_tables::rings_in_use() const noexcept { return state_->rings.in_use(); }

}  // namespace ringway
