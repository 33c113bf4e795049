// SPDX-License-Identifier: BSD-2-Clause
#include "plane_model.hpp"

#include <algorithm>
#include <ringway/error.hpp>

namespace ringway::lb_app {
namespace {

/// Whether the first `length` bits are the same.
bool in_prefix(const ip_address& address, const ip_address& prefix, unsigned length) {
  if (address.family != prefix.family) return false;
  const auto* a = reinterpret_cast<const std::uint8_t*>(address.words.data());
  const auto* p = reinterpret_cast<const std::uint8_t*>(prefix.words.data());
  length = std::min(length, address.family == 4 ? 32u : 128u);
  const unsigned whole = length / 8, rest = length % 8;
  if (!std::equal(a, a + whole, p)) return false;
  return rest == 0 || (a[whole] ^ p[whole]) >> (8 - rest) == 0;
}

void refuse_equal_names(const vip_view& v) {
  std::vector<std::string_view> names;
  names.reserve(v.reals.size());
  for (const real_view& r : v.reals) names.push_back(r.entry.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) throw usage_error("VIP {}: two reals are named {}", v.entry.name, *twice);
}

bool announced(const vip_entry& v, const surroundings& around) {
  if (v.announce == announce_mode::automatic) return around.is_connected(v.vip.address);
  return v.announce == announce_mode::arp;
}

std::uint16_t checked_port(const vip_entry& v) { return v.check.port != 0 ? v.check.port : v.vip.port; }

/// Those that max_down_percent and on_all_failed look at: the user wants them to have new flows.
bool counts(const real_view& r) { return r.entry.member.weight > 0 && !r.state.drained; }

}  // namespace

bool surroundings::is_local(const ip_address& address) const {
  if (std::find(local.begin(), local.end(), address) != local.end()) return true;
  for (const port_facts& port : ports)
    for (const auto& [own, length] : port.prefixes)
      if (own == address) return true;
  return false;
}

bool surroundings::is_connected(const ip_address& address) const {
  for (const port_facts& port : ports)
    for (const auto& [own, length] : port.prefixes)
      if (in_prefix(address, own, length)) return true;
  return false;
}

plane_model::plane_model(const configuration& file, const overlay& changes, const surroundings& around,
                         const plane_model* before)
    : failures_(before == nullptr ? 0 : before->failures_) {
  add_static_hops(file, around);
  views_.reserve(file.vips.size());
  details_.reserve(file.vips.size());
  wanted_.reserve(file.vips.size());
  is_touched_.assign(file.vips.size(), false);
  for (const vip_entry& entry : file.vips) add_vip(entry, changes, around, before);
}

void plane_model::add_static_hops(const configuration& file, const surroundings& around) {
  for (const static_hop& h : file.next_hops) {
    const auto port = std::find_if(around.ports.begin(), around.ports.end(),
                                   [&](const port_facts& p) { return p.name == h.interface; });
    if (port == around.ports.end())
      throw usage_error("next hop of {}: {} is not one of the ports", h.real.text(), h.interface);
    const auto number = static_cast<std::uint8_t>(port - around.ports.begin());
    if (!statics_.emplace(h.real, lb_next_hop{.mac = h.mac, .port = number, .up = true}).second)
      throw usage_error("next hop of {} twice", h.real.text());
  }
}

void plane_model::add_vip(const vip_entry& entry, const overlay& changes, const surroundings& around,
                          const plane_model* before) {
  if (around.is_local(entry.vip.address))
    throw usage_error("VIP {}: {} is an address of this machine", entry.name, entry.vip.address.text());
  const auto number = static_cast<std::uint32_t>(views_.size());
  if (!names_.emplace(entry.name, number).second) throw usage_error("two VIPs are named {}", entry.name);
  vip_view& v = views_.emplace_back();
  v.entry.name = entry.name;
  v.entry.vip = entry.vip;
  v.entry.vip.reals.clear();
  v.entry.announce = entry.announce;
  v.entry.check = entry.check;
  v.entry.on_all_failed = entry.on_all_failed;
  v.entry.max_down_percent = entry.max_down_percent;
  v.announced = announced(entry, around);
  v.removed = changes.removed(entry);
  lb_vip& w = wanted_.emplace_back(v.entry.vip);
  w.announce = v.announced;
  std::vector<merged_real> reals = changes.merge(entry);
  v.reals.reserve(reals.size());
  w.reals.reserve(reals.size());
  details_.emplace_back().reserve(reals.size());
  for (merged_real& r : reals) add_real(number, std::move(r), around);
  refuse_equal_names(v);
  if (before != nullptr) take_over(number, *before);
  judge(number);
}

void plane_model::add_real(std::uint32_t vip, merged_real&& real, const surroundings& around) {
  vip_view& v = views_[vip];
  const auto number = static_cast<std::uint32_t>(v.reals.size());
  detail& d = details_[vip].emplace_back();
  d.destination = destination_of(vip, number, real.entry.member.to, around);
  destination& to = destinations_[d.destination];
  to.users.emplace_back(vip, number);
  ++to.serving;
  wanted_[vip].reals.push_back(real.entry.member);
  real_view& r = v.reals.emplace_back();
  r.entry = std::move(real.entry);
  r.from_file = real.from_file;
  r.changed = real.changed;
  r.state.drained = real.drained;
  r.state.neighbour = to.hop.up;
}

/// Its number, a new one where it has none. Neighbouring VIPs mostly have the same reals in the same order.
std::uint32_t plane_model::destination_of(std::uint32_t vip, std::uint32_t real, const lb_destination& to,
                                          const surroundings& around) {
  if (vip > 0 && real < details_[vip - 1].size())
    if (const std::uint32_t guess = details_[vip - 1][real].destination; destinations_[guess].to == to)
      return guess;
  const auto [at, fresh] = numbers_.try_emplace(to, static_cast<std::uint32_t>(destinations_.size()));
  if (fresh) {
    destination& d = destinations_.emplace_back();
    d.to = to;
    d.hop = hop_of(to.address, around);
    by_address_[to.address].push_back(at->second);
  }
  return at->second;
}

/// Health outlives a change of configuration where what is checked (check_target) stays the same.
void plane_model::take_over(std::uint32_t vip, const plane_model& before) {
  const auto at = before.names_.find(views_[vip].entry.name);
  if (at == before.names_.end()) return;
  const vip_view& old = before.views_[at->second];
  vip_view& v = views_[vip];
  if (v.entry.check.kind == check_kind::none || v.entry.check != old.entry.check ||
      v.entry.vip.address != old.entry.vip.address || checked_port(v.entry) != checked_port(old.entry))
    return;
  for (std::size_t i = 0; i < v.reals.size(); ++i) {
    real_view& r = v.reals[i];
    const auto same = [&](const real_view& o) { return o.entry.name == r.entry.name; };
    auto o = i < old.reals.size() && same(old.reals[i])
                 ? old.reals.begin() + static_cast<std::ptrdiff_t>(i)
                 : std::find_if(old.reals.begin(), old.reals.end(), same);
    if (o == old.reals.end() || o->entry.member.to != r.entry.member.to) continue;
    r.state.healthy = o->state.healthy;
    r.state.why = o->state.why;
    details_[vip][i].failed =
        before.details_[at->second][static_cast<std::size_t>(o - old.reals.begin())].failed;
  }
}

const vip_view* plane_model::find(std::string_view vip) const {
  const auto at = names_.find(vip);
  return at == names_.end() ? nullptr : &views_[at->second];
}

const plane_model::destination* plane_model::find(const lb_destination& to) const {
  const auto at = numbers_.find(to);
  return at == numbers_.end() ? nullptr : &destinations_[at->second];
}

std::vector<std::uint32_t> plane_model::at(const ip_address& address) const {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? std::vector<std::uint32_t>{} : found->second;
}

lb_next_hop plane_model::hop_of(const ip_address& address, const surroundings& around) const {
  if (const auto at = statics_.find(address); at != statics_.end()) return at->second;
  const auto at = around.hops.find(address);
  return at == around.hops.end() ? lb_next_hop{} : at->second;
}

void plane_model::touch(std::uint32_t vip) {
  if (is_touched_[vip]) return;
  is_touched_[vip] = true;
  touched_.push_back(vip);
}

void plane_model::health(std::string_view vip, std::string_view real, bool up, std::string why) {
  const auto at = names_.find(vip);
  if (at == names_.end() || views_[at->second].entry.check.kind == check_kind::none) return;
  std::vector<real_view>& reals = views_[at->second].reals;
  const auto r =
      std::find_if(reals.begin(), reals.end(), [&](const auto& o) { return o.entry.name == real; });
  if (r == reals.end()) return;
  r->state.why = up ? std::string() : std::move(why);
  if (r->state.healthy == up) return;
  r->state.healthy = up;
  if (!up) details_[at->second][static_cast<std::size_t>(r - reals.begin())].failed = ++failures_;
  touch(at->second);
}

void plane_model::neighbour(std::uint32_t destination, bool up) {
  for (const auto& [vip, real] : destinations_[destination].users) {
    views_[vip].reals[real].state.neighbour = up;
    touch(vip);
  }
}

void plane_model::announce_by(const surroundings& around) {
  for (std::size_t i = 0; i < views_.size(); ++i) {
    const bool now = announced(views_[i].entry, around);
    if (now == views_[i].announced) continue;
    views_[i].announced = wanted_[i].announce = now;
    pending_ = true;
  }
}

bool plane_model::judge() {
  bool moved = pending_;
  pending_ = false;
  for (const std::uint32_t vip : touched_) {
    if (judge(vip)) moved = true;
    is_touched_[vip] = false;
  }
  touched_.clear();
  return moved;
}

/// Which of the unhealthy stay in the ring all the same.
void plane_model::hold(vip_view& v, const std::vector<detail>& how) {
  std::vector<std::size_t> failed;
  std::size_t counted = 0;
  for (std::size_t i = 0; i < v.reals.size(); ++i) {
    v.reals[i].state.held = false;
    if (!counts(v.reals[i])) continue;
    ++counted;
    if (!v.reals[i].state.healthy) failed.push_back(i);
  }
  v.holding = false;
  v.all_failed = counted > 0 && failed.size() == counted;
  if (v.all_failed && v.entry.on_all_failed == all_failed_policy::keep_all) {
    for (real_view& r : v.reals) r.state.held = !r.state.healthy;
    return;
  }
  const std::size_t may_fail = counted * v.entry.max_down_percent / 100;
  if (failed.size() <= may_fail) return;
  std::sort(failed.begin(), failed.end(),
            [&](std::size_t a, std::size_t b) { return how[a].failed < how[b].failed; });
  for (std::size_t i = may_fail; i < failed.size(); ++i) v.reals[failed[i]].state.held = true;
  v.holding = true;
}

bool plane_model::judge(std::uint32_t vip) {
  vip_view& v = views_[vip];
  lb_vip& w = wanted_[vip];
  hold(v, details_[vip]);
  bool reset = v.entry.vip.reset;
  if (v.all_failed && !v.holding && v.entry.on_all_failed != all_failed_policy::keep_all)
    reset = v.entry.on_all_failed == all_failed_policy::reset;
  bool moved = w.reset != reset;
  w.reset = reset;
  for (std::size_t i = 0; i < v.reals.size(); ++i) {
    real_view& r = v.reals[i];
    const bool serves = r.state.healthy || r.state.held;
    serve(details_[vip][i], serves);
    r.effective = serves && r.state.neighbour && !r.state.drained ? r.entry.member.weight : 0;
    moved = moved || w.reals[i].weight != r.effective;
    w.reals[i].weight = r.effective;
  }
  return moved;
}

void plane_model::serve(detail& how, bool serves) {
  if (how.serves == serves) return;
  how.serves = serves;
  destination& d = destinations_[how.destination];
  serves ? ++d.serving : --d.serving;
}

void plane_model::number(const lb_tables& tables) {
  for (destination& d : destinations_) d.element = tables.real_of(d.to);
  for (std::size_t i = 0; i < views_.size(); ++i) {
    views_[i].id = tables.vip_id(wanted_[i]);
    for (std::size_t j = 0; j < views_[i].reals.size(); ++j)
      views_[i].reals[j].element = destinations_[details_[i][j].destination].element;
  }
}

}  // namespace ringway::lb_app
