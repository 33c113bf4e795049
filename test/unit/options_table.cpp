// SPDX-License-Identifier: BSD-2-Clause
// Options of the forwarders: command line, configuration file, and the two together.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <command_line.hpp>
#include <config_file.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <options.hpp>
#include <sstream>

#include "support/catch.hpp"

namespace {

using namespace ringway;
using Catch::Matchers::Equals;
using test::ContainsSubstring;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream words(line);
  return {std::istream_iterator<std::string>(words), {}};
}

/// A forwarder's options as its main() makes them, and a folder of its own for files.
struct fixture {
  l2fwd::options o;
  app::option_table table;
  std::filesystem::path folder;

  fixture() {
    l2fwd::add_options(table, o);
    char name[] = "/tmp/ringway-options-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    folder = name;
  }
  ~fixture() { std::filesystem::remove_all(folder); }

  std::string file(const std::string& text) const {
    std::string path = folder / "l2fwd.toml";
    std::ofstream(path) << text;
    return path;
  }

  bool configure(std::vector<std::string> words) {
    words.insert(words.begin(), "ringway-l2fwd");
    std::vector<const char*> argv(words.size());
    std::transform(words.begin(), words.end(), argv.begin(), [](const std::string& w) { return w.c_str(); });
    return app::configure(
        {"ringway-l2fwd", "tests"}, table, o.common, [&] { l2fwd::check(o); }, static_cast<int>(argv.size()),
        argv.data());
  }

  /// What is said when the words are refused as wrong in themselves.
  std::string refusal(std::vector<std::string> words) {
    try {
      configure(std::move(words));
    } catch (const usage_error& e) {
      return e.what();
    }
    return "accepted";
  }
};

}  // namespace

TEST_CASE_METHOD(fixture, "options: defaults are those of the documentation") {
  REQUIRE(configure({"a", "b"}));
  CHECK(o.mode == RW_L2_IO);
  CHECK(o.common.ports == std::vector<std::string>{"a", "b"});
  CHECK(o.common.way == datapath::afxdp);
  const forwarder_config c = app::library_config(o.common);
  CHECK(c.ports.size() == 2);
  CHECK(c.ports[1].interface == "b");
  CHECK(c.ports[0].promiscuous);
  CHECK_FALSE(c.ports[0].replace);
  CHECK(c.ports[0].queues.text() == "all");
  CHECK(c.cpus.empty());
  CHECK(c.socket.tx_budget == 256);
  CHECK(c.socket.ring_size == 2048);
  CHECK(c.idle == idle_policy::spin);
  CHECK(o.common.batch == 256);
}

TEST_CASE_METHOD(fixture, "options: every option of the command line reaches the library") {
  REQUIRE(configure(
      words_of("--datapath=afxdp --mode macswap --bind copy --attach native --replace --queues 4-7 "
               "--cpus 1,3-4 --batch 64 --frames 40000 --frame-size 4096 --ring-size 128 --tx-budget 64 "
               "--tx-retry 5 --busy-poll 20 --idle poll --huge-pages never --wait-carrier 3 "
               "--duration 1.5 --stats 0.5 --json r.json -q -vv --force --no-promisc ns/a")));
  const app::forwarder_options& f = o.common;
  const forwarder_config c = app::library_config(f);
  CHECK(o.mode == RW_L2_MACSWAP);
  CHECK(c.socket.bind == bind_mode::copy);
  CHECK(c.ports[0].interface == "ns/a");
  CHECK(c.ports[0].attach == attach_mode::native);
  CHECK(c.ports[0].replace);
  CHECK(c.ports[0].queues.text() == "4,5,6,7");
  CHECK_FALSE(c.ports[0].promiscuous);
  CHECK(c.cpus == std::vector<int>{1, 3, 4});
  CHECK(f.batch == 64);
  CHECK(c.frames == 40000);
  CHECK(c.frame_size == 4096);
  CHECK(c.socket.ring_size == 128);
  CHECK(c.socket.tx_budget == 64);
  CHECK(c.tx_retries == 5);
  CHECK(c.socket.busy_poll_us == 20);
  CHECK(c.idle == idle_policy::poll);
  CHECK(c.pages == huge_pages::never);
  CHECK(f.wait_carrier == 3);
  CHECK(f.duration == 1.5);
  CHECK(f.stats == 0.5);
  CHECK(f.json == "r.json");
  CHECK(f.quiet);
  CHECK(f.verbose == 2);
  CHECK(f.force);
}

