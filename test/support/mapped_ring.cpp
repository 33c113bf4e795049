// SPDX-License-Identifier: BSD-2-Clause
#include "mapped_ring.hpp"

#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <ringway/error.hpp>
#include <utility>

namespace ringway::test {
namespace {

struct place {
  std::uint64_t page_offset;
  xdp_ring_offset xdp_mmap_offsets::*offsets;
};

place place_of(ring_kind kind) {
  switch (kind) {
    case ring_kind::fill:
      return {XDP_UMEM_PGOFF_FILL_RING, &xdp_mmap_offsets::fr};
    case ring_kind::completion:
      return {XDP_UMEM_PGOFF_COMPLETION_RING, &xdp_mmap_offsets::cr};
    case ring_kind::rx:
      return {XDP_PGOFF_RX_RING, &xdp_mmap_offsets::rx};
    case ring_kind::tx:
      break;
  }
  return {XDP_PGOFF_TX_RING, &xdp_mmap_offsets::tx};
}

bool holds_descriptors(ring_kind kind) { return kind == ring_kind::rx || kind == ring_kind::tx; }

}  // namespace

mapped_ring::mapped_ring(int socket, ring_kind kind, std::uint32_t slots) : kind_(kind), slots_(slots) {
  xdp_mmap_offsets all{};
  socklen_t size = sizeof all;
  if (::getsockopt(socket, SOL_XDP, XDP_MMAP_OFFSETS, &all, &size) != 0)
    throw error(errno, "read ring offsets");
  const place where = place_of(kind);
  const xdp_ring_offset& at = all.*where.offsets;
  bytes_ = at.desc + slots * (holds_descriptors(kind) ? sizeof(xdp_desc) : sizeof(std::uint64_t));
  memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, socket,
                   static_cast<off_t>(where.page_offset));
  if (memory_ == MAP_FAILED) throw error(errno, "map a ring of a bound socket");
  auto* base = static_cast<std::byte*>(memory_);
  producer_ = reinterpret_cast<std::uint32_t*>(base + at.producer);
  consumer_ = reinterpret_cast<std::uint32_t*>(base + at.consumer);
  entries_ = base + at.desc;
}

mapped_ring::mapped_ring(mapped_ring&& other) noexcept
    : kind_(other.kind_),
      slots_(other.slots_),
      memory_(std::exchange(other.memory_, nullptr)),
      bytes_(other.bytes_),
      producer_(other.producer_),
      consumer_(other.consumer_),
      entries_(other.entries_) {}

mapped_ring::~mapped_ring() {
  if (memory_ != nullptr) ::munmap(memory_, bytes_);
}

std::vector<std::uint64_t> mapped_ring::addresses() const {
  std::vector<std::uint64_t> list;
  const std::uint32_t end = produced();
  for (std::uint32_t i = consumed(); i != end; ++i) {
    const std::uint32_t slot = i & (slots_ - 1);
    if (holds_descriptors(kind_))
      list.push_back(reinterpret_cast<const xdp_desc*>(entries_)[slot].addr);
    else
      list.push_back(reinterpret_cast<const std::uint64_t*>(entries_)[slot]);
  }
  return list;
}

}  // namespace ringway::test
