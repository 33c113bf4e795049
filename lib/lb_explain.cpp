// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <cstring>
#include <memory>
#include <ringway/error.hpp>
#include <ringway/lb_explain.hpp>

#include "ringway/core/lb.h"

namespace ringway {
namespace {

using bytes = std::vector<std::uint8_t>;

const char* const stage_names[] = {"",    "",    "",   "",     "l2",      "ipip",
                                   "gue", "arp", "nd", "echo", "too_big", "reset"};
static_assert(std::size(stage_names) == RW_STAGE_COUNT);

void put16(bytes& to, std::uint32_t v) {
  to.push_back(static_cast<std::uint8_t>(v >> 8));
  to.push_back(static_cast<std::uint8_t>(v));
}
void put32(bytes& to, std::uint32_t v) { put16(to, v >> 16), put16(to, v); }
void put(bytes& to, const ip_address& a) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(a.words.data());
  to.insert(to.end(), p, p + (a.family == 4 ? 4 : 16));
}

/// Header and zeros as data, with their checksum.
bytes transport(const lb_question& q) {
  bytes l4;
  put16(l4, q.source_port), put16(l4, q.destination_port);
  if (q.protocol == RW_IP_TCP) {
    put32(l4, 1), put32(l4, q.syn ? 0 : 1);
    put32(l4, 0x50002000u | (q.syn ? RW_TCP_SYN : RW_TCP_ACK) << 16), put32(l4, 0);
  } else {
    put16(l4, 8u + q.payload), put16(l4, 0);
  }
  l4.resize(l4.size() + q.payload);
  const auto len = static_cast<__u32>(l4.size());
  __u64 sum =
      q.source.family == 4
          ? rw_csum_pseudo4(q.source.words[0], q.destination.words[0], q.protocol, static_cast<__u16>(len))
          : rw_csum_pseudo6(q.source.words.data(), q.destination.words.data(), q.protocol, len);
  for (__u32 i = 0; i < len; i += 1024)
    rw_csum_bytes(&sum, l4.data() + i, l4.data() + len, std::min<__u32>(1024, len - i));
  const __sum16 check = rw_csum_finish_udp(sum);
  std::memcpy(l4.data() + (q.protocol == RW_IP_TCP ? 16 : 6), &check, sizeof(check));
  return l4;
}

/// The frame that is asked about, to the port's own address.
bytes frame_of(const lb_question& q, const rw_lb_control& control, std::uint32_t port) {
  const bytes l4 = transport(q);
  const std::uint64_t word = control.port[port];
  bytes f(12);
  std::memcpy(f.data(), &word, 6);
  f[6] = 2, f[11] = 0xfe;
  const std::size_t ip = 14;
  if (q.source.family == 4) {
    put16(f, RW_ETH_IPV4);
    put16(f, 0x4500), put16(f, static_cast<std::uint32_t>(20 + l4.size())), put16(f, 0), put16(f, RW_IPV4_DF);
    put16(f, 64u << 8 | q.protocol), put16(f, 0);
  } else {
    put16(f, RW_ETH_IPV6);
    put32(f, 6u << 28), put16(f, static_cast<std::uint32_t>(l4.size())),
        put16(f, std::uint32_t{q.protocol} << 8 | 64);
  }
  put(f, q.source), put(f, q.destination);
  if (q.source.family == 4) {
    __u64 sum = 0;
    rw_csum_bytes(&sum, f.data() + ip, f.data() + f.size(), 20);
    const __sum16 check = rw_csum_finish(sum);
    std::memcpy(f.data() + ip + 10, &check, sizeof(check));
  }
  f.insert(f.end(), l4.begin(), l4.end());
  return f;
}

/// What the connection table has of the flow.
std::optional<lb_connection> connection_of(const rw_lb_env& env, const rw_lb_packet& r) {
  if (env.sizes->conn_buckets == 0 || (r.vip.flags & RW_VIP_STATEFUL) == 0) return std::nullopt;
  rw_lb_conn c{};
  if (!rw_lb_conn_find(&env, &r.key, r.conn_hash, &c) || c.slot >= RW_CONN_WAYS) return std::nullopt;
  return lb_connection{c.bucket, c.slot, c.hit.real, rw_conn_state(c.hit.word),
                       rw_conn_idle(c.hit.word, r.tick)};
}

std::string outcome_of(rw_verdict verdict, std::uint32_t stage) {
  if (verdict == RW_PUNT) return "passed to the kernel";
  if (verdict >= RW_DROP_BASE) return "dropped: " + reason_name(verdict);
  return stage_names[stage];
}

}  // namespace

std::string reason_name(rw_verdict drop) {
  static const char* const library[] = {
#define RW_X(suffix, name, text) name,
      RW_REASONS(RW_X)
#undef RW_X
  };
  static const char* const own[] = {
#define RW_X(suffix, name, text) name,
      RW_LB_REASONS(RW_X)
#undef RW_X
  };
  const std::uint32_t reason = drop - RW_DROP_BASE;
  if (reason < std::size(library)) return library[reason];
  if (reason - RW_REASON_NF < std::size(own)) return own[reason - RW_REASON_NF];
  return fmt::format("reason {}", reason);
}

lb_explanation explain(const lb_store& store, std::uint32_t port, const rw_hash_key& flow_key,
                       const lb_question& q) {
  if (q.source.family != q.destination.family || q.source.family == 0)
    throw usage_error("source {} and destination {} are not of one family", q.source.text(),
                      q.destination.text());
  if (q.protocol != RW_IP_TCP && q.protocol != RW_IP_UDP)
    throw usage_error("protocol {} (tcp or udp)", q.protocol);
  if (port >= RW_PORTS_MAX) throw usage_error("port {} (0 to {})", port, RW_PORTS_MAX - 1);
  const auto local = std::make_unique<rw_lb_local>();  // counters and gates of nobody
  const rw_lb_sizes sizes = store.sizes(port, flow_key);
  const rw_lb_memory& memory = store.memory();
  const rw_lb_env env{&sizes, memory.control, local.get(), &memory, nullptr, 0, 1};
  bytes frame = frame_of(q, *memory.control, port);
  rw_lb_packet r{};
  const std::uint32_t stage =
      rw_lb_decide(&env, &r, frame.data(), frame.data() + frame.size(), static_cast<__u32>(frame.size()));
  lb_explanation e;
  const bool is_vip = r.want == RW_WANT_PORTS && (stage != RW_STAGE_DONE || r.out != RW_PUNT);
  if (is_vip) {
    e.vip = r.vip;
    e.connection = connection_of(env, r);
    if (r.vip.ring != RW_RING_NO_RING) e.slot = rw_hash_reduce(static_cast<__u32>(r.hash), sizes.ring_size);
    if (r.real < memory.real_count && r.vip.ring != RW_RING_NO_RING) e.real = r.real;
  }
  if (stage != RW_STAGE_DONE) {
    if (r.head > 0) frame.insert(frame.begin(), static_cast<std::size_t>(r.head), 0);
    if (r.head < 0) frame.erase(frame.begin(), frame.begin() - r.head);
    frame.resize(frame.size() + static_cast<std::size_t>(r.tail));
    rw_lb_write(&env, &r, stage, frame.data(), frame.data() + frame.size());
  }
  e.verdict = r.out;
  e.outcome = outcome_of(r.out, stage);
  if (r.out <= RW_PORT_LAST) e.sent = std::move(frame);
  return e;
}

}  // namespace ringway
