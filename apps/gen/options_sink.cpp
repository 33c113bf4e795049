// SPDX-License-Identifier: BSD-2-Clause
#include "options_sink.hpp"

#include <CLI/CLI.hpp>
#include <map>
#include <ringway/error.hpp>

namespace ringway::gen {
namespace {

const std::map<std::string, tc_mode> tc_modes = {
    {"auto", tc_mode::automatic}, {"tcx", tc_mode::tcx}, {"clsact", tc_mode::clsact}};

}  // namespace

void describe_sinks(CLI::App& app, sink_options& o) {
  app.add_option("--sink", o.sinks, "count and free what arrives at NETNS/IF; may be given more than once")
      ->allow_extra_args(false);
  app.add_option("--sink-attach", o.sink_attach,
                 "how: tcx vanishes with this process, clsact is removed at exit")
      ->transform(CLI::Transformer(tc_modes))
      ->type_name("auto|tcx|clsact");
}

void examine_sinks(const sink_options& o, bool port) {
  if (!port && o.sinks.empty()) throw usage_error("PORT is missing: the interface to send from");
}

}  // namespace ringway::gen
