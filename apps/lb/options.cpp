// SPDX-License-Identifier: BSD-2-Clause
#include "options.hpp"

#include <ringway/error.hpp>
#include <set>

#include "../common/config_file.hpp"
#include "config_file.hpp"
#include "plane.hpp"

namespace ringway::lb_app {
namespace {

/// What any port could be.
std::vector<port_facts> made_up_ports(const std::vector<std::string>& names) {
  std::vector<port_facts> ports;
  for (const std::string& name : names) {
    port_facts p;
    p.name = name;
    p.mac = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(ports.size())};
    ports.push_back(std::move(p));
  }
  return ports;
}

void judge(const options& o) {
  try {
    lb_store store = lb_store::in_process(o.tables.capacity);
    const control_plane plane(
        store, {}, [] {}, made_up_ports(o.common.ports), o.tables);
  } catch (const usage_error& e) {
    throw usage_error("{}: {}", o.common.config, e.what());
  }
}

}  // namespace

void add_options(app::option_table& table, options& o) {
  o.common.no_promisc = true;  // what is for another MAC is none of the balancer's
  app::add_forwarder_options(table, o.common);
}

void read_tables(options& o) {
  if (o.common.config.empty()) throw usage_error("--config FILE is missing: it says which VIPs there are");
  o.tables = read_configuration(o.common.config);
  if (o.common.check_config) judge(o);
}

shared_part read_shared(const std::string& path, const app::option_table& table) {
  shared_part all;
  for (const app::setting& s : app::read_config(path, table, app::tables::ignored))
    all[s.what->name] = s.values;
  return all;
}

void refuse_changed(const shared_part& before, const shared_part& now) {
  std::set<std::string> names;
  const auto compare = [&names](const shared_part& a, const shared_part& b) {
    for (const auto& [name, values] : a) {
      const auto other = b.find(name);
      if (other == b.end() || other->second != values) names.insert(name);
    }
  };
  compare(before, now);
  compare(now, before);
  if (!names.empty()) throw usage_error("the file changes what needs a restart: {}", fmt::join(names, ", "));
}

}  // namespace ringway::lb_app
