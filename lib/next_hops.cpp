// SPDX-License-Identifier: BSD-2-Clause
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <ringway/error.hpp>
#include <ringway/next_hops.hpp>

#include "next_hops_kernel.hpp"
#include "next_hops_neighbours.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using clock = neighbour_table::clock;

constexpr auto gathering = 200ms;

// Half of what the kernel believes in an entry unasked, so that it never gets old.
clock::duration refresh_of(const netns& where, const std::string& ifname, const ip_address& neighbour) {
  std::int64_t milliseconds = 0;
  {
    netns_scope there(where);  // /proc/sys/net is that of the thread which opens it
    std::ifstream file(fmt::format("/proc/sys/net/ipv{}/neigh/{}/base_reachable_time_ms",
                                   neighbour.family == 4 ? 4 : 6, ifname));
    file >> milliseconds;
  }
  if (milliseconds <= 0) milliseconds = 30'000;
  return std::clamp<clock::duration>(std::chrono::milliseconds(milliseconds) / 2, 100ms, 30s);
}

// Could a change of that route change the way to the address?
bool covers(const nlmsghdr* message, const ip_address& address) {
  const auto* route = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  if (address.family != (route->rtm_family == AF_INET ? 4 : 6)) return false;
  const netlink_attributes<RTA_MAX> a(message, sizeof *route);
  const auto prefix = address_in(route->rtm_family, a[RTA_DST]);
  if (!prefix) return true;  // the default route
  const auto* x = reinterpret_cast<const std::uint8_t*>(prefix->words.data());
  const auto* y = reinterpret_cast<const std::uint8_t*>(address.words.data());
  const unsigned bytes = route->rtm_dst_len / 8U, bits = route->rtm_dst_len % 8U;
  return std::equal(x, x + bytes, y) && (bits == 0 || ((x[bytes] ^ y[bytes]) >> (8 - bits)) == 0);
}

}  // namespace

struct next_hops::state {
  struct target {
    bool asked = false;
    kernel_way way;
    bool told = false;
    std::optional<lb_next_hop> hop;  // as it was told, and why there was none
    std::string why;
  };

  state(const std::vector<interface>& all, const next_hops_options& options)
      : ports(all),
        kernel(all.front().ns(), options.receive_buffer),
        neighbours(kernel, options.managed, [this](const neighbour_key& key) {
          const auto port = port_of(key.ifindex);
          return port ? refresh_of(ports[*port].ns(), ports[*port].ifname(), key.address) : 30s;
        }) {}

  std::vector<interface> ports;
  routing_kernel kernel;
  neighbour_table neighbours;
  unique_fd timer, events;
  std::map<ip_address, target> targets;
  bool wanted_changed = false, routes_changed = false;
  clock::time_point ask_at{};        // not before: what is asked for often is asked for together
  clock::time_point gather_until{};  // hops that come up wait for each other
  clock::time_point next{};

  std::optional<std::size_t> port_of(unsigned ifindex) const;
  void open();
  void see(const nlmsghdr* message, clock::time_point now);
  void see_link(std::size_t port, const link_facts* facts, clock::time_point now);
  void gather(clock::time_point now);
  void look_again(clock::time_point now);
  void ask_routes(clock::time_point now);
  void ask_route(const ip_address& to, target& t);
  next_hop_news now_of(const ip_address& to, const target& t) const;
  std::vector<next_hop_news> compare(clock::time_point now);
  void arm(clock::time_point when);
};

std::optional<std::size_t> next_hops::state::port_of(unsigned ifindex) const {
  for (std::size_t i = 0; i < ports.size(); ++i)
    if (ports[i].index() == ifindex) return i;
  return std::nullopt;
}

void next_hops::state::open() {
  timer.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));  // steady_clock's
  events.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!timer || !events) throw error(errno, "make a timer for next hops");
  for (const int fd : {timer.value(), kernel.fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(events.value(), EPOLL_CTL_ADD, fd, &event) != 0) throw error(errno, "watch next hops");
  }
  const auto now = clock::now();
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto facts = kernel.link(ports[i].index());
    see_link(i, facts ? &*facts : nullptr, now);
  }
}

void next_hops::state::arm(clock::time_point when) {
  itimerspec t{};
  if (when != neighbour_table::never) {
    const auto ns = std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count());
    t.it_value.tv_sec = ns / 1'000'000'000;
    t.it_value.tv_nsec = ns % 1'000'000'000;
  }
  ::timerfd_settime(timer.value(), TFD_TIMER_ABSTIME, &t, nullptr);  // also unsets what was due
}

void next_hops::state::gather(clock::time_point now) {
  if (gather_until < now) gather_until = now + gathering;
}

void next_hops::state::see_link(std::size_t port, const link_facts* facts, clock::time_point now) {
  const std::string& name = ports[port].name();
  std::string why;
  if (facts == nullptr)
    why = name + " is gone";
  else if ((facts->flags & IFF_UP) == 0)
    why = name + " is down";
  else if (!facts->carrier())
    why = name + " has no carrier";
  else
    gather(now);
  neighbours.link(ports[port].index(), name, why, now);
}

