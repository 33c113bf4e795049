// SPDX-License-Identifier: BSD-2-Clause
// Frames for a load balancer: of flows to its VIPs, of every kind that it has an answer to, and of none; cut,
// changed and wrong now and then. The same seed gives the same frames.
#pragma once
#include <ringway/lb_config.hpp>
#include <span>
#include <vector>

#include "../support/packet_grammar.hpp"

namespace ringway::test {

struct lb_frame_options {
  std::uint32_t clients = 500;   // different flows: few give hits in the connection table, many fill it
  std::uint32_t odd_one_in = 6;  // a frame that is cut, changed, or of the general grammar
};

class lb_frames {
 public:
  lb_frames(std::uint64_t seed, std::vector<lb_vip> vips, lb_frame_options options = {});
  /// Valid until the next call.
  std::span<const std::uint8_t> next();
  random_source& random() noexcept { return rng_; }

 private:
  using bytes = std::vector<std::uint8_t>;
  struct header {  // of an IP packet to be
    ip_address src, dst;
    std::uint8_t proto = 0, ttl = 64, tos = 0;
    std::uint16_t frag = 0;
    bool options = false;
  };

  const lb_vip& any_vip() { return vips_[rng_.below(static_cast<std::uint32_t>(vips_.size()))]; }
  ip_address client(std::uint8_t family, std::uint32_t n);
  void ethernet(std::uint16_t proto, bool broadcast);
  void ip(const header& h, const bytes& payload);
  void ipv4(const header& h, const bytes& payload);
  void ipv6(const header& h, const bytes& payload);
  header flow_header(const lb_vip& vip, std::uint32_t n);
  bytes segment(const lb_vip& vip, const header& h, std::uint32_t n, std::uint32_t size);
  void close(bytes& l4, const header& h, std::size_t field) const;

  void traffic();
  void fragment();
  void echo();
  void icmp_error();
  void arp();
  void solicitation();
  void spoil();

  random_source rng_;
  std::vector<lb_vip> vips_;
  lb_frame_options options_;
  packet_grammar other_;
  bytes out_;
};

}  // namespace ringway::test
