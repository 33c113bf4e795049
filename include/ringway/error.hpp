// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <fmt/format.h>

#include <string>
#include <system_error>
#include <utility>

namespace ringway {

/// A set-up step failed. what() says what was being done, on what, the errno, and, where the cause is known,
/// what to do about it: "open AF_XDP socket on p0 queue 7: Invalid argument (p0 has 4 queues: 0-3)". Thrown
/// by constructors and other cold functions only; nothing on the hot path throws.
class error : public std::system_error {
 public:
  /// `err` is an errno, positive or negative.
  template <class... Args>
  error(int err, fmt::format_string<Args...> doing, Args&&... args)
      : std::system_error(err < 0 ? -err : err, std::generic_category(),
                          fmt::format(doing, std::forward<Args>(args)...)) {}

  int number() const noexcept { return code().value(); }
};

/// What the user asked for is wrong in itself, whatever the machine: an unknown value, too few frames for one
/// queue. Programs exit with 2 for it, with 1 for `error`.
class usage_error : public std::runtime_error {
 public:
  template <class... Args>
  explicit usage_error(fmt::format_string<Args...> what, Args&&... args)
      : std::runtime_error(fmt::format(what, std::forward<Args>(args)...)) {}
};

}  // namespace ringway
