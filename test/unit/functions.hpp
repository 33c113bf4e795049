// SPDX-License-Identifier: BSD-2-Clause
// Network functions and far ends that several worker tests use.
#pragma once
#include <ringway/packet.hpp>
#include <vector>

#include "support/testbed.hpp"

namespace ringway::test {

struct to_port {
  port_id port;
  void process(batch& b) noexcept {
    for (packet& p : b) p.out = port;
  }
};

/// Gives packets these verdicts in turn.
struct scripted {
  std::vector<verdict> verdicts;
  std::size_t next = 0;
  void process(batch& b) noexcept {
    for (packet& p : b) p.out = verdicts[next++ % verdicts.size()];
  }
};

/// What the far end of a queue receives.
struct sink {
  explicit sink(fake_kernel& k) {
    k.sink = [this](std::span<const std::byte> p) { packets.emplace_back(p.begin(), p.end()); };
  }
  sink(const sink&) = delete;
  sink& operator=(const sink&) = delete;
  std::vector<std::uint32_t> ids() const {
    std::vector<std::uint32_t> all;
    for (const auto& p : packets) all.push_back(id_of(p));
    return all;
  }
  std::vector<std::vector<std::byte>> packets;
};

}  // namespace ringway::test
