// SPDX-License-Identifier: BSD-2-Clause
#include "options_sink.hpp"

#include <CLI/CLI.hpp>
#include <map>
#include <ringway/error.hpp>

namespace ringway::gen {
namespace {

const std::map<std::string, tc_mode> tc_modes = {
    {"auto", tc_mode::automatic}, {"tcx", tc_mode::tcx}, {"clsact", tc_mode::clsact}};

const std::map<std::string, sink_mode> sink_modes = {
    {"count", sink_mode::count}, {"analyse", sink_mode::analyse}, {"sample", sink_mode::sample}};

}  // namespace

const char* name_of(sink_mode mode) noexcept {
  if (mode == sink_mode::analyse) return "analyse";
  return mode == sink_mode::sample ? "sample" : "count";
}

void describe_sinks(CLI::App& app, sink_options& o) {
  app.add_option("--sink", o.sinks, "count and free what arrives at NETNS/IF; may be given more than once")
      ->allow_extra_args(false);
  app.add_option(
         "--sink-mode", o.mode,
         "count; analyse: loss, duplicates, order and latency, by the stamp of every frame; sample: of "
         "1 frame in 64, chosen by number")
      ->transform(CLI::CheckedTransformer(sink_modes, CLI::ignore_case).description(""))
      ->type_name("count|analyse|sample");
  app.add_option("--sink-attach", o.sink_attach,
                 "how: tcx vanishes with this process, clsact is removed at exit")
      ->transform(CLI::Transformer(tc_modes))
      ->type_name("auto|tcx|clsact");
  app.add_option(
      "--histogram", o.histogram,
      "write the latencies to this file: HdrHistogram's percentiles, or its log if it ends in .hlog");
  app.add_option("--pcap-out", o.pcap_out,
                 "write the first 1000 frames that arrive to this file, and then 1 in 1024");
}

void examine_sinks(const sink_options& o, bool port) {
  if (!port && o.sinks.empty()) throw usage_error("PORT is missing: the interface to send from");
  if (o.mode != sink_mode::count && o.sinks.empty())
    throw usage_error("--sink-mode {}: there is no --sink", name_of(o.mode));
  // The counting sink does nothing else, so that it costs whoever transmits as little as can be.
  if (o.mode == sink_mode::count && !(o.histogram.empty() && o.pcap_out.empty()))
    throw usage_error("{} needs --sink-mode analyse or sample",
                      o.histogram.empty() ? "--pcap-out" : "--histogram");
}

}  // namespace ringway::gen
