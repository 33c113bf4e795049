// SPDX-License-Identifier: BSD-2-Clause
// One file serves the options of all forwarders and the balancer's tables; and the files that we show to
// users are such files.
#include <config_file.hpp>  // of apps/lb
#include <filesystem>
#include <forwarder_options.hpp>
#include <ringway/error.hpp>

#include "../../apps/common/config_file.hpp"
#include "support/catch.hpp"

using namespace ringway;

namespace {

struct both {
  app::forwarder_options options;
  lb_app::configuration tables;
};

/// As ringway-lb reads its file.
both read(const std::string& text, app::tables others = app::tables::ignored) {
  both b;
  app::option_table table;
  app::add_forwarder_options(table, b.options);
  app::apply(app::parse_config(text, "lb.toml", table, others));
  b.tables = lb_app::parse_configuration(text, "lb.toml");
  return b;
}

std::string refusal(const std::string& text, app::tables others = app::tables::ignored) {
  try {
    read(text, others);
  } catch (const usage_error& e) {
    return e.what();
  }
  return "accepted";
}

std::string document(const char* name) {
  return app::read_file(std::filesystem::path(__FILE__).parent_path() / "../../docs" / name);
}

}  // namespace

TEST_CASE("one file has the forwarders' options and the balancer's tables") {
  const both b = read("ports = [\"eth1\"]\nring-size = 4096\n[balancer]\nring-size = 251\n");
  CHECK(b.options.ports == std::vector<std::string>{"eth1"});
  CHECK(b.options.ring_size == 4096);
  CHECK(b.tables.capacity.ring_size == 251);
}

TEST_CASE("each key has one reader that refuses what it does not know") {
  CHECK(refusal("nonsense = 1\n[balancer]\nseed = \"a\"\n") == "lb.toml:1: unknown key 'nonsense'");
  CHECK(refusal("\"a\\nb\" = 1\n") == "lb.toml:1: unknown key 'a\\x0ab'");
  CHECK(refusal("vip = []\n") == "lb.toml:1: unknown key 'vip'");
  CHECK(refusal("seed = \"a\"\n") == "lb.toml:1: unknown key 'seed'");
  CHECK(refusal("[ports]\na = 1\n") == "lb.toml:1: unknown key 'ports' in the file");
  CHECK(refusal("[[nonsense]]\na = 1\n") == "lb.toml:1: unknown key 'nonsense' in the file");
  CHECK(refusal("[balancer]\nports = [\"eth1\"]\n") == "lb.toml:2: unknown key 'ports' in [balancer]");
  // To a forwarder without tables of its own, they are unknown.
  CHECK(refusal("[balancer]\n", app::tables::refused) == "lb.toml:1: unknown key 'balancer'");
  CHECK(refusal("[[vip]]\n", app::tables::refused) == "lb.toml:1: unknown key 'vip'");
}

TEST_CASE("what TOML itself refuses takes one line") {
  for (const char* text :
       {"a = \"1\n2\"\n", "[[vip]\n", "\"a\n", "a = 1\na = 2\n", "a = \x01\n", "\xff = 1\n"}) {
    INFO(text);
    const std::string got = refusal(text);
    INFO(got);
    CHECK(got.rfind("lb.toml:", 0) == 0);
    CHECK(got.find('\n') == std::string::npos);
  }
}

TEST_CASE("the example file is one") {
  const both b = read(document("examples/ringway-lb.toml"));
  CHECK(b.options.ports == std::vector<std::string>{"eth1"});
  REQUIRE(b.tables.vips.size() == 3);
  const lb_app::vip_entry &web = b.tables.vips[0], &dns = b.tables.vips[2];
  REQUIRE(web.reals.size() == 2);
  CHECK(web.check.interval == std::chrono::milliseconds(500));
  CHECK(web.reals[0].member.to.method == RW_METHOD_GUE);
  CHECK(web.reals[1].member.to.source == ip_address::parse("2001:db8::10"));
  CHECK((dns.vip.fragments && dns.vip.port == 0 && dns.reals.size() == 2));
  REQUIRE(b.tables.next_hops.size() == 1);
  CHECK(b.tables.next_hops[0].real == dns.reals[1].member.to.address);
  CHECK(lb_app::parse_configuration(lb_app::print_configuration(b.tables), "printed").vips == b.tables.vips);
}

TEST_CASE("the manual's example is one") {
  const std::string page = document("man/ringway-lb.toml.5.scd"), fence = "\n```\n";
  const std::size_t begin = page.find(fence), end = page.find(fence, begin + 1);
  REQUIRE(end != std::string::npos);
  const both b = read(page.substr(begin + fence.size(), end - begin - fence.size()));
  REQUIRE(b.tables.vips.size() == 1);
  CHECK(b.tables.vips[0].reals.size() == 2);
  CHECK(b.tables.vips[0].check.path == "/health");
}
