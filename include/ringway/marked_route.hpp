// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <ringway/netns.hpp>
#include <ringway/unique_fd.hpp>
#include <string>

namespace ringway {

/// A way out beside all routes, for packets of sockets that bear its marks (SO_MARK): a veth pair, into one
/// end of which a rule and a table of its own lead, and out of whose other end they come, for a program of
/// the owner's to take. Checksums are complete there, GSO is undone, and nobody has been asked for a link
/// address. Nothing else enters it.
///
/// In the namespace, for N from 0 to 7: the interfaces rwprobeN and rwprobeNx, table 72780 + N with a default
/// route for each family, and rules of preference 7278 for marks 0x7278'0000 + N * 65536 and the 65535 that
/// follow. Whoever holds N has bound an abstract Unix address, which goes with its process; what a killed
/// process left under a number that nobody holds is removed by whoever comes next.
class marked_route {
 public:
  static constexpr unsigned most = 8;            // of a namespace
  static constexpr std::uint32_t marks = 65536;  // of each
  /// Fits, with 48 bytes of outer headers, every path that IPv6 may take.
  static constexpr std::uint32_t mtu = 1280;

  /// CAP_NET_ADMIN; CAP_SYS_ADMIN unless the namespace is the caller's. Throws ringway::error; also where
  /// something of those names is there that is not ours, which is left alone.
  explicit marked_route(const netns& where);
  ~marked_route();
  marked_route(const marked_route&) = delete;
  marked_route& operator=(const marked_route&) = delete;

  std::uint32_t first_mark() const noexcept;
  /// Interface at whose ingress packets come out, behind an Ethernet header that means nothing.
  unsigned exit() const noexcept { return exit_; }
  /// Empty: IPv6 goes there as well; else why it does not (the kernel has none, or it is turned off).
  const std::string& without_ipv6() const noexcept { return without_ipv6_; }

 private:
  void make();
  void remove() noexcept;

  netns where_;
  unsigned slot_ = most;
  unique_fd held_;
  unsigned exit_ = 0;
  std::string without_ipv6_;
};

}  // namespace ringway
