// SPDX-License-Identifier: BSD-2-Clause
// ringway-gen: sends paced traffic from inside the kernel, counts what arrives. The frames are made in
// bpf/gen.bpf.c.
#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <string>

#include "control.hpp"
#include "options.hpp"
#include "report.hpp"

namespace {

using namespace ringway::gen;

void print_warnings(ringway::log_level level, std::string_view line) {
  if (level >= ringway::log_level::warning)
    std::fprintf(stderr, "ringway-gen: warning: %.*s\n", static_cast<int>(line.size()), line.data());
}

using file_pointer = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// Opened before anything is sent: a report that cannot be written is found out first.
file_pointer open_json(const std::string& name) {
  if (name.empty() || name == "-") return {nullptr, std::fclose};
  file_pointer file(std::fopen(name.c_str(), "w"), std::fclose);
  if (!file) throw ringway::error(errno, "write the report to {}", name);
  return file;
}

void print(const report& r, const options& o, std::FILE* json) {
  if (o.json == "-") json = stdout;
  // stdout is the JSON's alone, where it is asked for there
  if (!o.quiet) std::fputs(to_text(r).c_str(), json == stdout ? stderr : stdout);
  if (json == nullptr) return;
  std::fputs(to_json(r).c_str(), json);
  if (std::fflush(json) != 0) throw ringway::error(errno, "write the report to {}", o.json);
}

int run(int argc, char** argv) {
  const auto asked = parse_options(argc, argv);
  if (!asked) return 0;
  control::hold_signals();
  ringway::set_log_sink(print_warnings);
  const file_pointer json = open_json(asked->json);
  control c(*asked);
  c.run();
  const report r = c.result();
  const bool nothing_happened = c.failure() && r.sent.attempted == 0 && r.received() == 0;
  if (!nothing_happened) print(r, *asked, json.get());
  if (c.failure()) std::rethrow_exception(c.failure());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const ringway::usage_error& e) {
    std::fprintf(stderr, "ringway-gen: %s\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "ringway-gen: %s\n", e.what());
    return 1;
  }
}
