// SPDX-License-Identifier: BSD-2-Clause
// The control plane's side of the load balancer's tables. One thread writes; packets read all the while.
//
//     lb_store store = lb_store::in_maps(capacity);
//     lb_tables tables(store, {.key = ..., .ring_key = ...}, [&] { store.wait_for_programs(); });
//     tables.set_port(0, mac, 1500);
//     tables.set_next_hop(destination, {.mac = ..., .port = 0, .up = true});   // whenever it changes
//     tables.apply(vips);                                                      // all of it, or nothing
//
// apply() builds new rings and a new generation of VIPs in free elements, shows them by one store, waits
// until no packet can hold the old ones, and frees those. VIPs with equal sets of reals share one ring.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <ringway/lb_store.hpp>
#include <span>
#include <string>
#include <vector>

namespace ringway {

struct lb_keys {
  rw_hash_key ring{0x6d61676c6576ull, 0x72696e67ull};  // of the rings; the same on all nodes of a cluster
};

struct lb_change {
  std::uint32_t rings_built = 0, rings_shared = 0;  // of this change; how many VIPs use another's ring
  std::uint32_t reals_added = 0, reals_removed = 0;
  std::uint32_t serial = 0;  // of the generation
  std::chrono::nanoseconds building{}, waiting{};
};

struct lb_occupancy {
  std::uint64_t free = 0, claimed = 0, half_open = 0, established = 0, closing = 0, expired = 0;
};

class lb_tables {
 public:
  /// `wait`: returns when no packet holds what it read before the call (a grace period).
  lb_tables(lb_store& store, const lb_keys& keys, std::function<void()> wait);
  ~lb_tables();
  lb_tables(const lb_tables&) = delete;
  lb_tables& operator=(const lb_tables&) = delete;

  /// Makes these the VIPs. Throws usage_error, and changes nothing, when they contradict each other or exceed
  /// the capacity. Equal to the present ones: nothing is written.
  lb_change apply(std::span<const lb_vip> vips);
  const std::vector<lb_vip>& vips() const noexcept { return vips_; }

  /// What changes alone: shown at once, by one store. A destination may be told before it is used.
  void set_next_hop(const lb_destination& to, const lb_next_hop& hop);
  /// Whether it answers its health checks (it does until told otherwise). One that does not loses its flows
  /// at once; apply() takes it out of the rings, by weight 0.
  void set_alive(const lb_destination& to, bool alive);
  void set_port(std::uint32_t port, const std::array<std::uint8_t, 6>& mac, std::uint16_t mtu);
  void set_timeouts(const lb_timeouts& timeouts);
  void set_limits(const lb_limits& limits);
  /// Seconds, from any beginning; at least once a second. Ages are counted in it.
  void set_tick(std::uint32_t tick);

  /// Frees what has expired among `count` buckets from `first` on, and counts them all. Called in portions
  /// that cover the table within nine hours (ages have 16 bits).
  lb_occupancy sweep(std::uint32_t first, std::uint32_t count);

  /// The element of `reals` that a destination has; -1: none.
  int real_of(const lb_destination& to) const;
  /// The destination that an element holds; null: none.
  const lb_destination* destination_of(std::uint32_t real) const;
  /// The counters' element of a VIP; -1: no such VIP.
  int vip_id(const lb_vip& vip) const;
  /// How many elements of `rings` are in use.
  std::uint32_t rings_in_use() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
  std::vector<lb_vip> vips_;
};

}  // namespace ringway
