// SPDX-License-Identifier: BSD-2-Clause
// The transmit side of one port, as one worker has it: what was staged, what the kernel holds, when to kick.
#pragma once
#include <cstdint>
#include <ringway/packet.hpp>
#include <ringway/worker_config.hpp>

namespace ringway {

class tx_queue {
 public:
  tx_queue(xsk* socket, port_counters* port, worker_counters* worker, const tx_policy& policy) noexcept
      : socket_(socket), port_(port), worker_(worker), policy_(policy) {}

  /// Stages consecutive packets that go to this port, from `p` on. Returns the first that does not.
  packet* send_run(batch& b, packet* p, frame_pool& pool, std::uint64_t now) noexcept {
    const verdict out = p->out;
    packet* const end = b.end();
    if (owned_ == 0) progress_ = now;  // the watchdog's time begins here, not in the idle before
    while ((p = stage_run(p, end, out, pool)) != end && p->out == out) send_slowly(b, *p++, pool, now);
    return p;
  }
  /// After a batch: shows the kernel what was staged, and counts it.
  void publish(std::uint64_t now) noexcept {
    if (new_packets_ == 0) return;
    if (staged_ == 0) since_ = now;
    staged_ += new_packets_;
    port_->tx_packets.add(new_packets_);
    port_->tx_bytes.add(new_bytes_);
    new_packets_ = 0, new_bytes_ = 0;
    socket_->tx.publish();
  }

  /// Returns every frame of a packet to the pool.
  static void give_back(const batch& b, const packet& p, frame_pool& pool) noexcept {
    pool.give(p.addr);
    for (std::uint16_t i = p.next; i != packet::no_fragment; i = b.fragment_at(i).next)
      pool.give(b.fragment_at(i).addr);
  }

  /// Completion ring -> pool: all that is there, for with a full completion ring the kernel sends nothing.
  /// Addresses that are not ours to reap are counted and left alone.
  void reap(frame_pool& pool, std::uint64_t now) noexcept {
    const std::uint32_t n = socket_->completion.available(socket_->completion.size());
    if (n == 0) return;
    const consumer_ring<std::uint64_t> ring = socket_->completion;  // in registers
    const std::uint32_t good = pool.give(n, frame_owner::tx, [&ring](std::uint32_t i) { return ring.at(i); });
    worker_->bad_completions.add(n - good);
    owned_ -= good;
    socket_->completion.release(n);
    progress_ = now;
  }

  /// Called at the end of every turn. A kick may be put off only while RX has more to read, and until a
  /// quarter of the ring is staged or the time is up: a packet alone goes out at once.
  void kick_if_due(bool rx_has_more, frame_pool& pool, std::uint64_t now) noexcept {
    if (staged_ == 0 || now < paused_until_) return;
    if (rx_has_more && staged_ < socket_->tx.size() / 4 && now - since_ < policy_.hold) return;
    kick(pool, now);
  }

  /// The kernel sends a budget of packets a call and says EAGAIN while there are more: again while it makes
  /// progress.
  void kick(frame_pool& pool, std::uint64_t now) noexcept {
    // Not flagged: the driver may fall asleep just after we looked, so the next turn asks again.
    if (!socket_->tx.needs_wakeup()) return void(staged_ = socket_->tx.pending());
    std::uint32_t before = socket_->tx.consumed();
    // Older kernels show their index one call late: one call without progress is not yet a stop.
    for (std::uint32_t stuck = 0; stuck < 2;) {
      worker_->kicks.add(1);
      const kick_result said = socket_->kick_tx();
      if (said == kick_result::lost) lost_in_device();
      if (said == kick_result::later || said == kick_result::gone) {
        stop_kicking(said, now);
        break;
      }
      reap(pool, now);
      const std::uint32_t after = socket_->tx.consumed();
      if (said == kick_result::done || socket_->tx.pending() == 0) break;
      stuck = after == before ? stuck + 1 : 0;
      before = after;
    }
    staged_ = socket_->tx.pending();
  }

  /// From the worker's clock: kicks what makes no progress, and counts that.
  void watch(frame_pool& pool, std::uint64_t now) noexcept {
    if (owned_ == 0 || now - progress_ < policy_.stall) return;
    worker_->stalls.add(1);
    progress_ = now;
    kick(pool, now);
  }

