// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ringway::gen {

using mac_address = std::array<std::uint8_t, 6>;

/// Above it the schedule would advance by less than ten nanoseconds a frame: no clock here is that fine.
inline constexpr double rate_limit = 100e6;

inline constexpr std::uint32_t fcs_bytes = 4;  ///< that sizes as the RFCs count them have more than ours

/// A rate as it was written; what it comes to depends on sizes and ceiling.
struct rate_text {
  enum class unit { packets, bits, percent, max } in = unit::packets;
  double value = 0;

  /// Packets per second; 0 for "max". `mean_size`: bytes of a frame without FCS; bits are counted with it.
  /// `ceiling`: packets per second that are 100 %; 0: nobody said. Throws usage_error.
  double packets(double mean_size, double ceiling) const;
};

/// "50000", "50k", "1.5M" packets per second, "200 Mbit" (also kbit, Gbit), "75%", "max". Throws usage_error.
rate_text parse_rate(const std::string& text);

/// Plain packets per second. Throws usage_error.
double parse_ceiling(const std::string& text);

/// Bytes of the frames, without FCS, in the order in which they are sent: "60", "60,1514", "imix" (7 x 64, 4
/// x 570, 1 x 1518 as the RFCs count), or a genome as in RFC 6985: a letter for each frame. Throws
/// usage_error.
std::vector<std::uint32_t> parse_sizes(const std::string& text);

/// "02:00:00:00:00:01". Throws usage_error, also for a group address where `unicast` asks for one station's.
mac_address parse_mac(const std::string& text, bool unicast);

}  // namespace ringway::gen
