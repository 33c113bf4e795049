// SPDX-License-Identifier: BSD-2-Clause
// ringway-lb: balances the load of virtual addresses over real servers.
//
// What becomes of a packet is in include/ringway/core/lb.h, which bpf/lb.bpf.c compiles for the kernel and
// include/ringway/nf/lb.hpp for AF_XDP workers. What is around it is in service.hpp.
#include <cstdio>
#include <ringway/error.hpp>

#include "../common/config_file.hpp"
#include "../common/run.hpp"
#include "config_file.hpp"
#include "options.hpp"
#include "service.hpp"
#include "verbs.hpp"

using namespace ringway;

namespace {

void balance(const app::identity& who, int argc, char** argv) {
  lb_app::options o;
  app::option_table table;
  lb_app::add_options(table, o);
  const bool start = app::configure(
      who, table, o.common, [&o] { lb_app::read_tables(o); }, argc, argv, app::tables::ignored);
  if (!start) {
    if (o.common.print_config)
      std::fputs(fmt::format("\n{}", lb_app::print_configuration(o.tables)).c_str(), stdout);
    return;
  }
  const lb_app::shared_part shared = lb_app::read_shared(o.common.config, table);
  const auto again = [&] {
    lb_app::refuse_changed(shared, lb_app::read_shared(o.common.config, table));
    return lb_app::read_configuration(o.common.config);
  };
  lb_app::service* running = nullptr;  // the run loop's
  const auto open = [&](const std::vector<interface>& ports) {
    auto made = std::make_unique<lb_app::service>(who, o, ports, again, app::print_config(table));
    running = made.get();
    return made;
  };
  const auto reload = [&] {
    const lb_change c = running->reload(false);
    return fmt::format("reloaded {}: {} rings built, {} reals added, {} removed", o.common.config,
                       c.rings_built, c.reals_added, c.reals_removed);
  };
  app::run({.who = who, .mode = "lb", .reflecting = {}, .open = open, .takes_all = false, .reload = reload},
           table, o.common);
}

}  // namespace

int main(int argc, char** argv) {
  const app::identity who{
      .name = "ringway-lb",
      .purpose =
          "Balances the load of virtual addresses over real servers, over AF_XDP or inside the kernel.\n"
          "`ringway-lb status' and other verbs ask one that runs: `ringway-lb help'."};
  int answered = 0;
  const int failed = app::exit_code_of(who, [&] {
    if (!lb_app::run_verb(argc, argv, answered)) balance(who, argc, argv);
  });
  return failed != 0 ? failed : answered;
}
