// SPDX-License-Identifier: BSD-2-Clause
// Next hops as the kernel's routes and neighbours say, on veth pairs: a balancer's namespace with two ports,
// each to a real's. Nobody sends traffic, unless a test says so.
#pragma once
#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <map>
#include <ringway/next_hops.hpp>

#include "../support/catch.hpp"
#include "../support/netns_guard.hpp"

namespace ringway::test {

using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

using mac_address = std::array<std::uint8_t, 6>;

inline ip_address ip(std::string_view text) { return ip_address::parse(text); }

constexpr mac_address mac_of(std::uint8_t last) { return {2, 0, 0, 0, 0, last}; }

// Timers of the neighbour code that make a death known in seconds instead of a minute. Without the delay, for
// where that is longer than an entry is reachable, the kernel confirms it for ever of itself.
constexpr const char* hasty =
    "for v in 4 6; do cd /proc/sys/net/ipv$v/neigh/{0}; echo 300 > base_reachable_time_ms; "
    "echo 100 > retrans_time_ms; echo 0 > delay_first_probe_time; echo 0 > locktime; done";

struct bed {
  netns_guard lb{"lb"}, r0{"r0"}, r1{"r1"};
  bed() {
    pair("x0", r0, "y0", 2, "10.0.0", "fd00::");
    pair("x1", r1, "y1", 3, "10.0.1", "fd01::");
    r1.run("ip addr add 10.9.9.9/32 dev lo; ip addr add fd09::9/128 dev lo");
  }
  void pair(const std::string& x, const netns_guard& r, const std::string& y, unsigned mac,
            const std::string& net4, const std::string& net6) const {
    make_veth(lb, x, r, y);
    r.run(fmt::format("ip link set {} address 02:00:00:00:00:{:02x}", y, mac));
    const std::string v6 =
        "echo 0 > /proc/sys/net/ipv6/conf/{0}/accept_dad; "
        "echo 0 > /proc/sys/net/ipv6/conf/{0}/disable_ipv6; ";
    lb.run(fmt::format(fmt::runtime(v6 + hasty), x));
    lb.run(fmt::format("ip addr add {1}.1/24 dev {0}; ip addr add {2}1/64 dev {0}", x, net4, net6));
    r.run(fmt::format(fmt::runtime("echo 0 > /proc/sys/net/ipv6/conf/lo/disable_ipv6; " + v6), y));
    r.run(fmt::format(
        "ip addr add {1}.2/24 dev {0}; ip addr add {2}2/64 dev {0}; ip addr add fe80::2/64 dev {0}", y, net4,
        net6));
  }
  std::vector<interface> ports() const { return {lb.at("x0"), lb.at("x1")}; }
  std::string neighbours() const { return lb.run("ip neigh show"); }
  /// The line about one neighbour.
  std::string neighbour(const std::string& a) const { return lb.run("ip neigh show " + a); }
};

inline bool has(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

// Calls news() when the descriptor says so, and only then, as an event loop does.
class watcher {
 public:
  explicit watcher(const std::vector<interface>& ports, const next_hops_options& options = {})
      : hops(ports, options) {}

  next_hops hops;
  std::map<ip_address, next_hop_news> last;
  std::vector<std::vector<next_hop_news>> all;  // of each call that had any

  void turn(int milliseconds = 20) {
    pollfd p{hops.fd(), POLLIN, 0};
    if (::poll(&p, 1, milliseconds) <= 0) return;
    auto news = hops.news();
    for (const next_hop_news& n : news) last[n.to] = n;
    if (!news.empty()) all.push_back(std::move(news));
  }
  template <class Condition>
  bool until(Condition condition, std::chrono::milliseconds limit = 4000ms) {
    const auto end = clock_type::now() + limit;
    while (!condition() && clock_type::now() < end) turn();
    return condition();
  }
  void pass(std::chrono::milliseconds time) {
    for (const auto end = clock_type::now() + time; clock_type::now() < end;) turn();
  }
  bool known(const std::string& a) const { return last.count(ip(a)) != 0; }
  bool at(const std::string& a, unsigned port, const mac_address& mac) const {
    const auto i = last.find(ip(a));
    return i != last.end() && i->second.hop && i->second.hop->up && i->second.hop->port == port &&
           i->second.hop->mac == mac;
  }
  bool none(const std::string& a) const { return known(a) && !last.at(ip(a)).hop; }
  std::string why(const std::string& a) const { return known(a) ? last.at(ip(a)).why : "nothing known"; }
};

inline void want(watcher& w, std::initializer_list<const char*> addresses) {
  std::set<ip_address> set;
  for (const char* a : addresses) set.insert(ip(a));
  w.hops.want(set);
}

}  // namespace ringway::test
