// SPDX-License-Identifier: BSD-2-Clause
// process() returns nothing: a verdict that is returned instead of written to the packet would be lost.
// refused: constraints? not satisfied|static assertion
#include <ringway/network_function.hpp>

struct forward {
#ifdef FAULT
  int process(ringway::batch&) noexcept { return 1; }
#else
  void process(ringway::batch&) noexcept {}
#endif
};

static_assert(ringway::network_function<forward>);
