// SPDX-License-Identifier: BSD-2-Clause
#include "lb_rings.hpp"

#include <algorithm>

#include "ringway/core/maglev.h"

namespace ringway {
namespace {

/// Where a real's permutation begins and how it steps: of its address and port, so alike on every node.
std::uint64_t permutation(const ring_part& part, const rw_hash_key& key) {
  rw_flow flow{};
  std::copy(part.address.words.begin(), part.address.words.end(), flow.dst);
  flow.family = part.address.family;
  flow.dport = RW_BE16(part.port);
  return rw_flow_hash(&flow, &key);
}

}  // namespace

lb_rings::lb_rings(const rw_lb_memory& memory, std::uint32_t size, const rw_hash_key& key)
    : memory_(memory), size_(size), key_(key), taken_(rw_maglev_words(size)) {
  for (std::uint32_t i = memory.ring_count; i > 0; --i) free_.push_back(i - 1);
}

std::uint32_t lb_rings::acquire(const ring_recipe& recipe, bool& built) {
  const auto [at, fresh] = rings_.try_emplace(recipe);
  built = fresh;
  if (fresh) {
    at->second.element = free_.back();
    free_.pop_back();
    fill(at->second.element, recipe);
  }
  ++at->second.users;
  return at->second.element;
}

void lb_rings::release(const ring_recipe& recipe) {
  const auto at = rings_.find(recipe);
  if (--at->second.users > 0) return;
  retired_.push_back(at->second.element);
  rings_.erase(at);
}

void lb_rings::recycle() {
  free_.insert(free_.end(), retired_.begin(), retired_.end());
  retired_.clear();
}

void lb_rings::fill(std::uint32_t element, const ring_recipe& recipe) {
  std::vector<rw_maglev_real> reals;
  for (const ring_part& part : recipe) {
    rw_maglev_real r{};
    r.hash = permutation(part, key_);
    r.weight = part.weight;
    r.index = part.real;
    reals.push_back(r);
  }
  std::uint16_t* ring = memory_.rings + std::size_t{element} * memory_.ring_stride;
  rw_maglev_fill(ring, size_, reals.data(), static_cast<std::uint32_t>(reals.size()), taken_.data());
}

}  // namespace ringway
