// SPDX-License-Identifier: BSD-2-Clause
// Health checks on the wire: every method and pair of families, to one real of two; what is found out when a
// real no longer takes its tunnel apart; what is left behind, and by whom.
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <ringway/core/encap.h>

#include <ringway/log.hpp>
#include <ringway/marked_route.hpp>

#include "../support/child.hpp"
#include "health_bed.hpp"
#include "health_probe.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

struct way_in {
  const char* name;
  rw_lb_method method;
  int family;  // of the outer header
};
constexpr way_in all_ways[] = {{"ipip over IPv4", RW_METHOD_IPIP, 4}, {"ipip over IPv6", RW_METHOD_IPIP, 6},
                               {"gue over IPv4", RW_METHOD_GUE, 4},   {"gue over IPv6", RW_METHOD_GUE, 6},
                               {"l2 over IPv4", RW_METHOD_L2, 4},     {"l2 over IPv6", RW_METHOD_L2, 6}};

check_target target(const health_bed& bed, unsigned real, const way_in& way, const ip_address& vip) {
  check_target t;
  t.vip = "v";
  t.real = fmt::format("r{}", real);
  t.address = vip;
  t.port = 80;
  t.to = bed.to(real, way.method, way.family);
  t.how.kind = check_kind::http;
  t.how.timeout = 300ms;
  t.how.status_least = t.how.status_most = static_cast<std::uint16_t>(200 + real);  // the one asked answers
  return t;
}

/// One check; what failed, or nothing.
std::string probe(const health_bed& bed, probe_path& path, const check_target& t) {
  event_loop loop;
  std::optional<std::string> result;
  const int element = bed.tables.real_of(t.to);
  health_probe p(loop, t, path.way_to(static_cast<std::uint32_t>(element), t.to, t.address),
                 [&](std::string why) { result = std::move(why); });
  while (!result) loop.run_once(50ms);
  return *result;
}

std::string traces(const netns_guard& where) {
  return where.run(
      "ip link show | grep -o rwprobe[0-9x]* || true; ip rule | grep 0x727 || true; ip -6 rule | grep 0x727 "
      "|| true; "
      "ip route show table all | grep rwprobe || true; ip -6 route show table all | grep rwprobe || true");
}

