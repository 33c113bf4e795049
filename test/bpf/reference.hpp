// SPDX-License-Identifier: BSD-2-Clause
// What the differential test holds the kernel's programs against: the native core, and what a verdict must
// lead to.
#pragma once
#include <linux/bpf.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "ringway/core/wire.h"

namespace ringway::test {

/// A copy of a packet that ends where mapped memory ends: the native core dies if it reads a byte too far, as
/// the verifier would have refused it.
class guarded_packet {
 public:
  guarded_packet() : memory_(mmap(nullptr, room + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED || mprotect(memory_, room, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
  }
  ~guarded_packet() { munmap(memory_, room + page); }
  guarded_packet(const guarded_packet&) = delete;
  guarded_packet& operator=(const guarded_packet&) = delete;

  std::span<std::uint8_t> copy(std::span<const std::uint8_t> packet) {
    std::uint8_t* begin = static_cast<std::uint8_t*>(memory_) + room - packet.size();
    if (!packet.empty()) std::memcpy(begin, packet.data(), packet.size());
    return {begin, packet.size()};
  }

 private:
  static constexpr std::size_t page = 4096, room = 16 * page;
  void* memory_;
};

/// What a verdict must lead to, said once more and in other words than bpf/glue.h: the XDP action, with
/// exactly one counter of an outcome moved by one. `present` has bit N set when port N has a device.
inline std::uint32_t expected_action(rw_counters& all, std::uint32_t port, rw_verdict verdict,
                                     std::uint64_t len, std::uint32_t present) {
  rw_port_counters& in = all.port[port];
  in.rx_packets += 1;
  in.rx_bytes += len;
  if (verdict == RW_PUNT) {
    in.passed += 1;
    return XDP_PASS;
  }
  const bool sent = verdict == port || (verdict < RW_PORTS_MAX && (present >> verdict & 1) != 0);
  if (sent) {
    all.port[verdict].tx_packets += 1;
    all.port[verdict].tx_bytes += len;
    return verdict == port ? XDP_TX : XDP_REDIRECT;
  }
  std::uint32_t reason = RW_REASON_BAD_PORT;
  if (verdict >= RW_DROP_BASE) reason = verdict - RW_DROP_BASE;
  if (reason >= RW_REASON_LIB_SLOTS) reason = RW_REASON_NO_VERDICT;
  in.drops[reason] += 1;
  return XDP_DROP;
}

/// Reads the per-CPU element of `counters` and sums it over the CPUs.
class counters_reader {
 public:
  explicit counters_reader(int map_fd);
  const rw_counters& read();

 private:
  int map_fd_;
  std::vector<rw_counters> per_cpu_;
  rw_counters sum_{};
};

/// The first difference was enough.
struct stopped {};

/// Differing packets are printed, the first few of them, and counted.
class difference_log {
 public:
  /// Throws `stopped` after the first one.
  explicit difference_log(bool stop_at_first) : stop_(stop_at_first) {}
  bool any() const { return count_ != 0; }
  std::uint64_t count() const { return count_; }
  void add(const std::string& where, const std::string& what, std::span<const std::uint8_t> in,
           std::span<const std::uint8_t> native, std::span<const std::uint8_t> kernel);

 private:
  static constexpr std::uint64_t shown_ = 5;
  std::uint64_t count_ = 0;
  bool stop_;
};

}  // namespace ringway::test
