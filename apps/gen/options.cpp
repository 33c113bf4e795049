// SPDX-License-Identifier: BSD-2-Clause
#include "options.hpp"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <ringway/error.hpp>

namespace ringway::gen {
namespace {

struct texts {  // what needs a look of our own after CLI11's
  std::string dst_mac = "02:00:00:00:00:01", src_mac, accepted_by = "auto";
};

const CLI::Range seconds(0.01, 1e7);

void describe_traffic(CLI::App& app, options& o, texts& t) {
  app.add_option("PORT", o.port,
                 "interface to send from: IF, or NETNS/IF (a name in /run/netns, a PID or a path)");
  app.add_option("--rate", o.rate_text, "packets per second: 50000, 50k, 1.5M, max")->capture_default_str();
  app.add_option("--size", o.size, "bytes of a frame without FCS; 60 is the classic 64")
      ->check(CLI::Range(frame_min, frame_max))
      ->capture_default_str();
  app.add_option("--flows", o.flows,
                 "UDP flows, round robin: they differ by source port, beyond 16384 by source address")
      ->check(CLI::Range(1u, flows_max))
      ->capture_default_str();
  app.add_option("--count", o.count, "stop after exactly so many frames that the device accepted")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000'000}));
  app.add_option("--duration", o.duration, "stop after so many seconds")->check(seconds);
  app.add_option("--dst-mac", t.dst_mac, "destination address")->capture_default_str();
  app.add_option("--src-mac", t.src_mac, "source address (default: the port's)");
}

void describe_rest(CLI::App& app, options& o, texts& t) {
  describe_sinks(app, o);
  app.add_option("--json", o.json, "write the report to this file; - is stdout");
  app.add_option("--stats", o.stats, "a line on stderr each so many seconds")->check(seconds);
  app.add_option("--cpu", o.cpu, "run the generator on this CPU")->check(CLI::Range(0, CPU_SETSIZE - 1));
  app.add_option("--batch", o.batch, "turns between two deliveries to the device")
      ->check(CLI::Range(1u, batch_max))
      ->capture_default_str();
  app.add_option("--accepted-by", t.accepted_by,
                 "where 'sent' is read: auto prefers the kernel's tracepoints")
      ->check(CLI::IsMember({"auto", "netdev"}))
      ->capture_default_str();
  app.add_option("--turns", o.turns, "turns of one run of the engine, before it is started again; for tests")
      ->check(CLI::Range(1000u, 0xffffffffu));
  app.add_flag("-q,--quiet", o.quiet, "no report in words");
  app.set_version_flag("--version", std::string("ringway-gen " RINGWAY_VERSION));
}

void examine(options& o, const texts& t) {
  o.rate = parse_rate(o.rate_text);
  o.dst_mac = parse_mac(t.dst_mac, false);
  if (!t.src_mac.empty()) o.src_mac = parse_mac(t.src_mac, true);
  o.tracepoints = t.accepted_by == "auto";
  examine_sinks(o, !o.port.empty());
}

}  // namespace

std::optional<options> parse_options(int argc, char** argv) {
  options o;
  texts t;
  CLI::App app("Sends paced UDP frames from inside the kernel (XDP live frames) and counts what arrives.",
               "ringway-gen");
  describe_traffic(app, o, t);
  describe_rest(app, o, t);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    app.exit(asked);
    return std::nullopt;
  } catch (const CLI::ParseError& e) {
    throw usage_error("{}", e.what());
  }
  examine(o, t);
  return o;
}

}  // namespace ringway::gen
