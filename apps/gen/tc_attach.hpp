// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <optional>
#include <ringway/interface.hpp>
#include <ringway/unique_fd.hpp>

namespace ringway::gen {

/// tcx (Linux 6.6): a link, which goes with its process. clsact: a qdisc and a filter, removed by the
/// destructor, and what kill -9 left of them by the next attachment to the same interface. automatic: tcx
/// where the kernel has it.
enum class tc_mode { automatic, tcx, clsact };

/// A classifier at the ingress of an interface, for as long as this lives. CAP_NET_ADMIN and CAP_BPF.
class tc_attachment {
 public:
  tc_attachment(const interface& where, int program_fd, tc_mode mode);
  ~tc_attachment();
  tc_attachment(const tc_attachment&) = delete;
  tc_attachment& operator=(const tc_attachment&) = delete;

 private:
  void attach_filter(int program_fd);
  void detach_filter() noexcept;

  interface where_;
  unique_fd link_;
  unsigned handle_ = 0;  // of the filter; 0: there is a link instead
};

}  // namespace ringway::gen
