// SPDX-License-Identifier: BSD-2-Clause
//
//   differential [--packets N] [--seed S] [--objects DIR] [--only l2|probe|redirect] [--no-tally]
//   [--native-only] [--stop]
//
// Verdict, bytes and counters of N packets a program, natively and in the kernel (differential.hpp). Fails on
// the first difference, and when an outcome occurred less than 1,000 times: what no packet reaches is not
// tested. --no-tally leaves that out, for runs of fewer packets; --stop ends at the first difference. Exit: 0
// equal, 1 not, 2 usage, 77 no privilege. N is 1,000,000, or 10,000,000 under RINGWAY_LONG=1.
#include "differential.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "ringway/core/l2.h"
#include "ringway/core/parse.h"

namespace ringway::test {
namespace {

constexpr std::uint64_t enough = 1000;

/// Every (mode, verdict, reason) and every outcome of the parser.
std::vector<std::string> required(const run_options& options) {
  std::vector<std::string> all;
  const auto wanted = [&options](const char* what) { return options.only.empty() || options.only == what; };
  if (wanted("l2")) {
    for (const char* mode : {"io", "mac", "macswap", "l2fwd"}) {
      for (const char* way : {"tx", "redirect", "bad_port", "passed"})
        all.push_back(fmt::format("l2 {} {}", mode, way));
      for (const unsigned reason :
           {0u, unsigned{RW_REASON_TABLE_MISS}, RW_REASON_LIB_SLOTS - 1, RW_REASON_LIB_SLOTS,
            unsigned{RW_REASON_NF}, unsigned{RW_TAKEN - RW_DROP_BASE}})
        all.push_back(fmt::format("l2 {} drop {}", mode, reason));
    }
    all.push_back(fmt::format("l2 rxonly drop {}", unsigned{RW_REASON_RX_ONLY}));
  }
  if (wanted("probe")) {
#define RW_X(suffix, name, text) all.push_back("parse " name);
    RW_PARSE_OUTCOMES(RW_X)
#undef RW_X
  }
  if (wanted("redirect") && !options.native_only)
    all.push_back("redirect served"), all.push_back("redirect unserved_queue");
  return all;
}

/// What cannot occur here, and why.
constexpr const char* unreachable[] = {
    "l2 mac, macswap, l2fwd x malformed: BPF_PROG_TEST_RUN refuses frames of less than 14 bytes; "
    "unit.core has them",
    "l2 rxonly x a port, punt: the mode decides before it looks at where to",
    "l2 any x rx_only but rxonly: no other mode says so",
    "l2 any x tx_ring_full, tx_unsent, tx_refused, tx_device, punt_unavailable, too_many_frags: no verdict "
    "of a program; "
    "the worker's, or moved by userspace afterwards",
};

bool tally(const run_state& state, bool must) {
  fmt::print("{:>9}  outcome\n", "packets");
  for (const auto& [name, count] : state.seen) fmt::print("{:>9}  {}\n", count, name);
  for (const char* text : unreachable) fmt::print("{:>9}  {}\n", "unreached", text);
  if (!must) return true;
  bool good = true;
  for (const std::string& name : required(state.options)) {
    const auto found = state.seen.find(name);
    const std::uint64_t count = found == state.seen.end() ? 0 : found->second;
    if (count >= enough) continue;
    fmt::print("FAILED: '{}' occurred {} times, {} wanted\n", name, count, enough);
    good = false;
  }
  return good;
}

int run(const run_options& options, bool must_tally) {
  fmt::print("differential: {} packets a program, seed {}\n", options.packets, options.seed);
  std::fflush(stdout);
  std::optional<private_network> network;
  if (!options.native_only) network.emplace();
  run_state state{options, network ? &*network : nullptr, difference_log(options.stop), {}, 0};
  if (options.only.empty() || options.only == "l2") differ_l2(state);
  if (options.only.empty() || options.only == "probe") differ_probe(state);
  if (options.only.empty() || options.only == "redirect") differ_redirect(state);
  const bool reached = tally(state, must_tally);
  fmt::print("differential: {} packets compared with the kernel, {} differ\n", state.packets,
             state.differences.count());
  return reached && !state.differences.any() ? 0 : 1;
}

int usage() {
  std::fputs(
      "usage: differential [--packets N] [--seed S] [--objects DIR] [--only l2|probe|redirect] [--no-tally] "
      "[--native-only] [--stop]\n",
      stderr);
  return 2;
}

}  // namespace
}  // namespace ringway::test

int main(int argc, char** argv) {
  using namespace ringway::test;
  run_options options;
  options.objects = RINGWAY_BPF_DIR;
  if (const char* longer = std::getenv("RINGWAY_LONG"); longer != nullptr && std::string_view(longer) == "1")
    options.packets *= 10;
  bool must_tally = true;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (arg == "--no-tally")
      must_tally = false;
    else if (arg == "--stop")
      options.stop = true;
    else if (arg == "--native-only")
      options.native_only = true;
    else if (value == nullptr)
      return usage();
    else if (arg == "--packets")
      options.packets = std::strtoull(argv[++i], nullptr, 10);
    else if (arg == "--seed")
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    else if (arg == "--objects")
      options.objects = argv[++i];
    else if (arg == "--only")
      options.only = argv[++i];
    else
      return usage();
  }
  const std::string_view only = options.only;
  if (options.packets == 0 || (!only.empty() && only != "l2" && only != "probe" && only != "redirect"))
    return usage();
  try {
    return run(options, must_tally);
  } catch (const stopped&) {
    return 1;
  } catch (const no_privilege& e) {
    const char* ci = std::getenv("CI");
    fmt::print(stderr, "differential: SKIPPED: {}\n", e.what());
    return ci != nullptr && std::strcmp(ci, "true") == 0 ? 1 : 77;
  } catch (const std::exception& e) {
    fmt::print(stderr, "differential: {}\n", e.what());
    return 1;
  }
}
