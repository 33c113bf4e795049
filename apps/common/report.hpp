// SPDX-License-Identifier: BSD-2-Clause
// What a run was and what became of its packets, for people (table) and for programs (JSON).
#pragma once
#include <optional>
#include <ringway/forwarder.hpp>
#include <ringway/preflight.hpp>
#include <string>
#include <vector>

namespace ringway::app {

struct report {
  std::string app = {}, version = {};
  datapath way = datapath::afxdp;
  std::string mode = {};
  forwarder_stats run = {};  // workers and frames: AF_XDP only
  /// The name of each slot of port_stats::drops; empty: not in use.
  std::vector<std::string> reasons = {};
  std::string note = {};   // what limits these numbers; empty: nothing
  bool running = false;    // asked for in the middle: more is to come
  std::string error = {};  // what ended the run before its time; empty: nothing
};

std::string_view to_string(datapath way) noexcept;

/// "schema": 1, pretty, with a newline at its end.
std::string to_json(const report& r);

/// A line a port: packets, and packets a second since `before` (an earlier snapshot; null: since the start),
/// then every loss that is not 0. `whole`: workers and frames as well.
std::string to_table(const report& r, const forwarder_stats* before, bool whole);

/// What a port has lost, by name, in the order of a packet's way; zeros left out.
struct loss {
  std::string name;
  std::uint64_t packets;
};
std::vector<loss> losses(const report& r, const port_stats& stats);

}  // namespace ringway::app
