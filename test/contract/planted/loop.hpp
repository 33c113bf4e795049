// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>

namespace planted {

struct packet {
  unsigned char* data;
  std::uint32_t len;
  std::uint16_t out;
};

/// The shape of the real hot loop, in small: the function is a template parameter and is inlined into turn().
template <class Function>
class loop {
 public:
  std::uint32_t turn(packet* packets, std::uint32_t count) noexcept {
    for (std::uint32_t i = 0; i != count; ++i) function_.process(packets[i]);
    return count;
  }

 private:
  Function function_;
};

}  // namespace planted
