// SPDX-License-Identifier: BSD-2-Clause
#include "lb_reals.hpp"

#include <algorithm>
#include <cstring>

#include "ringway/core/sync.h"

namespace ringway {

lb_reals::lb_reals(const rw_lb_memory& memory) : memory_(memory), held_(memory.real_count) {
  for (std::uint32_t i = memory.real_count; i > 0; --i) free_.push_back(static_cast<std::uint16_t>(i - 1));
}

std::uint16_t lb_reals::acquire(const lb_destination& to, bool& added) {
  const auto [at, fresh] = elements_.try_emplace(to);
  added = fresh;
  if (fresh) {
    at->second = free_.back();
    free_.pop_back();
    held_[at->second] = to;
    fill(at->second, to);
  }
  return at->second;
}

int lb_reals::find(const lb_destination& to) const {
  const auto at = elements_.find(to);
  return at == elements_.end() ? -1 : at->second;
}

const lb_destination* lb_reals::at(std::uint32_t element) const {
  return element < held_.size() && held_[element] ? &*held_[element] : nullptr;
}

std::vector<lb_destination> lb_reals::all() const {
  std::vector<lb_destination> list;
  for (const auto& [to, element] : elements_) list.push_back(to);
  return list;
}

void lb_reals::retire(const lb_destination& to) {
  const auto at = elements_.find(to);
  rw_lb_real& real = memory_.reals[at->second];
  RW_WRITE_ONCE(&real.version, real.version | RW_REAL_RETIRED);
  held_[at->second].reset();
  retired_.push_back(at->second);
  elements_.erase(at);
}

void lb_reals::recycle() {
  for (const std::uint16_t element : retired_) RW_WRITE_ONCE(&memory_.reals[element].hop, std::uint64_t{0});
  free_.insert(free_.end(), retired_.begin(), retired_.end());
  retired_.clear();
}

void lb_reals::set_next_hop(const lb_destination& to, const lb_next_hop& hop) {
  known_[to].hop = hop;
  show(to);
}

void lb_reals::set_alive(const lb_destination& to, bool alive) {
  known_[to].alive = alive;
  show(to);
}

std::uint64_t lb_reals::word_of(const lb_destination& to) const {
  const auto at = known_.find(to);
  const known k = at == known_.end() ? known{} : at->second;
  rw_hop hop{};
  std::copy(k.hop.mac.begin(), k.hop.mac.end(), hop.mac);
  hop.port = k.hop.port;
  hop.state = k.hop.up && k.alive ? RW_HOP_UP : RW_HOP_FAILED;
  std::uint64_t word = 0;
  std::memcpy(&word, &hop, sizeof(word));
  return word;
}

void lb_reals::show(const lb_destination& to) {
  if (const int element = find(to); element >= 0) RW_WRITE_ONCE(&memory_.reals[element].hop, word_of(to));
}

/// Nobody reads the element yet: no connection has a version that it will have, and the ring that will name
/// it is shown later.
void lb_reals::fill(std::uint16_t element, const lb_destination& to) {
  rw_lb_real& real = memory_.reals[element];
  RW_WRITE_ONCE(&real.version, (real.version | RW_REAL_RETIRED) + 1);
  real.mtu = to.mtu;
  real.vlan = RW_BE16(to.vlan);
  std::copy(to.source.words.begin(), to.source.words.end(), real.src);
  std::copy(to.address.words.begin(), to.address.words.end(), real.dst);
  real.port = RW_BE16(to.gue_port);
  real.method = to.method;
  real.family = to.address.family;
  real.ttl = to.ttl;
  real.flags = to.flags;
  RW_PUBLISH(&real.hop, word_of(to));
}

}  // namespace ringway
