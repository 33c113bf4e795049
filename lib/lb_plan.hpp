// SPDX-License-Identifier: BSD-2-Clause
// What a configuration needs of the tables, found out before any of them is touched.
#pragma once
#include <ringway/lb_config.hpp>
#include <set>
#include <span>
#include <vector>

namespace ringway {

struct lb_plan {
  std::set<lb_destination> destinations;
  /// By VIP: its members in the order in which their ring is filled.
  std::vector<std::vector<lb_member>> members;
  std::size_t rings = 0;  // different ones
};

/// Throws usage_error for what contradicts itself or exceeds the capacity.
lb_plan plan_of(std::span<const lb_vip> vips, const lb_capacity& capacity);

std::string name_of(const lb_vip& vip);

}  // namespace ringway
