// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "interface.hpp"

namespace ringway {

enum class link_change { deleted, moved, carrier_up, carrier_down, mtu_changed };
const char* to_string(link_change change) noexcept;

struct link_event {
  std::size_t port;  ///< position in the set that is watched
  link_change what;
  unsigned mtu;  ///< as it is now
};

/// Tells what happens to interfaces, which may be in several namespaces: rtnetlink, one socket a namespace.
/// Needed because neither poll() nor any counter of an AF_XDP socket tells that its interface is gone. No
/// privilege in one's own namespace. Deletion is told at once; the kernel reports losses of carrier up to a
/// second late.
class link_watch {
 public:
  explicit link_watch(const std::vector<interface>& ports);
  ~link_watch();
  link_watch(link_watch&&) noexcept;
  link_watch& operator=(link_watch&&) noexcept;

  /// Readable when wait() has something to look at: for an event loop of one's own.
  int fd() const noexcept;
  /// What has happened since the last call; waits for it up to `timeout`. Empty: nothing in time, or a signal
  /// came.
  std::vector<link_event> wait(std::chrono::milliseconds timeout);
  std::vector<link_event> poll() { return wait(std::chrono::milliseconds(0)); }

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway
