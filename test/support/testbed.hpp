// SPDX-License-Identifier: BSD-2-Clause
// What a worker needs, in plain memory: state, frames, sockets with their fake kernels.
#pragma once
#include <deque>
#include <initializer_list>
#include <ringway/worker.hpp>

#include "fake_kernel.hpp"

namespace ringway::test {

struct testbed_options {
  std::vector<port_id> queues{0, 1};  // a socket each, of this port
  std::uint32_t ring = 64;
  std::uint32_t frames = 0;  // 0: as many as the rings and a batch can hold
  std::uint32_t frame_size = 2048;
  std::uint32_t first_index = 0;             // of every ring
  std::uint32_t first_worker = 0;            // ours is the last of first_worker + 1: its frames begin later
  tx_policy tx{.stall = ~std::uint64_t{0}};  // no watchdog
  std::uint64_t tick_interval = ~std::uint64_t{0};  // no ticks
};

class testbed {
 public:
  explicit testbed(const testbed_options& o = {})
      : options_(o),
        layout_(o.first_worker + 1, ports_of(o), frames_of(o), o.frame_size),
        state_(layout_.bytes()),
        umem_((o.first_worker + 1) * frames_of(o), o.frame_size) {
    layout_.format(state_.data());
    for (std::size_t i = 0; i < o.queues.size(); ++i) {
      kernels_.emplace_back(umem_, o.ring, o.first_index);
      sockets_.emplace_back(kernels_.back().socket());
    }
  }

  worker_config config() {
    worker_config c{.state = state(),
                    .base = umem_.memory.data(),
                    .tx = options_.tx,
                    .tick_interval = options_.tick_interval};
    for (std::size_t i = 0; i < sockets_.size(); ++i) c.queues.push_back({&sockets_[i], options_.queues[i]});
    return c;
  }
  worker_state state() { return layout_.worker(state_.data(), options_.first_worker); }
  worker_counters& counters() { return *state().counters; }
  port_counters& port(port_id p) { return state().ports[p]; }
  std::uint64_t drops(port_id p, std::uint32_t reason) {
    return port(p).drops[rw_reason_slot(reason)].read();
  }
  fake_kernel& kernel(std::size_t queue) { return kernels_[queue]; }
  std::size_t queues() const { return kernels_.size(); }
  fake_umem& umem() { return umem_; }

  /// Between two turns every frame is in exactly one place, and its owner byte says so: the first frame of
  /// which that is not true, or -1.
  std::int64_t misplaced_frame() {
    const worker_state s = state();
    std::vector<std::uint32_t> places(s.owner.size(), 0);
    std::vector<frame_owner> expected(s.owner.size(), frame_owner::taken);
    const auto stands = [&](std::uint64_t frame, frame_owner owner) {
      const std::uint64_t i = frame - s.first_frame;
      if (i < places.size()) ++places[i], expected[i] = owner;
    };
    for (std::uint32_t i = 0; i < *s.pool_size; ++i) stands(s.stack[i], frame_owner::pool);
    for (const fake_kernel& k : kernels_) {
      const auto size = options_.frame_size;
      for (std::uint32_t i = 0; i < k.fill.filled(); ++i) stands(k.fill.peek(i) / size, frame_owner::fill);
      for (std::uint32_t i = 0; i < k.rx.filled(); ++i) stands(k.rx.peek(i).addr / size, frame_owner::fill);
      for (std::uint32_t i = 0; i < k.tx.filled(); ++i) stands(k.tx.peek(i).addr / size, frame_owner::tx);
      for (std::uint32_t i = 0; i < k.completion.filled(); ++i)
        stands(k.completion.peek(i) / size, frame_owner::tx);
    }
    for (std::size_t i = 0; i < places.size(); ++i)
      if (s.owner[i] != expected[i] || places[i] != (s.owner[i] == frame_owner::taken ? 0U : 1U))
        return static_cast<std::int64_t>(i);
    return -1;
  }

 private:
  static std::uint32_t ports_of(const testbed_options& o) {
    port_id last = 0;
    for (const port_id p : o.queues) last = std::max(last, p);
    return last + 1U;
  }
  static std::uint32_t frames_of(const testbed_options& o) {
    const auto queues = static_cast<std::uint32_t>(o.queues.size());
    return o.frames != 0 ? o.frames : frames_needed(queues, ports_of(o), o.ring, 64, o.frame_size);
  }

  testbed_options options_;
  state_layout layout_;
  plain_memory state_;
  fake_umem umem_;
  std::deque<fake_kernel> kernels_;
  std::deque<xsk> sockets_;
};

/// `len` bytes that depend on `id`, which is their beginning.
inline std::vector<std::byte> frame(std::uint32_t id, std::size_t len = 64) {
  std::vector<std::byte> f(len);
  for (std::size_t i = 0; i < len; ++i) f[i] = std::byte(i < 4 ? id >> (8 * i) : (id * 31 + i * 7) & 0xff);
  return f;
}
inline std::uint32_t id_of(std::span<const std::byte> f) {
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < 4; ++i) id |= std::uint32_t(f[i]) << (8 * i);
  return id;
}

/// Adds up, over all ports, what packets came to: everything that was received or made ended somewhere.
struct balance {
  explicit balance(testbed& t, port_id ports) {
    for (port_id p = 0; p < ports; ++p) {
      const port_counters& c = t.port(p);
      rx += c.rx_packets.read(), tx += c.tx_packets.read(), punted += c.punted.read();
      made += c.made.read(), taken += c.taken.read();
      for (const counter& d : c.drops) drops += d.read();
    }
  }
  bool holds() const { return rx + made == tx + drops + punted + taken; }
  std::uint64_t rx = 0, tx = 0, punted = 0, made = 0, taken = 0, drops = 0;
};

}  // namespace ringway::test
