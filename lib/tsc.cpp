// SPDX-License-Identifier: BSD-2-Clause
#include <chrono>
#include <ringway/tsc.hpp>
#include <thread>

namespace ringway {

std::uint64_t ticks_per_second() {
  static const std::uint64_t rate = [] {
    using clock = std::chrono::steady_clock;
    const auto begin = clock::now();
    const std::uint64_t first = ticks();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::uint64_t last = ticks();
    const std::chrono::duration<double> took = clock::now() - begin;
    return static_cast<std::uint64_t>(static_cast<double>(last - first) / took.count());
  }();
  return rate;
}

}  // namespace ringway
