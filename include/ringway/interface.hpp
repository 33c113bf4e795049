// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <ringway/netns.hpp>
#include <ringway/unique_fd.hpp>
#include <string>
#include <vector>

namespace ringway {

/// A netdev's own counters, as the kernel keeps them (rtnetlink). On veth `rx_dropped` repeats every failed
/// redirect and so also what a socket counts: never add the two up.
struct netdev_statistics {
  std::uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  std::uint64_t rx_dropped = 0, tx_dropped = 0, rx_errors = 0, tx_errors = 0;
};

/// A network interface, found once by name; everything else is asked from the kernel when it is called for,
/// in the interface's own namespace whatever the caller's is (then CAP_SYS_ADMIN). A value: copies are cheap.
class interface {
 public:
  /// Offloads that change what XDP sees. Empty: the kernel does not say.
  struct offloads {
    std::optional<bool> tx_checksum, tx_vlan, rx_vlan, gro, tso, lro;
  };

  /// "IF", or "NETNS/IF" split at the last '/': NETNS is a name under /run/netns, a process id or a path.
  /// Throws ringway::error; for an unknown interface it lists those that are there.
  explicit interface(const std::string& name);
  interface(const netns& where, const std::string& ifname);

  const std::string& name() const noexcept { return name_; }  ///< as given
  const std::string& ifname() const noexcept { return ifname_; }
  unsigned index() const noexcept { return index_; }
  const netns& ns() const noexcept { return ns_; }

  std::array<std::uint8_t, 6> mac() const;
  unsigned mtu() const;
  bool up() const;       ///< by its administrator
  bool carrier() const;  ///< and the other end is there too
  /// Queues in use, not those allocated: a frame steered or sent to one beyond them is lost.
  unsigned rx_queues() const;
  unsigned tx_queues() const;
  std::string driver() const;                  ///< "veth", "ice"; "unknown" if the kernel does not say
  std::vector<std::string> addresses() const;  ///< "10.0.0.1/24", "fe80::1/64"
  /// Through it, through its master (bridge, bond) or through a device stacked on it (VLAN).
  bool carries_default_route() const;
  offloads features() const;
  netdev_statistics statistics() const;

  bool is_veth() const;
  /// The other end of a veth pair, if its namespace is this one, has a name, or has a process in it.
  std::optional<interface> peer() const;

  friend bool operator==(const interface& a, const interface& b) noexcept {
    return a.index_ == b.index_ && a.ns_ == b.ns_;
  }

 private:
  interface(const netns& where, const std::string& name, const std::string& ifname, unsigned index);

  netns ns_;
  std::string name_, ifname_;
  unsigned index_;
};

/// The interface takes every frame, whatever its destination, for as long as this lives: a PACKET_MR_PROMISC
/// membership, which the kernel drops with the file, so also after kill -9. CAP_NET_RAW.
class promiscuity {
 public:
  explicit promiscuity(const interface& port);

 private:
  unique_fd packet_socket_;
};

}  // namespace ringway
