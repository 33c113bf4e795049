// SPDX-License-Identifier: BSD-2-Clause
// Maglev rings by what is in them: VIPs with equal sets of reals share one, counted by reference.
#pragma once
#include <cstdint>
#include <map>
#include <ringway/lb_store.hpp>
#include <utility>
#include <vector>

namespace ringway {

/// What a ring is made of, sorted: address, port, weight of each real, and the element that its slots name.
struct ring_part {
  ip_address address;
  std::uint16_t port = 0, real = 0;
  std::uint32_t weight = 0;
  auto operator<=>(const ring_part&) const = default;
};
using ring_recipe = std::vector<ring_part>;

class lb_rings {
 public:
  lb_rings(const rw_lb_memory& memory, std::uint32_t size, const rw_hash_key& key);

  /// Elements that are neither in use nor waiting to be freed.
  std::size_t room() const noexcept { return free_.size(); }
  bool has(const ring_recipe& recipe) const { return rings_.contains(recipe); }
  std::uint32_t in_use() const noexcept { return static_cast<std::uint32_t>(rings_.size()); }

  /// One more user of the ring; fills a free element if there is none yet (`built`). Precondition: room() >
  /// 0.
  std::uint32_t acquire(const ring_recipe& recipe, bool& built);
  /// One user less. With the last one the ring is retired: nobody finds it any more, but packets may.
  void release(const ring_recipe& recipe);
  /// After a grace period: what was retired can be filled again.
  void recycle();

 private:
  struct ring {
    std::uint32_t element = 0, users = 0;
  };
  void fill(std::uint32_t element, const ring_recipe& recipe);

  const rw_lb_memory& memory_;
  std::uint32_t size_;
  rw_hash_key key_;
  std::map<ring_recipe, ring> rings_;
  std::vector<std::uint32_t> free_, retired_;
  std::vector<__u64> taken_;
};

}  // namespace ringway
