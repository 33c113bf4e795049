// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <fmt/format.h>

#include <functional>
#include <string_view>
#include <utility>

namespace ringway {

enum class log_level { debug, info, warning, error };

/// Where cold-path messages go, libbpf's among them. One line, no newline at its end. Default: nowhere.
/// Not thread-safe against itself: set it once, before anything else of the library runs. Nothing is logged
/// per packet.
using log_sink = std::function<void(log_level, std::string_view)>;
void set_log_sink(log_sink sink);

/// Hands a line to the sink. Never throws: a message that cannot be delivered is lost.
void log(log_level level, std::string_view line) noexcept;

template <class... Args>
void log(log_level level, fmt::format_string<Args...> format, Args&&... args) {
  log(level, std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace ringway
