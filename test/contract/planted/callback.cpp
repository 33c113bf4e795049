// SPDX-License-Identifier: BSD-2-Clause
// A callback for each packet.
#include <functional>

#include "loop.hpp"

namespace planted {

struct caller {
  void process(packet& p) noexcept { p.out = decide_(p); }
  std::function<std::uint16_t(const packet&)> decide_;
};

template class loop<caller>;

}  // namespace planted
