// SPDX-License-Identifier: BSD-2-Clause
#include "xsk_uapi.hpp"

#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>

#include "xdp_compat.h"

namespace ringway::uapi {
namespace {

int result(int rc) noexcept { return rc == 0 ? 0 : errno; }

}  // namespace

int register_umem(int fd, void* base, std::size_t bytes, std::uint32_t frame_size,
                  std::uint32_t headroom) noexcept {
  xdp_umem_reg reg{};  // zeroed: garbage in flags is EINVAL
  reg.addr = reinterpret_cast<std::uintptr_t>(base);
  reg.len = bytes;
  reg.chunk_size = frame_size;
  reg.headroom = headroom;
  return result(::setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof reg));
}

int set_ring(int fd, int option, std::uint32_t slots) noexcept {
  return set_option(fd, SOL_XDP, option, slots);
}

int set_option(int fd, int level, int option, std::uint32_t value) noexcept {
  return result(::setsockopt(fd, level, option, &value, sizeof value));
}

int bind(int fd, unsigned ifindex, std::uint32_t queue, std::uint16_t flags, int shared_fd) noexcept {
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_ifindex = ifindex;
  address.sxdp_queue_id = queue;
  address.sxdp_flags = flags;
  if (shared_fd >= 0) {  // mode and need-wakeup come from the socket that it names; any other flag is EINVAL
    address.sxdp_flags = XDP_SHARED_UMEM;
    address.sxdp_shared_umem_fd = static_cast<std::uint32_t>(shared_fd);
  }
  return result(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

int mmap_offsets(int fd, xdp_mmap_offsets& offsets) noexcept {
  offsets = {};
  socklen_t size = sizeof offsets;
  return result(::getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size));
}

int options(int fd, std::uint32_t& flags) noexcept {
  xdp_options o{};
  socklen_t size = sizeof o;
  const int e = result(::getsockopt(fd, SOL_XDP, XDP_OPTIONS, &o, &size));
  flags = o.flags;
  return e;
}

int statistics(int fd, xdp_statistics& out) noexcept {
  out = {};
  socklen_t size = sizeof out;
  return result(::getsockopt(fd, SOL_XDP, XDP_STATISTICS, &out, &size));
}

void* map_ring(int fd, std::uint64_t page_offset, const xdp_ring_offset& at, std::uint32_t slots,
               std::size_t slot_bytes, std::size_t& bytes, ring_memory& ring) noexcept {
  bytes = at.desc + slots * slot_bytes;
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                   static_cast<off_t>(page_offset));
  if (p == MAP_FAILED) return nullptr;
  auto* base = static_cast<std::byte*>(p);
  ring = {.producer = reinterpret_cast<std::uint32_t*>(base + at.producer),
          .consumer = reinterpret_cast<std::uint32_t*>(base + at.consumer),
          .flags = reinterpret_cast<std::uint32_t*>(base + at.flags),
          .slots = base + at.desc,
          .size = slots};
  return p;
}

}  // namespace ringway::uapi
