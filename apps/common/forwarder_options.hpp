// SPDX-License-Identifier: BSD-2-Clause
// What every forwarder can be told, whatever it does to packets.
#pragma once
#include <cstdint>
#include <ringway/forwarder.hpp>
#include <ringway/preflight.hpp>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "config_file.hpp"
#include "option_table.hpp"

namespace ringway::app {

struct forwarder_options {
  std::vector<std::string> ports;

  datapath way = datapath::afxdp;
  attach_mode attach = attach_mode::automatic;
  bool replace = false, no_promisc = false, force = false;
  double wait_carrier = 10;

  bind_mode bind = bind_mode::automatic;
  std::string queues = "all";
  std::vector<int> cpus;  // empty: one worker, not pinned
  std::uint32_t batch = 256, frames = 0, frame_size = 0, ring_size = 2048;
  std::uint32_t tx_budget = 256;  // of 32, 64, 128, 256 the fewest system calls at no cost to a lone packet
  std::uint32_t tx_retry = 1, busy_poll = 0;
  idle_policy idle = idle_policy::spin;
  huge_pages pages = huge_pages::automatic;

  double duration = 0, stats = 0;  // seconds; 0: until a signal, none
  std::string json;                // file, "-" for stdout; empty: none
  bool quiet = false;
  std::uint32_t verbose = 0;

  std::string config;
  bool check_config = false, print_config = false;

  bool json_on_stdout() const { return json == "-"; }
};

/// Two of them alone, for programs that are no forwarders.
void add_ports(option_table& table, std::vector<std::string>& ports);
void add_attach(option_table& table, attach_mode& attach);

/// Puts the shared options into a table, under their headings. What an application adds before them is listed
/// before them.
void add_forwarder_options(option_table& table, forwarder_options& o);

/// Command line over configuration file over defaults. False: what was asked for (--help, --version,
/// --check-config,
/// --print-config) has been answered, and there is nothing left to do. Throws usage_error; touches nothing.
/// `check` looks at what an application's own options say together; `others` at what the file may hold beside
/// options.
bool configure(const identity& who, const option_table& table, forwarder_options& o,
               const std::function<void()>& check, int argc, const char* const* argv,
               tables others = tables::refused);

/// What the shared options say together. Throws usage_error.
void check(const forwarder_options& o);

/// Options that were set but mean nothing with the chosen datapath.
std::vector<std::string> without_effect(const option_table& table, const forwarder_options& o);

/// As the library takes them. Waiting for carrier is left to run(), which hears signals meanwhile.
forwarder_config library_config(const forwarder_options& o);

/// "0,2-3". Throws usage_error.
std::vector<int> parse_cpus(const std::string& text);

}  // namespace ringway::app
