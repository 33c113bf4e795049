// SPDX-License-Identifier: BSD-2-Clause
// A throw in what the compiler takes for unlikely, and puts aside in a .cold part.
#include <stdexcept>

#include "loop.hpp"

namespace planted {

struct strict {
  void process(packet& p) noexcept {
    try {
      check(p);
    } catch (const std::exception&) {
      p.out = 1;
    }
  }
  [[gnu::noinline]] static void check(const packet& p) {
    if (p.len < 14) throw std::runtime_error("short");
  }
};

template class loop<strict>;

}  // namespace planted
