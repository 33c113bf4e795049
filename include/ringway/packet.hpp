// SPDX-License-Identifier: BSD-2-Clause
// A packet, and the batch of them that a network function is handed.
//
// Who owns the frames: the batch, from the moment process() is called until it returns. A verdict says what
// becomes of each packet then; a pointer kept longer is a bug (and a crash under ASan). A packet whose
// verdict is `taken` stays with the function until it comes back by put().
#pragma once
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/wire.h"
#include "pool.hpp"

namespace ringway {

using port_id = std::uint16_t;
using verdict = rw_verdict;

inline constexpr verdict punt = RW_PUNT;    // to the kernel's stack
inline constexpr verdict taken = RW_TAKEN;  // the function keeps it
/// Drop, and count it under `reason` (rw_reason, or RW_REASON_NF + n for the function's own).
constexpr verdict drop(std::uint16_t reason = RW_REASON_NO_VERDICT) noexcept { return RW_DROP(reason); }

/// 32 bytes, a value without invariants.
struct packet {
  static constexpr std::uint16_t no_fragment = 0xffff;

  std::byte* data;                   // first byte of the first fragment
  std::uint64_t addr;                // UMEM offset of data
  std::uint32_t len;                 // bytes in the first fragment
  std::uint32_t total;               // bytes in the whole packet
  std::uint16_t next = no_fragment;  // the next fragment, in the batch's side array
  std::uint16_t flags = 0;           // reserved for hints and offload requests
  verdict out = drop();              // a function that forgets a packet drops it, visibly
  std::uint16_t mark = 0;            // the function's own; a chain<> hands it on

  std::byte* end() const noexcept { return data + len; }
};
static_assert(sizeof(packet) == 32);

/// The fragments of a packet after its first.
struct fragment {
  std::uint64_t addr;
  std::uint32_t len;
  std::uint16_t next;
};
static_assert(sizeof(fragment) == 16);

/// MAX_SKB_FRAGS + 1: the most fragments that the kernel makes of one packet.
inline constexpr std::uint32_t max_fragments = 18;
/// XDP_PACKET_HEADROOM: where received data begins in its frame, and where make() puts it.
inline constexpr std::uint32_t packet_headroom = 256;

/// A view of the worker's storage: process() has one signature for every capacity.
class batch {
 public:
  batch(port_id ingress, packet* packets, packet* scratch, std::uint32_t room, fragment* fragments,
        std::uint32_t fragment_room, frame_pool& pool) noexcept
      : packets_(packets),
        scratch_(scratch),
        fragments_(fragments),
        pool_(&pool),
        room_(room),
        fragment_room_(fragment_room),
        ingress_(ingress) {}
  batch(const batch&) = delete;
  batch& operator=(const batch&) = delete;

  /// The port that all received packets of this batch came from.
  port_id ingress() const noexcept { return ingress_; }
  std::uint32_t size() const noexcept { return size_ - first_; }
  bool empty() const noexcept { return size_ == first_; }
  packet* begin() noexcept { return packets_ + first_; }
  /// A running `for (packet& p : b)` does not visit what make(), copy() and put() append; pointers stay
  /// valid.
  packet* end() noexcept { return packets_ + size_; }

  /// A packet of one's own, appended: `len` bytes, uninitialised. Null: no free frame, no room, longer than a
  /// frame, or empty (some kernels never give the frame of an empty packet back).
  packet* make(std::uint32_t len) noexcept {
    if (size_ == room_ || pool_->empty() || len == 0 || len > pool_->frame_size() - packet_headroom)
      return nullptr;
    const std::uint64_t addr = open_frame() + packet_headroom;
    ++made_;
    return &append({.data = pool_->at(addr), .addr = addr, .len = len, .total = len});
  }
  /// A copy of a packet, appended, with its bytes and its mark: flooding, mirroring. Null: as make(), and for
  /// a packet of several fragments that is longer than a frame.
  packet* copy(const packet& from) noexcept {
    packet* p = make(from.total);
    if (p == nullptr) return nullptr;
    std::memcpy(p->data, from.data, from.len);
    std::byte* to = p->data + from.len;
    for (std::uint16_t i = from.next; i != packet::no_fragment; i = fragments_[i].next) {
      std::memcpy(to, pool_->at(fragments_[i].addr), fragments_[i].len);
      to += fragments_[i].len;
    }
    p->mark = from.mark;
    return p;
  }
  /// Brings back a packet that was `taken` from an earlier batch (single fragment). False: no room; it is
  /// still the function's.
  bool put(const packet& from) noexcept {
    if (size_ == room_) return false;
    assert(pool_->owner(from.addr) == frame_owner::taken);
    pool_->set_owner(from.addr, frame_owner::hand);
    ++put_;
    append(from).next = packet::no_fragment;
    return true;
  }

