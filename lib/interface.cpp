// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ringway/error.hpp>
#include <ringway/interface.hpp>

#include "ethtool.hpp"
#include "netlink.hpp"

namespace ringway {
namespace {

std::string display_name(const netns& where, const std::string& ifname) {
  return where.name().empty() ? ifname : where.name() + "/" + ifname;
}

std::string existing(const std::vector<link_facts>& links) {
  std::string list;
  for (const link_facts& l : links) list += (list.empty() ? "" : ", ") + l.name;
  return list;
}

unsigned index_of(const netns& where, const std::string& name, const std::string& ifname) {
  if (ifname.empty() || ifname.size() >= IFNAMSIZ)
    throw error(EINVAL, "find interface {}: \"{}\" cannot be an interface's name", name, ifname);
  netns_scope there(where);
  if (unsigned index = ::if_nametoindex(ifname.c_str())) return index;
  const int e = errno;
  throw error(e, "find interface {}{}", name,
              e == ENODEV ? " (there are " + existing(all_links()) + ")" : "");
}

// A default route of the calling thread's namespace leaves through one of these.
bool default_route_through(const std::vector<unsigned>& indices) {
  netlink_socket socket;
  netlink_request request(RTM_GETROUTE, NLM_F_DUMP);
  request.extra<rtmsg>();  // AF_UNSPEC: both families
  bool through = false;
  auto check = [&](unsigned index) {
    through |= std::find(indices.begin(), indices.end(), index) != indices.end();
  };
  int e = socket.ask(request, [&](const nlmsghdr* m) {
    const auto* route = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(m));
    if (m->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST) return;
    const netlink_attributes<RTA_MAX> a(m, sizeof *route);
    if (auto out = a.u32(RTA_OIF)) check(*out);
    if (a[RTA_MULTIPATH] == nullptr) return;
    const auto* hop = static_cast<const rtnexthop*>(mnl_attr_get_payload(a[RTA_MULTIPATH]));
    for (int left = mnl_attr_get_payload_len(a[RTA_MULTIPATH]); RTNH_OK(hop, left);
         left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
      check(static_cast<unsigned>(hop->rtnh_ifindex));
  });
  if (e != 0) throw error(e, "list the routes");
  return through;
}

// The interface and whatever stands on it: its bridge or bond, VLANs and macvlans over those.
std::vector<unsigned> with_those_above(unsigned index, const std::vector<link_facts>& links) {
  std::vector<unsigned> group{index};
  for (std::size_t i = 0; i < group.size(); ++i) {
    for (const link_facts& l : links) {
      // A veth names its peer as the link below it, though neither stands on the other.
      const bool above = l.kind != "veth" && !l.lower_namespace_id && l.lower == group[i];
      const bool master = l.index == group[i] && l.master != 0;
      const unsigned next = above ? l.index : master ? l.master : 0;
      if (next != 0 && std::find(group.begin(), group.end(), next) == group.end()) group.push_back(next);
    }
  }
  return group;
}

}  // namespace

interface::interface(const netns& where, const std::string& name, const std::string& ifname, unsigned index)
    : ns_(where), name_(name), ifname_(ifname), index_(index) {}

interface::interface(const netns& where, const std::string& ifname)
    : interface(where, display_name(where, ifname), ifname,
                index_of(where, display_name(where, ifname), ifname)) {}

interface::interface(const std::string& name) : ns_(netns::current()), name_(name), ifname_(name), index_(0) {
  if (const std::size_t slash = name.rfind('/'); slash != std::string::npos) {
    ifname_ = name.substr(slash + 1);
    ns_ = netns::open(name.substr(0, slash));
  }
  index_ = index_of(ns_, name_, ifname_);
}

std::array<std::uint8_t, 6> interface::mac() const { return query_link(ns_, index_, name_).mac; }
unsigned interface::mtu() const { return query_link(ns_, index_, name_).mtu; }
bool interface::up() const { return (query_link(ns_, index_, name_).flags & IFF_UP) != 0; }
bool interface::carrier() const { return query_link(ns_, index_, name_).carrier(); }
netdev_statistics interface::statistics() const { return query_link(ns_, index_, name_).statistics; }
bool interface::is_veth() const { return query_link(ns_, index_, name_).kind == "veth"; }

unsigned interface::rx_queues() const {
  netns_scope there(ns_);
  if (auto n = ethtool_channels(ifname_)) return n->rx;
  if (unsigned n = sysfs_queues(ifname_, index_, "rx-")) return n;
  return query_link(ns_, index_, name_).rx_queues;
}

unsigned interface::tx_queues() const {
  netns_scope there(ns_);
  if (auto n = ethtool_channels(ifname_)) return n->tx;
  if (unsigned n = sysfs_queues(ifname_, index_, "tx-")) return n;
  return query_link(ns_, index_, name_).tx_queues;
}

std::string interface::driver() const {
  netns_scope there(ns_);
  return ethtool_driver(ifname_);
}

interface::offloads interface::features() const {
  netns_scope there(ns_);
  return ethtool_offloads(ifname_);
}

std::vector<std::string> interface::addresses() const {
  netns_scope there(ns_);
  netlink_socket socket;
  netlink_request request(RTM_GETADDR, NLM_F_DUMP);
  request.extra<ifaddrmsg>();
  std::vector<std::string> list;
  int e = socket.ask(request, [&](const nlmsghdr* m) {
    const auto* address = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(m));
    if (m->nlmsg_type != RTM_NEWADDR || address->ifa_index != index_) return;
    const netlink_attributes<IFA_MAX> a(m, sizeof *address);
    const nlattr* own = a[IFA_LOCAL] != nullptr ? a[IFA_LOCAL] : a[IFA_ADDRESS];
    char text[INET6_ADDRSTRLEN];
    if (own != nullptr &&
        ::inet_ntop(address->ifa_family, mnl_attr_get_payload(own), text, sizeof text) != nullptr)
      list.push_back(fmt::format("{}/{}", text, address->ifa_prefixlen));
  });
  if (e != 0) throw error(e, "list the addresses of {}", name_);
  return list;
}

bool interface::carries_default_route() const {
  netns_scope there(ns_);
  return default_route_through(with_those_above(index_, all_links()));
}

promiscuity::promiscuity(const interface& port) {
  netns_scope there(port.ns());
  // Protocol 0: the socket receives nothing, it only holds the membership.
  packet_socket_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!packet_socket_)
    throw error(errno, "open a packet socket for {}{}", port.name(),
                errno == EPERM ? " (run as root or with CAP_NET_RAW)" : "");
  packet_mreq membership{};
  membership.mr_ifindex = static_cast<int>(port.index());
  membership.mr_type = PACKET_MR_PROMISC;
  if (::setsockopt(packet_socket_.value(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership,
                   sizeof membership) != 0)
    throw error(errno, "make {} promiscuous", port.name());
}

}  // namespace ringway
