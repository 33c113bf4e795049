// SPDX-License-Identifier: BSD-2-Clause
// Rates, sizes and addresses as ringway-gen takes them on its command line.
#include <quantity.hpp>
#include <ringway/error.hpp>
#include <traffic.hpp>

#include "support/catch.hpp"

namespace {

using namespace ringway::gen;
using ringway::usage_error;
using sizes = std::vector<std::uint32_t>;

double packets(const char* text, double mean_size = 60, double ceiling = 0) {
  return parse_rate(text).packets(mean_size, ceiling);
}

TEST_CASE("a rate in packets per second") {
  CHECK(packets("50000") == 50000);
  CHECK(packets("50k") == 50000);
  CHECK(packets("1.5M") == 1.5e6);
  CHECK(packets("max") == 0);
}

TEST_CASE("a rate in bits counts the frame with its FCS") {
  CHECK(packets("8 Mbit", 121) == 8e6 / (8 * 125));
  CHECK(packets("8000kbit", 121) == 8000);
  CHECK(packets("1Gbit", 1514) == 1e9 / (8 * 1518));
}

TEST_CASE("a rate in percent is of the ceiling") {
  CHECK(packets("75%", 60, 200e3) == 150e3);
  CHECK_THROWS_AS(packets("75%"), usage_error);
}

TEST_CASE("what is no rate is refused") {
  for (const char* text :
       {"", "fast", "-1", "0", "1G", "101M", "5kk", "k", "%", "Mbit", "10 Tbit", "nan", "inf", "1e99Mbit"})
    CHECK_THROWS_AS(packets(text), usage_error);
  CHECK_THROWS_AS(packets("100Gbit", 60), usage_error);  // 195 million frames a second
  CHECK_THROWS_AS(parse_ceiling("50%"), usage_error);
  CHECK_THROWS_AS(parse_ceiling("max"), usage_error);
  CHECK(parse_ceiling("14.6M") == 14.6e6);
}

TEST_CASE("sizes: one, a list, imix, a genome") {
  CHECK(parse_sizes("60") == sizes{60});
  CHECK(parse_sizes("60,508,1514") == sizes{60, 508, 1514});
  CHECK(parse_sizes("aaafg") == sizes{60, 60, 60, 1276, 1514});
  CHECK(parse_sizes("bcdehi") == sizes{124, 252, 508, 1020, 2108, 8996});
  const sizes imix = parse_sizes("imix");
  CHECK(std::ranges::count(imix, 60u) == 7);
  CHECK(std::ranges::count(imix, 566u) == 4);
  CHECK(std::ranges::count(imix, 1514u) == 1);
  CHECK(imix.size() == 12);
}

TEST_CASE("what is no size is refused") {
  for (const char* text :
       {"", ",", "60,", ",60", "60,,70", "-60", "60.5", "aX", "z", "j", "60a", "99999999999"})
    CHECK_THROWS_AS(parse_sizes(text), usage_error);
  CHECK_NOTHROW(parse_sizes(std::string(64, 'a')));
  CHECK_THROWS_AS(parse_sizes(std::string(65, 'a')), usage_error);
}

TEST_CASE("MAC addresses") {
  CHECK(parse_mac("02:00:00:00:0a:FF", true) == mac_address{2, 0, 0, 0, 10, 255});
  CHECK_NOTHROW(parse_mac("ff:ff:ff:ff:ff:ff", false));
  CHECK_THROWS_AS(parse_mac("ff:ff:ff:ff:ff:ff", true), usage_error);
  for (const char* text :
       {"", "02:00", "02:00:00:00:00:001", "02:00:00:00:00:0g", "02-00-00-00-00-01", "02:00:00:00:00:01:"})
    CHECK_THROWS_AS(parse_mac(text, false), usage_error);
}

TEST_CASE("fields that vary") {
  CHECK(parse_vary("src-port") == std::vector{field::src_port});
  CHECK(parse_vary("vlan,dst-ip") == std::vector{field::vlan, field::dst_ip});
  for (const char* text : {"", "port", "src-ip,", "src-ip,src-ip"})
    CHECK_THROWS_AS(parse_vary(text), usage_error);
}

TEST_CASE("distributions") {
  using kind = flow_distribution::kind;
  CHECK(parse_distribution("rr").how == kind::round_robin);
  CHECK(parse_distribution("random").how == kind::random);
  CHECK(parse_distribution("zipf").exponent == 1);
  CHECK(parse_distribution("zipf:1.25").exponent == 1.25);
  for (const char* text : {"", "zipf:", "zipf:0", "zipf:-1", "zipf:11", "zipf:x", "zipf:1x", "pareto"})
    CHECK_THROWS_AS(parse_distribution(text), usage_error);
}

TEST_CASE("frames that cannot be are refused") {
  traffic_options o;
  CHECK_NOTHROW(examine(o));
  o.sizes = {60, 59};
  CHECK_THROWS_AS(examine(o), usage_error);
  o.sizes = {9001};
  CHECK_THROWS_AS(examine(o), usage_error);
  o.sizes = {72};
  o.carries = protocol::tcp_syn;
  o.stamp = true;
  CHECK_NOTHROW(examine(o));
  o.sizes = {71};
  CHECK_THROWS_AS(examine(o), usage_error);
  o = {};
  o.flows = 1u << 24;
  CHECK_NOTHROW(examine(o));
  o.vary = {field::src_port};
  CHECK_THROWS_AS(examine(o), usage_error);
  o.flows = 1u << 14;
  CHECK_NOTHROW(examine(o));
  o.carries = protocol::icmp;
  CHECK_THROWS_AS(examine(o), usage_error);
  o = {};
  o.carries = protocol::raw;
  o.ipv6 = true;
  CHECK_THROWS_AS(examine(o), usage_error);
}

}  // namespace
