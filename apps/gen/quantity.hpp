// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace ringway::gen {

using mac_address = std::array<std::uint8_t, 6>;

/// "50000", "50k", "1.5M" packets per second; "max" is 0. Throws usage_error.
double parse_rate(const std::string& text);

/// "02:00:00:00:00:01". Throws usage_error, also for a group address where `unicast` asks for one station's.
mac_address parse_mac(const std::string& text, bool unicast);

std::string to_string(const mac_address& mac);

}  // namespace ringway::gen