TEST_CASE_METHOD(fixture, "options: a TX budget never exceeds the ring, which the kernel would refuse") {
  REQUIRE(configure({"--ring-size", "128", "a"}));
  CHECK(app::library_config(o.common).socket.tx_budget == 128);
}

TEST_CASE_METHOD(fixture, "options: of an option given twice the last one counts") {
  REQUIRE(configure({"--mode", "io", "--mode", "mac", "a"}));
  CHECK(o.mode == RW_L2_MAC);
}

TEST_CASE_METHOD(fixture, "options: an option that may be repeated takes one value each time") {
  REQUIRE(configure({"--eth-peer", "1,02:00:00:00:00:0a", "--eth-peer", "0,2:0:0:0:0:b", "a", "b"}));
  REQUIRE(o.peers.size() == 2);
  CHECK(l2fwd::to_string(o.peers[0]) == "1,02:00:00:00:00:0a");
  CHECK(l2fwd::to_string(o.peers[1]) == "0,02:00:00:00:00:0b");
  CHECK(o.common.ports.size() == 2);
}

TEST_CASE_METHOD(fixture,
                 "configuration: every option has a key of its name, the command line goes before it") {
  const std::string path = file(
      "mode = \"mac\"\neth-peer = [\"0,02:00:00:00:00:0a\"]\ndatapath = \"xdp\"\nports = [\"x\", \"y\"]\n"
      "attach = \"generic\"\nqueues = [1, 3]\ncpus = 2\nring-size = 512\nduration = 2.5\nstats = 1\nreplace "
      "= true\n");
  SECTION("the file alone") {
    REQUIRE(configure({"--config", path}));
    CHECK(o.mode == RW_L2_MAC);
    CHECK(o.peers.size() == 1);
    CHECK(o.common.way == datapath::xdp);
    CHECK(o.common.ports == std::vector<std::string>{"x", "y"});
    CHECK(o.common.attach == attach_mode::generic);
    CHECK(o.common.queues == "1,3");
    CHECK(o.common.cpus == std::vector<int>{2});
    CHECK(o.common.ring_size == 512);
    CHECK(o.common.duration == 2.5);
    CHECK(o.common.stats == 1);
    CHECK(o.common.replace);
  }
  SECTION("with a command line, wherever --config stands") {
    REQUIRE(
        configure({"--mode", "io", "--config", path, "--ring-size", "1024", "--replace=false", "a", "b"}));
    CHECK(o.mode == RW_L2_IO);
    CHECK(o.common.ring_size == 1024);
    CHECK(o.common.ports == std::vector<std::string>{"a", "b"});
    CHECK_FALSE(o.common.replace);
    CHECK(o.common.duration == 2.5);
  }
}

TEST_CASE_METHOD(fixture, "configuration: what is printed is accepted again and means the same") {
  SECTION("defaults") { REQUIRE(configure({"a"})); }
  SECTION("everything changed") {
    auto words = words_of(
        "--mode mac --eth-peer 1,02:00:00:00:00:0a --datapath xdp --attach native --replace --no-promisc "
        "--force --wait-carrier 0.25 --bind zero-copy --queues 5-5 --cpus 3 --batch 64 --frames 99999 "
        "--frame-size 2048 --ring-size 4096 --tx-budget 0 --tx-retry 0 --busy-poll 7 --idle poll "
        "--huge-pages never --duration 1e3 --stats 0.1 -q -v b");
    words.insert(words.end(), {"ns with \"quotes\"/a", "--json", "a\"b\\c\n.json"});
    REQUIRE(configure(words));
    for (const app::option& one : table.all()) {
      INFO(one.name);
      CHECK(one.changed() == one.in_file);
    }
  }
  fixture again;
  REQUIRE(again.configure({"--config", file(app::print_config(table))}));
  std::size_t compared = 0;
  for (const app::option& one : table.all()) {
    if (!one.in_file) continue;
    INFO(one.name);
    CHECK(again.table.find(one.name)->show() == one.show());
    ++compared;
  }
  CHECK(compared == 26);
}

