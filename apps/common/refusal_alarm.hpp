// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <ringway/forwarder.hpp>
#include <string>
#include <vector>

namespace ringway::app {

/// Notices, from one look to the next, ports whose frames the kernel mostly refuses to send: to the program
/// each of them looks forwarded.
class refusal_alarm {
 public:
  /// One line for each port of which more than half of what it was handed since the last look was refused.
  std::vector<std::string> all(const forwarder_stats& now);
  /// Those of ports that it has not told of before.
  std::vector<std::string> news(const forwarder_stats& now);

 private:
  struct seen {
    std::uint64_t refused = 0, handed = 0;
    bool told = false;
    std::string line;  // of the last look; empty: it is well
  };
  void look(const forwarder_stats& now);
  std::vector<seen> ports_;
};

}  // namespace ringway::app
