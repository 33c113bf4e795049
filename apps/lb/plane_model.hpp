// SPDX-License-Identifier: BSD-2-Clause
// File, run-time changes, health and neighbours put together: which weight every real has in its VIP's ring,
// and which destinations serve anything at all. News change it in place; another configuration makes another
// one.
#pragma once
#include <map>
#include <optional>
#include <ringway/lb_config.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plane.hpp"
#include "plane_overlay.hpp"

namespace ringway::lb_app {

/// What the machine is like: outlives configurations.
struct surroundings {
  std::vector<port_facts> ports;
  std::vector<ip_address> local;
  std::map<ip_address, lb_next_hop> hops;  // the last news; none yet: absent

  bool is_local(const ip_address& address) const;
  bool is_connected(const ip_address& address) const;  // in a prefix of a port
};

class plane_model {
 public:
  /// A destination, and what the tables were told of it.
  struct destination {
    lb_destination to;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> users;  // VIP, real
    std::uint32_t serving = 0;                                   // users that it is healthy for, or held for
    lb_next_hop hop;
    bool alive = true;
    int element = -1;
    bool serves() const noexcept { return serving > 0; }
  };

  /// `before`: what was in force, whose health is taken over. Throws usage_error for what the tables cannot
  /// judge: names, VIPs that are local addresses, static next hops.
  plane_model(const configuration& file, const overlay& changes, const surroundings& around,
              const plane_model* before);

  const std::vector<vip_view>& views() const noexcept { return views_; }
  const std::vector<lb_vip>& wanted() const noexcept { return wanted_; }  // in the order of views()
  std::vector<destination>& destinations() noexcept { return destinations_; }
  const std::vector<destination>& destinations() const noexcept { return destinations_; }
  const vip_view* find(std::string_view vip) const;
  const destination* find(const lb_destination& to) const;
  /// The destinations of an address, by number.
  std::vector<std::uint32_t> at(const ip_address& address) const;
  /// The file's own word for it, else the last news; else none, which is not up.
  lb_next_hop hop_of(const ip_address& address, const surroundings& around) const;

  // News. They take effect in judge().
  void health(std::string_view vip, std::string_view real, bool up, std::string why);
  void neighbour(std::uint32_t destination, bool up);
  void announce_by(const surroundings& around);
  bool pending() const noexcept { return pending_ || !touched_.empty(); }
  /// Works out the weights of VIPs that there was news for. True: wanted() has changed.
  bool judge();
  /// Elements and counters, once the tables have them.
  void number(const lb_tables& tables);

 private:
  struct detail {  // of a real
    std::uint32_t destination = 0;
    std::uint64_t failed = 0;  // when, as a count of failures
    bool serves = true;        // healthy or held
  };
  void add_static_hops(const configuration& file, const surroundings& around);
  void add_vip(const vip_entry& entry, const overlay& changes, const surroundings& around,
               const plane_model* before);
  void add_real(std::uint32_t vip, merged_real&& real, const surroundings& around);
  std::uint32_t destination_of(std::uint32_t vip, std::uint32_t real, const lb_destination& to,
                               const surroundings& around);
  void take_over(std::uint32_t vip, const plane_model& before);
  void touch(std::uint32_t vip);
  bool judge(std::uint32_t vip);
  static void hold(vip_view& v, const std::vector<detail>& how);
  void serve(detail& how, bool serves);

  std::vector<vip_view> views_;
  std::vector<std::vector<detail>> details_;
  std::vector<lb_vip> wanted_;
  std::map<std::string, std::uint32_t, std::less<>> names_;
  std::vector<destination> destinations_;
  std::map<lb_destination, std::uint32_t> numbers_;
  std::map<ip_address, std::vector<std::uint32_t>> by_address_;
  std::map<ip_address, lb_next_hop> statics_;
  std::vector<std::uint32_t> touched_;  // VIPs
  std::vector<bool> is_touched_;
  bool pending_ = false;  // announcements
  std::uint64_t failures_ = 0;
};

}  // namespace ringway::lb_app
