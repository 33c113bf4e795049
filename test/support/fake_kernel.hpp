// SPDX-License-Identifier: BSD-2-Clause
// AF_XDP in plain memory: packet memory, four rings for each socket, and the kernel's side of them. Written
// without the library's ring classes: a fault in those must not cancel out.
//
// The kernel's side belongs to one thread, which may be another than the worker's.
#pragma once
#include <linux/if_xdp.h>

#include <functional>
#include <ringway/ring.hpp>
#include <ringway/xsk.hpp>
#include <span>
#include <vector>

#include "plain_memory.hpp"

namespace ringway::test {

/// The kernel reads and writes frames whatever ASan thinks of them.
__attribute__((no_sanitize("address"))) inline void kernel_copy(std::byte* to, const std::byte* from,
                                                                std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)  // volatile: a loop that became memcpy() would be checked after all
    static_cast<volatile std::byte*>(to)[i] = static_cast<const volatile std::byte*>(from)[i];
}

/// Frames of all sockets.
struct fake_umem {
  fake_umem(std::uint32_t frames, std::uint32_t size)
      : memory(std::size_t{frames} * size), frame_size(size) {}
  plain_memory memory;
  std::uint32_t frame_size;
};

/// A ring's memory, indices a cache line apart as in the kernel, and the other end of it.
template <class T>
class plain_ring {
 public:
  explicit plain_ring(std::uint32_t size, std::uint32_t first = 0)
      : producer_(first), consumer_(first), slots_(size) {}
  ring_memory memory() { return {&producer_, &consumer_, &flags_, slots_.data(), size()}; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(slots_.size()); }

  std::uint32_t filled() const { return load(producer_) - load(consumer_); }
  std::uint32_t room() const { return size() - filled(); }
  /// The i-th of the filled entries.
  T peek(std::uint32_t i = 0) const { return slots_[(load(consumer_) + i) & (size() - 1)]; }
  void drop(std::uint32_t n) { store(consumer_, load(consumer_) + n); }
  T take() {
    const T value = peek();
    drop(1);
    return value;
  }
  void put(const T& value) {
    slots_[load(producer_) & (size() - 1)] = value;
    store(producer_, load(producer_) + 1);
  }
  /// Takes the last entry back, as if it had not been put there yet.
  void unput() { store(producer_, load(producer_) - 1); }
  void want_wakeup(bool yes) { store(flags_, yes ? XDP_RING_NEED_WAKEUP : 0U); }
  std::uint32_t producer() const { return load(producer_); }
  std::uint32_t consumer() const { return load(consumer_); }

 private:
  static std::uint32_t load(const std::uint32_t& i) { return __atomic_load_n(&i, __ATOMIC_ACQUIRE); }
  static void store(std::uint32_t& i, std::uint32_t value) { __atomic_store_n(&i, value, __ATOMIC_RELEASE); }

  alignas(64) std::uint32_t producer_;
  alignas(64) std::uint32_t consumer_;
  alignas(64) std::uint32_t flags_ = 0;
  std::vector<T> slots_;
};

/// One socket's kernel.
class fake_kernel {
 public:
  static constexpr std::uint32_t headroom = 256;  // XDP_PACKET_HEADROOM
  static constexpr std::uint32_t contd = 1;       // XDP_PKT_CONTD
  static constexpr std::uint32_t budget = 32;     // TX_BATCH_SIZE: packets a call

  fake_kernel(fake_umem& umem, std::uint32_t ring_size, std::uint32_t first = 0)
      : fill(2 * ring_size, first),
        completion(ring_size, first),
        rx(ring_size, first),
        tx(ring_size, first),
        umem_(&umem) {}

  /// The user's end. The kernel must outlive it.
  xsk socket() { return {fill.memory(), completion.memory(), rx.memory(), tx.memory()}; }

  /// A packet arrives, spread evenly over `fragments` frames. False: no free frame or no room, and counted.
  bool deliver(std::span<const std::byte> bytes, std::uint32_t fragments = 1) {
    if (fill.filled() < fragments) return ++rx_dropped, false;
    if (rx.room() < fragments) return ++rx_ring_full, false;
    const std::size_t part = (bytes.size() + fragments - 1) / fragments;
    for (; fragments != 0; --fragments) {
      const std::size_t n = fragments == 1 ? bytes.size() : part;
      const std::uint64_t addr = fill.take() + headroom;
      kernel_copy(at(addr), bytes.data(), n);
      bytes = bytes.subspan(n);
      rx.put({.addr = addr, .len = static_cast<std::uint32_t>(n), .options = fragments == 1 ? 0 : contd});
    }
    return true;
  }

  /// Sends at most `packets`: hands each to `sink` and completes its frames, while completions have room.
  /// Returns the packets sent.
  std::uint32_t transmit(std::uint32_t packets = budget) {
    std::uint32_t sent = 0;
    for (; sent < packets && tx.filled() != 0; ++sent) {
      std::uint32_t n = 1;
      while ((tx.peek(n - 1).options & contd) != 0 && n < tx.filled()) ++n;
      if (completion.room() < n) break;
      whole_.clear();
      for (std::uint32_t i = 0; i < n; ++i) send_one(tx.peek(i));
      tx.drop(n);
      if (sink) sink(whole_);
    }
    transmitted += sent;
    return sent;
  }

  plain_ring<std::uint64_t> fill, completion;
  plain_ring<xdp_desc> rx, tx;
  std::function<void(std::span<const std::byte>)> sink;
  std::uint64_t rx_dropped = 0, rx_ring_full = 0, transmitted = 0, invalid = 0;

 private:
  void send_one(const xdp_desc& d) {
    // What the kernel refuses (net/xdp/xsk_queue.h, xp_aligned_validate_desc): the frame does not come back.
    const bool crosses = d.addr % umem_->frame_size + d.len > umem_->frame_size;
    if (d.len == 0 || crosses || d.addr + d.len > umem_->memory.bytes()) {
      ++invalid;
      return;
    }
    const std::size_t before = whole_.size();
    whole_.resize(before + d.len);
    kernel_copy(whole_.data() + before, at(d.addr), d.len);
    completion.put(d.addr);
  }
  std::byte* at(std::uint64_t addr) const { return umem_->memory.data() + addr; }

  fake_umem* umem_;
  std::vector<std::byte> whole_;
};

}  // namespace ringway::test
