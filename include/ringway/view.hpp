// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <type_traits>

#include "core/wire.h"
#include "packet.hpp"

namespace ringway {

/// The header at `offset` bytes into the packet's first fragment, or null when the fragment ends before the
/// header does. Refuses at compile time a type that is not a wire type: one whose alignment would make the
/// access undefined.
template <class Header>
requires std::is_trivially_copyable_v<Header> &&(alignof(Header) == 1)
    [[nodiscard]] Header* view(const packet& p, std::uint32_t offset) noexcept {
  return offset <= p.len && sizeof(Header) <= p.len - offset ? reinterpret_cast<Header*>(p.data + offset)
                                                             : nullptr;
}

/// Exchanges source and destination MAC. Precondition: at least 12 bytes in the first fragment (every frame
/// that the kernel hands to an AF_XDP socket has 14).
inline void swap_macs(packet& p) noexcept {
  std::byte dst[6];
  __builtin_memcpy(dst, p.data, 6);
  __builtin_memcpy(p.data, p.data + 6, 6);
  __builtin_memcpy(p.data + 6, dst, 6);
}

}  // namespace ringway
