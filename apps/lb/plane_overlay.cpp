// SPDX-License-Identifier: BSD-2-Clause
#include "plane_overlay.hpp"

#include <algorithm>
#include <ringway/error.hpp>

namespace ringway::lb_app {
namespace {

const vip_entry* vip_of(const configuration& file, std::string_view name) {
  for (const vip_entry& v : file.vips)
    if (v.name == name) return &v;
  return nullptr;
}

const vip_entry& known_vip(const configuration& file, std::string_view name) {
  if (const vip_entry* v = vip_of(file, name)) return *v;
  throw usage_error("there is no VIP {}", name);
}

const real_entry* real_of(const vip_entry& vip, std::string_view name) {
  for (const real_entry& r : vip.reals)
    if (r.name == name) return &r;
  return nullptr;
}

bool same_place(const lb_destination& a, const lb_destination& b) {
  return a.address == b.address && a.port == b.port;
}

bool same_entry(const real_entry* a, const real_entry* b) {
  return a == nullptr || b == nullptr ? a == b : *a == *b;
}

/// What is left of a change of the real `name`.
real_change kept(const real_change& c, std::string_view name, const vip_entry& before,
                 const vip_entry& after) {
  const real_entry* was = real_of(before, name);
  const real_entry* is = real_of(after, name);
  real_change left = c;
  if (!same_entry(was, is)) {
    left.removed = false;
    if (left.added) left = {};
  }
  if (left.added) {
    const lb_destination& to = left.added->member.to;
    const auto taken = [&](const real_entry& r) {
      return r.name != name && same_place(r.member.to, to) && !same_entry(real_of(before, r.name), &r);
    };
    if (std::any_of(after.reals.begin(), after.reals.end(), taken)) {
      left.added.reset();
      left.drained = false;
    }
    return left;
  }
  const bool same_real = was != nullptr && is != nullptr && same_place(was->member.to, is->member.to);
  if (!same_real) return {};
  if (was->member.weight != is->member.weight) left.weight.reset();
  return left;
}

}  // namespace

std::vector<merged_real> overlay::merge(const vip_entry& vip) const {
  std::vector<merged_real> all;
  all.reserve(vip.reals.size());
  const auto at = vips_.find(vip.name);
  const vip_changes* changes = at == vips_.end() ? nullptr : &at->second;
  for (const real_entry& r : vip.reals) {
    const auto found = changes == nullptr ? vip_changes::const_iterator{} : changes->find(r.name);
    if (changes == nullptr || found == changes->end()) {
      all.push_back({r});
      continue;
    }
    const real_change& c = found->second;
    if (c.removed) continue;
    merged_real& m = all.emplace_back(merged_real{r, true, c.weight || c.drained, c.drained});
    if (c.weight) m.entry.member.weight = *c.weight;
  }
  if (changes != nullptr)
    for (const auto& [name, c] : *changes)
      if (c.added) all.push_back({*c.added, false, true, c.drained});
  return all;
}

std::vector<std::string> overlay::removed(const vip_entry& vip) const {
  std::vector<std::string> names;
  if (const auto at = vips_.find(vip.name); at != vips_.end())
    for (const auto& [name, c] : at->second)
      if (c.removed && !c.added) names.push_back(name);
  return names;
}

/// The entry for a real that is in force.
real_change& overlay::change_of(const vip_entry& vip, std::string_view real) {
  vip_changes& changes = vips_[vip.name];
  const auto at = changes.find(real);
  const bool added = at != changes.end() && at->second.added;
  const bool removed = at != changes.end() && at->second.removed;
  if (!added && (removed || real_of(vip, real) == nullptr)) {
    tidy(vip);
    throw usage_error("VIP {} has no real {}", vip.name, real);
  }
  return at != changes.end() ? at->second : changes[std::string(real)];
}

void overlay::tidy(const vip_entry& vip) {
  const auto at = vips_.find(vip.name);
  if (at == vips_.end()) return;
  std::erase_if(at->second, [](const auto& c) { return c.second.none(); });
  if (at->second.empty()) vips_.erase(at);
}

void overlay::drain(const configuration& file, std::string_view vip, std::string_view real, bool on) {
  const vip_entry& v = known_vip(file, vip);
  change_of(v, real).drained = on;
  tidy(v);
}

void overlay::set_weight(const configuration& file, std::string_view vip, std::string_view real,
                         std::uint32_t weight) {
  const vip_entry& v = known_vip(file, vip);
  real_change& c = change_of(v, real);
  if (c.added)
    c.added->member.weight = weight;
  else if (real_of(v, real)->member.weight == weight)
    c.weight.reset();
  else
    c.weight = weight;
  tidy(v);
}

void overlay::add(const configuration& file, std::string_view vip, real_entry real) {
  const vip_entry& v = known_vip(file, vip);
  if (real.name.empty()) real.name = real.member.to.address.text();
  for (const merged_real& m : merge(v)) {
    if (m.entry.name == real.name) throw usage_error("VIP {} has a real {} already", vip, real.name);
    if (same_place(m.entry.member.to, real.member.to))
      throw usage_error("VIP {} has {} already, as {} (give it another port)", vip,
                        real.member.to.address.text(), m.entry.name);
  }
  real_change& c = vips_[v.name][real.name];
  const real_entry* of_file = real_of(v, real.name);
  if (c.removed && of_file != nullptr && *of_file == real)
    c = {};
  else
    c.added = std::move(real);
  tidy(v);
}

void overlay::remove(const configuration& file, std::string_view vip, std::string_view real) {
  const vip_entry& v = known_vip(file, vip);
  real_change& c = change_of(v, real);
  const bool of_file = c.removed || !c.added;
  c = {};
  c.removed = of_file;
  tidy(v);
}

overlay overlay::over(const configuration& before, const configuration& after) const {
  overlay left;
  for (const auto& [name, changes] : vips_) {
    const vip_entry* was = vip_of(before, name);
    const vip_entry* is = vip_of(after, name);
    if (was == nullptr || is == nullptr) continue;
    for (const auto& [real, change] : changes)
      if (real_change c = kept(change, real, *was, *is); !c.none())
        left.vips_[name].emplace(real, std::move(c));
  }
  return left;
}

}  // namespace ringway::lb_app
