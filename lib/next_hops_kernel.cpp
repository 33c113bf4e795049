// SPDX-License-Identifier: BSD-2-Clause
#include "next_hops_kernel.hpp"

#include <linux/neighbour.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>

namespace ringway {
namespace {

// Who made a neighbour (NDA_PROTOCOL). The kernel keeps the number and does nothing with it; nobody has this.
constexpr std::uint8_t own_protocol = 82;
constexpr std::uint16_t usable_states =
    NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

netlink_socket socket_in(const netns& where) {
  netns_scope there(where);
  return netlink_socket();
}

std::uint8_t family_of(const ip_address& a) { return a.family == 4 ? AF_INET : AF_INET6; }
std::size_t length_of(const ip_address& a) { return a.family == 4 ? 4 : 16; }

void put_address(netlink_request& request, std::uint16_t type, const ip_address& a) {
  mnl_attr_put(request.header(), type, length_of(a), a.words.data());
}

// The next hop of a route: another address (of either family), or the destination itself.
std::optional<ip_address> gateway_of(int family, const netlink_attributes<RTA_MAX>& a) {
  if (a[RTA_GATEWAY] != nullptr) return address_in(family, a[RTA_GATEWAY]);
  if (a[RTA_VIA] == nullptr || mnl_attr_get_payload_len(a[RTA_VIA]) < sizeof(rtvia)) return std::nullopt;
  const auto* via = static_cast<const rtvia*>(mnl_attr_get_payload(a[RTA_VIA]));
  ip_address gateway;
  const std::size_t length = mnl_attr_get_payload_len(a[RTA_VIA]) - sizeof(rtvia);
  if (length != (via->rtvia_family == AF_INET ? 4U : 16U)) return std::nullopt;
  gateway.family = via->rtvia_family == AF_INET ? 4 : 6;
  std::memcpy(gateway.words.data(), via->rtvia_addr, length);
  return gateway;
}

kernel_way parse_route(const ip_address& to, const nlmsghdr* message) {
  const auto* route = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  const netlink_attributes<RTA_MAX> a(message, sizeof *route);
  switch (route->rtm_type) {
    case RTN_UNICAST:
      break;
    case RTN_LOCAL:
      return {{}, fmt::format("{} is an address of this machine", to.text())};
    case RTN_BROADCAST:
    case RTN_ANYCAST:
    case RTN_MULTICAST:
      return {{}, fmt::format("{} is a broadcast, anycast or multicast address", to.text())};
    default:
      return {{},
              fmt::format("the route to {} leads nowhere (unreachable, blackhole or prohibit)", to.text())};
  }
  const auto out = a.u32(RTA_OIF);
  if (!out) return {{}, fmt::format("the route to {} has no interface", to.text())};
  return {neighbour_key{*out, gateway_of(route->rtm_family, a).value_or(to)}, {}};
}

std::string no_route(const ip_address& to, int e) {
  switch (-e) {
    case ENETUNREACH:
    case ESRCH:
      return fmt::format("there is no route to {}", to.text());
    case EHOSTUNREACH:
    case EACCES:
    case EINVAL:
      return fmt::format("the route to {} leads nowhere ({})", to.text(), std::strerror(-e));
    default:
      return fmt::format("cannot ask for the route to {}: {}", to.text(), std::strerror(-e));
  }
}

}  // namespace

std::optional<ip_address> address_in(int family, const nlattr* attribute) {
  ip_address a;
  a.family = family == AF_INET ? 4 : 6;
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != length_of(a)) return std::nullopt;
  std::memcpy(a.words.data(), mnl_attr_get_payload(attribute), length_of(a));
  return a;
}

bool neighbour_entry::usable() const noexcept { return (state & usable_states) != 0; }

std::optional<neighbour_entry> parse_neighbour(const nlmsghdr* message) {
  const auto* info = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
  if ((info->ndm_family != AF_INET && info->ndm_family != AF_INET6) || (info->ndm_flags & NTF_PROXY) != 0)
    return std::nullopt;
  const netlink_attributes<NDA_MAX> a(message, sizeof *info);
  const auto address = address_in(info->ndm_family, a[NDA_DST]);
  if (!address) return std::nullopt;
  neighbour_entry e;
  e.key = {static_cast<unsigned>(info->ndm_ifindex), *address};
  e.state = info->ndm_state;
  if (a[NDA_LLADDR] != nullptr && mnl_attr_get_payload_len(a[NDA_LLADDR]) == 6) {
    e.mac.emplace();
    std::memcpy(e.mac->data(), mnl_attr_get_payload(a[NDA_LLADDR]), 6);
  }
  e.managed = (a.u32(NDA_FLAGS_EXT).value_or(0) & NTF_EXT_MANAGED) != 0;
  const bool ours = a[NDA_PROTOCOL] != nullptr && mnl_attr_get_u8(a[NDA_PROTOCOL]) == own_protocol;
  e.others = (e.state & (NUD_PERMANENT | NUD_NOARP)) != 0 || (info->ndm_flags & NTF_EXT_LEARNED) != 0 ||
             (e.managed && !ours);
  return e;
}

