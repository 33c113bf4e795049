// SPDX-License-Identifier: BSD-2-Clause
// THE HOT LOOP. Every forwarder runs worker::turn(), with its own network function compiled in.
//
//         pool --refill--> fill ring --> kernel --> RX ring --receive--> batch --process--> transmit
//          ^                                                                                  |
//          +------- reap <-- completion ring <-- kernel <-- TX ring <-----------------------+
//
// A worker owns every frame, ring and counter that it touches: nothing is locked, nothing is allocated, and
// the only system calls are the kicks (sendto, and recvfrom where the driver sleeps).
#pragma once
#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <ringway/network_function.hpp>
#include <ringway/rx_queue.hpp>
#include <ringway/tsc.hpp>
#include <ringway/tx_queue.hpp>
#include <ringway/worker_config.hpp>
#include <utility>
#include <vector>

namespace ringway {

/// Sleeps until one of the worker's sockets has something, or `ms` have passed.
void wait_for_packets(const std::vector<worker_queue>& queues, int ms) noexcept;

template <network_function F, std::uint32_t Capacity = 64>
class worker {
 public:
  worker(worker_config config, F function)
      : pool_(config.state, config.base),
        counters_(config.state.counters),
        ports_(config.state.ports),
        function_(std::move(function)),
        config_(std::move(config)) {
    poison_frame(config_.base + std::size_t{config_.state.first_frame} * config_.state.frame_size,
                 config_.state.owner.size() * std::size_t{config_.state.frame_size});
    for (const worker_queue& q : config_.queues) {
      rx_.emplace_back(q.socket, q.port, &ports_[q.port], counters_, config_.busy_poll);
      if (port_count_ <= q.port) port_count_ = q.port + 1u;
    }
    for (std::uint32_t p = 0; p < port_count_; ++p) add_transmit_side(static_cast<port_id>(p));
    assert(tx_.size() == port_count_);  // a queue of every port: tx_ is indexed by verdict
    for (rx_queue& q : rx_) q.template refill<Capacity>(pool_);
  }

  /// One pass over every (port, queue) that it owns. Returns the packets received.
  std::uint32_t turn() noexcept {
    const std::uint64_t now = ticks();
    account_for_time(now);
    std::uint32_t received = 0;
    bool more = false;
    for (tx_queue& t : tx_) t.reap(pool_, now);
    for (rx_queue& q : rx_) {
      q.template refill<Capacity>(pool_);  // before the work, so that the kernel never waits for it
      batch b = storage_.begin(q.port(), pool_);
      q.template receive<Capacity>(b, pool_);
      if (b.empty()) continue;
      received += b.size();
      function_.process(b);
      transmit(b, now);
      more |= q.more();
    }
    for (tx_queue& t : tx_) t.kick_if_due(more, pool_, now);
    if (now - last_tick_ >= config_.tick_interval) [[unlikely]]
      tick(now);
    busy_ = received != 0;
    return received;
  }

  /// Turns until `stop`. After `idle_turns` without a packet it sleeps in poll(); 0: it never does.
  void run(const std::atomic<bool>& stop, std::uint32_t idle_turns) noexcept {
    std::uint32_t idle = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      if (turn() != 0) {
        idle = 0;
        continue;
      }
      if (idle_turns == 0 || ++idle < idle_turns) continue;
      wait_for_packets(config_.queues, has_tick<F> || !transmitted() ? 1 : 100);
      last_turn_ = 0;  // sleeping is no gap
      idle = idle_turns - 1;
    }
  }

  /// After the programs are off the interfaces: empties RX, sends what TX holds, for at most `limit` ticks.
  /// What is left in a TX ring then is counted as tx_unsent.
  void drain(std::uint64_t limit) noexcept {
    const std::uint64_t begin = ticks();
    while ((turn() != 0 || !transmitted()) && ticks() - begin < limit) {
    }
    for (tx_queue& t : tx_) t.reap(pool_, begin), t.count_unsent();
  }

