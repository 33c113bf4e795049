// SPDX-License-Identifier: BSD-2-Clause
// The four AF_XDP rings, seen from userspace. No kernel calls: a ring is memory and two indices, so a
// producer and a consumer over the same memory are a queue, and that is how they are tested.
//
//                 stage: push()            publish()                available()   at()   release()
//   fill, tx      ------------------> slots ---------> producer     (the kernel reads)
//   rx, completion  (the kernel writes)                              <------------------------------
//
// Indices are free-running 32-bit counters; slot i lives at i & (size - 1). Each side owns one index and
// caches the peer's, reading it only when its cached copy says "full" or "empty"
// (Documentation/networking/af_xdp.rst, "Rings").
#pragma once
#include <atomic>
#include <cstdint>

namespace ringway {

/// Where the kernel (mmap at XDP_PGOFF_*), or a test, put a ring. `size`: slots, a power of two. `flags` may
/// be null only for rings that never need a wake-up.
struct ring_memory {
  std::uint32_t* producer = nullptr;
  std::uint32_t* consumer = nullptr;
  std::uint32_t* flags = nullptr;
  void* slots = nullptr;
  std::uint32_t size = 0;
};

/// We write, the kernel reads: the fill and tx rings. One thread.
template <class T>
class producer_ring {
 public:
  producer_ring() = default;
  /// Continues where the indices in memory stand, so that a ring may be taken over from another process.
  explicit producer_ring(const ring_memory& m) noexcept
      : slots_(static_cast<T*>(m.slots)),
        mask_(m.size - 1),
        next_(*m.producer),
        limit_(std::atomic_ref(*m.consumer).load(std::memory_order_acquire) + m.size),
        producer_(m.producer),
        consumer_(m.consumer),
        flags_(m.flags) {}

  /// Stages one entry; false when the ring is full. The kernel sees nothing until publish(), so staged work
  /// that is never published does not exist: there is nothing to cancel.
  [[nodiscard]] bool push(const T& value) noexcept {
    if (next_ == limit_) [[unlikely]] {
      if (!refresh(1)) return false;
    }
    slots_[next_++ & mask_] = value;
    return true;
  }
  /// Stages one of the entries that room() said there is room for.
  void stage(const T& value) noexcept { slots_[next_++ & mask_] = value; }
  /// Whether n more entries fit: for a chain of fragments, which is staged whole or not at all.
  [[nodiscard]] bool room(std::uint32_t n) noexcept { return limit_ - next_ >= n || refresh(n); }

  /// One release store: the kernel sees all that was staged.
  void publish() noexcept { std::atomic_ref(*producer_).store(next_, std::memory_order_release); }

  /// XDP_RING_NEED_WAKEUP: the kernel wants a system call before it goes on.
  bool needs_wakeup() const noexcept {
    return (std::atomic_ref(*flags_).load(std::memory_order_relaxed) & 1u) != 0;
  }

  /// Entries staged or published that the kernel has not consumed. Reads the kernel's index.
  std::uint32_t pending() const noexcept {
    return next_ - std::atomic_ref(*consumer_).load(std::memory_order_acquire);
  }
  /// The same, for a thread that does not own the ring: published entries only, and at once out of date.
  std::uint32_t pending_seen_from_outside() const noexcept {
    const std::uint32_t consumed = std::atomic_ref(*consumer_).load(std::memory_order_acquire);
    return std::atomic_ref(*producer_).load(std::memory_order_acquire) - consumed;
  }
  /// The i-th of the pending entries, oldest first.
  const T& pending_at(std::uint32_t i) const noexcept { return slots_[(next_ - pending() + i) & mask_]; }
  /// The kernel's index: it moves when the kernel consumes.
  std::uint32_t consumed() const noexcept {
    return std::atomic_ref(*consumer_).load(std::memory_order_acquire);
  }
  std::uint32_t size() const noexcept { return mask_ + 1; }

 private:
  bool refresh(std::uint32_t n) noexcept {
    limit_ = std::atomic_ref(*consumer_).load(std::memory_order_acquire) + mask_ + 1;
    return limit_ - next_ >= n;
  }

  T* slots_ = nullptr;
  std::uint32_t mask_ = 0;
  std::uint32_t next_ = 0;   // first slot not yet staged
  std::uint32_t limit_ = 0;  // next_ may not pass this: the last seen consumer index + size
  std::uint32_t* producer_ = nullptr;
  std::uint32_t* consumer_ = nullptr;
  std::uint32_t* flags_ = nullptr;
};

/// The kernel writes, we read: the rx and completion rings. One thread.
template <class T>
class consumer_ring {
 public:
  consumer_ring() = default;
  explicit consumer_ring(const ring_memory& m) noexcept
      : slots_(static_cast<const T*>(m.slots)),
        mask_(m.size - 1),
        next_(*m.consumer),
        seen_(std::atomic_ref(*m.producer).load(std::memory_order_acquire)),
        producer_(m.producer),
        consumer_(m.consumer) {}

  /// How many entries, at most `want`, can be read with at() before release().
  [[nodiscard]] std::uint32_t available(std::uint32_t want) noexcept {
    if (seen_ - next_ < want) seen_ = std::atomic_ref(*producer_).load(std::memory_order_acquire);
    const std::uint32_t n = seen_ - next_;
    return n < want ? n : want;
  }
  /// Entry i of those that available() reported.
  const T& at(std::uint32_t i) const noexcept { return slots_[(next_ + i) & mask_]; }
  /// Gives n entries back to the kernel: they may be overwritten from now on.
  void release(std::uint32_t n) noexcept {
    next_ += n;
    std::atomic_ref(*consumer_).store(next_, std::memory_order_release);
  }
  std::uint32_t size() const noexcept { return mask_ + 1; }

 private:
  const T* slots_ = nullptr;
  std::uint32_t mask_ = 0;
  std::uint32_t next_ = 0;  // first entry not yet released
  std::uint32_t seen_ = 0;  // the last seen producer index
  std::uint32_t* producer_ = nullptr;
  std::uint32_t* consumer_ = nullptr;
};

}  // namespace ringway
