// SPDX-License-Identifier: BSD-2-Clause
// rtnetlink for the cold path, over libmnl. Private to lib/.
#pragma once
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ringway/interface.hpp>
#include <string>
#include <vector>

namespace ringway {

/// A request under construction, in a buffer large enough for all that we send.
class netlink_request {
 public:
  netlink_request(std::uint16_t type, std::uint16_t flags) : header_(mnl_nlmsg_put_header(buffer_.data())) {
    header_->nlmsg_type = type;
    header_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  }
  /// The family's own header (ifinfomsg, rtmsg, ...), zeroed.
  template <class T>
  T& extra() {
    return *static_cast<T*>(mnl_nlmsg_put_extra_header(header_, sizeof(T)));
  }
  nlmsghdr* header() noexcept { return header_; }

 private:
  alignas(nlmsghdr) std::array<char, 1024> buffer_{};
  nlmsghdr* header_;
};

/// A netlink socket of the namespace in which it was made.
class netlink_socket {
 public:
  explicit netlink_socket(int bus = NETLINK_ROUTE, unsigned groups = 0);
  int fd() const noexcept { return mnl_socket_get_fd(socket_.get()); }
  /// Sends, and hands every message of the answer to `each`. 0, or what the kernel says as a negative errno.
  int ask(netlink_request& request, const std::function<void(const nlmsghdr*)>& each);
  /// Hands over what has come by itself, without waiting. -EAGAIN: nothing; -ENOBUFS: messages were lost.
  int receive(const std::function<void(const nlmsghdr*)>& each);

 private:
  struct closer {
    void operator()(mnl_socket* s) const noexcept { mnl_socket_close(s); }
  };
  std::unique_ptr<mnl_socket, closer> socket_;
  std::uint32_t sequence_ = 0;
};

/// The attributes of a message by their number; null where there is none.
template <std::size_t Max>
class netlink_attributes {
 public:
  netlink_attributes(const nlmsghdr* message, std::size_t extra) {
    mnl_attr_parse(message, static_cast<unsigned>(extra), keep, this);
  }
  explicit netlink_attributes(const nlattr* nest) {
    if (nest != nullptr) mnl_attr_parse_nested(nest, keep, this);
  }
  const nlattr* operator[](std::size_t type) const noexcept { return at_[type]; }
  std::optional<std::uint32_t> u32(std::size_t type) const {
    return at_[type] == nullptr ? std::nullopt : std::optional<std::uint32_t>(mnl_attr_get_u32(at_[type]));
  }

 private:
  static int keep(const nlattr* a, void* self) {
    const std::size_t type = mnl_attr_get_type(a);
    if (type <= Max) static_cast<netlink_attributes*>(self)->at_[type] = a;
    return MNL_CB_OK;
  }
  std::array<const nlattr*, Max + 1> at_{};
};

/// What RTM_GETLINK says about one interface.
struct link_facts {
  unsigned index = 0, flags = 0, mtu = 0, rx_queues = 0, tx_queues = 0, master = 0;
  std::string name, kind;  // kind: "veth", "bridge", "vlan"; empty for hardware
  std::array<std::uint8_t, 6> mac{};
  std::optional<unsigned> lower;  // IFLA_LINK: a VLAN's device, a veth's peer
  std::optional<int>
      lower_namespace_id;  // of `lower`, when it is in another namespace; ids are per namespace
  netdev_statistics statistics;

  bool carrier() const noexcept;
};
link_facts parse_link(const nlmsghdr* message);
/// One interface, by index, in the given namespace. Throws ringway::error.
link_facts query_link(const netns& where, unsigned index, const std::string& name);
/// All interfaces of the calling thread's namespace.
std::vector<link_facts> all_links();

}  // namespace ringway
