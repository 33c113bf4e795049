// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <memory>
#include <ringway/interface.hpp>

#include "tc_attach.hpp"

struct sink;  // the skeleton

namespace ringway::gen {

struct sink_counts {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  ///< as the stack saw them: of frames merged by GRO the headers count once
};

/// Frees whatever arrives at an interface, before the stack sees it. It runs on the CPU of whoever transmits.
/// CAP_NET_ADMIN and CAP_BPF.
class traffic_sink {
 public:
  virtual ~traffic_sink() = default;
  virtual sink_counts counts() const = 0;
  const interface& where() const noexcept { return where_; }

 protected:
  explicit traffic_sink(interface where);

  /// To be called last of all: frames arrive from now on.
  void attach(int program_fd, tc_mode mode);

  template <class Counts>  // of 64-bit counters only
  Counts sum_of_cpus(int map_fd) const;

 private:
  void add_up_cpus(int map_fd, std::uint64_t* sum, std::size_t words) const;

  interface where_;
  std::unique_ptr<tc_attachment> attachment_;
};

/// Counts, and does nothing else: the sink of every throughput figure.
class counting_sink : public traffic_sink {
 public:
  counting_sink(const interface& where, tc_mode mode);
  sink_counts counts() const override;

 private:
  std::unique_ptr<::sink, void (*)(::sink*)> skeleton_;
};

template <class Counts>
Counts traffic_sink::sum_of_cpus(int map_fd) const {
  static_assert(sizeof(Counts) % sizeof(std::uint64_t) == 0);
  Counts sum{};
  add_up_cpus(map_fd, reinterpret_cast<std::uint64_t*>(&sum), sizeof sum / sizeof(std::uint64_t));
  return sum;
}

}  // namespace ringway::gen
