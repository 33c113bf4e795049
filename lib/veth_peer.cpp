// SPDX-License-Identifier: BSD-2-Clause
// Finding the other end of a veth pair: the kernel says its index, and its namespace only as a number that
// means something in ours. So every namespace in reach is asked for the number that ours has for it.
#include <dirent.h>
#include <linux/net_namespace.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <ringway/error.hpp>
#include <ringway/interface.hpp>
#include <set>

#include "netlink.hpp"
#include "netns_names.hpp"

namespace ringway {
namespace {

std::optional<int> id_of(netlink_socket& socket, const netns& candidate) {
  netlink_request request(RTM_GETNSID, 0);
  request.extra<rtgenmsg>();
  mnl_attr_put_u32(request.header(), NETNSA_FD, static_cast<std::uint32_t>(candidate.fd()));
  std::optional<int> id;
  socket.ask(request, [&](const nlmsghdr* m) {
    if (m->nlmsg_type != RTM_NEWNSID) return;
    const netlink_attributes<NETNSA_MAX> a(m, sizeof(rtgenmsg));
    if (auto n = a.u32(NETNSA_NSID)) id = static_cast<int>(*n);
  });
  return id;
}

// Processes, one for each namespace that a process is in and that `seen` lacks.
std::vector<std::string> processes_elsewhere(std::set<std::uint64_t> seen) {
  std::vector<std::string> ids;
  std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  while (const dirent* entry = proc ? ::readdir(proc.get()) : nullptr) {
    const std::string id = entry->d_name;
    struct stat s {};
    if (id.find_first_not_of("0123456789") == std::string::npos &&
        ::stat(("/proc/" + id + "/ns/net").c_str(), &s) == 0 && seen.insert(s.st_ino).second)
      ids.push_back(id);
  }
  return ids;
}

std::optional<netns> namespace_with_id(int id) {
  netlink_socket socket;
  std::set<std::uint64_t> seen;
  auto matches = [&](const std::string& name) -> std::optional<netns> {
    try {
      netns candidate = netns::open(name);
      seen.insert(candidate.inode());
      if (id_of(socket, candidate) == id) return candidate;
    } catch (const error&) {  // gone or closed to us since it was listed
    }
    return std::nullopt;
  };
  for (const std::string& name : netns_names())
    if (auto found = matches(name)) return found;
  for (const std::string& process : processes_elsewhere(seen))
    if (auto found = matches(process)) return found;
  return std::nullopt;
}

std::optional<std::string> name_of(const netns& where, unsigned index) {
  netns_scope there(where);
  for (const link_facts& l : all_links())
    if (l.index == index) return l.name;
  return std::nullopt;
}

}  // namespace

std::optional<interface> interface::peer() const {
  netns_scope there(ns_);
  const link_facts f = query_link(ns_, index_, name_);
  if (f.kind != "veth" || !f.lower) return std::nullopt;
  std::optional<netns> where = ns_;
  if (f.lower_namespace_id) where = namespace_with_id(*f.lower_namespace_id);
  if (!where) return std::nullopt;
  const auto ifname = name_of(*where, *f.lower);
  if (!ifname) return std::nullopt;
  return interface(*where, where->name().empty() ? *ifname : where->name() + "/" + *ifname, *ifname,
                   *f.lower);
}

}  // namespace ringway
