// SPDX-License-Identifier: BSD-2-Clause
// A process() that may throw is no network function: an exception in the hot loop would have nowhere to go.
// refused: constraints? not satisfied|static assertion
#include <ringway/network_function.hpp>

struct forward {
#ifdef FAULT
  void process(ringway::batch& b){
#else
  void process(ringway::batch& b) noexcept {
#endif
      for (ringway::packet & p
           : b) p.out = b.ingress();
}
}
;

[[maybe_unused]] ringway::chain<forward> function{forward{}};
