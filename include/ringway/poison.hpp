// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstddef>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace ringway {

/// In ASan builds a frame that the kernel, the pool or anybody but the batch owns is poisoned: a function
/// that keeps a pointer past its batch dies at the access, with a stack, instead of corrupting somebody's
/// packet.
inline void poison_frame([[maybe_unused]] std::byte* p, [[maybe_unused]] std::size_t n) noexcept {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(p, n);
#endif
}
inline void unpoison_frame([[maybe_unused]] std::byte* p, [[maybe_unused]] std::size_t n) noexcept {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(p, n);
#endif
}

}  // namespace ringway
