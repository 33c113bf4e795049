// SPDX-License-Identifier: BSD-2-Clause
// An allocation for each packet.
#include <vector>

#include "loop.hpp"

namespace planted {

struct hoarder {
  void process(packet& p) noexcept { lengths_.push_back(p.len); }
  std::vector<std::uint32_t> lengths_;
};

template class loop<hoarder>;

}  // namespace planted