  /// What the kernel has not consumed at exit was never transmitted: moves it from tx_packets to tx_unsent.
  void count_unsent() noexcept {
    const std::uint32_t pending = socket_->tx.pending();
    for (std::uint32_t i = 0; i < pending; ++i) {
      const xdp_desc& d = socket_->tx.pending_at(i);
      port_->tx_bytes.subtract(d.len);
      if ((d.options & contd) != 0) continue;
      port_->tx_packets.subtract(1);
      port_->drops[RW_REASON_TX_UNSENT].add(1);
    }
  }
  bool idle() const noexcept { return socket_->tx.pending() == 0; }
  /// Frames in the TX ring, the device and the completion ring.
  std::uint32_t owned() const noexcept { return owned_; }
  const xsk& socket() const noexcept { return *socket_; }

 private:
  static constexpr std::uint32_t contd = 1;  // XDP_PKT_CONTD: the packet goes on in the next descriptor

  /// Packets of one frame while the ring has room. Ring and pool are copies, which nothing that the loop
  /// writes can change: so they stay in registers.
  packet* stage_run(packet* p, packet* const end, const verdict out, const frame_pool pool) noexcept {
    producer_ring<xdp_desc> ring = socket_->tx;
    packet* const begin = p;
    std::uint64_t bytes = 0;
    for (; p != end && p->out == out && p->next == packet::no_fragment; ++p) {
      if (!ring.push({.addr = p->addr, .len = p->len, .options = 0})) [[unlikely]]
        break;
      hand_over(p->addr, pool);
      bytes += p->len;
    }
    socket_->tx = ring;
    new_packets_ += static_cast<std::uint32_t>(p - begin);
    owned_ += static_cast<std::uint32_t>(p - begin);
    new_bytes_ += bytes;
    return p;
  }

  /// A chain, or a packet that finds the ring full.
  [[gnu::cold, gnu::noinline]] void send_slowly(const batch& b, const packet& p, frame_pool& pool,
                                                std::uint64_t now) noexcept {
    if (!stage_chain(b, p, pool, now)) {
      port_->drops[RW_REASON_TX_RING_FULL].add(1);
      return give_back(b, p, pool);
    }
    ++new_packets_;
    new_bytes_ += p.total;
  }

  /// Whole or not at all.
  bool stage_chain(const batch& b, const packet& p, frame_pool& pool, std::uint64_t now) noexcept {
    std::uint32_t n = 1;
    for (std::uint16_t i = p.next; i != packet::no_fragment; i = b.fragment_at(i).next) ++n;
    if (!socket_->tx.room(n) && !make_room(n, pool, now)) return false;
    fragment f{.addr = p.addr, .len = p.len, .next = p.next};
    for (owned_ += n; n != 0; --n) {
      (void)socket_->tx.push({.addr = f.addr, .len = f.len, .options = n == 1 ? 0 : contd});
      hand_over(f.addr, pool);
      if (n != 1) f = b.fragment_at(f.next);
    }
    return true;
  }

  static void hand_over(std::uint64_t addr, const frame_pool& pool) noexcept {
    pool.set_owner(addr, frame_owner::tx);
    poison_frame(pool.at(pool.frame_of(addr)), pool.frame_size());
  }

  /// A full ring is kicked a bounded number of times; then what does not fit is a counted drop for the rest
  /// of the turn, for a queue only adds delay, and a call for each packet would add more.
  bool make_room(std::uint32_t n, frame_pool& pool, std::uint64_t now) noexcept {
    for (std::uint32_t i = 0; i < policy_.retries && now >= paused_until_ && now != gave_up_; ++i) {
      publish(now);
      kick(pool, now);
      if (socket_->tx.room(n)) return true;
    }
    gave_up_ = now;
    return socket_->tx.room(n);
  }

  void lost_in_device() noexcept {
    worker_->kick_errors.add(1);
    port_->tx_packets.subtract(1);
    port_->drops[RW_REASON_TX_DEVICE].add(1);
  }

  void stop_kicking(kick_result said, std::uint64_t now) noexcept {
    worker_->kick_errors.add(1);
    if (said == kick_result::gone) worker_->device_gone.add(1);
    paused_until_ = now + policy_.pause;
  }

  xsk* socket_;
  port_counters* port_;
  worker_counters* worker_;
  tx_policy policy_;
  std::uint32_t new_packets_ = 0;  // staged since the last publish()
  std::uint64_t new_bytes_ = 0;
  std::uint32_t staged_ = 0;  // packets since the last kick, or left over by it
  std::uint32_t owned_ = 0;
  std::uint64_t since_ = 0, paused_until_ = 0, progress_ = 0, gave_up_ = 0;
};

}  // namespace ringway
