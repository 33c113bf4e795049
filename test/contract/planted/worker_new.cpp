// SPDX-License-Identifier: BSD-2-Clause
// The real worker, with a network function that allocates for each packet.
#include <cstdint>
#include <ringway/worker.hpp>
#include <vector>

namespace planted {

struct hoarder {
  void process(ringway::batch& b) noexcept {
    for (const ringway::packet& p : b) lengths.push_back(p.len);
  }
  std::vector<std::uint32_t> lengths;
};

}  // namespace planted

template class ringway::worker<planted::hoarder, 64>;
