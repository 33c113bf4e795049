// SPDX-License-Identifier: BSD-2-Clause
#include "plane.hpp"

#include <algorithm>
#include <ringway/error.hpp>

#include "plane_state.hpp"
#include "ringway/core/conn_table.h"

namespace ringway::lb_app {
namespace {

/// How long a pass over a whole connection table may take: some milliseconds of every second, a minute at
/// most.
std::uint32_t seconds_for(std::uint32_t buckets) {
  constexpr std::uint32_t a_second = 32'768, most = 60;
  return std::clamp((buckets + a_second - 1) / a_second, 1u, most);
}

void add(lb_occupancy& to, const lb_occupancy& more) {
  to.free += more.free;
  to.claimed += more.claimed;
  to.half_open += more.half_open;
  to.established += more.established;
  to.closing += more.closing;
  to.expired += more.expired;
}

/// What is fixed while the process runs.
void refuse_fixed(const configuration& now, const lb_capacity& there, const configuration& next) {
  std::vector<std::string> changed;
  const auto size = [&](const char* name, std::uint32_t is, std::uint32_t wanted) {
    if (is != wanted) changed.push_back(fmt::format("{} ({} to {})", name, is, wanted));
  };
  if (next.stated.vips) size("capacity vips", there.vips, next.capacity.vips);
  if (next.stated.rings) size("capacity rings", there.rings, next.capacity.rings);
  if (next.stated.reals) size("capacity reals", there.reals, next.capacity.reals);
  size("capacity connections", there.connections, next.capacity.connections);
  size("ring-size", there.ring_size, next.capacity.ring_size);
  if (next.seed != now.seed) changed.emplace_back("seed");
  if (next.socket != now.socket || next.socket_mode != now.socket_mode)
    changed.emplace_back("the control socket");
  if (!changed.empty())
    throw usage_error("the file changes what needs a restart: {}", fmt::join(changed, ", "));
}

/// As lb_tables::set_timeouts(), but before anything has been changed.
void refuse_timeouts(const lb_timeouts& t) {
  for (const std::uint16_t seconds : {t.half_open, t.established, t.closing})
    if (seconds == 0 || seconds >= 0x8000) throw usage_error("a timeout of {} s (1 to 32767)", seconds);
}

}  // namespace

control_plane::state::state(lb_store& s, const lb_keys& keys, std::function<void()> wait)
    : store(s), tables(s, keys, std::move(wait)) {
  passed.free = std::uint64_t{s.memory().conn_count} * RW_CONN_WAYS;
}

/// What makes a destination usable is told before rings name it, and what makes it unusable when they do so
/// no more: meanwhile its flows would find nothing but its own slots.
void control_plane::state::tell_better(plane_model& next) {
  for (plane_model::destination& d : next.destinations()) {
    d.alive = d.serves();
    const plane_model::destination* was = old(d.to);
    if (was == nullptr || (d.hop.up && d.hop != was->hop)) tables.set_next_hop(d.to, d.hop);
    if (was == nullptr || (d.alive && !was->alive)) tables.set_alive(d.to, d.alive);
  }
}

void control_plane::state::tell_worse(const plane_model& next) {
  for (const plane_model::destination& d : next.destinations()) {
    const plane_model::destination* was = old(d.to);
    if (was == nullptr) continue;
    if (!d.hop.up && d.hop != was->hop) tables.set_next_hop(d.to, d.hop);
    if (!d.alive && was->alive) tables.set_alive(d.to, false);
  }
}

void control_plane::state::take_back(const plane_model& next) {
  for (const plane_model::destination& d : next.destinations()) {
    const plane_model::destination* was = old(d.to);
    if (was == nullptr) continue;
    if (d.hop != was->hop) tables.set_next_hop(d.to, was->hop);
    if (d.alive != was->alive) tables.set_alive(d.to, was->alive);
  }
}

/// All of it, or a usage_error and nothing.
lb_change control_plane::state::put(const configuration& next, overlay changed) {
  auto fresh = std::make_unique<plane_model>(next, changed, around, model.get());
  tell_better(*fresh);
  lb_change change;
  try {
    change = tables.apply(fresh->wanted());
  } catch (...) {
    take_back(*fresh);
    throw;
  }
  tell_worse(*fresh);
  fresh->number(tables);
  model = std::move(fresh);
  changes = std::move(changed);
  trouble.clear();
  serial = change.serial;
  return change;
}

control_plane::control_plane(lb_store& store, const lb_keys& keys, std::function<void()> wait,
                             std::vector<port_facts> ports, configuration file, std::vector<ip_address> local)
    : state_(std::make_unique<state>(store, keys, std::move(wait))) {
  state& s = *state_;
  s.around.ports = std::move(ports);
  s.around.local = std::move(local);
  for (std::uint32_t i = 0; i < s.around.ports.size(); ++i)
    s.tables.set_port(i, s.around.ports[i].mac, s.around.ports[i].mtu);
  s.tables.set_timeouts(file.timeouts);
  s.tables.set_limits(file.limits);
  s.put(file, {});
  s.file = std::move(file);
}

control_plane::~control_plane() = default;

lb_change control_plane::reload(configuration file, bool discard) {
  state& s = *state_;
  refuse_fixed(s.file, s.store.capacity(), file);
  refuse_timeouts(file.timeouts);
  const lb_change change = s.put(file, discard ? overlay{} : s.changes.over(s.file, file));
  s.tables.set_timeouts(file.timeouts);
  s.tables.set_limits(file.limits);
  s.file = std::move(file);
  if (changed) changed();
  return change;
}

lb_change control_plane::state::change(overlay next, const std::function<void()>& then) {
  const lb_change done = put(file, std::move(next));
  if (then) then();
  return done;
}

lb_change control_plane::drain(std::string_view vip, std::string_view real, bool on) {
  overlay next = state_->changes;
  next.drain(state_->file, vip, real, on);
  return state_->change(std::move(next), changed);
}

lb_change control_plane::set_weight(std::string_view vip, std::string_view real, std::uint32_t weight) {
  overlay next = state_->changes;
  next.set_weight(state_->file, vip, real, weight);
  return state_->change(std::move(next), changed);
}

lb_change control_plane::add_real(std::string_view vip, real_entry real) {
  overlay next = state_->changes;
  next.add(state_->file, vip, std::move(real));
  return state_->change(std::move(next), changed);
}

lb_change control_plane::remove_real(std::string_view vip, std::string_view real) {
  overlay next = state_->changes;
  next.remove(state_->file, vip, real);
  return state_->change(std::move(next), changed);
}

void control_plane::health(std::string_view vip, std::string_view real, bool up, std::string why) {
  state_->model->health(vip, real, up, std::move(why));
}

void control_plane::next_hop(const lb_destination& to, const std::optional<lb_next_hop>& hop) {
  state& s = *state_;
  s.around.hops[to.address] = hop.value_or(lb_next_hop{});
  const lb_next_hop now = s.model->hop_of(to.address, s.around);
  for (const std::uint32_t number : s.model->at(to.address)) {
    plane_model::destination& d = s.model->destinations()[number];
    if (d.hop == now) continue;
    s.tables.set_next_hop(d.to, now);
    if (d.hop.up != now.up) s.model->neighbour(number, now.up);
    d.hop = now;
  }
}

void control_plane::port_changed(std::uint32_t port, const port_facts& now) {
  state& s = *state_;
  if (port >= s.around.ports.size()) throw usage_error("there is no port {}", port);
  s.around.ports[port] = now;
  s.tables.set_port(port, now.mac, now.mtu);
  s.model->announce_by(s.around);
}

void control_plane::local_addresses(std::vector<ip_address> now) { state_->around.local = std::move(now); }

lb_change control_plane::settle() {
  state& s = *state_;
  lb_change change;
  change.serial = s.serial;
  if (!unsettled()) return change;
  const bool moved = s.model->judge();
  for (plane_model::destination& d : s.model->destinations()) {
    if (!d.serves() || d.alive) continue;
    d.alive = true;
    s.tables.set_alive(d.to, true);
  }
  if (moved) {
    try {
      change = s.tables.apply(s.model->wanted());
      s.serial = change.serial;
      s.trouble.clear();
    } catch (const usage_error& e) {
      s.trouble = e.what();
    }
  }
  for (plane_model::destination& d : s.model->destinations()) {
    if (d.serves() || !d.alive) continue;
    d.alive = false;
    s.tables.set_alive(d.to, false);
  }
  return change;
}

bool control_plane::unsettled() const noexcept { return state_->model->pending(); }

void control_plane::tick(std::uint32_t seconds) {
  state& s = *state_;
  s.tables.set_tick(seconds);
  const std::uint32_t all = s.store.memory().conn_count, pass = seconds_for(all);
  const std::uint32_t elapsed = std::clamp(seconds - s.last_tick.value_or(seconds), 1u, pass);
  s.last_tick = seconds;
  std::uint32_t left = std::min(all, (all + pass - 1) / pass * elapsed);
  while (left > 0) {
    const std::uint32_t count = std::min(left, all - s.next_bucket);
    add(s.passing, s.tables.sweep(s.next_bucket, count));
    s.next_bucket += count;
    left -= count;
    if (s.next_bucket < all) continue;
    s.passed = s.passing;
    s.passing = {};
    s.next_bucket = 0;
  }
}

lb_occupancy control_plane::occupancy() const { return state_->passed; }
std::uint32_t control_plane::occupancy_seconds() const {
  return seconds_for(state_->store.memory().conn_count);
}

const lb_store& control_plane::store() const noexcept { return state_->store; }
const lb_tables& control_plane::tables() const noexcept { return state_->tables; }

}  // namespace ringway::lb_app
