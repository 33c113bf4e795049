// SPDX-License-Identifier: BSD-2-Clause
#include "options.hpp"

#include <algorithm>
#include <ringway/error.hpp>
#include <ringway/lb_config.hpp>
#include <set>

#include "../common/forwarder_options.hpp"

namespace ringway::decap_app {

void add_options(app::option_table& table, options& o) {
  table.heading("Tunnels");
  table.number("gue-port", "N", o.gue_port, 0, 65535, "UDP port of GUE packets; 0: IP in IP alone");
  table.list("for", "ADDRESS", o.addresses,
             "take only what is sent to this address, one of each family at most; without: to any");
  table.heading("Ports and their programs");
  app::add_ports(table, o.ports);
  app::add_attach(table, o.attach);
  table.flag("replace", o.replace, "take the place of an XDP program that is there");
  table.heading("Run and report");
  table.seconds("duration", o.duration, "end after so many seconds; 0: with SIGINT or SIGTERM");
  table.seconds("stats", o.stats, "print a table every so many seconds; 0: at the end and on SIGUSR1");
  table.text("json", "FILE|-", o.json, "write a report at the end; -: to stdout, and all else to stderr");
  table.flag("quiet", o.quiet, "nothing but `ready', warnings and errors").letter = 'q';
  table.count("verbose", o.verbose, "say what was obtained; twice: libbpf's messages too").letter = 'v';
}

void check(const options& o) {
  if (o.ports.empty()) throw usage_error("no PORT is given (--help shows how)");
  std::set<std::string> seen;
  for (const std::string& port : o.ports) {
    if (port.empty()) throw usage_error("a PORT has no name");
    if (!seen.insert(port).second) throw usage_error("{} is given twice", port);
  }
  program_config(o);
}

rw_decap program_config(const options& o) {
  rw_decap config{};
  config.gue_port = RW_BE16(static_cast<std::uint16_t>(o.gue_port));
  if (o.addresses.empty()) config.flags = RW_DECAP_ANY4 | RW_DECAP_ANY6;
  bool seen4 = false, seen6 = false;
  for (const std::string& text : o.addresses) {
    const ip_address address = ip_address::parse(text);
    bool& seen = address.family == 4 ? seen4 : seen6;
    if (seen) throw usage_error("--for: {} is the second IPv{} address", text, address.family);
    seen = true;
    if (address.family == 4)
      config.addr4 = address.words[0];
    else
      std::copy(address.words.begin(), address.words.end(), config.addr6);
  }
  return config;
}

}  // namespace ringway::decap_app