  /// Bytes before data that push() may use; at least 128 on receipt.
  std::uint32_t headroom(const packet& p) const noexcept { return pool_->offset_in_frame(p.addr); }
  /// Moves the packet's beginning n bytes towards the head of its frame. False: no room, nothing changed.
  [[nodiscard]] bool push(packet& p, std::uint32_t n) noexcept {
    if (n > headroom(p)) return false;
    p.data -= n, p.addr -= n, p.len += n, p.total += n;
    return true;
  }
  /// Takes n bytes off the packet's beginning. False: the first fragment has no more than that.
  [[nodiscard]] bool pull(packet& p, std::uint32_t n) noexcept {
    if (n >= p.len) return false;
    p.data += n, p.addr += n, p.len -= n, p.total -= n;
    return true;
  }
  /// Grows (by > 0) or cuts (by < 0) the packet's tail. False: does not fit into its frame, nothing would be
  /// left, or the packet has several fragments; nothing changed.
  [[nodiscard]] bool resize(packet& p, std::int32_t by) noexcept {
    const std::int64_t len = std::int64_t{p.len} + by;
    if (p.next != packet::no_fragment || len <= 0 || headroom(p) + len > pool_->frame_size()) return false;
    p.len = p.total = static_cast<std::uint32_t>(len);
    return true;
  }
  const fragment& fragment_at(std::uint16_t i) const noexcept { return fragments_[i]; }

  // ---- for the worker and chain<> ----
  packet& append(const packet& p) noexcept {
    assert(size_ < room_);
    return packets_[size_++] = p;
  }
  void appended(std::uint32_t n) noexcept { size_ += n; }  // written from end() on
  std::uint32_t fragments_left() const noexcept { return fragment_room_ - fragment_count_; }
  std::uint16_t append_fragment(const fragment& f) noexcept {
    assert(fragment_count_ < fragment_room_);
    fragments_[fragment_count_] = f;
    return static_cast<std::uint16_t>(fragment_count_++);
  }
  fragment& fragment_at(std::uint16_t i) noexcept { return fragments_[i]; }
  std::uint32_t made() const noexcept { return made_; }
  std::uint32_t put_back() const noexcept { return put_; }
  /// For chain<>: moves the packets that have a verdict before those that have none, keeps the order of each,
  /// and hides the former until show_all().
  void hide_decided() noexcept {
    std::uint32_t decided = first_, undecided = 0;
    for (std::uint32_t i = first_; i < size_; ++i) {
      if (packets_[i].out == drop())
        scratch_[undecided++] = packets_[i];
      else
        packets_[decided++] = packets_[i];
    }
    if (decided != first_) std::memcpy(packets_ + decided, scratch_, undecided * sizeof(packet));
    first_ = decided;
  }
  void hide_all() noexcept { first_ = size_; }
  void show_all() noexcept { first_ = 0; }

 private:
  std::uint64_t open_frame() noexcept {
    const std::uint64_t frame = pool_->take(frame_owner::hand);
    unpoison_frame(pool_->at(frame), pool_->frame_size());
    return frame;
  }

  packet* packets_;
  packet* scratch_;
  fragment* fragments_;
  frame_pool* pool_;
  std::uint32_t room_, fragment_room_;
  std::uint32_t first_ = 0, size_ = 0, fragment_count_ = 0, made_ = 0, put_ = 0;
  port_id ingress_;
};

/// In the worker: RX fills at most Capacity packets, and there is room for as many that are made or copied.
template <std::uint32_t Capacity>
class batch_storage {
 public:
  static_assert(Capacity >= 1 && Capacity <= 4096);
  batch begin(port_id ingress, frame_pool& pool) noexcept {
    return {ingress, packets_, scratch_, 2 * Capacity, fragments_, Capacity + max_fragments, pool};
  }

 private:
  packet packets_[2 * Capacity];
  packet scratch_[2 * Capacity];
  fragment fragments_[Capacity + max_fragments];
};

}  // namespace ringway
