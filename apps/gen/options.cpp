// SPDX-License-Identifier: BSD-2-Clause
#include "options.hpp"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <map>
#include <ringway/error.hpp>

namespace ringway::gen {
namespace {

struct texts {  // what needs a look of our own after CLI11's
  std::string size = "60", ceiling, then, vary, distribution = "rr";
  std::string dst_mac = "02:00:00:00:00:01", src_mac, accepted_by = "auto";
  std::uint32_t vlan = 0;
};

const std::map<std::string, engine_kind> engines = {{"xdp", engine_kind::xdp}, {"afxdp", engine_kind::afxdp}};

const std::map<std::string, protocol> protocols = {
    {"udp", protocol::udp}, {"tcp-syn", protocol::tcp_syn}, {"icmp", protocol::icmp}, {"raw", protocol::raw}};

constexpr double small_batch_rate = 500e3;  // frames per second

const CLI::Range seconds(0.01, 1e7);
const CLI::Range frames(std::uint64_t{1}, std::uint64_t{1'000'000'000'000'000});

void describe_amount(CLI::App& app, options& o, texts& t) {
  app.add_option("PORT", o.ports,
                 "interface to send from: IF, or NETNS/IF (a name in /run/netns, a PID or a path); several "
                 "send at once");
  app.add_flag("--bidirectional", o.bidirectional, "send from the sink to the port as well");
  app.add_option("--engine", o.engine, "what sends: live frames inside the kernel, or an AF_XDP socket")
      ->transform(CLI::Transformer(engines))
      ->type_name("xdp|afxdp");
  app.add_option("--rate", o.rate_text, "packets per second: 50000, 50k, 1.5M, max; or 200 Mbit; or 75%")
      ->capture_default_str();
  app.add_option("--ceiling", t.ceiling, "packets per second that are 100 % for --rate");
  app.add_option("--count", o.count, "stop after exactly so many frames that the device accepted")
      ->check(frames);
  app.add_option("--burst", o.burst,
                 "so many frames back to back, once, whether the device takes them or not")
      ->check(frames);
  app.add_option("--duration", o.duration, "stop after so many seconds")->check(seconds);
  app.add_option("--then", t.then, "RATE,SECONDS: then go on at once at another rate, for so long");
}

void describe_frames(CLI::App& app, options& o, texts& t) {
  app.add_option("--size", t.size,
                 "bytes of a frame without FCS, 60 is the classic 64; a list; imix; or a genome (RFC 6985)")
      ->capture_default_str();
  app.add_option("--protocol", o.frames.carries, "what the frames carry")
      ->transform(CLI::Transformer(protocols))
      ->type_name("udp|tcp-syn|icmp|raw");
  app.add_flag("--ipv6", o.frames.ipv6, "IPv6 instead of IPv4");
  app.add_option("--vlan", t.vlan, "a VLAN tag with this id")->check(CLI::Range(1u, 4094u));
  app.add_option("--flows", o.frames.flows, "how many different ones")
      ->check(CLI::Range(1u, flows_max))
      ->capture_default_str();
  app.add_option(
      "--vary", t.vary,
      "what they differ by, the first counting fastest: src-mac, dst-mac, vlan, src-ip, dst-ip, src-port, "
      "dst-port, icmp-id");
  app.add_option("--distribution", t.distribution, "whose turn it is: rr, random, zipf, zipf:S")
      ->capture_default_str();
  app.add_flag("--stamp", o.frames.stamp,
               "write number, flow and intended time of departure into every frame");
  app.add_option("--dst-mac", t.dst_mac, "destination address")->capture_default_str();
  app.add_option("--src-mac", t.src_mac, "source address (default: the port's)");
}

void describe_rest(CLI::App& app, options& o, texts& t) {
  app.add_option("--json", o.json, "write the report to this file; - is stdout");
  app.add_option("--stats", o.stats, "a line on stderr each so many seconds")->check(seconds);
  app.add_option("--cpu", o.cpus, "run the generator on this CPU; of several ports, a list")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0, CPU_SETSIZE - 1));
  app.add_option("--batch", o.batch,
                 "turns between two deliveries to the device (default: 16 or 64, by the rate)")
      ->check(CLI::Range(1u, batch_max));
  app.add_option("--accepted-by", t.accepted_by,
                 "where 'sent' is read: auto prefers the kernel's tracepoints")
      ->check(CLI::IsMember({"auto", "netdev"}))
      ->capture_default_str();
  app.add_option("--restart-after", o.restart_after,
                 "seconds of one run of the engine, before it is started again")
      ->check(CLI::Range(0.1, 150.0))
      ->capture_default_str();
  app.add_option("--turns", o.turns, "turns of one run of the engine, before it is started again; for tests")
      ->check(CLI::Range(1000u, 0xffffffffu));
  app.add_flag("-q,--quiet", o.quiet, "no report in words");
  app.set_version_flag("--version", std::string("ringway-gen " RINGWAY_VERSION));
}

/// Both ends send, and both count.
void turn_round(options& o) {
  if (o.ports.size() != 1 || o.sinks.size() != 1)
    throw usage_error("--bidirectional needs one PORT and one --sink: each sends to the other");
  const std::string port = o.ports.front();
  o.ports.push_back(o.sinks.front());
  o.sinks.push_back(port);
}

/// RATE,SECONDS
later parse_then(const std::string& text, const options& o) {
  const std::size_t comma = text.rfind(',');
  later then;
  std::size_t read = 0;
  try {
    then.seconds = std::stod(text.substr(comma + 1), &read);
  } catch (const std::exception&) {
    read = std::string::npos;
  }
  if (comma == std::string::npos || read != text.size() - comma - 1 ||
      !(then.seconds > 0 && then.seconds < 1e7))
    throw usage_error("--then: '{}' is not RATE,SECONDS", text);
  then.rate = parse_rate(text.substr(0, comma)).packets(o.frames.mean_size(), o.ceiling);
  if (then.rate <= 0 || o.rate <= 0 || o.duration <= 0)
    throw usage_error("--then: both rates should be numbers, and --duration that of the first");
  return then;
}

void examine_amount(options& o, const texts& t) {
  if (!t.ceiling.empty()) o.ceiling = parse_ceiling(t.ceiling);
  o.rate = parse_rate(o.rate_text).packets(o.frames.mean_size(), o.ceiling);
  if (!t.then.empty()) o.then = parse_then(t.then, o);
  if (o.burst == 0) return;
  if (o.count > 0 || o.duration > 0)
    throw usage_error("--burst is an end in itself: not with --count or --duration");
  o.rate_text = "max";
  o.rate = 0;
}

void examine(options& o, const texts& t) {
  o.frames.sizes = parse_sizes(t.size);
  if (!t.vary.empty()) o.frames.vary = parse_vary(t.vary);
  o.frames.distribution = parse_distribution(t.distribution);
  if (t.vlan > 0) o.frames.vlan = t.vlan;
  o.frames.dst_mac = parse_mac(t.dst_mac, false);
  if (!t.src_mac.empty()) o.frames.src_mac = parse_mac(t.src_mac, true);
  gen::examine(o.frames);
  examine_amount(o, t);
  // A frame waits for the rest of its batch, and a frame in a small batch costs more.
  if (o.batch == 0) o.batch = o.rate > 0 && o.rate <= small_batch_rate ? 16 : 64;
  o.tracepoints = t.accepted_by == "auto";
  examine_sinks(o, !o.ports.empty());
  if (!o.ports.empty() && o.mode != sink_mode::count && !o.frames.stamp)
    throw usage_error("--sink-mode: only frames with --stamp can be analysed");
  if (o.bidirectional) turn_round(o);
  if (o.frames.stamp && o.ports.size() > 1 && !o.bidirectional)
    throw usage_error("--stamp: frames of several ports would have the same numbers");
  for (std::size_t i = 0; i < o.ports.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (o.ports[i] == o.ports[j]) throw usage_error("PORT {} is there twice", o.ports[i]);
}

}  // namespace

const char* name_of(engine_kind kind) noexcept { return kind == engine_kind::afxdp ? "afxdp" : "xdp"; }

std::optional<options> parse_options(int argc, char** argv) {
  options o;
  texts t;
  CLI::App app("Sends paced frames and counts what arrives.", "ringway-gen");
  describe_amount(app, o, t);
  describe_frames(app, o, t);
  describe_sinks(app, o);
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
