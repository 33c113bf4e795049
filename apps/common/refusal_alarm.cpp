// SPDX-License-Identifier: BSD-2-Clause
#include "refusal_alarm.hpp"

#include <fmt/format.h>
#include <ringway/core/wire.h>

namespace ringway::app {

void refusal_alarm::look(const forwarder_stats& now) {
  ports_.resize(now.ports.size());
  for (std::size_t i = 0; i < now.ports.size(); ++i) {
    const port_stats& s = now.ports[i].stats;
    seen& before = ports_[i];
    const std::uint64_t all_refused = s.drops[RW_REASON_TX_REFUSED];
    const std::uint64_t all_handed = s.tx_packets + all_refused + s.drops[RW_REASON_TX_DEVICE];
    const std::uint64_t refused = all_refused - before.refused, handed = all_handed - before.handed;
    before.refused = all_refused;
    before.handed = all_handed;
    before.line.clear();
    if (refused * 2 <= handed) continue;
    before.line = fmt::format(
        "{0}: the kernel refused {1} of the last {2} frames redirected there (tx_refused): on "
        "veth its peer needs GRO "
        "or an XDP program (ethtool -K PEER gro on), else {0} is down or its driver takes none",
        now.ports[i].name, refused, handed);
  }
}

std::vector<std::string> refusal_alarm::all(const forwarder_stats& now) {
  look(now);
  std::vector<std::string> lines;
  for (const seen& port : ports_)
    if (!port.line.empty()) lines.push_back(port.line);
  return lines;
}

std::vector<std::string> refusal_alarm::news(const forwarder_stats& now) {
  look(now);
  std::vector<std::string> lines;
  for (seen& port : ports_) {
    if (port.told || port.line.empty()) continue;
    port.told = true;
    lines.push_back(port.line);
  }
  return lines;
}

}  // namespace ringway::app
