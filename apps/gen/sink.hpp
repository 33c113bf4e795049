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

/// Counts and frees whatever arrives at an interface, before the stack sees it. It runs on the CPU of whoever
/// transmits, so it does nothing else. CAP_NET_ADMIN and CAP_BPF.
class counting_sink {
 public:
  counting_sink(const interface& where, tc_mode mode);
  ~counting_sink();
  counting_sink(counting_sink&&) noexcept;

  const interface& where() const noexcept { return where_; }
  sink_counts counts() const;

 private:
  interface where_;
  std::unique_ptr<::sink, void (*)(::sink*)> skeleton_;
  std::unique_ptr<tc_attachment> attachment_;
};

}  // namespace ringway::gen
