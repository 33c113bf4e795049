// SPDX-License-Identifier: BSD-2-Clause
#include <linux/ethtool.h>
#include <linux/fib_rules.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <ringway/marked_route.hpp>

#include "netlink.hpp"

namespace ringway {
namespace {

constexpr std::uint32_t first_of_all = 0x72780000, mask = 0xffff0000;
constexpr std::uint32_t first_table = 72780, preference = 7278;
constexpr std::uint32_t group = 0x7278;    // of the interfaces: says whose they are from the first moment on
constexpr std::uint8_t own_protocol = 82;  // of rules and routes: nobody else has it

std::uint32_t mark_of(unsigned slot) { return first_of_all + slot * marked_route::marks; }
std::string entry_of(unsigned slot) { return fmt::format("rwprobe{}", slot); }
std::string exit_of(unsigned slot) { return entry_of(slot) + "x"; }

int ask(netlink_request& request) {
  return netlink_socket().ask(request, [](const nlmsghdr*) {});
}

void insist(int e, const std::string& doing) {
  if (e != 0) throw error(e, "{}{}", doing, e == -EPERM ? " (run as root, or with CAP_NET_ADMIN)" : "");
}

/// An address that lives as long as its holder's process; every namespace has its own. None: it is held.
unique_fd hold(unsigned slot) {
  unique_fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) throw error(errno, "open a Unix socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("ringway/marked-route/{}", slot);
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);  // the byte before it says "abstract"
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(socket.value(), reinterpret_cast<const sockaddr*>(&address), length) == 0) return socket;
  if (errno != EADDRINUSE) throw error(errno, "hold marks {:#x}", mark_of(slot));
  return {};
}

struct found_link {
  unsigned index = 0;
  bool ours = false;
};

std::optional<found_link> find_link(const std::string& name) {
  netlink_request request(RTM_GETLINK, 0);
  request.extra<ifinfomsg>();
  mnl_attr_put_strz(request.header(), IFLA_IFNAME, name.c_str());
  std::optional<found_link> found;
  netlink_socket().ask(request, [&](const nlmsghdr* m) {
    if (m->nlmsg_type != RTM_NEWLINK) return;
    const link_facts f = parse_link(m);
    const netlink_attributes<IFLA_MAX> a(m, sizeof(ifinfomsg));
    found = found_link{f.index, f.kind == "veth" && a.u32(IFLA_GROUP) == group};
  });
  return found;
}

void remove_link(const std::string& name) {
  const auto link = find_link(name);
  if (!link || !link->ours) return;
  netlink_request request(RTM_DELLINK, 0);
  request.extra<ifinfomsg>().ifi_index = static_cast<int>(link->index);
  ask(request);
}

void put_rule(netlink_request& request, unsigned slot, std::uint8_t family) {
  auto& header = request.extra<fib_rule_hdr>();
  header.family = family;
  header.action = FR_ACT_TO_TBL;
  mnl_attr_put_u32(request.header(), FRA_PRIORITY, preference);
  mnl_attr_put_u32(request.header(), FRA_FWMARK, mark_of(slot));
  mnl_attr_put_u32(request.header(), FRA_FWMASK, mask);
  mnl_attr_put_u32(request.header(), FRA_TABLE, first_table + slot);
  mnl_attr_put_u8(request.header(), FRA_PROTOCOL, own_protocol);
}

/// Of that number, whoever made them: they bear our marks. The routes go with their interface.
void remove_all(unsigned slot) {
  remove_link(entry_of(slot));
  remove_link(exit_of(slot));
  for (const std::uint8_t family : {AF_INET, AF_INET6})
    for (int tries = 0; tries < 16; ++tries) {
      netlink_request request(RTM_DELRULE, 0);
      put_rule(request, slot, family);
      if (ask(request) != 0) break;
    }
}

void refuse_strangers(unsigned slot) {
  for (const std::string& name : {entry_of(slot), exit_of(slot)})
    if (find_link(name))
      throw error(EEXIST, "make the interface {}: there is one of that name, made by somebody else", name);
}

void put_end(nlmsghdr* header, const std::string& name) {
  mnl_attr_put_strz(header, IFLA_IFNAME, name.c_str());
  mnl_attr_put_u32(header, IFLA_MTU, marked_route::mtu);
  mnl_attr_put_u32(header, IFLA_GROUP, group);
}