routing_kernel::routing_kernel(const netns& where, std::size_t receive_buffer)
    : where_(where), events_(socket_in(where)), questions_(socket_in(where)) {
  const int size = static_cast<int>(std::min<std::size_t>(receive_buffer, std::size_t{1} << 30));
  if (::setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  for (const int group : {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                          RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP})
    if (::setsockopt(fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0 &&
        group != RTNLGRP_NEXTHOP)  // 5.3
      throw error(errno, "listen to the kernel's routes and neighbours");
}

bool routing_kernel::drain(const std::function<void(const nlmsghdr*)>& each) {
  bool complete = true;
  // Bounded: whoever changes routes without end must not keep us here.
  for (int i = 0; i < 4096; ++i) {
    const int e = events_.receive(each);
    if (e == -EAGAIN) break;
    if (e == -ENOBUFS)
      complete = false;
    else if (e != 0 && e != -EINTR)
      throw error(e, "listen to the kernel's routes and neighbours");
  }
  return complete;
}

// After a question that was not heard to its end (a signal came), the rest of the answer would be taken for
// that of the next one: ask again, by another socket.
int routing_kernel::ask(netlink_request& request, const std::function<void(const nlmsghdr*)>& each) {
  for (int tries = 1;; ++tries) {
    const int e = questions_->ask(request, each);
    if ((e != -EINTR && e != -EPROTO) || tries == 4) return e;
    questions_.emplace(socket_in(where_));
  }
}

kernel_way routing_kernel::route_to(const ip_address& to) {
  if (!to) return {{}, "no address"};
  netlink_request request(RTM_GETROUTE, 0);
  auto& route = request.extra<rtmsg>();
  route.rtm_family = family_of(to);
  route.rtm_dst_len = static_cast<std::uint8_t>(8 * length_of(to));
  put_address(request, RTA_DST, to);
  kernel_way way{{}, fmt::format("there is no route to {}", to.text())};
  const int e = ask(request, [&](const nlmsghdr* m) {
    if (m->nlmsg_type == RTM_NEWROUTE) way = parse_route(to, m);
  });
  return e == 0 ? way : kernel_way{{}, no_route(to, e)};
}

std::optional<neighbour_entry> routing_kernel::look_up(const neighbour_key& key) {
  netlink_request request(RTM_GETNEIGH, 0);
  auto& info = request.extra<ndmsg>();
  info.ndm_family = family_of(key.address);
  info.ndm_ifindex = static_cast<int>(key.ifindex);
  put_address(request, NDA_DST, key.address);
  std::optional<neighbour_entry> found;
  const int e = ask(request, [&](const nlmsghdr* m) {
    if (m->nlmsg_type == RTM_NEWNEIGH) found = parse_neighbour(m);
  });
  return e == 0 ? found : std::nullopt;
}

int routing_kernel::update(const neighbour_key& key, std::uint16_t flags, bool managed,
                           std::uint8_t protocol) {
  netlink_request request(RTM_NEWNEIGH, flags);
  auto& info = request.extra<ndmsg>();
  info.ndm_family = family_of(key.address);
  info.ndm_ifindex = static_cast<int>(key.ifindex);
  info.ndm_flags = NTF_USE;  // keeps state and link address as they are, and resolves what is not resolved
  put_address(request, NDA_DST, key.address);
  mnl_attr_put_u8(request.header(), NDA_PROTOCOL, protocol);
  if (managed) mnl_attr_put_u32(request.header(), NDA_FLAGS_EXT, NTF_EXT_MANAGED);
  return ask(request, [](const nlmsghdr*) {});
}

int routing_kernel::use(const neighbour_key& key, bool managed, bool create) {
  return update(key, create ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_REPLACE, managed, own_protocol);
}

int routing_kernel::release(const neighbour_key& key) {
  return update(key, NLM_F_REPLACE, false, RTPROT_KERNEL);
}

std::optional<link_facts> routing_kernel::link(unsigned index) {
  netlink_request request(RTM_GETLINK, 0);
  request.extra<ifinfomsg>().ifi_index = static_cast<int>(index);
  std::optional<link_facts> found;
  ask(request, [&](const nlmsghdr* m) {
    if (m->nlmsg_type == RTM_NEWLINK) found = parse_link(m);
  });
  return found;
}

}  // namespace ringway
