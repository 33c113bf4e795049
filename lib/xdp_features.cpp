// SPDX-License-Identifier: BSD-2-Clause
#include "xdp_features.hpp"

#include <linux/genetlink.h>

#include "netlink.hpp"
#include "xdp_compat.h"

namespace ringway {
namespace {

std::optional<std::uint16_t> netdev_family(netlink_socket& socket) {
  netlink_request request(GENL_ID_CTRL, 0);
  genlmsghdr& generic = request.extra<genlmsghdr>();
  generic.cmd = CTRL_CMD_GETFAMILY;
  generic.version = 1;
  mnl_attr_put_strz(request.header(), CTRL_ATTR_FAMILY_NAME, "netdev");
  std::optional<std::uint16_t> id;
  socket.ask(request, [&](const nlmsghdr* m) {
    const netlink_attributes<CTRL_ATTR_MAX> a(m, sizeof(genlmsghdr));
    if (a[CTRL_ATTR_FAMILY_ID] != nullptr) id = mnl_attr_get_u16(a[CTRL_ATTR_FAMILY_ID]);
  });
  return id;
}

}  // namespace

std::optional<bool> accepts_redirects(const interface& where) {
  netns_scope there(where.ns());
  netlink_socket socket(NETLINK_GENERIC);
  const auto family = netdev_family(socket);
  if (!family) return std::nullopt;
  netlink_request request(*family, 0);
  genlmsghdr& generic = request.extra<genlmsghdr>();
  generic.cmd = RW_NETDEV_CMD_DEV_GET;
  generic.version = 1;
  mnl_attr_put_u32(request.header(), RW_NETDEV_A_DEV_IFINDEX, where.index());
  std::optional<bool> accepts;
  socket.ask(request, [&](const nlmsghdr* m) {
    const netlink_attributes<RW_NETDEV_A_DEV_XDP_FEATURES> a(m, sizeof(genlmsghdr));
    const nlattr* features = a[RW_NETDEV_A_DEV_XDP_FEATURES];
    if (features != nullptr) accepts = (mnl_attr_get_u64(features) & RW_NETDEV_XDP_ACT_NDO_XMIT) != 0;
  });
  return accepts;
}

}  // namespace ringway
