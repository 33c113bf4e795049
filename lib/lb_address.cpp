// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>

#include <ringway/error.hpp>
#include <ringway/lb_config.hpp>

namespace ringway {

ip_address ip_address::parse(std::string_view text) {
  const std::string z(text);
  ip_address a;
  if (inet_pton(AF_INET, z.c_str(), a.words.data()) == 1)
    a.family = 4;
  else if (inet_pton(AF_INET6, z.c_str(), a.words.data()) == 1)
    a.family = 6;
  else
    throw usage_error("'{}' is no IPv4 or IPv6 address", text);
  return a;
}

std::string ip_address::text() const {
  if (family == 0) return "none";
  char out[INET6_ADDRSTRLEN];
  inet_ntop(family == 4 ? AF_INET : AF_INET6, words.data(), out, sizeof(out));
  return out;
}

}  // namespace ringway
