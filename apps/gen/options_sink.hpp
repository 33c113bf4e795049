// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tc_attach.hpp"

namespace CLI {
class App;
}

namespace ringway::gen {

/// What a sink does with a frame: counts it; looks at its stamp; or does that with 1 in 64, chosen by number.
enum class sink_mode { count, analyse, sample };

const char* name_of(sink_mode mode) noexcept;

/// What is asked of the places where frames arrive.
struct sink_options {
  std::vector<std::string> sinks;
  tc_mode sink_attach = tc_mode::automatic;
  sink_mode mode = sink_mode::count;
  std::string histogram;  ///< a file for the latencies; empty: none
  std::string pcap_out;   ///< a file for a sample of what arrives; empty: none
};

/// Adds these options to a command line.
void describe_sinks(CLI::App& app, sink_options& o);

/// Throws usage_error for what is wrong in itself. `port`: something is sent as well.
void examine_sinks(const sink_options& o, bool port);

}  // namespace ringway::gen
