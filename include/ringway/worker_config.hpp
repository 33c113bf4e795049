// SPDX-License-Identifier: BSD-2-Clause
// What a worker is given: sockets, memory, and when it calls the kernel.
#pragma once
#include <cstddef>
#include <cstdint>
#include <ringway/packet.hpp>
#include <ringway/state.hpp>
#include <ringway/xsk.hpp>
#include <vector>

namespace ringway {

/// When kicks happen; times in ticks.
struct tx_policy {
  std::uint32_t retries = 1;  // kicks of a full ring before a packet is dropped
  std::uint64_t hold = 0;     // a kick may be put off for so long while RX has more to read (50 us)
  std::uint64_t pause = 0;    // after a kick that cannot go on (link down) none for so long (1 ms)
  std::uint64_t stall = 0;    // no progress for so long: the watchdog kicks and counts (100 ms)
};

/// One socket that a worker owns. Of several of one port it receives on all and transmits on the first.
struct worker_queue {
  xsk* socket;
  port_id port;
};

struct worker_config {
  std::vector<worker_queue> queues{};
  worker_state state{};
  std::byte* base = nullptr;  // where the UMEM is mapped
  tx_policy tx{};
  std::uint64_t tick_interval = 0;  // ticks between two calls of the clock's work (1 ms)
  bool busy_poll = false;           // an empty RX ring is polled by recvfrom()
};

}  // namespace ringway