unique_fd packets_at(const netns_guard& where, const std::string& ifname) {
  const netns_scope inside(where.ns());
  unique_fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = static_cast<int>(where.at(ifname).index());
  REQUIRE(::bind(fd.value(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  return fd;
}

/// The first IPv4 frame that has IPv4 in it; empty: none has come.
std::vector<std::uint8_t> encapsulated_in(int fd) {
  std::vector<std::uint8_t> frame(2048);
  for (;;) {
    const ssize_t n = ::recv(fd, frame.data(), frame.size(), 0);
    if (n < 0) return {};
    if (n < 34 || frame[12] != 8 || frame[13] != 0 || frame[14 + 9] != RW_IP_IPIP) continue;
    frame.resize(static_cast<std::size_t>(n));
    return frame;
  }
}

}  // namespace

TEST_CASE("a probe reaches the real that is asked, by every method, from either family") {
  health_bed bed;
  const netns_scope inside(bed.lb.ns());
  probe_path path(bed.store, bed.ports());
  for (const way_in& way : all_ways) {
    bed.use(way.method, way.family);
    for (const ip_address& vip : {vip4, vip6}) {
      if (way.method == RW_METHOD_L2 && vip.family != way.family) continue;
      for (const unsigned real : {0U, 1U}) {
        INFO(way.name << ", VIP " << vip.text() << ", real " << real);
        const int before[] = {bed.reals[0].server->connections(), bed.reals[1].server->connections()};
        CHECK(probe(bed, path, target(bed, real, way, vip)) == "");
        CHECK(bed.reals[real].server->connections() == before[real] + 1);
        CHECK(bed.reals[1 - real].server->connections() == before[1 - real]);
      }
    }
  }
}

TEST_CASE("checksums are complete before a probe is encapsulated, whatever the port offloads") {
  health_bed bed(true);  // a port that leaves them to whoever is next
  const netns_scope inside(bed.lb.ns());
  probe_path path(bed.store, bed.ports());
  const way_in& way = all_ways[0];
  bed.use(way.method, way.family);
  bed.reals[0].decap.reset();  // to see what comes, as it comes
  const unique_fd seen = packets_at(bed.reals[0].ns, "y0");
  CHECK(probe(bed, path, target(bed, 0, way, vip4)) != "");
  const std::vector<std::uint8_t> frame = encapsulated_in(seen.value());
  REQUIRE(frame.size() >= 14 + 20 + 20 + 20);
  const std::uint8_t *outer = frame.data() + 14, *ip = outer + 20, *tcp = ip + 20;
  const auto end = static_cast<std::uint16_t>(ip[2] << 8 | ip[3]);
  REQUIRE(frame.size() >= 34U + end);
  __u64 sum =
      rw_csum_pseudo4(rw_load32(ip + 12), rw_load32(ip + 16), ip[9], static_cast<std::uint16_t>(end - 20));
  REQUIRE(rw_csum_bytes(&sum, tcp, ip + end, end - 20U) != 0);
  CHECK(rw_csum_fold(sum) == 0xffff);
  sum = 0;
  REQUIRE(rw_csum_bytes(&sum, outer, ip, 20) != 0);
  CHECK(rw_csum_fold(sum) == 0xffff);
  CHECK(ip[8] == 63);  // the balancer is a hop
}

TEST_CASE("a real that no longer takes its tunnel apart is found out, though its own address answers") {
  health_bed bed;
  const netns_scope inside(bed.lb.ns());
  probe_path path(bed.store, bed.ports());
  for (const way_in& way : {all_ways[0], all_ways[3]}) {
    INFO(way.name);
    bed.use(way.method, way.family);
    const check_target t = target(bed, 0, way, vip6);
    check_target own = t;
    own.address = ip("10.0.0.2");
    REQUIRE(probe(bed, path, t) == "");
    bed.reals[0].decap.reset();
    CHECK_THAT(probe(bed, path, t), ContainsSubstring("no answer within 300 ms"));
    event_loop loop;
    std::optional<std::string> direct;
    health_probe p(loop, own, {.mark = 0, .source = {}, .why = {}}, [&](std::string why) { direct = why; });
    while (!direct) loop.run_once(50ms);
    CHECK(*direct == "");
    bed.reals[0].decap = std::make_unique<decapsulator>(bed.reals[0].ns.at("y0"));
    CHECK(probe(bed, path, t) == "");
  }
}

TEST_CASE("a real goes down and comes back, and is asked meanwhile although it gets no packets") {
  health_bed bed;
  const netns_scope inside(bed.lb.ns());
  const way_in& way = all_ways[1];
  bed.use(way.method, way.family);
  probe_path path(bed.store, bed.ports());
  event_loop loop;
  std::vector<std::string> news;
  health_checks checks(
      loop,
      [&](const check_target& t) {
        return path.way_to(static_cast<std::uint32_t>(bed.tables.real_of(t.to)), t.to, t.address);
      },
      [&](const check_target& t, bool up, const std::string& why) {
        bed.tables.set_alive(t.to, up);
        news.push_back(fmt::format("{} {} {}", t.real, up ? "up" : "down", why));
      });
  std::vector<check_target> targets{target(bed, 0, way, vip4), target(bed, 1, way, vip4)};
  for (check_target& t : targets) {
    t.how.interval = 50ms;
    t.how.timeout = 100ms;
  }
  checks.want(targets);
  const auto until = [&](std::size_t count, std::chrono::milliseconds limit) {
    for (const auto end = event_loop::clock::now() + limit;
         news.size() < count && event_loop::clock::now() < end;)
      loop.run_once(20ms);
    return news.size();
  };
  CHECK(until(1, 500ms) == 0);
  bed.reals[1].decap.reset();
  REQUIRE(until(1, 3s) == 1);
  CHECK(news[0] == "r1 down connect: no answer within 100 ms");
  bed.reals[1].decap = std::make_unique<decapsulator>(bed.reals[1].ns.at("y0"));
  REQUIRE(until(2, 3s) == 2);
  CHECK(news[1] == "r1 up ");
  CHECK(until(3, 500ms) == 2);
}

TEST_CASE("what a probe needs is missing: it says what") {
  health_bed bed;
  const netns_scope inside(bed.lb.ns());
  probe_path path(bed.store, bed.ports());
  const way_in& way = all_ways[0];
  bed.use(way.method, way.family);
  const check_target t = target(bed, 0, way, vip4);
  bed.tables.set_next_hop(t.to, {});
  CHECK(probe(bed, path, t) == "no way to the real: 10.0.0.2 has no next hop");
  CHECK(path.way_to(70000, t.to, vip4).why == "10.0.0.2 is not in the tables");
}

TEST_CASE("a strict reverse path filter that would drop the answers is said, once") {
  health_bed bed;
  const netns_scope inside(bed.lb.ns());
  bed.lb.run("echo 1 > /proc/sys/net/ipv4/conf/x0/rp_filter");
  probe_path path(bed.store, bed.ports());
  const way_in& way = all_ways[0];
  bed.use(way.method, way.family);
  std::vector<std::string> lines;
  set_log_sink([&](log_level, std::string_view line) { lines.emplace_back(line); });
  const check_target t = target(bed, 0, way, vip4);
  CHECK(probe(bed, path, t) != "");
  CHECK(probe(bed, path, t) != "");
  CHECK(probe(bed, path, target(bed, 1, way, vip4)) == "");
  set_log_sink({});
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], ContainsSubstring("net.ipv4.conf.x0.rp_filter = 1"));
  CHECK_THAT(lines[0], ContainsSubstring("no route"));
  bed.lb.run("ip route add 10.9.0.1 dev x1");
  CHECK(probe(bed, path, t) != "");  // it leads elsewhere
  bed.lb.run("echo 2 > /proc/sys/net/ipv4/conf/x0/rp_filter");
  CHECK(probe(bed, path, t) == "");
  bed.lb.run("echo 1 > /proc/sys/net/ipv4/conf/x0/rp_filter; ip route replace 10.9.0.1 dev x0");
  CHECK(probe(bed, path, t) == "");
}

