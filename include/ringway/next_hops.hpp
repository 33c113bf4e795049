// SPDX-License-Identifier: BSD-2-Clause
// Where packets to an address leave, and to which link address: the kernel's routes and neighbours, kept
// resolved although the kernel itself carries none of the traffic.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <ringway/interface.hpp>
#include <ringway/lb_config.hpp>
#include <set>
#include <string>
#include <vector>

namespace ringway {

struct next_hop_news {
  ip_address to;
  std::optional<lb_next_hop> hop;  // none: no route through a port, or its neighbour has failed
  std::string why;                 // of none: one line
};

/// For ports in one namespace (the first one's). CAP_NET_ADMIN. For one thread.
///
/// Neighbours are installed with NTF_USE and, where the kernel knows it (5.16), NTF_EXT_MANAGED; those that
/// were made here are handed back to the kernel's own ageing at the end. Elsewhere they are refreshed.
class next_hops {
 public:
  explicit next_hops(const std::vector<interface>& ports);
  ~next_hops();
  next_hops(const next_hops&) = delete;
  next_hops& operator=(const next_hops&) = delete;

  /// The addresses to keep resolved from now on. What is known of new ones comes with the next news().
  void want(const std::set<ip_address>& addresses);
  /// Readable when there may be news.
  int fd() const noexcept;
  /// What has changed since the last call; never waits. To be called at least once a second, too: refreshing
  /// is done here.
  std::vector<next_hop_news> news();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway
