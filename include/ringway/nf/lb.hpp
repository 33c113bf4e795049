// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "../core/lb.h"
#include "../network_function.hpp"

namespace ringway::nf {

/// The load balancer in userspace. Where its tables fit a cache near the CPU, packet by packet, known flows
/// by their short way; else the kernel programs' stages, run over a batch one after the other, so that what
/// the next stage reads is on its way into the cache while this one works on the other packets.
class lb {
 public:
  static constexpr std::array<std::string_view, RW_LB_REASON_COUNT> drop_names = {
#define RW_X(suffix, name, text) name,
      RW_LB_REASONS(RW_X)
#undef RW_X
  };

  /// `sizes` of any port. `local` and `traffic` are this worker's own; the control thread may read them.
  lb(const rw_lb_memory& memory, const rw_lb_sizes& sizes, rw_lb_local& local,
     std::span<rw_lb_traffic> traffic)
      : memory_(memory),
        sizes_(sizes),
        local_(&local),
        traffic_(traffic),
        records_(window),
        far_(sizes.conn_buckets > near) {}

  void process(batch& b) noexcept {
    sizes_.port = b.ingress();
    const rw_lb_env env{
        &sizes_, memory_.control, local_, &memory_, traffic_.data(), static_cast<__u32>(traffic_.size()), 0};
    packet* const end = b.end();
    for (packet* p = b.begin(); p < end; p += window)
      some(env, b, {p, static_cast<std::size_t>(std::min<std::ptrdiff_t>(window, end - p))});
  }

 private:
  /// Packets whose records are in hand at once: long enough to hide a cache miss, short enough for L1.
  static constexpr std::uint32_t window = 32;

  void some(const rw_lb_env& env, batch& b, std::span<packet> packets) noexcept {
    std::array<std::uint32_t, window> stage;
    if (!far_) {
      for (std::size_t i = 0; i < packets.size(); ++i) stage[i] = decide(env, packets[i], records_[i]);
      for (std::size_t i = 0; i < packets.size(); ++i) write(env, b, packets[i], records_[i], stage[i]);
      return;
    }
    for (std::size_t i = 0; i < packets.size(); ++i) parse(env, packets[i], records_[i]);
    for (std::size_t i = 0; i < packets.size(); ++i) stage[i] = classify(env, packets[i], records_[i]);
    for (std::size_t i = 0; i < packets.size(); ++i)
      if (stage[i] == RW_STAGE_PICK) look(env, records_[i]);
    for (std::size_t i = 0; i < packets.size(); ++i)
      if (stage[i] == RW_STAGE_PICK) stage[i] = rw_lb_pick_hashed(&env, &records_[i]);
    for (std::size_t i = 0; i < packets.size(); ++i) write(env, b, packets[i], records_[i], stage[i]);
  }

  /// All tables are near: nothing is gained by stages.
  static std::uint32_t decide(const rw_lb_env& env, const packet& p, rw_lb_packet& r) noexcept {
    const std::uint32_t stage = rw_lb_known(&env, &r, p.data, p.end(), p.total);
    return stage == RW_STAGE_PARSE ? rw_lb_decide(&env, &r, p.data, p.end(), p.total) : stage;
  }

  static void parse(const rw_lb_env& env, const packet& p, rw_lb_packet& r) noexcept {
    rw_lb_parse(&env, &r, p.data, p.end(), p.total);
  }

  /// Finds the VIP, and fetches where its flow's connection may be and what its ring says.
  static std::uint32_t classify(const rw_lb_env& env, const packet& p, rw_lb_packet& r) noexcept {
    std::uint32_t stage = rw_lb_classify(&env, &r);
    if (stage == RW_STAGE_INNER) stage = rw_lb_inner(&env, &r, p.data, p.end());
    if (stage != RW_STAGE_PICK) return stage;
    rw_lb_hash(&env, &r);
    if (env.sizes->conn_buckets != 0) {
      __builtin_prefetch(rw_conns_at(&env, rw_conn_first(r.conn_hash, env.sizes->conn_buckets)));
      __builtin_prefetch(rw_conns_at(&env, rw_conn_second(r.conn_hash, env.sizes->conn_buckets)));
    }
    if (const __u16* ring = rw_rings_at(&env, r.vip.ring))
      __builtin_prefetch(ring + rw_hash_reduce(static_cast<__u32>(r.hash), env.sizes->ring_size));
    return stage;
  }

  /// The words of its buckets are here by now: fetches the entry that has the flow's tag.
  static void look(const rw_lb_env& env, const rw_lb_packet& r) noexcept {
    const std::uint16_t tag = rw_conn_tag_of(r.conn_hash);
    for (const std::uint32_t at : {rw_conn_first(r.conn_hash, env.sizes->conn_buckets),
                                   rw_conn_second(r.conn_hash, env.sizes->conn_buckets)}) {
      const rw_conn_bucket* b = rw_conns_at(&env, at);
      for (std::uint32_t i = 0; b != nullptr && i < RW_CONN_WAYS; ++i)
        if (rw_conn_tag(RW_READ_ONCE(&b->word[i])) == tag) return __builtin_prefetch(&b->way[i]);
    }
  }

  /// Makes room, writes, and notes the verdict. What a reload has made the kernel's since the steering
  /// program looked cannot go there any more.
  static void write(const rw_lb_env& env, batch& b, packet& p, rw_lb_packet& r,
                    std::uint32_t stage) noexcept {
    if (stage != RW_STAGE_DONE) {
      if (make_room(b, p, r))
        rw_lb_write(&env, &r, stage, p.data, p.end());
      else
        rw_lb_drop(&r, RW_LB_DROP_NO_ROOM);
    }
    p.out = r.out == RW_PUNT ? drop(RW_LB_DROP_LATE_PASS) : r.out;
  }

  static bool make_room(batch& b, packet& p, const rw_lb_packet& r) noexcept {
    if (r.head > 0 && !b.push(p, static_cast<std::uint32_t>(r.head))) return false;
    if (r.head < 0 && !b.pull(p, static_cast<std::uint32_t>(-r.head))) return false;
    return r.tail == 0 || b.resize(p, r.tail);
  }

  /// Buckets beyond which the connection table is in no cache near the CPU (9 MB): looking ahead pays.
  static constexpr std::uint32_t near = 1u << 14;

  rw_lb_memory memory_;
  rw_lb_sizes sizes_;
  rw_lb_local* local_;
  std::span<rw_lb_traffic> traffic_;
  std::vector<rw_lb_packet> records_;
  bool far_;
};
static_assert(network_function<lb>);

}  // namespace ringway::nf
