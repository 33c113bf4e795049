// SPDX-License-Identifier: BSD-2-Clause
// The load balancer's core run natively on one packet, in memory that ends where the packet ends.
#pragma once
#include <memory>
#include <ringway/lb_tables.hpp>
#include <span>
#include <vector>

#include "reference.hpp"
#include "ringway/core/lb.h"

namespace ringway::test {

class lb_native {
 public:
  lb_native(const lb_store& store, std::uint32_t port, const rw_hash_key& key)
      : memory_(store.memory()), sizes_(store.sizes(port, key)), traffic_(store.traffic_elements()) {
    env_ = {&sizes_, memory_.control, local_.get(), &memory_, traffic_.data(), store.traffic_elements(), 0};
  }
  lb_native(const lb_native&) = delete;
  lb_native& operator=(const lb_native&) = delete;

  /// The verdict; record() and packet() say the rest. With a first fragment shorter than the packet, `first`.
  rw_verdict run(std::span<const std::uint8_t> in) {
    const std::span<std::uint8_t> p = guarded_.copy(in);
    stage_ = rw_lb_decide(&env_, &record_, p.data(), p.data() + p.size(), static_cast<__u32>(p.size()));
    room_.assign(p.begin(), p.end());
    if (stage_ != RW_STAGE_DONE) {
      if (record_.head > 0) room_.insert(room_.begin(), static_cast<std::size_t>(record_.head), 0);
      if (record_.head < 0) room_.erase(room_.begin(), room_.begin() - record_.head);
      room_.resize(room_.size() + static_cast<std::size_t>(record_.tail));
    }
    packet_ = guarded_.copy(room_);
    if (stage_ != RW_STAGE_DONE)
      rw_lb_write(&env_, &record_, stage_, packet_.data(), packet_.data() + packet_.size());
    return record_.out;
  }

  std::span<const std::uint8_t> packet() const { return packet_; }
  const rw_lb_packet& record() const { return record_; }
  std::uint32_t stage() const { return stage_; }
  rw_lb_local& local() { return *local_; }
  const std::vector<rw_lb_traffic>& traffic() const { return traffic_; }
  rw_lb_env& env() { return env_; }

 private:
  rw_lb_memory memory_;
  rw_lb_sizes sizes_;
  std::unique_ptr<rw_lb_local> local_ = std::make_unique<rw_lb_local>();
  std::vector<rw_lb_traffic> traffic_;
  rw_lb_env env_{};
  rw_lb_packet record_{};
  guarded_packet guarded_;
  std::vector<std::uint8_t> room_;
  std::span<std::uint8_t> packet_;
  std::uint32_t stage_ = 0;
};

}  // namespace ringway::test
