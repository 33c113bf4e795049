// SPDX-License-Identifier: BSD-2-Clause
// The real worker, with a network function that is as it should be.
#include <ringway/view.hpp>
#include <ringway/worker.hpp>

namespace planted {

struct reflect {
  void process(ringway::batch& b) noexcept {
    for (ringway::packet& p : b) {
      ringway::swap_macs(p);
      p.out = b.ingress();
    }
  }
};

}  // namespace planted

template class ringway::worker<planted::reflect, 64>;
