// SPDX-License-Identifier: BSD-2-Clause
// Health checks: TCP connects and HTTP requests to a VIP's address at one given real, through the same
// encapsulation as the VIP's packets. probe_path.hpp makes marked sockets arrive there.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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

/// What a socket needs to get to one real.
struct probe_way {
  std::optional<std::uint32_t> mark;  // SO_MARK, 0 for none; nothing: there is no way, and the check fails
  ip_address source;                  // to send from; none: the kernel chooses
  std::string why;                    // there is no way
};

/// Each target is asked once an interval, more or less the jitter, from the beginning of one check to that of
/// the next; the first time within an interval from now, evenly spread. At most 256 checks are under way; the
/// others wait for their turn, and are then late.
class health_checks {
 public:
  /// `way_to(target)` is asked before each check; if it throws, the check has failed. `news`: a real has
  /// changed its state; `why` is one line about the last check that failed. It may call want().
  health_checks(event_loop& loop, std::function<probe_way(const check_target&)> way_to,
                std::function<void(const check_target&, bool up, std::string why)> news);
  ~health_checks();
  health_checks(const health_checks&) = delete;
  health_checks& operator=(const health_checks&) = delete;
  /// The targets from now on; those that stay the same keep their state. A new one is up until it has failed
  /// `fall` times.
  void want(const std::vector<check_target>& targets);
  /// A check has been waiting for its turn for longer than its interval.
  bool late() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway::lb_app
