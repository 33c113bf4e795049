// SPDX-License-Identifier: BSD-2-Clause
#include "lb_generation.hpp"

#include <cstring>
#include <ringway/error.hpp>

#include "ringway/core/lb_classify.h"

namespace ringway {
namespace {

constexpr std::uint32_t tries = 2000;  // at one entry a bucket nearly every key is good; at two one in ten

bool place(rw_vip_element* first, std::uint32_t buckets, const rw_vip& entry, const rw_hash_key& key) {
  const std::uint64_t hash = rw_vip_hash(&entry.key, &key);
  rw_vip_bucket& b = first[rw_vip_bucket_of(hash, buckets)].bucket;
  for (std::uint32_t i = 0; i < RW_VIP_WAYS; ++i) {
    if (b.way[i].key.family != 0) continue;
    b.tag[i] = static_cast<std::uint32_t>(hash);
    b.way[i] = entry;
    return true;
  }
  return false;
}

}  // namespace

void write_generation(rw_vip_element* head, std::uint32_t buckets, std::span<const rw_vip> entries,
                      std::uint32_t serial) {
  rw_hash_key key{0x9e3779b97f4a7c15ull * (serial + 1), 0xd1b54a32d192ed03ull};
  for (std::uint32_t i = 0; i < tries; ++i) {
    std::memset(static_cast<void*>(head), 0, (1 + std::size_t{buckets}) * sizeof(*head));
    bool fits = true;
    for (const rw_vip& entry : entries) fits = fits && place(head + 1, buckets, entry, key);
    if (fits) {
      head->head.key = key;
      head->head.serial = serial;
      for (const rw_vip& e : entries) head->head.any_port |= e.key.port == 0 && e.key.proto != 0 ? 1 : 0;
      return;
    }
    key.first = rw_hash_end(key.first, i);
    key.last = rw_hash_end(key.last, key.first);
  }
  throw usage_error("{} VIPs and addresses do not fit into {} buckets of {}", entries.size(), buckets,
                    RW_VIP_WAYS);
}

}  // namespace ringway