  /// Between two turns.
  frame_ledger ledger() const noexcept {
    frame_ledger l{.total = pool_.capacity(), .pool = pool_.size()};
    for (const rx_queue& q : rx_) l.fill += q.owned();
    for (const tx_queue& t : tx_) l.tx += t.owned();
    l.taken = pool_.count(frame_owner::taken);
    return l;
  }
  const frame_pool& pool() const noexcept { return pool_; }
  F& function() noexcept { return function_; }

 private:
  void transmit(batch& b, std::uint64_t now) noexcept {
    for (packet* p = b.begin(); p != b.end();) {
      if (p->out < tx_.size()) [[likely]]
        p = tx_[p->out].send_run(b, p, pool_, now);
      else
        p = dispose_run(b, p);
    }
    for (tx_queue& t : tx_) t.publish(now);
    if (b.made() + b.put_back() != 0) [[unlikely]] {
      ports_[b.ingress()].made.add(b.made());
      ports_[b.ingress()].taken.subtract(b.put_back());
    }
  }

  /// Packets that go to no port, from `p` on, with the same verdict: the function keeps them, or they end
  /// here in one counter. Returns the first with another.
  packet* dispose_run(batch& b, packet* p) noexcept {
    port_counters& c = ports_[b.ingress()];
    const verdict out = p->out;
    if (out == taken && p->next == packet::no_fragment) {
      pool_.set_owner(p->addr, frame_owner::taken);
      c.taken.add(1);
      return p + 1;
    }
    std::uint32_t reason = out - std::uint32_t{RW_DROP_BASE}, n = 0;
    if (out <= RW_PORT_LAST) reason = RW_REASON_BAD_PORT;
    if (out == punt) reason = RW_REASON_PUNT_UNAVAILABLE;
    if (out == taken) reason = RW_REASON_TOO_MANY_FRAGS;  // only whole frames can be kept
    do {
      tx_queue::give_back(b, *p++, pool_);
      ++n;
    } while (p != b.end() && p->out == out && out != taken);
    c.drops[rw_reason_slot(reason)].add(n);
    return p;
  }

  /// Once a millisecond: the function's timers, and the watchdog of each TX ring.
  void tick(std::uint64_t now) noexcept {
    last_tick_ = now;
    if constexpr (has_tick<F>) {
      for (std::uint32_t p = 0; p < port_count_; ++p) {
        batch b = storage_.begin(static_cast<port_id>(p), pool_);
        function_.tick(b);
        transmit(b, now);
      }
      for (tx_queue& t : tx_) t.kick_if_due(false, pool_, now);
    }
    for (tx_queue& t : tx_) t.watch(pool_, now);
  }

  void account_for_time(std::uint64_t now) noexcept {
    counters_->turns.add(1);
    if (busy_) counters_->busy_turns.add(1), counters_->busy_ticks.add(now - last_turn_);
    if (last_turn_ != 0) counters_->longest_gap.at_least(now - last_turn_);
    last_turn_ = now;
  }

  bool transmitted() const noexcept {
    return std::all_of(tx_.begin(), tx_.end(), [](const tx_queue& t) { return t.idle(); });
  }

  void add_transmit_side(port_id port) {
    const auto q = std::find_if(config_.queues.begin(), config_.queues.end(),
                                [port](const worker_queue& w) { return w.port == port; });
    if (q != config_.queues.end()) tx_.emplace_back(q->socket, &ports_[port], counters_, config_.tx);
  }

  frame_pool pool_;
  worker_counters* counters_;
  std::span<port_counters> ports_;
  std::vector<rx_queue> rx_;
  std::vector<tx_queue> tx_;  // by port
  F function_;
  batch_storage<Capacity> storage_;
  worker_config config_;
  std::uint64_t last_turn_ = 0, last_tick_ = 0;
  std::uint32_t port_count_ = 0;
  bool busy_ = false;
};

}  // namespace ringway
