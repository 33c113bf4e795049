// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <ringway/program.hpp>

#include "../support/catch.hpp"
#include "../support/child.hpp"
#include "../support/netns_guard.hpp"
#include "xdp_programs.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

struct pair_of_veths {
  explicit pair_of_veths(const veth_options& options = {}) { make_veth(a, "x0", b, "y0", options); }
  netns_guard a{"a"}, b{"b"};
};

void attach_by_netlink(const interface& where, int program_fd, std::uint32_t flags) {
  netns_scope there(where.ns());
  REQUIRE(bpf_xdp_attach(static_cast<int>(where.index()), program_fd, flags, nullptr) == 0);
}

// What the library logs while this lives.
struct captured_log {
  captured_log() {
    set_log_sink([this](log_level, std::string_view line) { text += std::string(line) + "\n"; });
  }
  ~captured_log() { set_log_sink({}); }
  std::string text;
};

}  // namespace

TEST_CASE("a program is on its interface for as long as its attachment lives", "[program]") {
  const pair_of_veths veths;
  const interface x = veths.a.at("x0");
  const unique_fd program = load_pass("rw_test");
  CHECK_FALSE(program_on(x));
  for (attach_mode mode : {attach_mode::native, attach_mode::generic, attach_mode::automatic}) {
    attachment here(x, program.value(), mode);
    CHECK(here.program_id() == program_id(program.value()));
    CHECK(here.obtained() == (mode == attach_mode::automatic ? attach_mode::native : mode));
    REQUIRE(program_on(x));
    CHECK(program_on(x)->id == here.program_id());
    CHECK(program_on(x)->mode == here.obtained());
    CHECK(program_on(x)->name == "rw_test");
    CHECK(program_on(x)->by_link);
    CHECK(program_on(x)->link_id != 0);
    attachment moved(std::move(here));
    CHECK(program_on(x));
  }
  CHECK_FALSE(program_on(x));
}

TEST_CASE("a program that is there is named, and not touched", "[program]") {
  const pair_of_veths veths;
  const interface x = veths.a.at("x0");
  const unique_fd foreign = load_pass("foreign_prog"), ours = load_pass("rw_test");
  const std::string id = fmt::format("foreign_prog (id {}", program_id(foreign.value()));
  std::optional<attachment> link;
  std::string way;
  SECTION("attached by netlink") {
    attach_by_netlink(x, foreign.value(), XDP_FLAGS_DRV_MODE);
    way = "native, attached by netlink";
  }
  SECTION("attached by netlink in generic mode") {
    attach_by_netlink(x, foreign.value(), XDP_FLAGS_SKB_MODE);
    way = "generic, attached by netlink";
  }
  SECTION("attached by a link") {
    link.emplace(x, foreign.value());
    way = "native, attached by bpf_link ";
  }
  for (attach_mode mode : {attach_mode::native, attach_mode::generic, attach_mode::automatic})
    CHECK_THROWS_WITH(attachment(x, ours.value(), mode), ContainsSubstring(id) && ContainsSubstring(way) &&
                                                             ContainsSubstring("--replace") &&
                                                             ContainsSubstring("Device or resource busy"));
  REQUIRE(program_on(x));
  CHECK(program_on(x)->id == program_id(foreign.value()));
}

TEST_CASE("replace removes what is there, says what it was, and measures the gap", "[program]") {
  const pair_of_veths veths;
  const interface x = veths.a.at("x0");
  const unique_fd foreign = load_pass("foreign_prog"), ours = load_pass("rw_test");
  const std::uint32_t foreign_id = program_id(foreign.value());
  attach_mode mode = attach_mode::automatic;
  std::optional<child> owner;
  SECTION("attached by netlink") { attach_by_netlink(x, foreign.value(), XDP_FLAGS_DRV_MODE); }
  SECTION("attached by netlink, generic, and ours native") {
    attach_by_netlink(x, foreign.value(), XDP_FLAGS_SKB_MODE);
    mode = attach_mode::native;
  }
  SECTION("attached by another process's link") {
    owner.emplace([&] {
      const attachment theirs(x, foreign.value());
      child::ready_and_wait();
    });
    owner->wait_until_ready();
  }
  REQUIRE(program_on(x));
  captured_log log;
  const attachment here(x, ours.value(), mode, true);
  REQUIRE(here.replaced());
  CHECK(here.replaced()->id == foreign_id);
  CHECK(here.gap().count() > 0);
  CHECK(here.gap() < std::chrono::seconds(1));
  CHECK_THAT(log.text,
             ContainsSubstring(fmt::format("removed XDP program foreign_prog (id {}", foreign_id)) &&
                 ContainsSubstring(fmt::format("{} us", here.gap().count())));
  CHECK(program_on(x)->id == here.program_id());
  // The former owner's end does not take ours away.
  owner.reset();
  CHECK(program_on(x)->id == here.program_id());
}

