// SPDX-License-Identifier: BSD-2-Clause
// Packet memory: one memfd, cut into equal frames, that the kernel and we share. One UMEM serves all ports,
// queues and workers of a forwarder, so a frame received on one port is sent on another without being copied
// in userspace.
//
//   frame:  | 256 bytes (XDP_PACKET_HEADROOM) + headroom | packet ... | tailroom |
#pragma once
#include <cstddef>
#include <cstdint>
#include <ringway/memory_file.hpp>
#include <ringway/poison.hpp>

namespace ringway {

struct umem_config {
  std::uint32_t frames = 4096;      // in all
  std::uint32_t frame_size = 2048;  // bytes: 2048 or 4096
  std::uint32_t headroom = 0;       // bytes before received data, beyond the kernel's 256
  huge_pages pages = huge_pages::automatic;
};

/// The largest packet, without FCS, that fits a frame of this size: what XDP's headroom leaves.
constexpr std::uint32_t largest_packet(std::uint32_t frame_size, std::uint32_t headroom = 0) noexcept {
  return frame_size - 256 - headroom;
}
/// 2048 when MTU + 14 (Ethernet) + 8 (two VLAN tags) + 256 (headroom) fits, else 4096.
constexpr std::uint32_t default_frame_size(std::uint32_t mtu) noexcept {
  return mtu + 14 + 8 + 256 <= 2048 ? 2048 : 4096;
}

/// What one worker needs so that no ring ever waits for a frame (all numbers in frames; ring_size in slots).
///   fill (2 x ring) + RX of every queue it owns, TX + half the completion ring of every port, two batches;
///   in whole pages
constexpr std::uint32_t frames_needed(std::uint32_t queues, std::uint32_t ports, std::uint32_t ring_size,
                                      std::uint32_t capacity, std::uint32_t frame_size) noexcept {
  const std::uint32_t n = queues * 3 * ring_size + ports * (ring_size + ring_size / 2) + 2 * capacity;
  const std::uint32_t per_page = frame_size >= 4096 ? 1 : 4096 / frame_size;
  return (n + per_page - 1) / per_page * per_page;
}
/// Less than this and a queue starves at once: the fill rings and one batch.
constexpr std::uint32_t frames_minimum(std::uint32_t queues, std::uint32_t ring_size,
                                       std::uint32_t capacity) noexcept {
  return queues * 2 * ring_size + capacity;
}

class xsk;

/// The memory; the kernel learns of it with the first socket (XDP_UMEM_REG pins its pages: RLIMIT_MEMLOCK or
/// CAP_IPC_LOCK), the others share that registration.
class umem {
 public:
  /// Throws ringway::usage_error for a frame size that is neither 2048 nor 4096, ringway::error when there is
  /// no memory.
  explicit umem(const umem_config& config);
  ~umem();
  umem(const umem&) = delete;
  umem& operator=(const umem&) = delete;

  const umem_config& config() const noexcept { return config_; }
  std::byte* base() const noexcept { return memory_.data(); }
  std::byte* at(std::uint64_t addr) const noexcept { return base() + addr; }
  std::uint64_t frame_of(std::uint64_t addr) const noexcept {
    return addr & ~std::uint64_t{config_.frame_size - 1};
  }
  std::size_t bytes() const noexcept { return std::size_t{config_.frames} * config_.frame_size; }
  const memory_file& file() const noexcept { return memory_; }

 private:
  friend class xsk;
  umem_config config_;
  memory_file memory_;
  int registrar_ = -1;  // a bound socket that later ones name when they share the registration
};

}  // namespace ringway
