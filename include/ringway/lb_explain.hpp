// SPDX-License-Identifier: BSD-2-Clause
// What would the load balancer do with a packet? Asked of the core itself, on the tables as they are.
#pragma once
#include <cstdint>
#include <optional>
#include <ringway/lb_config.hpp>
#include <ringway/lb_store.hpp>
#include <string>
#include <vector>

namespace ringway {

struct lb_question {
  ip_address source, destination;  // of one family
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t protocol = RW_IP_TCP;
  std::uint16_t payload = 0;  // bytes of data
  bool syn = false;           // TCP: the first packet of a connection; else an ACK
};

struct lb_connection {
  std::uint32_t bucket = 0, slot = 0, real = 0;
  std::uint8_t state = 0;  // enum rw_conn_state
  std::uint16_t idle = 0;  // seconds
};

struct lb_explanation {
  rw_verdict verdict = 0;                   // a port, RW_PUNT, or RW_DROP(reason)
  std::string outcome;                      // "ipip", "too_big", "passed to the kernel", "dropped: no_real"
  std::optional<rw_vip_target> vip;         // what the packet's destination is, if it is a VIP's
  std::optional<std::uint32_t> slot;        // of the VIP's ring, for a new flow
  std::optional<std::uint32_t> real;        // element of `reals`: lb_tables::destination_of()
  std::optional<lb_connection> connection;  // that the flow has
  std::vector<std::uint8_t> sent;           // the frame that would leave; empty: none
};

/// `port` is where the packet would come in. Nothing is entered, touched or counted. Throws usage_error for
/// addresses of two families or another protocol than TCP and UDP.
lb_explanation explain(const lb_store& store, std::uint32_t port, const rw_hash_key& flow_key,
                       const lb_question& question);

/// The name of a drop reason, the load balancer's own or the library's.
std::string reason_name(rw_verdict drop);

}  // namespace ringway