TEST_CASE_METHOD(fixture, "configuration: a fault is told with file, line and key") {
  const auto said = [&](const std::string& text) {
    const std::string path = file(text);
    return refusal({"--config", path, "a"}).substr(path.size());
  };
  CHECK_THAT(said("mode = \"io\"\n\nringsize = 64\n"), Equals(":3: unknown key 'ringsize'"));
  CHECK_THAT(said("[forward]\nmode = \"io\"\n"), Equals(":1: unknown key 'forward'"));
  CHECK_THAT(said("config = \"x\"\n"), Equals(":1: unknown key 'config'"));
  CHECK_THAT(said("zzz = 1\naaa = 2\n"), Equals(":1: unknown key 'zzz'"));
  CHECK_THAT(said("mode = io\n"), ContainsSubstring(":1: "));
  CHECK_THAT(said("mode = \"io\"\nmode = \"mac\"\n"), ContainsSubstring(":2: "));
  CHECK_THAT(said("\nmode = \"bridge\"\n"),
             Equals(":2: mode: 'bridge' is not io, mac, macswap, l2fwd or rxonly"));
  CHECK_THAT(said("mode = 3\n"), Equals(":1: mode: a string in quotes is expected"));
  CHECK_THAT(said("ring-size = \"64\"\n"), Equals(":1: ring-size: a number is expected"));
  CHECK_THAT(said("ring-size = -64\n"), ContainsSubstring(":1: ring-size: '-64' is not a number from 64 to"));
  CHECK_THAT(said("ring-size = 64.5\n"),
             ContainsSubstring(":1: ring-size: '64.5' is not a number from 64 to"));
  CHECK_THAT(said("replace = 1\n"), Equals(":1: replace: true or false is expected"));
  CHECK_THAT(said("ports = \"a\"\n"), Equals(":1: ports: a list of strings in quotes is expected"));
  CHECK_THAT(said("ports = [\"a\", 1]\n"), Equals(":1: ports: a list of strings in quotes is expected"));
  CHECK_THAT(said("queues = []\n"), ContainsSubstring(":1: queues: a string in quotes, a number"));
  CHECK_THAT(said("cpus = [1, 1]\n"), Equals(":1: cpus: '1,1': CPU 1 stands twice"));
}

TEST_CASE_METHOD(fixture, "configuration: a file that cannot be read is refused by name") {
  CHECK_THAT(refusal({"--config", "/nowhere/l2fwd.toml", "a"}),
             Equals("read the configuration /nowhere/l2fwd.toml: No such file or directory"));
  CHECK_THAT(refusal({"--config", folder.string(), "a"}), ContainsSubstring("Is a directory"));
}

TEST_CASE_METHOD(fixture, "options: --check-config checks and does nothing") {
  CHECK_FALSE(configure({"--check-config", "a"}));
  CHECK_THAT(fixture().refusal({"--check-config"}), ContainsSubstring("no PORT is given"));
  CHECK_THAT(fixture().refusal({"--check-config", "--frames", "100", "a"}),
             ContainsSubstring("--frames: 100 are too few"));
}

TEST_CASE_METHOD(fixture, "options: what has no effect on the XDP datapath is known") {
  REQUIRE(configure({"--datapath", "xdp", "--cpus", "1", "--idle", "spin", "--batch", "64", "a"}));
  CHECK(app::without_effect(table, o.common) == std::vector<std::string>{"--cpus", "--batch"});
  o.common.way = datapath::afxdp;
  CHECK(app::without_effect(table, o.common).empty());
}

