// SPDX-License-Identifier: BSD-2-Clause
#include "service_traffic.hpp"

namespace ringway::lb_app {

void traffic_ledger::changed(const control_plane& plane) {
  const lb_store& store = plane.store();
  std::vector<bool> used(store.traffic_elements());
  for (const vip_view& v : plane.vips()) {
    if (v.id >= 0) used.at(static_cast<std::size_t>(v.id)) = true;
    for (const real_view& r : v.reals)
      if (r.element >= 0) used.at(store.capacity().vips + static_cast<std::size_t>(r.element)) = true;
  }
  used_.resize(used.size());
  before_.resize(used.size());
  std::vector<rw_lb_traffic> now;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used_[i] || used[i]) continue;
    if (now.empty()) now = read_();
    before_[i] = now[i];
  }
  used_ = std::move(used);
}

std::vector<rw_lb_traffic> traffic_ledger::traffic() const {
  std::vector<rw_lb_traffic> all = read_();
  for (std::size_t i = 0; i < before_.size(); ++i) {
    all[i].packets -= before_[i].packets;
    all[i].bytes -= before_[i].bytes;
  }
  return all;
}

}  // namespace ringway::lb_app
