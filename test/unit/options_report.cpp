// SPDX-License-Identifier: BSD-2-Clause
// What a run says at its end and on the way: table, refusal alarm, report file. (The JSON is held to its
// schema in test/netns/test_l2fwd_cli.py.)
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <refusal_alarm.hpp>
#include <report.hpp>
#include <report_file.hpp>
#include <ringway/error.hpp>

#include "support/catch.hpp"

namespace {

using namespace ringway;
using test::ContainsSubstring;

app::report two_ports() {
  app::report r{.app = "ringway-l2fwd", .version = "1", .mode = "macswap"};
  for (std::uint32_t reason = 0; const char* name = library_reason_name(reason); ++reason)
    r.reasons.emplace_back(name);
  r.run.elapsed = std::chrono::duration<double>(2);
  r.run.ports.resize(2);
  r.run.ports[0].name = "d0";
  r.run.ports[1].name = "d1";
  r.run.ports[0].stats.rx_packets = 1234567;
  r.run.ports[1].stats.tx_packets = 1234560;
  r.run.ports[1].stats.drops[RW_REASON_TX_RING_FULL] = 7;
  return r;
}

forwarder_stats refused_of(std::uint64_t sent, std::uint64_t refused) {
  forwarder_stats s;
  s.ports.resize(1);
  s.ports[0].name = "d1";
  s.ports[0].stats.tx_packets = sent;
  s.ports[0].stats.drops[RW_REASON_TX_REFUSED] = refused;
  return s;
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct folder {
  std::filesystem::path path;
  folder() {
    char name[] = "/tmp/ringway-report-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~folder() { std::filesystem::remove_all(path); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
  }
};

}  // namespace

TEST_CASE("table: totals, rates, and only the losses that are not 0") {
  const std::string text = app::to_table(two_ports(), nullptr, true);
  CHECK_THAT(text, ContainsSubstring("afxdp macswap after 2.0 s\n"));
  CHECK_THAT(text, ContainsSubstring("1,234,567      617,284"));
  CHECK_THAT(text, ContainsSubstring("1,234,560      617,280  tx_ring_full 7\n"));
  CHECK(text.find("malformed") == std::string::npos);
}

TEST_CASE("table: rates are those since the table before") {
  app::report now = two_ports();
  const forwarder_stats before = now.run;
  now.run.elapsed = std::chrono::duration<double>(4);
  now.run.ports[0].stats.rx_packets += 1000;
  CHECK_THAT(app::to_table(now, &before, false), ContainsSubstring("1,235,567          500"));
}

TEST_CASE("losses: those before us, those of the function and those behind us have their names") {
  app::report r = two_ports();
  port_stats& s = r.run.ports[0].stats;
  s.unserved_queue = 1;
  s.kernel = {.rx_dropped = 2, .rx_ring_full = 3};
  s.drops[RW_REASON_MALFORMED] = 4;
  s.drops[RW_REASON_TX_DEVICE] = 5;
  std::string text;
  for (const app::loss& l : app::losses(r, s)) text += l.name + "=" + std::to_string(l.packets) + " ";
  CHECK(text == "unserved_queue=1 rx_dropped=2 rx_ring_full=3 malformed=4 tx_device=5 ");
}

TEST_CASE("refusal alarm: once for a port, when more than half is refused") {
  app::refusal_alarm alarm;
  CHECK(alarm.news(refused_of(100, 100)).empty());  // half is not more than half
  CHECK(alarm.news(refused_of(100, 100)).empty());  // no traffic is no alarm
  const auto lines = alarm.news(refused_of(110, 111));
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], ContainsSubstring("d1: the kernel refused 11 of the last 21 frames"));
  CHECK(alarm.news(refused_of(110, 1111)).empty());
}

TEST_CASE("refusal alarm: all that hold now, for as long as they do") {
  app::refusal_alarm alarm;
  CHECK(alarm.all(refused_of(0, 100)).size() == 1);
  CHECK(alarm.all(refused_of(0, 200)).size() == 1);
  CHECK(alarm.all(refused_of(100, 201)).empty());
}

TEST_CASE("report file: appears whole, replaces what was there, leaves nothing beside it") {
  const folder f;
  const std::string path = f.path / "r.json";
  std::ofstream(path) << "an older one, and longer";
  const app::report_file file(path);
  CHECK(content(path) == "an older one, and longer");
  CHECK(f.files() == 1);
  file.write("new");
  CHECK(content(path) == "new");
  CHECK(f.files() == 1);
}

TEST_CASE("report file: a link is followed, a device is not replaced") {
  const folder f;
  std::filesystem::create_symlink(f.path / "real.json", f.path / "link.json");
  std::ofstream(f.path / "real.json") << "old";
  app::report_file(f.path / "link.json").write("new");
  CHECK(std::filesystem::is_symlink(f.path / "link.json"));
  CHECK(content(f.path / "real.json") == "new");
  app::report_file("/dev/null").write("x");
  CHECK(std::filesystem::is_character_file("/dev/null"));
}

TEST_CASE("report file: what cannot be written is found out before the run") {
  const folder f;
  CHECK_THROWS_AS(app::report_file(f.path / "missing" / "r.json"), error);
  CHECK_THROWS_AS(app::report_file(f.path), error);
  CHECK_THROWS_WITH(app::report_file("/proc/r.json"), ContainsSubstring("write the report to /proc/r.json"));
}