TEST_CASE("nothing is left behind, and what a killed process left is taken away by the next") {
  health_bed bed;
  const netns_scope inside(bed.lb.ns());
  REQUIRE(traces(bed.lb) == "");
  { const probe_path path(bed.store, bed.ports()); }
  CHECK(traces(bed.lb) == "");
  {
    child first([&] {
      const probe_path path(bed.store, bed.ports());
      child::ready_and_wait();
    });
    first.wait_until_ready();
    child second([&] {
      const probe_path path(bed.store, bed.ports());
      child::ready_and_wait();
    });
    second.wait_until_ready();
    CHECK_THAT(traces(bed.lb), ContainsSubstring("rwprobe0") && ContainsSubstring("rwprobe1"));
  }
  CHECK_THAT(traces(bed.lb), ContainsSubstring("rwprobe0") && ContainsSubstring("lookup 72781"));
  { const probe_path path(bed.store, bed.ports()); }
  CHECK(traces(bed.lb) == "");
}

TEST_CASE("several in one namespace keep apart") {
  health_bed bed;
  const netns_scope inside(bed.lb.ns());
  const way_in& way = all_ways[0];
  bed.use(way.method, way.family);
  probe_path first(bed.store, bed.ports());
  {
    probe_path second(bed.store, bed.ports());
    CHECK(probe(bed, first, target(bed, 0, way, vip4)) == "");
    CHECK(probe(bed, second, target(bed, 1, way, vip6)) == "");
  }
  CHECK(probe(bed, first, target(bed, 0, way, vip4)) == "");
}

TEST_CASE("an interface of the name that somebody else made stays, and is in the way") {
  health_bed bed;
  const netns_scope inside(bed.lb.ns());
  bed.lb.run(
      "ip link add rwprobe0 type veth peer name other; ip rule add fwmark 0x72780000/0xffff0000 lookup 5");
  CHECK_THROWS_WITH(probe_path(bed.store, bed.ports()),
                    ContainsSubstring("rwprobe0: there is one of that name"));
  CHECK_THAT(bed.lb.run("ip link show; ip rule"),
             ContainsSubstring("other") && ContainsSubstring("lookup 5"));
}

TEST_CASE("eight fit into a namespace") {
  const netns_guard where("many");
  std::vector<std::unique_ptr<marked_route>> routes;
  for (unsigned i = 0; i < marked_route::most; ++i) {
    routes.push_back(std::make_unique<marked_route>(where.ns()));
    CHECK(routes.back()->first_mark() == 0x72780000 + i * 65536);
  }
  CHECK_THROWS_WITH(marked_route(where.ns()), ContainsSubstring("nobody uses"));
  routes.clear();
  CHECK(traces(where) == "");
}
