// SPDX-License-Identifier: BSD-2-Clause
// ringway-l2fwd: forwards Ethernet frames between pairs of ports.
//
// The hot loop is in include/ringway/worker.hpp, turn(); what it does to a packet is in
// include/ringway/core/l2.h, which bpf/l2fwd.bpf.c compiles for the kernel.
#include "../common/run.hpp"
#include "datapaths.hpp"
#include "options.hpp"

using namespace ringway;

namespace {

void forward(const app::identity& who, int argc, char** argv) {
  l2fwd::options o;
  app::option_table table;
  l2fwd::add_options(table, o);
  if (!app::configure(
          who, table, o.common, [&] { l2fwd::check(o); }, argc, argv))
    return;
  app::run({.who = who,
            .mode = std::string(l2fwd::to_string(o.mode)),
            .reflecting = l2fwd::reflecting(o),
            .open = [&](const std::vector<interface>& ports) { return l2fwd::open_datapath(o, ports); }},
           table, o.common);
}

}  // namespace

int main(int argc, char** argv) {
  const app::identity who{
      .name = "ringway-l2fwd",
      .purpose =
          "Forwards Ethernet frames between pairs of ports, over AF_XDP or inside the kernel.\n"
          "Ports are paired in order; an odd last one is paired with itself."};
  return app::exit_code_of(who, [&] { forward(who, argc, argv); });
}
