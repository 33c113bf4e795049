// SPDX-License-Identifier: BSD-2-Clause
#include <net/if.h>
#include <sys/epoll.h>

#include <cerrno>
#include <ringway/error.hpp>
#include <ringway/link_watch.hpp>

#include "netlink.hpp"

namespace ringway {

const char* to_string(link_change change) noexcept {
  switch (change) {
    case link_change::deleted:
      return "deleted";
    case link_change::moved:
      return "moved to another network namespace";
    case link_change::carrier_up:
      return "carrier up";
    case link_change::carrier_down:
      return "carrier down";
    case link_change::mtu_changed:
      return "MTU changed";
  }
  return "?";
}

struct link_watch::state {
  struct watched {
    interface port;
    bool gone = false, carrier = false;
    unsigned mtu = 0;
  };
  struct source {  // one namespace
    netns where;
    netlink_socket socket;
  };

  std::vector<watched> ports;
  std::vector<std::unique_ptr<source>> sources;
  unique_fd epoll;
  std::vector<link_event> events;

  void watch(const interface& port);
  void drain(source& from);
  void see(const netns& where, const nlmsghdr* message);
  void compare(std::size_t i, const link_facts& now);
  void lose(std::size_t i, link_change how);
  void ask_again(const netns& where);
};

void link_watch::state::watch(const interface& port) {
  for (const auto& s : sources)
    if (s->where == port.ns()) return;
  netns_scope there(port.ns());
  sources.push_back(std::make_unique<source>(source{port.ns(), netlink_socket(NETLINK_ROUTE, RTMGRP_LINK)}));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = sources.back().get();
  if (::epoll_ctl(epoll.value(), EPOLL_CTL_ADD, sources.back()->socket.fd(), &event) != 0)
    throw error(errno, "watch the links of {}", port.name());
}

void link_watch::state::lose(std::size_t i, link_change how) {
  if (ports[i].gone) return;
  ports[i].gone = true;
  events.push_back({i, how, ports[i].mtu});
}

void link_watch::state::compare(std::size_t i, const link_facts& now) {
  watched& w = ports[i];
  if (w.gone) return;
  const bool carrier = now.carrier();
  if (w.mtu != now.mtu) events.push_back({i, link_change::mtu_changed, now.mtu});
  if (w.carrier != carrier)
    events.push_back({i, carrier ? link_change::carrier_up : link_change::carrier_down, now.mtu});
  w.mtu = now.mtu;
  w.carrier = carrier;
}

void link_watch::state::see(const netns& where, const nlmsghdr* message) {
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  if (info->ifi_family != AF_UNSPEC)
    return;  // a bridge says DELLINK, with AF_BRIDGE, of a port that only leaves it
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!(ports[i].port.ns() == where) || ports[i].port.index() != static_cast<unsigned>(info->ifi_index))
      continue;
    if (message->nlmsg_type == RTM_NEWLINK) compare(i, parse_link(message));
    if (message->nlmsg_type != RTM_DELLINK) continue;
    const netlink_attributes<IFLA_MAX> a(message, sizeof *info);
    const bool moved = a[IFLA_NEW_NETNSID] != nullptr || a[IFLA_NEW_IFINDEX] != nullptr;
    lose(i, moved ? link_change::moved : link_change::deleted);
  }
}

// The kernel had more to say than the socket could hold: ask for the state as it is.
void link_watch::state::ask_again(const netns& where) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!(ports[i].port.ns() == where) || ports[i].gone) continue;
    try {
      compare(i, query_link(where, ports[i].port.index(), ports[i].port.name()));
    } catch (const error& e) {
      if (e.number() != ENODEV) throw;
      lose(i, link_change::deleted);
    }
  }
}

void link_watch::state::drain(source& from) {
  for (;;) {
    const int e = from.socket.receive([&](const nlmsghdr* m) { see(from.where, m); });
    if (e == -EAGAIN) return;
    if (e == -ENOBUFS) ask_again(from.where);
    if (e != 0 && e != -ENOBUFS && e != -EINTR) throw error(e, "read link events");
  }
}

link_watch::link_watch(const std::vector<interface>& ports) : state_(std::make_unique<state>()) {
  state_->epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!state_->epoll) throw error(errno, "watch links");
  for (const interface& port : ports) {
    state_->watch(port);  // before the state is read, so that nothing is missed between the two
    const link_facts now = query_link(port.ns(), port.index(), port.name());
    state_->ports.push_back({port, false, now.carrier(), now.mtu});
  }
}

link_watch::~link_watch() = default;
link_watch::link_watch(link_watch&&) noexcept = default;
link_watch& link_watch::operator=(link_watch&&) noexcept = default;

int link_watch::fd() const noexcept { return state_->epoll.value(); }

std::vector<link_event> link_watch::wait(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    epoll_event ready[8];
    const int n = ::epoll_wait(fd(), ready, 8, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (n < 0 && errno != EINTR) throw error(errno, "wait for link events");
    for (int i = 0; i < n; ++i) state_->drain(*static_cast<state::source*>(ready[i].data.ptr));
    // Most messages are about other interfaces, or change nothing that is watched.
    if (!state_->events.empty() || n <= 0) return std::exchange(state_->events, {});
  }
}

}  // namespace ringway
