// SPDX-License-Identifier: BSD-2-Clause
#include "console.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ringway/log.hpp>

namespace ringway::app {

console::console(const identity& who, const forwarder_options& o)
    : name_(who.name), quiet_(o.quiet), to_stderr_(o.json_on_stdout()) {
  const std::uint32_t verbose = o.quiet ? 0 : o.verbose;
  set_log_sink([this, verbose](log_level level, std::string_view line) {
    if (level >= log_level::warning) return warning(std::string(line));
    // libbpf explains there, in many lines, what our own message says in one
    const std::uint32_t needed = line.starts_with("libbpf:") ? 2 : 1;
    if (verbose >= needed) say(std::string(line));
  });
}

console::~console() { set_log_sink({}); }

void console::say(const std::string& line) {
  lines_to_replace_ = 0;
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", name_.c_str(), line.c_str());
}

void console::info(const std::string& line) {
  if (!quiet_) say(line);
}

void console::warning(const std::string& line) { say("warning: " + line); }

void console::error(const std::string& line) { say("error: " + line); }

void console::ready() {
  std::FILE* out = to_stderr_ ? stderr : stdout;
  lines_to_replace_ = 0;
  std::fprintf(out, "%s: ready\n", name_.c_str());
  std::fflush(out);
}

void console::table(const std::string& text, bool live) {
  std::FILE* out = to_stderr_ ? stderr : stdout;
  const bool in_place = live && ::isatty(::fileno(out)) != 0;
  if (in_place && lines_to_replace_ != 0) std::fprintf(out, "\x1b[%zuA\x1b[J", lines_to_replace_);
  if (in_place) std::fputs("\x1b[?7l", out);  // long lines are cut: wrapped, they would not be counted
  std::fputs(text.c_str(), out);
  if (in_place) std::fputs("\x1b[?7h", out);
  std::fflush(out);
  lines_to_replace_ = live ? static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) : 0;
}

}  // namespace ringway::app
