// SPDX-License-Identifier: BSD-2-Clause
#include <cstdlib>

#include "loop.hpp"

namespace planted {

void remember(const packet& p) noexcept;

void* last;

void remember(const packet& p) noexcept { last = std::malloc(p.len); }

}  // namespace planted
