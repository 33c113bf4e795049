// SPDX-License-Identifier: BSD-2-Clause
// The core's parser and checksums, natively.
#include <ringway/core/csum.h>
#include <ringway/core/parse.h>

#include <array>
#include <cstring>
#include <vector>

#include "per_item.hpp"

namespace {

using bytes = std::vector<std::uint8_t>;

void add(bytes& to, std::initializer_list<int> octets) {
  for (const int o : octets) to.push_back(static_cast<std::uint8_t>(o));
}
bytes ethernet(int tags, int proto) {
  bytes p(12, 2);
  for (int i = 0; i < tags; ++i) add(p, {0x81, 0, 0, 100 + i});
  add(p, {proto >> 8, proto & 0xff});
  return p;
}
void add_udp(bytes& p) { add(p, {0x12, 0x34, 0, 53, 0, 26, 0, 0}), p.resize(p.size() + 18); }
bytes udp4(int tags) {
  bytes p = ethernet(tags, 0x0800);
  add(p, {0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
  add_udp(p);
  return p;
}
bytes udp6(int extensions) {
  bytes p = ethernet(0, 0x86dd);
  add(p, {0x60, 0, 0, 0, 0, 26 + 8 * extensions, extensions != 0 ? 60 : 17, 64});
  p.resize(p.size() + 32, 1);
  for (int i = 1; i <= extensions; ++i) add(p, {i == extensions ? 17 : 60, 0, 1, 4, 0, 0, 0, 0});
  add_udp(p);
  return p;
}

void parse(benchmark::State& state, const bytes& frame) {
  bytes p = frame;
  rw_parsed found{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(p.data());
    benchmark::DoNotOptimize(rw_parse(&found, p.data(), p.data() + p.size(), static_cast<__u32>(p.size())));
    benchmark::ClobberMemory();
  }
  if (found.outcome != RW_PARSE_OK || found.dport != RW_BE16(53)) state.SkipWithError("not parsed");
}
BENCHMARK_CAPTURE(parse, udp4, udp4(0))->Name("parse/ipv4-udp");
BENCHMARK_CAPTURE(parse, udp4_tagged, udp4(2))->Name("parse/two-tags-ipv4-udp");
BENCHMARK_CAPTURE(parse, udp6, udp6(0))->Name("parse/ipv6-udp");
BENCHMARK_CAPTURE(parse, udp6_extensions, udp6(4))->Name("parse/ipv6-4-extensions-udp");

void checksum_full(benchmark::State& state) {
  const auto n = static_cast<__u32>(state.range(0));
  std::array<std::uint8_t, 1500> p;
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = static_cast<std::uint8_t>(i * 31);
  for (auto _ : state) {
    benchmark::DoNotOptimize(p.data());
    __u64 sum = 0;
    benchmark::DoNotOptimize(rw_csum_bytes(&sum, p.data(), p.data() + p.size(), n));
    benchmark::DoNotOptimize(rw_csum_finish(sum));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * n);
}
BENCHMARK(checksum_full)->Name("checksum/full")->Arg(20)->Arg(64)->Arg(1480);

void checksum_update16(benchmark::State& state) {
  __sum16 check = 0x1234;
  __u16 from = 0x4011, to = 0x3f11;
  for (auto _ : state) {
    benchmark::DoNotOptimize(from), benchmark::DoNotOptimize(to);
    check = rw_csum_replace16(check, from, to);
    benchmark::DoNotOptimize(check);
  }
}
BENCHMARK(checksum_update16)->Name("checksum/update/2-bytes");

void checksum_update32(benchmark::State& state) {
  __sum16 check = 0x1234;
  __u32 from = 0x0a000001, to = 0x0a000002;
  for (auto _ : state) {
    benchmark::DoNotOptimize(from), benchmark::DoNotOptimize(to);
    check = rw_csum_replace32(check, from, to);
    benchmark::DoNotOptimize(check);
  }
}
BENCHMARK(checksum_update32)->Name("checksum/update/4-bytes");

}  // namespace
