// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/libbpf.h>

#include <cstdio>
#include <ringway/log.hpp>
#include <string>

namespace ringway {
namespace {

log_sink& sink() {
  static log_sink s;  // set once, before anything else
  return s;
}

int from_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
  char line[1024];
  int n = std::vsnprintf(line, sizeof line, format, arguments);
  if (n <= 0) return 0;
  std::string_view text(line, std::min<std::size_t>(static_cast<std::size_t>(n), sizeof line - 1));
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  log(level == LIBBPF_DEBUG || level == LIBBPF_INFO ? log_level::debug : log_level::info, text);
  return 0;
}

}  // namespace

void set_log_sink(log_sink s) {
  sink() = std::move(s);
  libbpf_set_print(from_libbpf);
}

void log(log_level level, std::string_view line) noexcept {
  try {
    if (sink()) sink()(level, line);
  } catch (...) {  // a message that cannot be delivered is lost, by contract
  }
}

}  // namespace ringway
