// SPDX-License-Identifier: BSD-2-Clause
#include "netlink.hpp"

#include <net/if.h>

#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>

namespace ringway {
namespace {

int hand_over(const nlmsghdr* message, void* each) {
  (*static_cast<const std::function<void(const nlmsghdr*)>*>(each))(message);
  return MNL_CB_OK;
}

netdev_statistics parse_statistics(const nlattr* a) {
  if (a == nullptr) return {};
  rtnl_link_stats64 s{};  // newer kernels send more, older ones less
  std::memcpy(&s, mnl_attr_get_payload(a), std::min<std::size_t>(sizeof s, mnl_attr_get_payload_len(a)));
  return {.rx_packets = s.rx_packets,
          .rx_bytes = s.rx_bytes,
          .tx_packets = s.tx_packets,
          .tx_bytes = s.tx_bytes,
          .rx_dropped = s.rx_dropped,
          .tx_dropped = s.tx_dropped,
          .rx_errors = s.rx_errors,
          .tx_errors = s.tx_errors};
}

}  // namespace

netlink_socket::netlink_socket(int bus, unsigned groups) : socket_(mnl_socket_open2(bus, SOCK_CLOEXEC)) {
  if (!socket_) throw error(errno, "open netlink socket");
  if (mnl_socket_bind(socket_.get(), groups, MNL_SOCKET_AUTOPID) < 0)
    throw error(errno, "bind netlink socket");
}

int netlink_socket::ask(netlink_request& request, const std::function<void(const nlmsghdr*)>& each) {
  nlmsghdr* h = request.header();
  h->nlmsg_seq = ++sequence_;
  const bool dump = (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (!dump) h->nlmsg_flags |= NLM_F_ACK;  // so that every answer has an end
  if (mnl_socket_sendto(socket_.get(), h, h->nlmsg_len) < 0) return -errno;
  alignas(nlmsghdr) std::array<char, 32768> buffer;  // what the kernel fills at most for a dump
  void* argument = const_cast<std::function<void(const nlmsghdr*)>*>(&each);
  for (;;) {
    ssize_t n = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
    if (n < 0) return -errno;
    int r = mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), sequence_,
                       mnl_socket_get_portid(socket_.get()), hand_over, argument);
    if (r < 0) return -errno;
    if (r == MNL_CB_STOP) return 0;
  }
}

int netlink_socket::receive(const std::function<void(const nlmsghdr*)>& each) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  const ssize_t n = ::recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0) return -errno;
  void* argument = const_cast<std::function<void(const nlmsghdr*)>*>(&each);
  return mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), 0, 0, hand_over, argument) < 0 ? -errno : 0;
}

bool link_facts::carrier() const noexcept {
  // linux/if.h has the name, which does not go with net/if.h. IFF_RUNNING would come up to a second later.
  constexpr unsigned iff_lower_up = 1U << 16;
  return (flags & iff_lower_up) != 0;
}

link_facts parse_link(const nlmsghdr* message) {
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  const netlink_attributes<IFLA_MAX> a(message, sizeof *info);
  link_facts f;
  f.index = static_cast<unsigned>(info->ifi_index);
  f.flags = info->ifi_flags;
  f.mtu = a.u32(IFLA_MTU).value_or(0);
  f.rx_queues = a.u32(IFLA_NUM_RX_QUEUES).value_or(1);
  f.tx_queues = a.u32(IFLA_NUM_TX_QUEUES).value_or(1);
  f.master = a.u32(IFLA_MASTER).value_or(0);
  f.lower = a.u32(IFLA_LINK);
  if (auto id = a.u32(IFLA_LINK_NETNSID)) f.lower_namespace_id = static_cast<int>(*id);
  if (a[IFLA_IFNAME] != nullptr) f.name = mnl_attr_get_str(a[IFLA_IFNAME]);
  if (a[IFLA_ADDRESS] != nullptr && mnl_attr_get_payload_len(a[IFLA_ADDRESS]) == f.mac.size())
    std::memcpy(f.mac.data(), mnl_attr_get_payload(a[IFLA_ADDRESS]), f.mac.size());
  const netlink_attributes<IFLA_INFO_MAX> kind(a[IFLA_LINKINFO]);
  if (kind[IFLA_INFO_KIND] != nullptr) f.kind = mnl_attr_get_str(kind[IFLA_INFO_KIND]);
  f.statistics = parse_statistics(a[IFLA_STATS64]);
  return f;
}

link_facts query_link(const netns& where, unsigned index, const std::string& name) {
  netns_scope there(where);
  netlink_socket socket;
  netlink_request request(RTM_GETLINK, 0);
  request.extra<ifinfomsg>().ifi_index = static_cast<int>(index);
  std::optional<link_facts> found;
  int e = socket.ask(request, [&](const nlmsghdr* m) {
    if (m->nlmsg_type == RTM_NEWLINK) found = parse_link(m);
  });
  if (e == 0 && !found) e = -ENODEV;
  if (e != 0)
    throw error(e, "ask about interface {}{}", name,
                e == -ENODEV ? " (it has been deleted or moved away)" : "");
  return *found;
}

std::vector<link_facts> all_links() {
  netlink_socket socket;
  netlink_request request(RTM_GETLINK, NLM_F_DUMP);
  request.extra<ifinfomsg>();
  std::vector<link_facts> links;
  int e = socket.ask(request, [&](const nlmsghdr* m) {
    if (m->nlmsg_type == RTM_NEWLINK) links.push_back(parse_link(m));
  });
  if (e != 0) throw error(e, "list the interfaces");
  return links;
}

}  // namespace ringway
