// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <ringway/interface.hpp>
#include <ringway/lb_config.hpp>
#include <ringway/unique_fd.hpp>
#include <span>
#include <vector>

namespace ringway {

/// Tells the links of ports where VIPs are: announcement_of(), from the port's own address. CAP_NET_RAW. The
/// ports may be in several namespaces.
class announcer {
 public:
  /// Throws ringway::error.
  explicit announcer(const std::vector<interface>& ports);
  /// Sends a frame for each VIP out of every port. What one port does not take is logged; its link may be
  /// down.
  void announce(std::span<const ip_address> vips);

 private:
  struct outlet {
    interface port;
    unique_fd socket;
  };
  std::vector<outlet> outlets_;
};

}  // namespace ringway
