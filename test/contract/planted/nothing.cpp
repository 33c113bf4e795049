// SPDX-License-Identifier: BSD-2-Clause
// Clean, and with all that might be mistaken for a fault: a switch that becomes a jump table, a copy that
// becomes memmove, a function that is called directly.
#include <cstring>

#include "loop.hpp"

namespace planted {

[[gnu::noinline]] static std::uint16_t port_of(const packet& p) noexcept {
  switch (p.data[12]) {
    case 0:
      return p.data[0];
    case 1:
      return static_cast<std::uint16_t>(p.len);
    case 2:
      return static_cast<std::uint16_t>(p.data[3] + 7);
    case 3:
      return static_cast<std::uint16_t>(p.data[5] ^ p.data[6]);
    case 4:
      return static_cast<std::uint16_t>(p.data[7] * p.data[8]);
    case 5:
      return p.out;
    default:
      return 0;
  }
}

struct nothing {
  void process(packet& p) noexcept {
    std::memmove(p.data + 4, p.data, p.len);
    p.out = port_of(p);
  }
};

template class loop<nothing>;

}  // namespace planted
