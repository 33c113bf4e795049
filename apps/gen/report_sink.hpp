// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "sink.hpp"

namespace ringway::gen {

struct sink_report {
  std::string name;
  sink_counts counts;
};

/// One entry of "sinks". `lost`: of the frames that this sink alone was to receive; nothing where there are
/// several.
nlohmann::ordered_json to_json(const sink_report& s, const std::optional<std::int64_t>& lost);

/// Its lines of the report in words.
std::string to_text(const sink_report& s);

}  // namespace ringway::gen
