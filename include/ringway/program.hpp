// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <ringway/interface.hpp>
#include <ringway/unique_fd.hpp>
#include <string>
#include <string_view>

namespace ringway {

/// Where an XDP program runs. `automatic`: in the driver, or, if the driver refuses, in the kernel's generic
/// path.
enum class attach_mode { automatic, native, generic };
std::string_view to_string(attach_mode mode) noexcept;

/// A program that is on an interface, whoever put it there.
struct attached_program {
  std::uint32_t id = 0;
  std::string name;  ///< as the kernel keeps it, 15 characters; "?" without CAP_SYS_ADMIN
  attach_mode mode = attach_mode::native;
  bool offloaded = false;     ///< on the NIC itself
  bool by_link = false;       ///< by a bpf_link; else by netlink
  std::uint32_t link_id = 0;  ///< 0: none, or several would fit (an ifindex repeats in every namespace)
  std::string text() const;   ///< "xdp_pass (id 12, native, attached by netlink)"
};
std::optional<attached_program> program_on(const interface& port);

/// Keeps an XDP program on an interface for as long as it lives: a bpf_link, which goes with its last file
/// descriptor, so also after kill -9. CAP_NET_ADMIN, CAP_BPF.
///
/// An interface that has a program already is refused, with that program's name, unless `replace`: then that
/// program is detached first (one attached by netlink, or a foreign bpf_link, which stays with its owner,
/// defunct), and the gap without a program is measured. Replacing needs CAP_SYS_ADMIN.
class attachment {
 public:
  attachment(const interface& port, int program_fd, attach_mode mode = attach_mode::automatic,
             bool replace = false);
  ~attachment();
  attachment(attachment&&) noexcept = default;
  attachment& operator=(attachment&&) noexcept;
  attachment(const attachment&) = delete;
  attachment& operator=(const attachment&) = delete;

  const interface& port() const noexcept { return port_; }
  attach_mode obtained() const noexcept {
    return obtained_;
  }  ///< read back from the kernel: native or generic
  std::uint32_t program_id() const noexcept { return program_id_; }
  int link_fd() const noexcept { return link_.value(); }
  /// The program that was replaced, and how long none was there.
  const std::optional<attached_program>& replaced() const noexcept { return replaced_; }
  std::chrono::microseconds gap() const noexcept { return gap_; }

 private:
  void attach(int program_fd, attach_mode mode);
  void remove_foreign(const attached_program& there);
  void read_back();

  interface port_;
  unique_fd link_;
  attach_mode obtained_ = attach_mode::native;
  std::uint32_t program_id_ = 0;
  std::optional<attached_program> replaced_;
  std::chrono::microseconds gap_{0};
};

}  // namespace ringway
