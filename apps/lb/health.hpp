// SPDX-License-Identifier: BSD-2-Clause
// Health checks: TCP connects and HTTP requests to a VIP's address at one given real, through the same
// encapsulation as the VIP's packets. probe_path.hpp makes marked sockets arrive there.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "event_loop.hpp"
#include "model.hpp"

namespace ringway::lb_app {

struct check_target {
  std::string vip, real;  // names
  ip_address address;     // the VIP's
  std::uint16_t port = 0;
  lb_destination to;
  health_check how;
  bool operator==(const check_target&) const = default;
};

class health_checks {
 public:
  /// `mark_of(target)`: the SO_MARK that leads there (0: none can be had now, the check fails).
  /// `news`: a real changed its state; `why` is one line for a failure.
  health_checks(event_loop& loop, std::function<std::uint32_t(const check_target&)> mark_of,
                std::function<void(const check_target&, bool up, std::string why)> news);
  ~health_checks();
  /// The targets from now on; those that stay the same keep their state. A new one is up until it has failed
  /// `fall` times.
  void want(std::vector<check_target> targets);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway::lb_app
