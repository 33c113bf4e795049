// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <ringway/interface.hpp>
#include <string>
#include <vector>

namespace ringway {

/// Which RX queues of a port are served: all of them, the first N, or a list.
class queue_selection {
 public:
  queue_selection() = default;  // all
  /// "all", a number N ("4": queues 0 to 3), or a list ("5,7", "4-7", "4-4"). Throws ringway::usage_error.
  explicit queue_selection(const std::string& text);

  /// The queue numbers on this interface, ascending. Throws ringway::error (EINVAL) with the numbers it has.
  std::vector<std::uint32_t> on(const interface& port) const;
  std::string text() const;

 private:
  std::uint32_t first_ = 0;  // 0: not by number
  std::vector<std::uint32_t> list_;
};

/// The i-th served queue belongs to worker i mod W: its position counts, not its number, so none is without
/// an owner. The lowest one transmits, and must be a TX queue in use: beyond them the kernel's copy path
/// sends nothing and says 0. Throws ringway::error (EINVAL) when there are more workers than served or TX
/// queues.
std::vector<std::uint32_t> queues_of_worker(const interface& port, const std::vector<std::uint32_t>& served,
                                            std::uint32_t worker, std::uint32_t workers);

}  // namespace ringway
