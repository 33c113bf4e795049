// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "analyse.hpp"
#include "sink.hpp"

namespace ringway::gen {

struct sink_report {
  std::string name;
  sink_counts counts;
  std::optional<analysis> analysed;
  std::optional<sent_frames> sent;  ///< to this sink alone; nothing where there are several

  /// Frames of ours that arrived, as well as this sink can tell: of an analysing one each counts once,
  /// however often it came.
  std::uint64_t arrived() const noexcept;
};

/// One entry of "sinks". `lost`: of the frames that this sink alone was to receive, by its count; nothing
/// where there are several. An analysing sink knows better.
nlohmann::ordered_json to_json(const sink_report& s, const std::optional<std::int64_t>& lost);

/// Its lines of the report in words.
std::string to_text(const sink_report& s);

}  // namespace ringway::gen
