// SPDX-License-Identifier: BSD-2-Clause
// One AF_XDP socket: one (interface, queue), four rings.
//
//   fill        we -> kernel   free frames to receive into
//   rx          kernel -> we   received packets
//   tx          we -> kernel   packets to send
//   completion  kernel -> we   frames that were sent
//
// Everything but kick_tx() and kick_rx() is memory.
#pragma once
#include <linux/if_xdp.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ringway/interface.hpp>
#include <ringway/ring.hpp>
#include <ringway/umem.hpp>
#include <ringway/unique_fd.hpp>
#include <string_view>

namespace ringway {

enum class bind_mode : std::uint16_t { automatic = 0, copy = XDP_COPY, zero_copy = XDP_ZEROCOPY };
std::string_view to_string(bind_mode mode) noexcept;

struct xsk_config {
  bind_mode bind = bind_mode::automatic;
  std::uint32_t ring_size = 2048;  // rx, tx and completion slots, a power of two; fill has twice as many
  std::uint32_t tx_budget =
      0;  // packets a sendto() sends in copy mode (XDP_MAX_TX_SKB_BUDGET); 0: the kernel's 32
  std::uint32_t busy_poll_us = 0;                 // SO_PREFER_BUSY_POLL, SO_BUSY_POLL; 0: off
  std::uint32_t busy_poll_budget = 64;            // SO_BUSY_POLL_BUDGET: packets a poll
  bool multi_buffer = false;                      // XDP_USE_SG: packets of several frames
  std::chrono::milliseconds busy_deadline{1000};  // how long EBUSY of a queue that was just closed is retried
};

/// What a kick said.
enum class kick_result : std::uint8_t {
  done,   // 0: nothing more to send
  more,   // EAGAIN: the budget is used up, the completion ring is full or the socket buffer is
  lost,   // EBUSY: one packet was consumed and lost in the device (copy mode); the call stopped there
  later,  // ENOBUFS, EINTR, ENETDOWN: a pause; what is in the ring stays there
  gone,   // ENXIO: the interface was deleted or moved to another namespace
};

class xsk {
 public:
  /// Opens, registers or shares the UMEM, maps the rings and binds. CAP_NET_RAW in the interface's namespace;
  /// the pages of the UMEM count against RLIMIT_MEMLOCK without CAP_IPC_LOCK. Throws ringway::error with the
  /// queue, the cause where it is known, and the remedy.
  xsk(umem& memory, const interface& where, std::uint32_t queue, const xsk_config& config);
  /// From rings in plain memory, without a socket: tests and benchmarks, whose rings never ask for a wake-up.
  xsk(const ring_memory& fill, const ring_memory& completion, const ring_memory& rx,
      const ring_memory& tx) noexcept;
  ~xsk();
  xsk(xsk&& other) noexcept;
  xsk(const xsk&) = delete;
  xsk& operator=(const xsk&) = delete;
  xsk& operator=(xsk&&) = delete;

  int fd() const noexcept { return socket_.value(); }
  std::uint32_t queue() const noexcept { return queue_; }
  /// What XDP_OPTIONS says after bind, not what was asked for: copy or zero_copy.
  bind_mode bound_mode() const noexcept { return bound_; }
  /// Whether the kernel took XDP_MAX_TX_SKB_BUDGET, and the packets that one kick sends in copy mode.
  std::uint32_t tx_budget() const noexcept { return tx_budget_; }
  /// XDP_STATISTICS. Read with all six fields: with the short struct the kernel adds one loss to another.
  xdp_statistics statistics() const;

  /// One sendto(): the only system call of the transmit side.
  kick_result kick_tx() const noexcept {
    if (::sendto(socket_.value(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0) return kick_result::done;
    switch (errno) {
      case EAGAIN:
        return kick_result::more;
      case EBUSY:
        return kick_result::lost;
      case ENXIO:
        return kick_result::gone;
      default:
        return kick_result::later;
    }
  }
  /// One recvfrom(): wakes the driver, or polls it when busy polling is on.
  kick_result kick_rx() const noexcept {
    if (::recvfrom(socket_.value(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr) >= 0)
      return kick_result::done;
    return errno == ENXIO ? kick_result::gone : errno == EAGAIN ? kick_result::done : kick_result::later;
  }

  consumer_ring<xdp_desc> rx;
  producer_ring<xdp_desc> tx;
  producer_ring<std::uint64_t> fill;
  consumer_ring<std::uint64_t> completion;

 private:
  struct mapping {
    void* address = nullptr;
    std::size_t bytes = 0;
  };
  void bind_with_deadline(const interface& where, const xsk_config& config);
  void map_rings(std::uint32_t ring_size);
  void unmap() noexcept;

  umem* memory_ = nullptr;
  unique_fd socket_;
  mapping maps_[4];
  std::uint32_t queue_ = 0;
  std::uint32_t tx_budget_ = 32;
  bind_mode bound_ = bind_mode::copy;
};

}  // namespace ringway
