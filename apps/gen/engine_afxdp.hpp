// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <array>
#include <atomic>
#include <exception>
#include <ringway/umem.hpp>
#include <ringway/xsk.hpp>
#include <thread>

#include "engine.hpp"
#include "traffic.hpp"

namespace ringway::gen {

/// The engine "afxdp": one thread that writes frames into the TX ring of an AF_XDP socket at queue 0, and
/// tells the kernel to send them. In copy mode they become skbs, which take another way through a veth than
/// live frames do. "Accepted" is what the kernel took from the ring, less what it said that the device
/// refused. CAP_NET_RAW.
class afxdp_engine final : public engine {
 public:
  afxdp_engine(const interface& port, const options& o, int cpu);
  ~afxdp_engine() override;

  void start() override;
  void stop() noexcept override;
  void tend(std::uint64_t now) override;
  engine_counters counters() const override;
  std::string accepted_by() const override { return "ring"; }
  std::string why_refused() const override;

 private:
  void run() noexcept;
  void turns();
  void reap() noexcept;
  std::uint32_t stage(std::uint64_t now) noexcept;
  bool due(std::uint64_t now, std::uint64_t& intended) noexcept;
  void write_next(std::uint64_t intended) noexcept;
  void kick();
  void account(std::uint32_t consumed, std::uint32_t lost) noexcept;
  void count_idle(std::uint64_t now) noexcept;
  bool finished() const noexcept;
  void show() noexcept;

  traffic traffic_;
  gen_schedule schedule_;
  std::uint64_t count_, attempts_;
  std::uint32_t batch_;
  int cpu_;
  double rate_;
  umem memory_;
  std::unique_ptr<xsk> socket_;
  std::vector<std::uint64_t> free_;  // frames
  std::vector<std::uint64_t> head_;  // the template, in words
  std::vector<std::uint64_t> due_;   // when the frame of each slot of the TX ring was due
  gen_clock clock_{};
  gen_choice choice_{};
  gen_state state_{};
  gen_device device_{};
  bool over_ = false;           // of the schedule
  std::uint32_t consumed_ = 0;  // the kernel's index, as last seen

  // What others may read while the thread runs.
  struct {
    std::atomic<std::uint64_t> attempted, accepted, refused, late, behind, idle, idle_ns, idle_measured,
        first, last, longest_gap;
    std::atomic<bool> done;
  } shown_{};
  std::atomic<bool> stop_ = false, ended_ = false, gone_ = false;
  std::exception_ptr failure_;  // of the thread; read after ended_
  std::thread thread_;
};

}  // namespace ringway::gen
