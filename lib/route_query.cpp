// SPDX-License-Identifier: BSD-2-Clause
#include <linux/netconf.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/route_query.hpp>

#include "netlink.hpp"

namespace ringway {
namespace {

struct route_answer {
  std::optional<unsigned> out;
  std::optional<ip_address> source;
  bool loops_back = false;  // it is one of the kernel's own addresses
};

/// `through`: 0 for whichever the routes say. None: no route.
std::optional<route_answer> ask_route(const ip_address& to, unsigned through) {
  netlink_socket socket;
  netlink_request request(RTM_GETROUTE, 0);
  auto& route = request.extra<rtmsg>();
  const std::size_t length = to.family == 6 ? 16 : 4;
  route.rtm_family = to.family == 6 ? AF_INET6 : AF_INET;
  route.rtm_dst_len = static_cast<std::uint8_t>(8 * length);
  mnl_attr_put(request.header(), RTA_DST, length, to.words.data());
  if (through != 0) mnl_attr_put_u32(request.header(), RTA_OIF, through);
  std::optional<route_answer> found;
  const int e = socket.ask(request, [&](const nlmsghdr* m) {
    if (m->nlmsg_type != RTM_NEWROUTE) return;
    const netlink_attributes<RTA_MAX> a(m, sizeof(rtmsg));
    found.emplace();
    found->out = a.u32(RTA_OIF);
    found->loops_back = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(m))->rtm_type != RTN_UNICAST;
    if (a[RTA_PREFSRC] == nullptr || mnl_attr_get_payload_len(a[RTA_PREFSRC]) != length) return;
    found->source.emplace();
    found->source->family = to.family;
    std::memcpy(found->source->words.data(), mnl_attr_get_payload(a[RTA_PREFSRC]), length);
  });
  return e == 0 ? found : std::nullopt;
}

bool is_link_local(const ip_address& a) {
  return a.family == 6 && (a.words[0] & RW_BE32(0xffc00000)) == RW_BE32(0xfe800000);
}

/// 0 off, 1 strict, 2 loose. `index`: an interface, or NETCONFA_IFINDEX_ALL.
std::uint32_t reverse_path_filter(int index) {
  netlink_socket socket;
  netlink_request request(RTM_GETNETCONF, 0);
  request.extra<netconfmsg>().ncm_family = AF_INET;
  mnl_attr_put_u32(request.header(), NETCONFA_IFINDEX, static_cast<std::uint32_t>(index));
  std::uint32_t mode = 0;
  socket.ask(request, [&](const nlmsghdr* m) {
    if (m->nlmsg_type == RTM_NEWNETCONF)
      mode = netlink_attributes<NETCONFA_MAX>(m, sizeof(netconfmsg)).u32(NETCONFA_RP_FILTER).value_or(0);
  });
  return mode;
}

}  // namespace

std::optional<ip_address> source_address(const interface& through, const ip_address& to) {
  netns_scope there(through.ns());
  const auto route = ask_route(to, through.index());
  if (!route || !route->source || is_link_local(*route->source)) return std::nullopt;
  return route->source;
}

std::string reverse_path_fault(const interface& in, const ip_address& source) {
  if (source.family != 4) return "";  // IPv6 has no such filter
  netns_scope there(in.ns());
  const std::uint32_t all = reverse_path_filter(NETCONFA_IFINDEX_ALL);
  const std::uint32_t mode = std::max(all, reverse_path_filter(static_cast<int>(in.index())));
  if (mode == 0) return "";
  const auto route = ask_route(source, 0);
  const bool back = route && !route->loops_back && (mode == 2 || route->out == in.index());
  if (back) return "";
  const std::string key = fmt::format("net.ipv4.conf.{}.rp_filter", all == mode ? "all" : in.ifname());
  if (!route)
    return fmt::format(
        "the reverse path filter of {} drops packets from {}, to which there is no route ({} = {}; "
        "0 would let them pass, as a route would)",
        in.name(), source.text(), key, mode);
  return fmt::format(
      "the reverse path filter of {} drops packets from {}, whose route leads elsewhere ({} = {}; "
      "0 or 2 would let them pass)",
      in.name(), source.text(), key, mode);
}

}  // namespace ringway
