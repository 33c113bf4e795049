// SPDX-License-Identifier: BSD-2-Clause
// Catch2 v2 (Debian 12) or v3, whichever is installed. One file of each test program defines
// RINGWAY_CATCH_MAIN first.
#pragma once
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
namespace ringway::test {
using Catch::Matchers::ContainsSubstring;
}
#else
#ifdef RINGWAY_CATCH_MAIN
#define CATCH_CONFIG_RUNNER
#endif
#include <catch2/catch.hpp>
namespace ringway::test {
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
}  // namespace ringway::test
#endif

#ifdef RINGWAY_CATCH_MAIN
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ringway::test {

/// Runs the tests, or, without root, says loudly that it did not: exit 77, which ctest shows as skipped, and
/// 1 where CI=true promises a machine that can run them.
inline int main_as_root(int argc, char** argv) {
  if (::geteuid() == 0) return Catch::Session().run(argc, argv);
  const char* ci = std::getenv("CI");
  const bool must = ci != nullptr && std::strcmp(ci, "true") == 0;
  std::fprintf(stderr, "SKIPPED: %s needs root; NOTHING was tested%s\n", argv[0],
               must ? ", a failure under CI=true" : "");
  return must ? 1 : 77;
}

}  // namespace ringway::test
#endif
