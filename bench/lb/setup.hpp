// SPDX-License-Identifier: BSD-2-Clause
// What the balancer's figures are taken with: as many VIPs, reals and flows as are asked for.
#pragma once
#include <ringway/lb_tables.hpp>
#include <vector>

#include "flows.h"

namespace ringway::lb_bench {

inline constexpr std::uint32_t in_port = 0, out_port = 1;
inline constexpr rw_hash_key flow_key = {0x0123456789abcdefull, 0xfedcba9876543210ull};

struct shape {
  rw_lb_method method = RW_METHOD_L2;
  std::uint32_t flows = 1024;  // a power of two
  std::uint32_t vips = 1, reals = 100;
  bool short_way = true;  // false: VIPs of a hash that known flows, too, go through the stages with
};

/// "l2", "ipip", "gue".
const char* name_of(rw_lb_method method);
lb_destination destination(rw_lb_method method, std::uint32_t real);
/// The low half of its link address is the real's number.
lb_next_hop hop(std::uint32_t real);
/// Every VIP has the reals first ... first + s.reals - 1: they share a ring.
std::vector<lb_vip> vips_of(const shape& s, std::uint32_t first = 0);
/// Room for all that a shape has; connections: twice the flows, 65,536 at least.
lb_capacity capacity_of(const shape& s);
/// Frames for in_port's address.
lb_flows flows_of(const shape& s);

/// Tables with a shape's VIPs in force: in BPF maps, unless a store is given. Throws ringway::error without
/// CAP_BPF.
class world {
 public:
  explicit world(const shape& s) : world(s, capacity_of(s)) {}
  world(const shape& s, const lb_capacity& capacity) : world(s, lb_store::in_maps(capacity)) {}
  world(const shape& s, lb_store tables_of);
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  /// Every flow is seen for the first time in this second.
  void next_second() { tables.set_tick(++tick_); }

  lb_store store;
  lb_tables tables;

 private:
  std::uint32_t tick_ = 100;
};

/// Stays on the last CPU that this process may use, where fewer interrupts come.
void stay_on_one_cpu();

}  // namespace ringway::lb_bench
