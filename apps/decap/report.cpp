// SPDX-License-Identifier: BSD-2-Clause
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ringway::decap_app {

std::string to_json(const report& r) {
  using json = nlohmann::ordered_json;
  json out = {{"schema", 1}, {"app", r.app}, {"version", r.version}};
  if (r.running) out["running"] = true;
  if (!r.error.empty()) out["error"] = r.error;
  out["ports"] = json::array();
  for (const port_line& p : r.ports)
    out["ports"].push_back({{"name", p.name},
                            {"attach", to_string(p.attach)},
                            {"taken", p.counts.taken},
                            {"left", p.counts.left},
                            {"dropped", p.counts.dropped},
                            {"failed", p.counts.failed}});
  return out.dump(2) + "\n";
}

std::string to_table(const report& r) {
  std::size_t width = 4;
  for (const port_line& p : r.ports) width = std::max(width, p.name.size());
  const auto line = [&](auto&&... cell) {
    return fmt::format("{:<{}} {:>14} {:>14} {:>10} {:>10}\n", cell...);
  };
  std::string text = line("port", width, "taken", "left", "dropped", "failed");
  for (const port_line& p : r.ports)
    text += line(p.name, width, p.counts.taken, p.counts.left, p.counts.dropped, p.counts.failed);
  return text;
}

}  // namespace ringway::decap_app
