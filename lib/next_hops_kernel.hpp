// SPDX-License-Identifier: BSD-2-Clause
// The conversation with the kernel about routes and neighbours. Private to lib/.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ringway/lb_config.hpp>
#include <ringway/netns.hpp>
#include <string>

#include "netlink.hpp"

namespace ringway {

struct neighbour_key {
  unsigned ifindex = 0;
  ip_address address;
  auto operator<=>(const neighbour_key&) const = default;
};

/// As the kernel tells it.
struct neighbour_entry {
  neighbour_key key;
  std::uint16_t state = 0;  // NUD_*
  std::optional<std::array<std::uint8_t, 6>> mac;
  bool managed = false;
  bool others = false;  // somebody else looks after it: not to be touched
  bool usable() const noexcept;
};
/// None: a message about something else (bridge tables, proxies).
std::optional<neighbour_entry> parse_neighbour(const nlmsghdr* message);

struct kernel_way {
  std::optional<neighbour_key> through;  // the gateway, or the address itself
  std::string why;                       // there is none
};

/// The address in a netlink attribute of that family (AF_*); none where it has another length.
std::optional<ip_address> address_in(int family, const nlattr* attribute);

class routing_kernel {
 public:
  routing_kernel(const netns& where, std::size_t receive_buffer);
  int fd() const noexcept { return events_.fd(); }
  /// Hands over what the kernel says by itself about neighbours, routes, rules, next hops and links. False:
  /// messages were lost. Throws ringway::error.
  bool drain(const std::function<void(const nlmsghdr*)>& each);

  /// The route that a packet to the address would take now.
  kernel_way route_to(const ip_address& to);
  /// None: the kernel has no such entry.
  std::optional<neighbour_entry> look_up(const neighbour_key& key);
  /// Makes the kernel resolve the neighbour, and, managed, keep it so. `create`: fails with -EEXIST if it is
  /// there already. 0 or a negative errno.
  int use(const neighbour_key& key, bool managed, bool create);
  /// Leaves it to the kernel's own ageing.
  int release(const neighbour_key& key);
  /// None: there is no such interface (any more).
  std::optional<link_facts> link(unsigned index);

 private:
  int ask(netlink_request& request, const std::function<void(const nlmsghdr*)>& each);
  int update(const neighbour_key& key, std::uint16_t flags, bool managed, std::uint8_t protocol);

  netns where_;
  netlink_socket events_;
  std::optional<netlink_socket> questions_;
};

}  // namespace ringway
