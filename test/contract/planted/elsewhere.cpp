// SPDX-License-Identifier: BSD-2-Clause
// Clean here; what it calls in another object allocates.
#include "loop.hpp"

namespace planted {

void remember(const packet& p) noexcept;

struct innocent {
  void process(packet& p) noexcept { remember(p); }
};

template class loop<innocent>;

}  // namespace planted
