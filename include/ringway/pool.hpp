// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "poison.hpp"
#include "state.hpp"

namespace ringway {

/// The free frames of one worker: a stack in the state memory, touched by one thread. Last in, first out: a
/// frame that was just sent is still in the cache. Also the worker's view of packet memory: it turns
/// addresses into frames.
class frame_pool {
 public:
  /// `base`: where the UMEM is mapped. frame_size must be a power of two (aligned chunks).
  frame_pool(const worker_state& state, std::byte* base) noexcept
      : base_(base),
        stack_(state.stack.data()),
        owner_(state.owner.data()),
        size_(state.pool_size),
        first_(state.first_frame),
        count_(static_cast<std::uint32_t>(state.owner.size())),
        shift_(static_cast<std::uint32_t>(std::countr_zero(state.frame_size))) {
    assert(std::has_single_bit(state.frame_size));
  }

  bool empty() const noexcept { return *size_ == 0; }
  std::uint32_t size() const noexcept { return *size_; }
  std::uint32_t capacity() const noexcept { return count_; }
  std::uint32_t frame_size() const noexcept { return 1u << shift_; }

  /// The address of a free frame, which now belongs to `to`. Precondition: not empty().
  std::uint64_t take(frame_owner to) noexcept {
    assert(!empty());
    const std::uint32_t frame = stack_[--*size_];
    owner_[frame - first_] = to;
    return std::uint64_t{frame} << shift_;
  }
  /// At most n free frames, which now belong to `to`: use(addr) gets each. Returns how many. The loop works
  /// on a copy, which nothing that it writes can change: so it stays in registers.
  template <class Use>
  std::uint32_t take(std::uint32_t n, frame_owner to, Use use) noexcept {
    const frame_pool p = *this;
    const std::uint32_t top = *size_, left = n < top ? top - n : 0;
    for (std::uint32_t i = top; i != left; --i) {
      const std::uint32_t frame = p.stack_[i - 1];
      p.owner_[frame - p.first_] = to;
      use(std::uint64_t{frame} << p.shift_);
    }
    *size_ = left;
    return top - left;
  }
  /// Brings back those of the frames at addr(0) ... addr(n - 1) that are ours and belong to `from`; the
  /// others are left alone. Returns how many.
  template <class Addr>
  std::uint32_t give(std::uint32_t n, frame_owner from, Addr addr) noexcept {
    const frame_pool p = *this;
    const std::uint32_t before = *size_;
    std::uint32_t top = before;
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint64_t a = addr(i), frame = a >> p.shift_;
      if (!p.mine(a) || p.owner(a) != from) [[unlikely]]
        continue;
      p.owner_[frame - p.first_] = frame_owner::pool;
      p.stack_[top++] = static_cast<std::uint32_t>(frame);
      poison_frame(p.at(p.frame_of(a)), p.frame_size());
    }
    *size_ = top;
    return top - before;
  }
  /// Brings a frame back. `addr` may point anywhere into it.
  void give(std::uint64_t addr) noexcept {
    const auto frame = static_cast<std::uint32_t>(addr >> shift_);
    assert(mine(addr) && owner_[frame - first_] != frame_owner::pool && *size_ < count_);
    owner_[frame - first_] = frame_owner::pool;
    stack_[(*size_)++] = frame;
    poison_frame(base_ + frame_of(addr), frame_size());
  }

  /// This is the only place that masks: RX addresses lie headroom bytes into their frame.
  std::uint64_t frame_of(std::uint64_t addr) const noexcept { return addr >> shift_ << shift_; }
  std::uint32_t offset_in_frame(std::uint64_t addr) const noexcept {
    return static_cast<std::uint32_t>(addr) & (frame_size() - 1);
  }
  std::byte* at(std::uint64_t addr) const noexcept { return base_ + addr; }

  /// Whether the address lies in a frame of this worker. The kernel may hand back others: an invalid TX
  /// descriptor's address comes back on the completion ring of some kernels.
  bool mine(std::uint64_t addr) const noexcept { return (addr >> shift_) - first_ < count_; }
  frame_owner owner(std::uint64_t addr) const noexcept { return owner_[(addr >> shift_) - first_]; }
  void set_owner(std::uint64_t addr, frame_owner to) const noexcept {
    owner_[(addr >> shift_) - first_] = to;
  }

  /// Frames that belong to `who`; walks all owner bytes.
  std::uint32_t count(frame_owner who) const noexcept {
    std::uint32_t n = 0;
    for (std::uint32_t i = 0; i < count_; ++i) n += owner_[i] == who;
    return n;
  }

 private:
  std::byte* base_;
  std::uint32_t* stack_;
  frame_owner* owner_;
  std::uint32_t* size_;
  std::uint32_t first_, count_, shift_;
};

/// Every frame in exactly one place.
struct frame_ledger {
  std::uint32_t total = 0, pool = 0, fill = 0, tx = 0, taken = 0;
  /// Frames that are nowhere (> 0) or in two places (< 0).
  std::int64_t leaked() const noexcept {
    return std::int64_t{total} - (std::int64_t{pool} + fill + tx + taken);
  }
};

}  // namespace ringway
