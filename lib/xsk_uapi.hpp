// SPDX-License-Identifier: BSD-2-Clause
// The AF_XDP system calls, one function each: no state, no policy. libxdp 1.3 cannot make a socket from a
// descriptor nor name a UMEM by memfd, which a restart without loss and privilege separation need.
#pragma once
#include <linux/if_xdp.h>

#include <cstddef>
#include <cstdint>
#include <ringway/ring.hpp>
#include <ringway/unique_fd.hpp>

namespace ringway::uapi {

/// Each returns 0 or an errno.
int register_umem(int fd, void* base, std::size_t bytes, std::uint32_t frame_size,
                  std::uint32_t headroom) noexcept;
int set_ring(int fd, int option, std::uint32_t slots) noexcept;  // XDP_RX_RING, XDP_TX_RING, XDP_UMEM_*_RING
int set_option(int fd, int level, int option, std::uint32_t value) noexcept;
int bind(int fd, unsigned ifindex, std::uint32_t queue, std::uint16_t flags, int shared_fd) noexcept;
int mmap_offsets(int fd, xdp_mmap_offsets& offsets) noexcept;
int options(int fd, std::uint32_t& flags) noexcept;  // XDP_OPTIONS
int statistics(int fd, xdp_statistics& out) noexcept;

/// Maps the ring at `page_offset` (XDP_PGOFF_*, XDP_UMEM_PGOFF_*). Null on failure, with errno.
void* map_ring(int fd, std::uint64_t page_offset, const xdp_ring_offset& at, std::uint32_t slots,
               std::size_t slot_bytes, std::size_t& bytes, ring_memory& ring) noexcept;

}  // namespace ringway::uapi
