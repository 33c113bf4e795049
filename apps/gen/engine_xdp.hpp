// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <atomic>
#include <exception>
#include <thread>

#include "engine.hpp"
#include "traffic.hpp"

struct gen;  // the skeleton

namespace ringway::gen {

/// The engine "xdp": one thread inside one BPF_PROG_TEST_RUN with live frames, whose program does the pacing.
/// Starting such a run costs about 24 ms, and its turns are 2^32, idle ones included: some minutes. So it is
/// left alone for `restart_after` seconds, then started again, in a gap that is in the record. Needs CAP_BPF,
/// CAP_NET_ADMIN, CAP_PERFMON (tracepoints), in short: root.
class xdp_engine final : public engine {
 public:
  xdp_engine(const interface& port, const options& o, int cpu);
  ~xdp_engine() override;

  void start() override;
  void stop() noexcept override;
  void tend(std::uint64_t now) override;
  engine_counters counters() const override;
  std::string accepted_by() const override { return traced_ ? "tracepoint" : "netdev"; }
  std::string why_refused() const override;

 private:
  void load(const options& o);
  bool try_load(const options& o, bool traced);
  void configure(const options& o, bool traced);
  void attach();
  void run() noexcept;
  int run_once();
  void read_device(engine_counters& c) const;
  [[noreturn]] void fail(int result) const;

  traffic traffic_;
  std::unique_ptr<::gen, void (*)(::gen*)> skeleton_;
  double rate_;
  std::uint32_t batch_, turns_;
  std::uint64_t restart_after_;  // ns
  int cpu_;
  bool traced_ = false;
  std::uint64_t device_base_ = 0;  // tx_packets before the first frame
  std::atomic<std::uint64_t> restarts_ = 0;
  std::uint64_t run_began_ = 0;  // ns; as tend() knows it
  std::atomic<bool> stop_ = false, ended_ = false;
  std::exception_ptr failure_;  // of the thread; read after ended_
  std::thread thread_;
};

}  // namespace ringway::gen
