// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <functional>
#include <ringway/lb_store.hpp>
#include <string>
#include <vector>

#include "plane.hpp"

namespace ringway::lb_app {

/// Counters of VIPs and reals since they are what they are: elements are used again, and what counts them
/// goes on from where it was.
class traffic_ledger {
 public:
  /// `read`: every element since the beginning.
  explicit traffic_ledger(std::function<std::vector<rw_lb_traffic>()> read) : read_(std::move(read)) {}

  /// To be called after every change of what is in force, before the next one: what has been set free is no
  /// longer counted, and has not been given away yet.
  void changed(const control_plane& plane);
  std::vector<rw_lb_traffic> traffic() const;

 private:
  std::function<std::vector<rw_lb_traffic>()> read_;
  std::vector<bool> used_;
  std::vector<rw_lb_traffic> before_;  // what an element's earlier owners have had
};

}  // namespace ringway::lb_app
