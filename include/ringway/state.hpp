// SPDX-License-Identifier: BSD-2-Clause
// The state memfd: what must be known of a worker after it is gone. Layout only; no kernel calls.
//
//   state_header | worker 0: worker_counters, port_counters[ports], pool_words, stack[frames], owner[frames]
//   | worker 1 ...
//
// The owner byte says who must give the frame back. Where a frame moves by the kernel's hand (fill -> rx, tx
// -> completion) nothing is written: that follows from the rings. A byte is written before the ring index
// that makes the move visible, so a crash loses at most a batch of frames and never leaves one in two places.
// After a crash the owner bytes are the authority: the stack's height is written once a bulk of frames.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "stats.hpp"

namespace ringway {

/// Who has to give a frame back. `fill` covers the fill ring, the kernel and the RX ring; `tx` the TX ring,
/// the device and the completion ring; `hand` a batch that is being processed.
enum class frame_owner : std::uint8_t { pool = 0, fill, tx, hand, punt, taken };

struct state_header {
  static constexpr std::uint64_t magic_value = 0x52494e4757415931;  // "RINGWAY1"
  std::uint64_t magic = magic_value;
  std::uint64_t layout = 0;  // hash of every size and offset: another build's state is not read
  std::uint32_t workers = 0, ports = 0;
  std::uint32_t frames = 0;  // per worker
  std::uint32_t frame_size = 0;
};

/// One worker's part of the state memory. Frames are numbered from first_frame on: frame i of the UMEM is at
/// byte i * frame_size; stack and owner are indexed by (frame number - first_frame).
struct worker_state {
  worker_counters* counters = nullptr;
  std::span<port_counters> ports;
  std::uint32_t* pool_size = nullptr;
  std::span<std::uint32_t> stack;  // frame numbers; the first *pool_size are free
  std::span<frame_owner> owner;
  std::uint32_t first_frame = 0;
  std::uint32_t frame_size = 0;
};

/// Where everything stands. A value; the same arguments give the same layout in every process of the same
/// build.
class state_layout {
 public:
  constexpr state_layout(std::uint32_t workers, std::uint32_t ports, std::uint32_t frames_per_worker,
                         std::uint32_t frame_size) noexcept
      : workers_(workers), ports_(ports), frames_(frames_per_worker), frame_size_(frame_size) {}

  constexpr std::size_t bytes() const noexcept {
    return aligned(sizeof(state_header)) + workers_ * worker_bytes();
  }

  constexpr std::uint64_t hash() const noexcept {
    std::uint64_t h = 14695981039346656037u;  // FNV-1a
    for (const std::uint64_t v : {std::uint64_t{sizeof(state_header)}, std::uint64_t{sizeof(worker_counters)},
                                  std::uint64_t{sizeof(port_counters)}, std::uint64_t{RW_REASON_SLOTS},
                                  std::uint64_t{RW_REASON_COUNT}, std::uint64_t{workers_},
                                  std::uint64_t{ports_}, std::uint64_t{frames_}, std::uint64_t{frame_size_},
                                  std::uint64_t{stack_offset()}, std::uint64_t{owner_offset()}})
      h = (h ^ v) * 1099511628211u;
    return h;
  }

  /// Begins a new state in zeroed memory of bytes() bytes: header, and every frame in its worker's pool.
  void format(std::byte* memory) const noexcept;
  /// Whether the memory holds a state of exactly this layout.
  bool matches(const std::byte* memory) const noexcept;
  worker_state worker(std::byte* memory, std::uint32_t index) const noexcept;

 private:
  static constexpr std::size_t aligned(std::size_t n) noexcept { return (n + 63) & ~std::size_t{63}; }
  constexpr std::size_t pool_offset() const noexcept {
    return sizeof(worker_counters) + ports_ * sizeof(port_counters);
  }
  constexpr std::size_t stack_offset() const noexcept { return pool_offset() + 64; }
  constexpr std::size_t owner_offset() const noexcept {
    return stack_offset() + aligned(frames_ * sizeof(std::uint32_t));
  }
  constexpr std::size_t worker_bytes() const noexcept { return owner_offset() + aligned(frames_); }

  std::uint32_t workers_, ports_, frames_, frame_size_;
};

inline worker_state state_layout::worker(std::byte* memory, std::uint32_t index) const noexcept {
  std::byte* at = memory + aligned(sizeof(state_header)) + index * worker_bytes();
  return {.counters = reinterpret_cast<worker_counters*>(at),
          .ports = {reinterpret_cast<port_counters*>(at + sizeof(worker_counters)), ports_},
          .pool_size = reinterpret_cast<std::uint32_t*>(at + pool_offset()),
          .stack = {reinterpret_cast<std::uint32_t*>(at + stack_offset()), frames_},
          .owner = {reinterpret_cast<frame_owner*>(at + owner_offset()), frames_},
          .first_frame = index * frames_,
          .frame_size = frame_size_};
}

inline void state_layout::format(std::byte* memory) const noexcept {
  auto* header = reinterpret_cast<state_header*>(memory);
  *header = {
      .layout = hash(), .workers = workers_, .ports = ports_, .frames = frames_, .frame_size = frame_size_};
  for (std::uint32_t w = 0; w < workers_; ++w) {
    const worker_state s = worker(memory, w);
    for (std::uint32_t i = 0; i < frames_; ++i) {
      s.stack[i] = s.first_frame + frames_ - 1 - i;  // LIFO: the lowest address is taken first
      s.owner[i] = frame_owner::pool;
    }
    *s.pool_size = frames_;
  }
}

inline bool state_layout::matches(const std::byte* memory) const noexcept {
  const auto* header = reinterpret_cast<const state_header*>(memory);
  return header->magic == state_header::magic_value && header->layout == hash();
}

}  // namespace ringway
