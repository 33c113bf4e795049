// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <ringway/lb_config.hpp>
#include <ringway/netns.hpp>
#include <vector>

namespace ringway {

/// An address that a namespace's kernel takes for its own.
struct local_address {
  unsigned ifindex = 0;
  ip_address address;
  unsigned prefix = 0;  // length of its network's
};

/// All of them, IPv4 and IPv6. CAP_SYS_ADMIN unless the namespace is the caller's. Throws ringway::error.
std::vector<local_address> addresses_of(const netns& where);

}  // namespace ringway
