// SPDX-License-Identifier: BSD-2-Clause
// Frames into and out of an interface from plain packet sockets: what a test compares counters with.
#pragma once
#include <cstdint>
#include <ringway/interface.hpp>
#include <ringway/unique_fd.hpp>

namespace ringway::test {

inline constexpr std::uint16_t test_ethertype =
    0x88b5;  // IEEE 802, local experimental: nothing else sends it

/// Sends `count` frames of 60 bytes, with source and destination as in `mac`; returns how many the kernel
/// took.
unsigned send_frames(const interface& from, unsigned count);

/// Counts the test's frames that arrive at an interface from now on.
class frame_counter {
 public:
  explicit frame_counter(const interface& at);
  /// All that have arrived so far. Throws if the socket has lost any, for then the number means nothing.
  unsigned count();

 private:
  unique_fd socket_;
  unsigned seen_ = 0;
};

}  // namespace ringway::test
