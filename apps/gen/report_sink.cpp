// SPDX-License-Identifier: BSD-2-Clause
#include "report_sink.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace ringway::gen {

nlohmann::ordered_json to_json(const sink_report& s, const std::optional<std::int64_t>& lost) {
  using json = nlohmann::ordered_json;
  return {{"name", s.name},
          {"packets", s.counts.packets},
          {"bytes", s.counts.bytes},
          {"lost", lost ? json(*lost) : json(nullptr)}};
}

std::string to_text(const sink_report& s) {
  return fmt::format("received  {} frames, {} bytes at {}\n", s.counts.packets, s.counts.bytes, s.name);
}

}  // namespace ringway::gen
