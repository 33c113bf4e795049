// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <exception>
#include <memory>
#include <vector>

#include "engine.hpp"
#include "options.hpp"
#include "report.hpp"
#include "sink_set.hpp"

namespace ringway::gen {

/// One run: prepares sinks and engine, watches over them until count, duration or a signal ends it, lets the
/// traffic drain, and tells what happened.
class control {
 public:
  /// Blocks SIGINT and SIGTERM for run() to take them. To be called first, for what a signal finds half made
  /// would stay.
  static void hold_signals() noexcept;

  /// Everything that can be refused is tried here.
  explicit control(const options& o);

  void run();
  report result() const;
  /// What ended the run early, if anything did: result() holds nonetheless.
  std::exception_ptr failure() const noexcept { return failure_; }

 private:
  struct sender {
    std::unique_ptr<gen::engine> engine;
    std::uint64_t last_offered = 0, last_progress = 0;
  };

  void watch();
  bool over(std::uint64_t now);
  bool over(sender& s, std::uint64_t now);
  void refuse_hopeless(sender& s, const engine_counters& c, std::uint64_t now);
  void print_progress(std::uint64_t now);
  void note_moment();
  void drain();
  std::vector<port_report> ports() const;
  double duration(const engine_counters& all) const;

  options options_;
  sink_set sinks_;
  std::vector<sender> senders_;
  std::uint64_t started_ = 0, stopped_ = 0;  // ns: first frame seen, end of the run
  struct {
    std::uint64_t at = 0, offered = 0, received = 0;
  } printed_;
  std::vector<moment> after_;  // the rate has changed
  std::exception_ptr failure_;
};

}  // namespace ringway::gen
