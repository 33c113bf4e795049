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

/// The load balancer in userspace. In three steps over a batch, so that what the next step reads is on its
/// way into the cache while this one works on the other packets: known flows by their short way, all others
/// by the kernel programs' stages. All that changes the tables happens in the third step, in the packets'
/// order.
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
      : memory_(memory), sizes_(sizes), local_(&local), traffic_(traffic), records_(window) {}

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

  /// What is known of a packet between two steps.
  struct alignas(64) record {
    rw_known known;
    rw_lb_packet packet;  // of one that is not on the short way
    std::uint32_t stage;  // RW_STAGE_PARSE: it is on the short way
  };

  void some(const rw_lb_env& env, batch& b, std::span<packet> packets) noexcept {
    const rw_known* before = nullptr;
    for (std::size_t i = 0; i < packets.size(); ++i) before = ask(env, packets[i], records_[i], before);
    for (std::size_t i = 0; i < packets.size(); ++i) look(env, packets[i], records_[i]);
    for (std::size_t i = 0; i < packets.size(); ++i) {
      record& r = records_[i];
      if (r.stage != RW_STAGE_PARSE || !send_known(env, b, packets[i], r)) send(env, b, packets[i], r);
    }
  }

  /// First step: what is asked for. Fetches where its flow's connection may be. `before`: the last one on the
  /// short way, whose VIP is likely to be this one's; returns that for the next.
  static const rw_known* ask(const rw_lb_env& env, const packet& p, record& r,
                             const rw_known* before) noexcept {
    rw_known& k = r.known;
    r.stage = RW_STAGE_PARSE;
    if (!rw_known_parse(&env, &k, p.data, p.end(), p.total)) return classify(env, p, r), before;
    if (before != nullptr && same_vip(k, *before))
      k.vip = before->vip;
    else if (!rw_known_vip(&env, &k))
      return classify(env, p, r), before;
    fetch_buckets(env, k.hash);
    return &k;
  }

  static bool same_vip(const rw_known& a, const rw_known& b) noexcept {
    if (a.port != b.port || a.proto != b.proto || a.family != b.family || a.base != b.base) return false;
    if (a.family == 4) return rw_load32(a.ip + 16) == rw_load32(b.ip + 16);
    return rw_load64(a.ip + 24) == rw_load64(b.ip + 24) && rw_load64(a.ip + 32) == rw_load64(b.ip + 32);
  }

  /// Second step: where the connection may be. Fetches it.
  static void look(const rw_lb_env& env, const packet& p, record& r) noexcept {
    if (r.stage == RW_STAGE_PICK) return fetch_connection(env, r.packet);
    if (r.stage != RW_STAGE_PARSE) return;
    if (!rw_known_look(&env, &r.known)) return classify(env, p, r);
    __builtin_prefetch(&r.known.b->way[r.known.slot]);
  }

  /// Third step of the short way. False: the connection does not go on as before.
  static bool send_known(const rw_lb_env& env, batch& b, packet& p, record& r) noexcept {
    rw_lb_packet in_registers;
    rw_known k = r.known;
    const std::uint32_t stage = rw_known_pick(&env, &in_registers, &k);
    if (stage == RW_STAGE_PARSE) return false;
    if (make_room(b, p, in_registers.head, 0))
      rw_lb_write_known(&env, &in_registers, &k, stage, p.data, p.end());
    else
      rw_lb_drop(&in_registers, RW_LB_DROP_NO_ROOM);
    p.out = in_registers.out;
    return true;
  }

  /// The stages, as far as they need neither connection nor ring; those are fetched.
  static void classify(const rw_lb_env& env, const packet& p, record& of) noexcept {
    rw_lb_packet& r = of.packet;
    rw_lb_parse(&env, &r, p.data, p.end(), p.total);
    of.stage = rw_lb_classify(&env, &r);
    if (of.stage == RW_STAGE_INNER) of.stage = rw_lb_inner(&env, &r, p.data, p.end());
    if (of.stage != RW_STAGE_PICK) return;
    rw_lb_hash(&env, &r);
    fetch_buckets(env, r.conn_hash);
    if (const __u16* ring = rw_rings_at(&env, r.vip.ring))
      __builtin_prefetch(ring + rw_hash_reduce(static_cast<__u32>(r.hash), env.sizes->ring_size));
  }

  /// Inlined by force: GCC takes a function that only fetches for one without effect, and leaves calls of it
  /// out.
  [[gnu::always_inline]] static void fetch_buckets(const rw_lb_env& env, std::uint64_t hash) noexcept {
    if (env.sizes->conn_buckets == 0) return;
    __builtin_prefetch(rw_conns_at(&env, rw_conn_first(hash, env.sizes->conn_buckets)));
    __builtin_prefetch(rw_conns_at(&env, rw_conn_second(hash, env.sizes->conn_buckets)));
  }

  /// The words of its buckets are here by now: fetches the entry that has the flow's tag.
  static void fetch_connection(const rw_lb_env& env, const rw_lb_packet& r) noexcept {
    const std::uint16_t tag = rw_conn_tag_of(r.conn_hash);
    for (const std::uint32_t at : {rw_conn_first(r.conn_hash, env.sizes->conn_buckets),
                                   rw_conn_second(r.conn_hash, env.sizes->conn_buckets)}) {
      const rw_conn_bucket* b = rw_conns_at(&env, at);
      for (std::uint32_t i = 0; b != nullptr && i < RW_CONN_WAYS; ++i)
        if (rw_conn_tag(RW_READ_ONCE(&b->word[i])) == tag) return __builtin_prefetch(&b->way[i]);
    }
  }

  /// The rest of the stages: makes room, writes, and notes the verdict. What a reload has made the kernel's
  /// since the steering program looked cannot go there any more.
  static void send(const rw_lb_env& env, batch& b, packet& p, record& of) noexcept {
    rw_lb_packet& r = of.packet;
    if (of.stage == RW_STAGE_PARSE) classify(env, p, of);
    if (of.stage == RW_STAGE_PICK) of.stage = rw_lb_pick_hashed(&env, &r);
    if (of.stage != RW_STAGE_DONE) {
      if (make_room(b, p, r.head, r.tail))
        rw_lb_write(&env, &r, of.stage, p.data, p.end());
      else
        rw_lb_drop(&r, RW_LB_DROP_NO_ROOM);
    }
    p.out = r.out == RW_PUNT ? drop(RW_LB_DROP_LATE_PASS) : r.out;
  }

  static bool make_room(batch& b, packet& p, std::int32_t head, std::int32_t tail) noexcept {
    if (head > 0 && !b.push(p, static_cast<std::uint32_t>(head))) return false;
    if (head < 0 && !b.pull(p, static_cast<std::uint32_t>(-head))) return false;
    return tail == 0 || b.resize(p, tail);
  }

  rw_lb_memory memory_;
  rw_lb_sizes sizes_;
  rw_lb_local* local_;
  std::span<rw_lb_traffic> traffic_;
  std::vector<record> records_;
};
static_assert(network_function<lb>);

}  // namespace ringway::nf
