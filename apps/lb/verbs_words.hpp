// SPDX-License-Identifier: BSD-2-Clause
// How requests and answers spell what the tables hold.
#pragma once
#include <cstdint>
#include <ringway/lb_config.hpp>
#include <string>
#include <string_view>

#include "model.hpp"

namespace ringway::lb_app {

struct endpoint {
  ip_address address;
  std::uint16_t port = 0;
};
/// "10.0.0.1:80", "[fc00::1]:80". Throws usage_error.
endpoint parse_endpoint(std::string_view text);
/// As parse_endpoint() takes it.
std::string endpoint_text(const ip_address& address, std::uint16_t port);
/// "10.0.0.1:80/tcp", "[fc00::1]:any/udp".
std::string service_text(const lb_vip& vip);

/// Throw usage_error for other words.
std::uint8_t protocol_of(std::string_view word);
rw_lb_method method_of(std::string_view word);

std::string protocol_word(std::uint8_t protocol);
std::string method_word(std::uint8_t method);
std::string hash_word(std::uint8_t mode);
/// Of a connection (enum rw_conn_state).
std::string connection_word(std::uint8_t state);

/// Bytes that the method puts before a packet to that destination.
unsigned overhead_of(const lb_destination& to);

}  // namespace ringway::lb_app
