// SPDX-License-Identifier: BSD-2-Clause
// What the configuration file says, as values. config_file.hpp reads them, plane.hpp puts them in force.
#pragma once
#include <chrono>
#include <cstdint>
#include <ringway/lb_config.hpp>
#include <string>
#include <vector>

namespace ringway::lb_app {

constexpr std::uint32_t mtu_least = 576;  // of a path to a real

enum class check_kind { none, tcp, http };

struct health_check {
  check_kind kind = check_kind::none;
  std::uint16_t port = 0;  // 0: the VIP's
  std::chrono::milliseconds interval{1000}, timeout{1000};
  double jitter = 0.1;  // of the interval, either way
  std::uint32_t rise = 2, fall = 3;
  std::string path = "/", host;                         // http; host empty: the VIP's address
  std::uint16_t status_least = 200, status_most = 399;  // http, inclusive
  bool operator==(const health_check&) const = default;
};

/// automatic: ARP and ND where the VIP lies in a prefix of a port.
enum class announce_mode { automatic, arp, none };
/// What becomes of new flows when no real of a VIP is healthy.
enum class all_failed_policy { keep_all, drop, reset };

struct real_entry {
  std::string name;  // unique within its VIP; the address unless given
  lb_member member;  // where, how, and with which weight
  bool operator==(const real_entry&) const = default;
};

struct vip_entry {
  std::string name;  // unique; "ADDRESS:PORT/PROTOCOL" unless given
  lb_vip vip;        // reals empty; announce is decided when it is put in force
  announce_mode announce = announce_mode::automatic;
  health_check check;
  all_failed_policy on_all_failed = all_failed_policy::keep_all;
  std::uint32_t max_down_percent = 100;  // of the reals; more at once are held up
  std::vector<real_entry> reals;
  bool operator==(const vip_entry&) const = default;
};

/// Said by the user instead of the kernel's routes and neighbours.
struct static_hop {
  ip_address real;
  std::array<std::uint8_t, 6> mac{};
  std::string interface;  // one of the ports, as they were given
  bool operator==(const static_hop&) const = default;
};

struct configuration {
  lb_capacity capacity;  // what the file leaves out is worked out from the rest of it
  /// What the file itself says of them: a reload must not change that, but may what is worked out.
  struct {
    bool vips = false, rings = false, reals = false;
  } stated;
  lb_timeouts timeouts;
  lb_limits limits;
  std::string seed;  // of the rings; the same on all nodes of a cluster
  std::vector<vip_entry> vips;
  std::vector<static_hop> next_hops;
  std::string socket = "/run/ringway-lb.sock";
  std::uint32_t socket_mode = 0600;
};

}  // namespace ringway::lb_app
