// SPDX-License-Identifier: BSD-2-Clause
// The frames of ringway-gen: the text that its BPF program and its AF_XDP engine share, run natively and read
// back by the library's parser and by sums of our own.
#include <gen_frame.h>
#include <ringway/core/parse.h>
#include <stamp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <traffic.hpp>

#include "support/catch.hpp"

namespace {

using namespace ringway::gen;

constexpr mac_address port = {2, 0, 0, 1, 2, 3};
constexpr std::uint64_t intended = 0x0123456789abcdefu;

/// Makes one frame after the other, each in memory that a device under test has scribbled on.
class maker {
 public:
  explicit maker(const traffic_options& o) : made_(make_traffic(o, port)), head_(RW_GEN_WORDS) {
    examine(o);
    std::memcpy(head_.data(), made_.frame.data(), made_.layout.head);
    choice_.random = 1;
  }

  std::vector<std::uint8_t> next() {
    const gen_traffic& t = made_.layout;
    const std::uint32_t size = t.sizes > 1 ? rw_gen_next_size(&t, &choice_) : t.size;
    flow = t.flows > 1 ? rw_gen_next_flow(&t, &choice_, made_.quantiles.data()) : 0;
    std::vector<std::uint8_t> frame(std::max<std::size_t>(made_.frame.size(), 128));
    std::memset(frame.data(), 0xa5, t.need);
    rw_gen_head(frame.data(), &t, reinterpret_cast<const volatile __u64*>(head_.data()));
    if (t.varies) rw_gen_vary(frame.data(), &t, flow, size, sequence++, intended);
    frame.resize(size);
    return frame;
  }

  std::uint32_t flow = 0, sequence = 0;

