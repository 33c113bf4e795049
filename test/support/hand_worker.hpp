// SPDX-License-Identifier: BSD-2-Clause
// A worker on real sockets that a test turns by hand, on its own thread: any state can be held still and
// looked at.
#pragma once
#include <ringway/port.hpp>
#include <ringway/state.hpp>
#include <ringway/tsc.hpp>
#include <ringway/worker.hpp>
#include <string>
#include <vector>

#include "traffic.hpp"

namespace ringway::test {

template <network_function F, std::uint32_t Capacity = 64>
class hand_worker {
 public:
  /// Queue 0 of each interface. Ticks come with every turn.
  hand_worker(const std::vector<std::string>& interfaces, F function, const xsk_config& config)
      : frames_(frames_needed(static_cast<std::uint32_t>(interfaces.size()),
                              static_cast<std::uint32_t>(interfaces.size()), config.ring_size, Capacity,
                              2048)),
        memory_({.frames = frames_, .frame_size = 2048}),
        layout_(1, static_cast<std::uint32_t>(interfaces.size()), frames_, 2048),
        state_("test-state", layout_.bytes(), huge_pages::never) {
    layout_.format(state_.data());
    for (const std::string& name : interfaces)
      ports_.emplace_back(port_config{.interface = name}, static_cast<port_id>(ports_.size()));
    for (port& p : ports_) sockets_.push_back(p.open(memory_, 0, config));
    const std::uint64_t second = ticks_per_second();
    worker_config c{.queues = {},
                    .state = layout_.worker(state_.data(), 0),
                    .base = memory_.base(),
                    .tx = {.hold = second / 20'000, .pause = second / 1'000, .stall = second / 10}};
    for (xsk& socket : sockets_) c.queues.push_back({&socket, static_cast<port_id>(c.queues.size())});
    worker_.emplace(std::move(c), std::move(function));
  }

  worker<F, Capacity>* operator->() { return &*worker_; }
  xsk& socket(port_id p) { return sockets_[p]; }
  port& at(port_id p) { return ports_[p]; }
  worker_counters& counters() { return *layout_.worker(state_.data(), 0).counters; }
  port_counters& counters(port_id p) { return layout_.worker(state_.data(), 0).ports[p]; }
  std::uint64_t drops(port_id p, rw_reason reason) {
    return counters(p).drops[rw_reason_slot(reason)].read();
  }
  /// Turns until the condition holds; false when it does not within the time.
  template <class Condition>
  bool turn_until(Condition condition, int ms = 2000) {
    const std::uint64_t end = ticks() + ticks_per_second() / 1000 * static_cast<std::uint64_t>(ms);
    while (!condition()) {
      if (ticks() > end) return false;
      worker_->turn();
    }
    return true;
  }

 private:
  std::uint32_t frames_;
  umem memory_;
  state_layout layout_;
  memory_file state_;
  std::vector<port> ports_;
  std::vector<xsk> sockets_;
  std::optional<worker<F, Capacity>> worker_;
};

/// Makes numbered frames of its own, in the next ticks, and sends them to `out`.
struct maker {
  port_id out = 0;
  std::uint32_t wanted = 0, made = 0;
  std::uint32_t size = 60;

  void process(batch&) noexcept {}
  void tick(batch& b) noexcept {
    while (made < wanted) {
      packet* p = b.make(size);
      if (p == nullptr) return;
      const auto frame = make_frame({.number = made++, .size = size});
      std::memcpy(p->data, frame.data(), frame.size());
      p->out = out;
    }
  }
};

}  // namespace ringway::test
