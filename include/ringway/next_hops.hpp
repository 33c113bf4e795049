// SPDX-License-Identifier: BSD-2-Clause
// Where packets to an address leave, and to which link address: the kernel's routes and neighbours, kept
// resolved although the kernel itself carries none of the traffic.
#pragma once
#include <array>
#include <cstddef>
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

struct next_hops_options {
  /// Let the kernel keep neighbours resolved, where it can. False: refresh them from here, as on kernels
  /// before 5.16.
  bool managed = true;
  /// Bytes for the kernel's messages. What does not fit is lost, and everything is asked for again.
  std::size_t receive_buffer = std::size_t{4} << 20;
};

/// For ports in one namespace. CAP_NET_ADMIN. For one thread.
///
/// Neighbours are installed with NTF_USE and, where the kernel knows it (5.16), NTF_EXT_MANAGED; those that
/// were made here are handed back to the kernel's own ageing at the end. Elsewhere they are refreshed. They
/// bear a protocol number of our own, so that what a killed process has left is known again. Entries that
/// somebody else looks after (permanent, learned by a routing daemon, managed by another) are only read.
///
/// A hop stays while its neighbour is being confirmed anew; it is taken away when that fails or its port
/// loses carrier. How soon a silent neighbour is found out is the kernel's matter (sysctl net.ipv4.neigh.*,
/// by default up to a minute). One that has been deleted has a second to come back before it counts as lost.
class next_hops {
 public:
  /// Throws usage_error without ports or with ports of several namespaces, ringway::error without privilege.
  explicit next_hops(const std::vector<interface>& ports, const next_hops_options& options = {});
  ~next_hops();
  next_hops(const next_hops&) = delete;
  next_hops& operator=(const next_hops&) = delete;

  /// The addresses to keep resolved from now on. What is known of new ones comes with the next news(); of
  /// those whose neighbours have to be asked first, later, after at most a second. After this and after a
  /// port's return, hops that come up wait up to 200 ms for each other, so that flows are not moved to
  /// whichever is first.
  void want(const std::set<ip_address>& addresses);
  /// Readable when there may be news, or something is due to be done in news().
  int fd() const noexcept;
  /// What has changed since the last call; never waits. `hop->port` is the position among the ports. Throws
  /// ringway::error when the kernel can no longer be listened to.
  std::vector<next_hop_news> news();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway
