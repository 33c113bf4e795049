// SPDX-License-Identifier: BSD-2-Clause
// One port's rings in plain memory and the cheapest kernel that can serve them: it moves descriptors and
// touches no packet. For measuring what the user's side costs.
#pragma once
#include <linux/if_xdp.h>

#include <atomic>
#include <memory>
#include <ringway/nf/l2.hpp>
#include <ringway/worker.hpp>
#include <vector>

#include "plain_memory.hpp"

namespace ringway::test {

/// A ring and where the kernel stands in it.
template <class T>
struct loop_ring {
  explicit loop_ring(std::uint32_t size) : slots(size) {}
  ring_memory memory() {
    return {&producer, &consumer, &flags, slots.data(), static_cast<std::uint32_t>(slots.size())};
  }
  T& at(std::uint32_t i) { return slots[i & (slots.size() - 1)]; }
  static std::uint32_t load(std::uint32_t& i) { return std::atomic_ref(i).load(std::memory_order_acquire); }
  static void store(std::uint32_t& i, std::uint32_t value) {
    std::atomic_ref(i).store(value, std::memory_order_release);
  }

  alignas(64) std::uint32_t producer = 0;
  alignas(64) std::uint32_t consumer = 0;
  alignas(64) std::uint32_t flags = 0;  // never asks for a wake-up
  std::vector<T> slots;
};

struct loop_kernel {
  explicit loop_kernel(std::uint32_t ring_size)
      : fill(2 * ring_size), completion(ring_size), rx(ring_size), tx(ring_size) {}
  xsk socket() { return {fill.memory(), completion.memory(), rx.memory(), tx.memory()}; }

  /// n free frames become packets of `len` bytes. Precondition: so many are in the fill ring.
  void receive(std::uint32_t n, std::uint32_t len) {
    const std::uint32_t from = fill.consumer, to = rx.producer;
    (void)fill.load(fill.producer);
    for (std::uint32_t i = 0; i < n; ++i)
      rx.at(to + i) = {.addr = fill.at(from + i) + 256, .len = len, .options = 0};
    fill.store(fill.consumer, from + n);
    rx.store(rx.producer, to + n);
  }
  /// Everything in the TX ring is sent. Returns the packets.
  std::uint32_t send() {
    const std::uint32_t from = tx.consumer, n = tx.load(tx.producer) - from, to = completion.producer;
    for (std::uint32_t i = 0; i < n; ++i) completion.at(to + i) = tx.at(from + i).addr;
    tx.store(tx.consumer, from + n);
    completion.store(completion.producer, to + n);
    return n;
  }

  loop_ring<std::uint64_t> fill, completion;
  loop_ring<xdp_desc> rx, tx;
};

/// A worker of `ports` ports with one queue each, over such kernels.
template <network_function F, std::uint32_t Capacity>
class loop_bed {
 public:
  loop_bed(std::uint32_t ports, std::uint32_t ring_size, const F& function)
      : layout_(1, ports, frames_needed(ports, ports, ring_size, Capacity, frame_size), frame_size),
        state_(layout_.bytes()),
        umem_(std::size_t{frames_needed(ports, ports, ring_size, Capacity, frame_size)} * frame_size) {
    layout_.format(state_.data());
    worker_config c{.state = layout_.worker(state_.data(), 0),
                    .base = umem_.data(),
                    .tx = {.stall = ~std::uint64_t{0}},
                    .tick_interval = ~std::uint64_t{0}};
    kernels_.reserve(ports), sockets_.reserve(ports);
    for (std::uint32_t p = 0; p < ports; ++p) {
      kernels_.push_back(std::make_unique<loop_kernel>(ring_size));
      sockets_.push_back(kernels_.back()->socket());
      c.queues.push_back({&sockets_.back(), static_cast<port_id>(p)});
    }
    worker_ = std::make_unique<worker<F, Capacity>>(std::move(c), function);
  }
  worker<F, Capacity>& user() { return *worker_; }
  loop_kernel& kernel(std::uint32_t port) { return *kernels_[port]; }
  std::byte* at(std::uint64_t addr) { return umem_.data() + addr; }
  const port_counters& counters(port_id port) { return layout_.worker(state_.data(), 0).ports[port]; }

 private:
  static constexpr std::uint32_t frame_size = 2048;
  state_layout layout_;
  plain_memory state_, umem_;
  std::vector<std::unique_ptr<loop_kernel>> kernels_;
  std::vector<xsk> sockets_;
  std::unique_ptr<worker<F, Capacity>> worker_;
};

/// As ringway-l2fwd configures it: ports in pairs, an odd last one with itself.
template <rw_l2_mode Mode>
nf::l2_mode<Mode> l2_function(std::uint32_t ports) {
  std::vector<rw_l2> rules(ports);
  for (std::uint32_t p = 0; p < ports; ++p) {
    rules[p] = {.port = static_cast<__u16>(p),
                .out = static_cast<__u16>(ports == 1 ? p : p ^ 1),
                .mode = Mode,
                .pad = {},
                .dst = {2, 0, 0, 0, 0, 1},
                .src = {2, 0, 0, 0, 0, 2},
                .pad2 = {}};
  }
  return nf::l2_mode<Mode>(rules);
}

}  // namespace ringway::test
