// SPDX-License-Identifier: BSD-2-Clause
// The receive side of one (port, queue), as its worker has it: fill ring and RX ring.
#pragma once
#include <algorithm>
#include <cstdint>
#include <ringway/packet.hpp>
#include <ringway/xsk.hpp>

namespace ringway {

class rx_queue {
 public:
  rx_queue(xsk* socket, port_id port, port_counters* counters, worker_counters* worker,
           bool busy_poll) noexcept
      : socket_(socket),
        counters_(counters),
        worker_(worker),
        owed_(socket->fill.size() - socket->fill.pending()),
        port_(port),
        busy_poll_(busy_poll) {}

  /// pool -> fill ring: as much as was taken from RX since, so the ring cannot overflow; at first all of it.
  /// In steps of at most a batch, each published by itself: a crash in between costs no more frames than
  /// that.
  template <std::uint32_t Capacity>
  void refill(frame_pool& pool) noexcept {
    while (owed_ != 0) {
      const std::uint32_t want = owed_ < Capacity ? owed_ : Capacity;
      producer_ring<std::uint64_t> ring = socket_->fill;  // in registers
      // The room is asked for before a frame is taken: one that the ring refuses would be nowhere.
      const std::uint32_t n =
          ring.room(want) ? pool.take(want, frame_owner::fill, [&ring](std::uint64_t a) { ring.stage(a); })
                          : 0;
      socket_->fill = ring;
      socket_->fill.publish();
      owed_ -= n;
      owned_ += n;
      if (n < want) {
        worker_->pool_empty.add(1);
        return;
      }
    }
  }

  /// RX ring -> batch: whole packets only, at most Capacity, headers prefetched.
  template <std::uint32_t Capacity>
  void receive(batch& b, frame_pool& pool) noexcept {
    const std::uint32_t there = socket_->rx.available(Capacity + max_fragments - 1);
    std::uint32_t used = skipping_ ? skip_rest(pool, 0, there) : 0;
    std::uint64_t bytes = 0;
    while (used < there && b.size() < Capacity) {
      used += receive_run(b, pool, used, std::min(there - used, Capacity - b.size()), bytes);
      if (used == there || b.size() == Capacity) break;
      const std::uint32_t n = receive_chain(b, pool, used, there, bytes);
      if (n == 0) break;  // not all of it is there, or no room: it waits for the next batch
      used += n;
    }
    if (used == 0) return wake_up();
    socket_->rx.release(used);
    owed_ += used;
    owned_ -= used;
    counters_->rx_packets.add(b.size() + dropped_chains_);
    counters_->rx_bytes.add(bytes);
    dropped_chains_ = 0;
  }

  /// Whether RX holds more; asked after a batch was taken.
  bool more() noexcept { return socket_->rx.available(1) != 0; }
  port_id port() const noexcept { return port_; }
  /// Frames in the fill ring, the kernel and the RX ring.
  std::uint32_t owned() const noexcept { return owned_; }
  const xsk& socket() const noexcept { return *socket_; }

 private:
  static constexpr std::uint32_t contd = 1;  // XDP_PKT_CONTD

  static void accept(std::uint64_t addr, const frame_pool& pool) noexcept {
    unpoison_frame(pool.at(pool.frame_of(addr)), pool.frame_size());
    pool.set_owner(addr, frame_owner::hand);
  }

  /// Of n descriptors those before the first that is part of a chain, a packet each. Ring and pool are
  /// copies, which nothing that the loop writes can change: so they stay in registers.
  std::uint32_t receive_run(batch& b, const frame_pool pool, std::uint32_t at, std::uint32_t n,
                            std::uint64_t& bytes) noexcept {
    const consumer_ring<xdp_desc> ring = socket_->rx;
    packet* const to = b.end();
    std::uint64_t sum = 0;
    std::uint32_t i = 0;
    for (; i < n; ++i) {
      const xdp_desc d = ring.at(at + i);
      if ((d.options & contd) != 0) [[unlikely]]
        break;
      accept(d.addr, pool);
      to[i] = {.data = pool.at(d.addr), .addr = d.addr, .len = d.len, .total = d.len};
      __builtin_prefetch(pool.at(d.addr));
      sum += d.len;
    }
    b.appended(i);
    bytes += sum;
    return i;
  }

  /// The packet that begins at descriptor `at`. Returns the descriptors it used; 0: it is not whole yet.
  [[gnu::cold, gnu::noinline]] std::uint32_t receive_chain(batch& b, frame_pool& pool, std::uint32_t at,
                                                           std::uint32_t there,
                                                           std::uint64_t& bytes) noexcept {
    std::uint32_t n = 1;
    while (at + n <= there && (socket_->rx.at(at + n - 1).options & contd) != 0) ++n;
    if (at + n > there) return there >= max_fragments && at == 0 ? drop_chain(pool, there) : 0;
    if (n - 1 > b.fragments_left()) return 0;
    const xdp_desc& first = socket_->rx.at(at);
    accept(first.addr, pool);
    packet& p =
        b.append({.data = pool.at(first.addr), .addr = first.addr, .len = first.len, .total = first.len});
    std::uint16_t* link = &p.next;
    for (std::uint32_t i = 1; i < n; ++i) {
      const xdp_desc& d = socket_->rx.at(at + i);
      accept(d.addr, pool);
      *link = b.append_fragment({.addr = d.addr, .len = d.len, .next = packet::no_fragment});
      link = &b.fragment_at(*link).next;
      p.total += d.len;
    }
    bytes += p.total;
    return n;
  }

  /// More fragments than the kernel makes: the descriptors go, as one counted drop, or the ring would stand
  /// still.
  std::uint32_t drop_chain(frame_pool& pool, std::uint32_t there) noexcept {
    counters_->drops[RW_REASON_TOO_MANY_FRAGS].add(1);
    ++dropped_chains_;
    return skip_rest(pool, 0, there);
  }

  /// Returns frames to the pool up to the end of a chain that is dropped, which may lie in a later batch.
  std::uint32_t skip_rest(frame_pool& pool, std::uint32_t at, std::uint32_t there) noexcept {
    skipping_ = true;
    while (skipping_ && at < there) {
      const xdp_desc& d = socket_->rx.at(at++);
      pool.give(d.addr);
      skipping_ = (d.options & contd) != 0;
    }
    return at;
  }

  void wake_up() noexcept {
    if (!busy_poll_ && !socket_->fill.needs_wakeup()) return;
    worker_->rx_kicks.add(1);
    if (socket_->kick_rx() == kick_result::gone) worker_->device_gone.add(1);
  }

  xsk* socket_;
  port_counters* counters_;
  worker_counters* worker_;
  std::uint32_t owed_;  // free frames that the fill ring has room for
  std::uint32_t owned_ = 0;
  std::uint32_t dropped_chains_ = 0;
  port_id port_;
  bool busy_poll_;
  bool skipping_ = false;  // within a chain that is dropped
};

}  // namespace ringway