void next_hops::state::see(const nlmsghdr* message, clock::time_point now) {
  switch (message->nlmsg_type) {
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      if (const auto entry = parse_neighbour(message)) {
        if (message->nlmsg_type == RTM_NEWNEIGH)
          neighbours.see(*entry, now);
        else
          neighbours.gone(entry->key, now);
      }
      break;
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
      if (info->ifi_family != AF_UNSPEC) break;  // of a bridge, about a port of it
      routes_changed = true;                     // the kernel says nothing of IPv4 routes that go with a link
      if (const auto port = port_of(static_cast<unsigned>(info->ifi_index))) {
        const link_facts facts = parse_link(message);
        see_link(*port, message->nlmsg_type == RTM_NEWLINK ? &facts : nullptr, now);
      }
      break;
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      routes_changed = routes_changed || std::any_of(targets.begin(), targets.end(),
                                                     [&](const auto& t) { return covers(message, t.first); });
      break;
    case RTM_NEWRULE:
    case RTM_DELRULE:
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      routes_changed = true;
      break;
    default:
      break;
  }
}

// Messages were lost: what they said is asked for.
void next_hops::state::look_again(clock::time_point now) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto facts = kernel.link(ports[i].index());
    see_link(i, facts ? &*facts : nullptr, now);
  }
  neighbours.look_again(now);
  routes_changed = true;
}

void next_hops::state::ask_route(const ip_address& to, target& t) {
  t.asked = true;
  t.way = kernel.route_to(to);
  if (!t.way.through || port_of(t.way.through->ifindex)) return;
  const auto other = kernel.link(t.way.through->ifindex);
  t.way = {{},
           fmt::format("the route to {} leaves by {}, which is no port of ours", to.text(),
                       other ? other->name : "an interface that is gone")};
}

void next_hops::state::ask_routes(clock::time_point now) {
  const bool all = routes_changed && ask_at <= now;
  if (!all && !wanted_changed) return;
  std::set<neighbour_key> keys;
  for (auto& [to, t] : targets) {
    if (all || !t.asked) ask_route(to, t);
    if (t.way.through) keys.insert(*t.way.through);
  }
  neighbours.keep(keys, now);
  wanted_changed = false;
  if (!all) return;
  routes_changed = false;
  const auto end = clock::now();
  ask_at = end + std::max<clock::duration>(50ms, 4 * (end - now));  // a fifth of a CPU at most
}

next_hop_news next_hops::state::now_of(const ip_address& to, const target& t) const {
  if (!t.way.through) return {to, {}, t.way.why};
  const auto& n = neighbours.at(*t.way.through);
  if (n.is == neighbour_table::verdict::waiting) return {to, t.hop, t.why};
  if (n.is == neighbour_table::verdict::bad) return {to, {}, n.why};
  lb_next_hop hop;
  hop.mac = n.mac;
  hop.port = static_cast<std::uint8_t>(*port_of(t.way.through->ifindex));
  hop.up = true;
  return {to, hop, {}};
}

std::vector<next_hop_news> next_hops::state::compare(clock::time_point now) {
  const bool gather = now < gather_until && neighbours.any_waiting();
  std::vector<next_hop_news> changed;
  for (auto& [to, t] : targets) {
    next_hop_news n = now_of(to, t);
    if (!n.hop && n.why.empty()) continue;                     // not known yet
    if (t.told && n.hop == t.hop && n.why == t.why) continue;  // nothing new
    if (gather && n.hop && !t.hop) continue;
    t.told = true;
    t.hop = n.hop;
    t.why = n.why;
    changed.push_back(std::move(n));
  }
  if (gather) next = std::min(next, gather_until);
  return changed;
}

next_hops::next_hops(const std::vector<interface>& ports, const next_hops_options& options) {
  if (ports.empty()) throw usage_error("no port to look for next hops at");
  if (ports.size() > 256) throw usage_error("more than 256 ports");
  for (const interface& p : ports)
    if (!(p.ns() == ports.front().ns()))
      throw usage_error("{} and {} are in different network namespaces: next hops are looked for in one",
                        ports.front().name(), p.name());
  state_ = std::make_unique<state>(ports, options);
  state_->open();
}

next_hops::~next_hops() = default;

int next_hops::fd() const noexcept { return state_->events.value(); }

void next_hops::want(const std::set<ip_address>& addresses) {
  state& s = *state_;
  std::erase_if(s.targets, [&](const auto& t) { return !addresses.contains(t.first); });
  const auto now = clock::now();
  for (const ip_address& a : addresses)
    if (s.targets.try_emplace(a).second) s.gather(now);
  s.wanted_changed = true;
  s.arm(now);
}

std::vector<next_hop_news> next_hops::news() {
  state& s = *state_;
  const auto now = clock::now();
  if (!s.kernel.drain([&](const nlmsghdr* m) { s.see(m, now); })) s.look_again(now);
  s.ask_routes(now);
  s.next = s.neighbours.attend(now);
  if (s.routes_changed) s.next = std::min(s.next, s.ask_at);
  auto changed = s.compare(now);
  s.arm(s.next);
  return changed;
}

}  // namespace ringway