 private:
  traffic made_;
  std::vector<std::uint64_t> head_;
  gen_choice choice_{};
};

std::uint32_t be(const std::vector<std::uint8_t>& f, std::size_t at, std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | f.at(at + i);
  return value;
}

/// RFC 1071, the slow way; 0 when a checksum in it is right.
std::uint32_t checksum(const std::vector<std::uint8_t>& f, std::size_t from, std::size_t to,
                       std::uint32_t sum = 0) {
  for (std::size_t i = from; i < to; i += 2) sum += f[i] * 256u + (i + 1 < to ? f[i + 1] : 0u);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/// Lengths and checksums of one frame are right.
void check_good(const traffic_options& o, const std::vector<std::uint8_t>& f) {
  std::size_t ip = 14;
  if (o.tagged()) {
    CHECK(be(f, 12, 2) == 0x8100);
    ip = 18;
  }
  const std::uint32_t proto = be(f, ip - 2, 2);
  if (o.carries == protocol::raw) {
    CHECK(proto == 0x88b5);
    return;
  }
  CHECK(proto == (o.ipv6 ? 0x86ddu : 0x0800u));
  const std::size_t l4 = ip + (o.ipv6 ? 40 : 20), length = f.size() - l4;
  std::uint32_t next = 0, pseudo = 0;
  if (o.ipv6) {
    next = f[ip + 6];
    CHECK(be(f, ip + 4, 2) == length);
    for (std::size_t i = ip + 8; i < ip + 40; i += 2) pseudo += be(f, i, 2);
  } else {
    next = f[ip + 9];
    CHECK(be(f, ip + 2, 2) == f.size() - ip);
    CHECK(checksum(f, ip, ip + 20) == 0);
    for (std::size_t i = ip + 12; i < ip + 20; i += 2) pseudo += be(f, i, 2);
  }
  pseudo += next + static_cast<std::uint32_t>(length);
  if (o.carries == protocol::udp) {
    CHECK(next == 17);
    CHECK(be(f, l4 + 4, 2) == length);
    CHECK((be(f, l4 + 6, 2) == 0) == !o.ipv6);
    if (!o.ipv6) return;
  } else if (o.carries == protocol::tcp_syn) {
    CHECK(next == 6);
    CHECK(f[l4 + 13] == 2);
  } else {
    CHECK(next == (o.ipv6 ? 58u : 1u));
    CHECK(f[l4] == (o.ipv6 ? 128 : 8));
    if (!o.ipv6) pseudo = 0;
  }
  CHECK(checksum(f, l4, f.size(), pseudo) == 0);
}

TEST_CASE("every kind of frame is a good one, whatever varies") {
  for (const protocol carries : {protocol::udp, protocol::tcp_syn, protocol::icmp, protocol::raw})
    for (const bool ipv6 : {false, true})
      for (const bool tagged : {false, true})
        for (const bool stamp : {false, true})
          for (const std::uint32_t flows : {1u, 3u, 100'000u})
            for (const std::vector<std::uint32_t>& sizes :
                 {std::vector{112u}, std::vector{1514u, 113u, 700u}}) {
              if (ipv6 && carries == protocol::raw) continue;
              traffic_options o;
              o.carries = carries, o.ipv6 = ipv6, o.stamp = stamp, o.flows = flows, o.sizes = sizes;
              if (tagged) o.vlan = 77;
              o.distribution.how = flow_distribution::kind::random;
              maker m(o);
              for (std::size_t i = 0; i < 50; ++i) {
                const auto f = m.next();
                CHECK(f.size() == sizes[i % sizes.size()]);
                check_good(o, f);
              }
            }
}

TEST_CASE("every field can vary, and its checksums follow") {
  for (const field f : {field::src_mac, field::dst_mac, field::vlan, field::src_ip, field::dst_ip,
                        field::src_port, field::dst_port})
    for (const protocol carries : {protocol::udp, protocol::tcp_syn})
      for (const bool ipv6 : {false, true}) {
        traffic_options o;
        o.carries = carries, o.ipv6 = ipv6, o.vary = {f}, o.flows = 2000, o.sizes = {100};
        maker m(o);
        std::set<std::string> different;
        for (std::uint32_t i = 0; i < o.flows; ++i) {
          const auto frame = m.next();
          different.emplace(frame.begin(), frame.end());
          CHECK(m.flow == i);
          check_good(o, frame);
        }
        CHECK(different.size() == o.flows);
        const auto again = m.next();  // the first flow
        CHECK(different.contains({again.begin(), again.end()}));
      }
}

TEST_CASE("the first field counts fastest, the next goes on where its values end") {
  traffic_options o;
  o.vary = {field::vlan, field::src_ip};
  o.flows = 5000;
  o.sizes = {64};
  maker m(o);
  std::map<std::uint32_t, int> addresses;
  for (std::uint32_t i = 0; i < o.flows; ++i) {
    const auto f = m.next();
    CHECK(be(f, 14, 2) == 1 + i % 2048);
    ++addresses[be(f, 30, 4)];
  }
  CHECK(addresses == std::map<std::uint32_t, int>{{0xc6120001, 2048}, {0xc6120002, 2048}, {0xc6120003, 904}});
}

TEST_CASE("addresses stay in the networks for measurements") {
  traffic_options o;
  o.vary = {field::dst_ip, field::src_ip};
  o.flows = 1u << 24;
  o.distribution.how = flow_distribution::kind::random;
  maker m(o);
  for (int i = 0; i < 10'000; ++i) {
    const auto f = m.next();
    CHECK(be(f, 26, 4) >> 17 == 0xc612u >> 1);
    CHECK(be(f, 30, 4) >> 17 == 0xc612u >> 1);
  }
}

TEST_CASE("a stamp says which frame it is and when it should have left") {
  traffic_options o;
  o.stamp = true, o.flows = 5;
  maker m(o);
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto f = m.next();
    rw_stamp s;
    REQUIRE(f.size() == RW_STAMP_OFFSET + RW_STAMP_SIZE);
    std::memcpy(&s, f.data() + RW_STAMP_OFFSET, sizeof s);
    CHECK(s.flow == i % 5);
    CHECK(s.sequence == i);
    CHECK(s.intended_ns == intended);
    CHECK(s.check == rw_stamp_check(s.flow, s.sequence, s.intended_ns));
  }
}

TEST_CASE("1 frame in 64 is sampled") {
  int sampled = 0;
  for (std::uint32_t i = 0; i < 64'000; ++i) sampled += rw_stamp_sampled(i);
  CHECK(sampled > 990);
  CHECK(sampled < 1010);
}

std::vector<double> shares(const traffic_options& o, int frames) {
  maker m(o);
  std::vector<double> share(o.flows);
  for (int i = 0; i < frames; ++i) {
    m.next();
    share.at(m.flow) += 1.0 / frames;
  }
  return share;
}

TEST_CASE("random flows have equal shares") {
  traffic_options o;
  o.flows = 10;
  o.distribution.how = flow_distribution::kind::random;
  for (const double s : shares(o, 200'000)) CHECK(std::abs(s - 0.1) < 0.005);
}

TEST_CASE("Zipf's flows have the shares of his law") {
  for (const double exponent : {0.8, 1.0, 1.5}) {
    traffic_options o;
    o.flows = 1000;
    o.distribution = {flow_distribution::kind::zipf, exponent};
    double total = 0;
    for (int i = 1; i <= 1000; ++i) total += std::pow(i, -exponent);
    const auto share = shares(o, 400'000);
    double tail = 0, expected_tail = 0;
    for (std::size_t i = 0; i < share.size(); ++i) {
      const double expected = std::pow(static_cast<double>(i + 1), -exponent) / total;
      if (i < 5) CHECK(std::abs(share[i] - expected) < 0.003);
      if (i >= 500) tail += share[i], expected_tail += expected;
    }
    CHECK(std::abs(tail - expected_tail) < 0.003);
  }
}

}  // namespace
