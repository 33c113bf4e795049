// SPDX-License-Identifier: BSD-2-Clause
// A frame for people: a line for each header.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ringway::lb_app {

/// Outermost first; ends at the payload, or where a header does not fit. UDP to `gue_port` is GUE (0: none).
std::vector<std::string> headers_of(std::span<const std::uint8_t> frame, std::uint16_t gue_port);

std::string hex_of(std::span<const std::uint8_t> bytes);

}  // namespace ringway::lb_app