TEST_CASE_METHOD(fixture, "options: a value that is wrong in itself is refused with the option's name") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "no PORT is given"},
      {{"--mode", "bridge", "a"}, "--mode: 'bridge' is not io, mac, macswap, l2fwd or rxonly"},
      {{"--mode"}, "--mode"},
      {{"--nonsense", "a"}, "--nonsense"},
      {{"--datapath", "dpdk", "a"}, "--datapath: 'dpdk' is not afxdp or xdp"},
      {{"--bind", "native", "a"}, "--bind: 'native' is not auto, copy or zero-copy"},
      {{"--batch", "128", "a"}, "--batch: '128' is not 64 or 256"},
      {{"--frame-size", "1024", "a"}, "--frame-size: '1024' is not 0, 2048 or 4096"},
      {{"--ring-size", "100", "a"}, "--ring-size: 100 is not a power of two"},
      {{"--ring-size", "32", "a"}, "--ring-size: '32' is not a number from 64"},
      {{"--frames", "-1", "a"}, "--frames: '-1' is not a number"},
      {{"--frames", "1", "a"}, "--frames: 1 are too few: one queue with rings of 2048 needs 4352"},
      {{"--frames", "12x", "a"}, "--frames: '12x' is not a number"},
      {{"--queues", "0", "a"}, "--queues: queues '0'"},
      {{"--queues", "3-1", "a"}, "--queues: queues '3-1'"},
      {{"--cpus", "1,", "a"}, "--cpus: '1,' is not a list of CPUs"},
      {{"--cpus", "2-1", "a"}, "--cpus: '2-1': 1 comes before 2"},
      {{"--cpus", "1-3,2", "a"}, "--cpus: '1-3,2': CPU 2 stands twice"},
      {{"--duration", "-1", "a"}, "--duration: '-1' is not a number of seconds"},
      {{"--stats", "nan", "a"}, "--stats: 'nan' is not a number of seconds"},
      {{"--eth-peer", "0", "a"}, "--eth-peer: '0' is not N,MAC"},
      {{"--eth-peer", "0,02:00:00:00:00", "a"},
       "--eth-peer: '0,02:00:00:00:00' is not N,MAC: not an Ethernet"},
      {{"--eth-peer", "0,02:00:00:00:00:01:02", "a"}, "not an Ethernet address"},
      {{"--eth-peer", "0,02:00:00:00:00:1g", "a"}, "not an Ethernet address"},
      {{"--eth-peer", "1,02:00:00:00:00:01", "a"}, "there is no port 1, the last one is 0"},
      {{"--eth-peer", "0,2:0:0:0:0:1", "--eth-peer", "0,2:0:0:0:0:2", "a"}, "port 0 is given twice"},
      {{"a", "b", "a"}, "a is given twice"},
      {{""}, "a PORT has no name"},
      {std::vector<std::string>(33, "x"), "33 ports are given: 32 at most"},
  };
  for (const auto& [words, expected] : cases) {
    fixture fresh;
    const std::string said = fresh.refusal(words);
    CHECK_THAT(said, ContainsSubstring(expected));
    CHECK(said.find('\n') == std::string::npos);
  }
}

TEST_CASE("pairing: ports are paired in order, an odd last one with itself") {
  using l2fwd::egress_of;
  CHECK(egress_of(0, 1) == 0);
  CHECK(egress_of(0, 2) == 1);
  CHECK(egress_of(1, 2) == 0);
  CHECK(egress_of(2, 3) == 2);
  CHECK(egress_of(2, 4) == 3);
  CHECK(egress_of(3, 4) == 2);
  CHECK(egress_of(31, 32) == 30);
}

TEST_CASE_METHOD(fixture, "pairing: the port that reflects is known, unless nothing is sent") {
  REQUIRE(configure({"a", "b", "c"}));
  CHECK(l2fwd::reflecting(o) == std::vector<std::size_t>{2});
  o.mode = RW_L2_RXONLY;
  CHECK(l2fwd::reflecting(o).empty());
}

TEST_CASE_METHOD(fixture, "modes: addresses are those of testpmd and of DPDK's l2fwd") {
  const std::vector<l2fwd::mac_address> own = {{2, 1, 1, 1, 1, 1}, {2, 2, 2, 2, 2, 2}, {2, 3, 3, 3, 3, 3}};
  const auto bytes = [](const __u8(&a)[6]) { return l2fwd::mac_address{a[0], a[1], a[2], a[3], a[4], a[5]}; };
  SECTION("mac: to the peer of the egress port, from the egress port") {
    REQUIRE(configure({"--mode", "mac", "--eth-peer", "1,2:0:0:0:0:aa", "a", "b", "c"}));
    const std::vector<rw_l2> rules = l2fwd::rules_of(o, own);
    CHECK(rules[0].out == 1);
    CHECK(bytes(rules[0].dst) == l2fwd::mac_address{2, 0, 0, 0, 0, 0xaa});
    CHECK(bytes(rules[0].src) == own[1]);
    CHECK(bytes(rules[1].dst) == l2fwd::mac_address{2, 0, 0, 0, 0, 0});
    CHECK(bytes(rules[1].src) == own[0]);
    CHECK(rules[2].out == 2);
    CHECK(bytes(rules[2].src) == own[2]);
  }
  SECTION("l2fwd: to 02:00:00:00:00:N whatever the peers are") {
    REQUIRE(configure({"--mode", "l2fwd", "--eth-peer", "1,2:0:0:0:0:aa", "a", "b", "c"}));
    const std::vector<rw_l2> rules = l2fwd::rules_of(o, own);
    CHECK(bytes(rules[0].dst) == l2fwd::mac_address{2, 0, 0, 0, 0, 1});
    CHECK(bytes(rules[2].dst) == l2fwd::mac_address{2, 0, 0, 0, 0, 2});
    CHECK(rules[0].mode == RW_L2_L2FWD);
  }
}
