// SPDX-License-Identifier: BSD-2-Clause
// A generation of VIPs as packets look them up: buckets of 8 under a key with which none overflows.
#pragma once
#include <cstdint>
#include <ringway/lb_store.hpp>
#include <span>

namespace ringway {

/// Writes the entries into `head` and the `buckets` elements after it. Throws usage_error if no key is found
/// (too many entries for so few buckets).
void write_generation(rw_vip_element* head, std::uint32_t buckets, std::span<const rw_vip> entries,
                      std::uint32_t serial);

}  // namespace ringway
