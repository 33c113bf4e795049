// SPDX-License-Identifier: BSD-2-Clause
#include <cerrno>
#include <ringway/addresses.hpp>
#include <ringway/error.hpp>

#include "netlink.hpp"
#include "next_hops_kernel.hpp"

namespace ringway {

std::vector<local_address> addresses_of(const netns& where) {
  netns_scope there(where);
  for (int tries = 1;; ++tries) {
    std::vector<local_address> list;
    netlink_socket socket;
    netlink_request request(RTM_GETADDR, NLM_F_DUMP);
    request.extra<ifaddrmsg>();  // AF_UNSPEC: both families
    const int e = socket.ask(request, [&](const nlmsghdr* m) {
      const auto* info = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(m));
      if (m->nlmsg_type != RTM_NEWADDR || (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
        return;
      const netlink_attributes<IFA_MAX> a(m, sizeof *info);
      // IFA_ADDRESS is the peer's on a point-to-point link.
      if (const auto own = address_in(info->ifa_family, a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS]))
        list.push_back({info->ifa_index, *own, info->ifa_prefixlen});
    });
    if (e == 0) return list;
    // EINTR: they changed while they were listed, so that some may be missing.
    if (e != -EINTR || tries == 10) throw error(e, "list the addresses");
  }
}

}  // namespace ringway
