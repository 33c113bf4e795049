// SPDX-License-Identifier: BSD-2-Clause
#include "reference.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace ringway::test {
namespace {

void hex(const char* label, std::span<const std::uint8_t> bytes) {
  fmt::print("    {} ({} bytes):", label, bytes.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 128); ++i)
    fmt::print("{}{:02x}", i % 4 == 0 ? " " : "", bytes[i]);
  fmt::print("{}\n", bytes.size() > 128 ? " ..." : "");
}

}  // namespace

counters_reader::counters_reader(int map_fd)
    : map_fd_(map_fd), per_cpu_(static_cast<std::size_t>(libbpf_num_possible_cpus())) {}

const rw_counters& counters_reader::read() {
  const std::uint32_t first = 0;
  if (bpf_map_lookup_elem(map_fd_, &first, per_cpu_.data()) != 0) throw std::runtime_error("read counters");
  sum_ = per_cpu_[0];
  auto* total = reinterpret_cast<std::uint64_t*>(&sum_);
  for (std::size_t cpu = 1; cpu < per_cpu_.size(); ++cpu) {
    const auto* one = reinterpret_cast<const std::uint64_t*>(&per_cpu_[cpu]);
    for (std::size_t i = 0; i < sizeof(sum_) / sizeof(*total); ++i) total[i] += one[i];
  }
  return sum_;
}

void difference_log::add(const std::string& where, const std::string& what, std::span<const std::uint8_t> in,
                         std::span<const std::uint8_t> native, std::span<const std::uint8_t> kernel) {
  if (count_++ >= shown_) return;
  fmt::print("DIFFERS  {}: {}\n", where, what);
  hex("packet", in);
  if (!std::ranges::equal(native, kernel)) {
    hex("native", native);
    hex("kernel", kernel);
  }
  std::fflush(stdout);
  if (stop_) throw stopped{};
}

}  // namespace ringway::test
