// SPDX-License-Identifier: BSD-2-Clause
// The differential test: the same packets through the kernel's programs and through the core compiled
// natively.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "../support/packet_grammar.hpp"
#include "prog/probe.h"
#include "reference.hpp"
#include "ringway/core/l2.h"
#include "test_run.hpp"

namespace ringway::test {

struct run_options {
  std::uint64_t packets = 1'000'000;  // a program
  std::uint64_t seed = 1;
  std::string objects;       // folder of the *.bpf.o
  bool native_only = false;  // the core alone, without any privilege: for coverage
  bool stop = false;         // at the first difference
  std::string only;          // l2, probe or redirect; all when empty
};

/// Where the packets of a run go to, and what came of them.
struct run_state {
  const run_options& options;
  const private_network* network;  // null: native only
  difference_log differences;
  std::map<std::string, std::uint64_t> seen;  // "l2 macswap tx" -> packets
  std::uint64_t packets = 0;                  // compared
};

void differ_l2(run_state& state);
void differ_probe(run_state& state);
void differ_redirect(run_state& state);

}  // namespace ringway::test