TEST_CASE("replace refuses when it cannot tell whose link it would break", "[program]") {
  const pair_of_veths one, two;  // in each the same ifindex
  const interface x = one.a.at("x0"), elsewhere = two.a.at("x0");
  REQUIRE(x.index() == elsewhere.index());
  const unique_fd foreign = load_pass("foreign_prog"), ours = load_pass("rw_test");
  const attachment here(x, foreign.value()), there(elsewhere, foreign.value());
  CHECK_THROWS_WITH(attachment(x, ours.value(), attach_mode::automatic, true),
                    ContainsSubstring("cannot be told"));
  CHECK(program_on(x)->id == here.program_id());
  CHECK(program_on(elsewhere)->id == there.program_id());
}

TEST_CASE("kill -9 leaves neither program nor promiscuity", "[program]") {
  const pair_of_veths veths;
  const interface x = veths.a.at("x0");
  const auto promiscuous = [&] { return veths.a.run("ip -d link show x0"); };
  child process([&] {
    const unique_fd program = load_pass("rw_test");
    const attachment here(x, program.value());
    const promiscuity all(x);
    child::ready_and_wait();
  });
  process.wait_until_ready();
  REQUIRE(program_on(x));
  REQUIRE_THAT(promiscuous(), ContainsSubstring("promiscuity 1"));
  process.kill9();
  CHECK(eventually([&] { return !program_on(x); }, 500));
  CHECK(eventually([&] { return promiscuous().find("promiscuity 0") != std::string::npos; }, 500));
}

TEST_CASE("when the driver refuses, automatic goes on in generic mode and native says why", "[program]") {
  const unique_fd program = load_pass("rw_test");
  SECTION("no native XDP in the driver") {
    const netns_guard a("a");
    const interface lo = a.at("lo");
    CHECK_THROWS_WITH(attachment(lo, program.value(), attach_mode::native),
                      ContainsSubstring("native") && ContainsSubstring("--attach generic"));
    captured_log log;
    const attachment here(lo, program.value());
    CHECK(here.obtained() == attach_mode::generic);
    CHECK_THAT(log.text, ContainsSubstring("using generic"));
  }
  SECTION("the peer's MTU is too large") {
    const pair_of_veths veths;
    veths.a.run("ip link set x0 mtu 9000");
    veths.b.run("ip link set y0 mtu 9000");
    const interface x = veths.a.at("x0");
    CHECK_THROWS_WITH(attachment(x, program.value(), attach_mode::native), ContainsSubstring("MTU"));
    CHECK(attachment(x, program.value()).obtained() == attach_mode::generic);
  }
  SECTION("the peer has more TX queues than it has RX queues") {
    const pair_of_veths veths({.queues = 2});
    veths.a.run("ethtool -L x0 rx 1");
    const interface x = veths.a.at("x0");
    CHECK_THROWS_WITH(attachment(x, program.value(), attach_mode::native), ContainsSubstring("ethtool -L"));
    CHECK(attachment(x, program.value()).obtained() == attach_mode::generic);
  }
}

TEST_CASE("attaching to an interface that is gone, or what is no program, is one clear error", "[program]") {
  const pair_of_veths veths;
  const interface x = veths.a.at("x0");
  const unique_fd program = load_pass("rw_test");
  CHECK_THROWS_AS(attachment(x, 0), error);
  veths.a.run("ip link del x0");
  CHECK_THROWS_WITH(attachment(x, program.value()), ContainsSubstring(x.name()));
}
