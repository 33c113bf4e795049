// SPDX-License-Identifier: BSD-2-Clause
// The real worker, with a network function that makes a virtual call for each packet.
#include <ringway/worker.hpp>

namespace planted {

struct policy {
  virtual ~policy() = default;
  virtual ringway::verdict decide(const ringway::packet& p) noexcept = 0;
};

struct dispatcher {
  void process(ringway::batch& b) noexcept {
    for (ringway::packet& p : b) p.out = chosen->decide(p);
  }
  policy* chosen;
};

}  // namespace planted

template class ringway::worker<planted::dispatcher, 64>;
