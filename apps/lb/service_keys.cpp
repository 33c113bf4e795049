// SPDX-License-Identifier: BSD-2-Clause
#include "service.hpp"

namespace ringway::lb_app {
namespace {

/// FNV-1a, finished by the core's own mixing.
std::uint64_t digest(const std::string& text, std::uint64_t purpose) {
  std::uint64_t h = 0xcbf29ce484222325ull ^ purpose;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return rw_hash_end(h, purpose);
}

}  // namespace

rw_hash_key ring_key_of(const std::string& seed) {
  return {digest(seed, 0x6d61676c6576ull), digest(seed, 0x72696e67ull)};
}

rw_hash_key flow_key_of(const std::string& seed) {
  return {digest(seed, 0x666c6f77ull), digest(seed, 0x636f6e6eull)};
}

}  // namespace ringway::lb_app