void make_pair(unsigned slot) {
  netlink_request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  auto& entry = request.extra<ifinfomsg>();
  entry.ifi_flags = entry.ifi_change = IFF_NOARP;  // every destination is right behind it
  nlmsghdr* h = request.header();
  put_end(h, entry_of(slot));
  nlattr* info = mnl_attr_nest_start(h, IFLA_LINKINFO);
  mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
  nlattr* data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
  nlattr* peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
  auto* other = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(h, sizeof(ifinfomsg)));
  other->ifi_flags = other->ifi_change = IFF_NOARP;
  put_end(h, exit_of(slot));
  mnl_attr_nest_end(h, peer);
  mnl_attr_nest_end(h, data);
  mnl_attr_nest_end(h, info);
  insist(ask(request), fmt::format("make the interfaces {} and {}", entry_of(slot), exit_of(slot)));
}

/// So that checksums are complete, and large packets cut, when they come out at the other end.
void turn_offloads_off(const std::string& ifname) {
  unique_fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_value off{};
  off.cmd = ETHTOOL_STXCSUM;
  ifreq request{};
  ifname.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&off);
  if (!socket || ::ioctl(socket.value(), SIOCETHTOOL, &request) != 0)
    throw error(errno, "turn tx-checksumming of {} off", ifname);
}

/// Of interfaces of our own only. Where it cannot be set it stays what the namespace's default is.
void set_ipv6(const std::string& ifname, bool on) {
  std::ofstream("/proc/sys/net/ipv6/conf/" + ifname + "/disable_ipv6") << (on ? "0" : "1");
}

/// Without addresses: nothing is ever sent through it of the kernel's own accord.
void turn_up(const std::string& ifname, unsigned index) {
  netlink_request request(RTM_NEWLINK, 0);
  auto& link = request.extra<ifinfomsg>();
  link.ifi_index = static_cast<int>(index);
  link.ifi_flags = link.ifi_change = IFF_UP;
  nlmsghdr* h = request.header();
  mnl_attr_put_strz(h, IFLA_IFALIAS, "probes of a load balancer on their way");
  nlattr* families = mnl_attr_nest_start(h, IFLA_AF_SPEC);
  nlattr* six = mnl_attr_nest_start(h, AF_INET6);
  mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  mnl_attr_nest_end(h, six);
  mnl_attr_nest_end(h, families);
  int e = ask(request);
  if (e == -EAFNOSUPPORT || e == -EOPNOTSUPP) {  // a kernel without IPv6
    mnl_attr_nest_cancel(h, families);
    e = ask(request);
  }
  insist(e, "turn " + ifname + " up");
}

int lead_there(unsigned slot, std::uint8_t family, unsigned entry) {
  netlink_request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  auto& route = request.extra<rtmsg>();
  route.rtm_family = family;
  route.rtm_table = RT_TABLE_UNSPEC;
  route.rtm_protocol = own_protocol;
  route.rtm_type = RTN_UNICAST;
  route.rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  mnl_attr_put_u32(request.header(), RTA_TABLE, first_table + slot);
  mnl_attr_put_u32(request.header(), RTA_OIF, entry);
  if (const int e = ask(request); e != 0) return e;
  netlink_request marked(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
  put_rule(marked, slot, family);
  return ask(marked);
}

}  // namespace

/// Takes the lowest number that nobody holds, and cleans up after all who are gone.
marked_route::marked_route(const netns& where) : where_(where) {
  netns_scope there(where_);
  for (unsigned slot = 0; slot < most; ++slot) {
    unique_fd held = hold(slot);
    if (!held) continue;
    remove_all(slot);
    if (held_) continue;
    held_ = std::move(held);
    slot_ = slot;
  }
  if (!held_) throw error(EBUSY, "find marks that nobody uses: {} balancers here have them all", most);
  try {
    make();
  } catch (...) {
    remove();
    throw;
  }
}

marked_route::~marked_route() { remove(); }

std::uint32_t marked_route::first_mark() const noexcept { return mark_of(slot_); }

void marked_route::make() {
  refuse_strangers(slot_);
  make_pair(slot_);
  const auto entry = find_link(entry_of(slot_)), exit = find_link(exit_of(slot_));
  if (!entry || !exit) throw error(ENODEV, "find the interface {}", entry_of(slot_));
  exit_ = exit->index;
  turn_offloads_off(entry_of(slot_));
  set_ipv6(entry_of(slot_), true);
  set_ipv6(exit_of(slot_), false);
  turn_up(exit_of(slot_), exit->index);
  turn_up(entry_of(slot_), entry->index);
  insist(lead_there(slot_, AF_INET, entry->index),
         fmt::format("lead marks {:#x} to their interface", first_mark()));
  if (const int e = lead_there(slot_, AF_INET6, entry->index); e != 0)
    without_ipv6_ = fmt::format("IPv6 cannot be routed through {}: {}", entry_of(slot_), std::strerror(-e));
}

void marked_route::remove() noexcept {
  try {
    netns_scope there(where_);
    remove_all(slot_);
  } catch (const std::exception& e) {
    log(log_level::warning, "{} stays: {}", entry_of(slot_), e.what());
  }
}

}  // namespace ringway
