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
    // Copies that nothing else can point at, and not const, which keeps GCC from taking them apart: so it has
    // in registers what it needs of them.
    rw_lb_sizes sizes = sizes_;
    rw_lb_memory memory = memory_;
    rw_lb_env env = env_of(sizes, memory);
    packet* const end = b.end();
    for (packet* p = b.begin(); p < end; p += window)
      some(env, b, p, static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(window, end - p)));
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

  rw_lb_env env_of(const rw_lb_sizes& sizes, const rw_lb_memory& memory) const noexcept {
    return {&sizes, memory.control, local_, &memory, traffic_.data(), static_cast<__u32>(traffic_.size()), 0};
  }

  // What is inlined by force is so that `env` and what it points to stay local. GCC also takes a function
  // that only fetches for one without effect, and leaves calls of it out.

  [[gnu::always_inline]] void some(const rw_lb_env& env, batch& b, packet* packets,
                                   std::uint32_t n) noexcept {
    record* const records = records_.data();
    const rw_known* before = nullptr;
    for (std::uint32_t i = 0; i < n; ++i) {
      if (ask(env, packets[i], records[i], before))
        before = &records[i].known;
      else
        classify(packets[i], records[i]);
    }
    for (std::uint32_t i = 0; i < n; ++i) {
      if (records[i].stage == RW_STAGE_PICK)
        fetch_connection(env, records[i].packet);
      else if (records[i].stage == RW_STAGE_PARSE && !look(env, records[i].known))
        classify(packets[i], records[i]);
    }
    for (std::uint32_t i = 0; i < n; ++i)
      if (records[i].stage != RW_STAGE_PARSE || !send_known(env, b, packets[i], records[i].known))
        send(b, packets[i], records[i]);
  }

  /// First step: what is asked for. Fetches where its flow's connection may be. `before`: the last one on the
  /// short way, whose VIP is likely to be this one's. False: the stages begin.
  [[gnu::always_inline]] static bool ask(const rw_lb_env& env, const packet& p, record& r,
                                         const rw_known* before) noexcept {
    rw_known& k = r.known;
    r.stage = RW_STAGE_PARSE;
    if (!rw_known_parse(&env, &k, p.data, p.end(), p.total)) return false;
    if (before != nullptr && same_vip(k, *before))
      k.vip = before->vip;
    else if (!rw_known_vip(&env, &k))
      return false;
    if (!rw_known_first(&env, &k)) return false;
    __builtin_prefetch(k.b);
    __builtin_prefetch(env.memory->conns + rw_conn_second(k.hash, env.sizes->conn_buckets));
    return true;
  }

  [[gnu::always_inline]] static bool same_vip(const rw_known& a, const rw_known& b) noexcept {
    if (a.port != b.port || a.proto != b.proto || a.family != b.family || a.base != b.base) return false;
    if (a.family == 4) return rw_load32(a.ip + 16) == rw_load32(b.ip + 16);
    return rw_load64(a.ip + 24) == rw_load64(b.ip + 24) && rw_load64(a.ip + 32) == rw_load64(b.ip + 32);
  }

  /// Second step: where the connection may be. Fetches it.
  [[gnu::always_inline]] static bool look(const rw_lb_env& env, rw_known& k) noexcept {
    if (!rw_known_look(&env, &k)) return false;
    __builtin_prefetch(&k.b->way[k.slot]);
    return true;
  }

  /// Third step of the short way. False: the connection does not go on as before.
  [[gnu::always_inline]] static bool send_known(const rw_lb_env& env, batch& b, packet& p,
                                                rw_known& k) noexcept {
    rw_lb_packet in_registers;
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
  [[gnu::noinline]] void classify(const packet& p, record& of) const noexcept {
    const rw_lb_env env = env_of(sizes_, memory_);
    rw_lb_packet& r = of.packet;
    rw_lb_parse(&env, &r, p.data, p.end(), p.total);
    of.stage = rw_lb_classify(&env, &r);
    if (of.stage == RW_STAGE_INNER) of.stage = rw_lb_inner(&env, &r, p.data, p.end());
    if (of.stage != RW_STAGE_PICK) return;
    rw_lb_hash(&env, &r);
    fetch_buckets(env, r.conn_hash);
    if (const __u16* ring = rw_rings_at(&env, r.vip.ring))
      __builtin_prefetch(ring + rw_hash_reduce(static_cast<__u32>(r.hash), sizes_.ring_size));
  }

  [[gnu::always_inline]] static void fetch_buckets(const rw_lb_env& env, std::uint64_t hash) noexcept {
    if (env.sizes->conn_buckets == 0) return;
    __builtin_prefetch(rw_conns_at(&env, rw_conn_first(hash, env.sizes->conn_buckets)));
    __builtin_prefetch(rw_conns_at(&env, rw_conn_second(hash, env.sizes->conn_buckets)));
  }

  /// The words of its buckets are here by now: fetches the entry that has the flow's tag.
  [[gnu::always_inline]] static void fetch_connection(const rw_lb_env& env, const rw_lb_packet& r) noexcept {
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
  [[gnu::noinline]] void send(batch& b, packet& p, record& of) const noexcept {
    const rw_lb_env env = env_of(sizes_, memory_);
    rw_lb_packet& r = of.packet;
    if (of.stage == RW_STAGE_PARSE) classify(p, of);
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
