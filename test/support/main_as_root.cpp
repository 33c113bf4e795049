// SPDX-License-Identifier: BSD-2-Clause
// Runs the tests, or, without root, says loudly that it did not: exit 77, which ctest shows as skipped, and 1
// where CI=true promises a machine that can run them.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "catch_runner.hpp"

int main(int argc, char** argv) {
  if (::geteuid() == 0) return ringway::test::run_tests(argc, argv);
  const char* ci = std::getenv("CI");
  const bool must = ci != nullptr && std::strcmp(ci, "true") == 0;
  std::fprintf(stderr, "SKIPPED: %s needs root; NOTHING was tested%s\n", argv[0],
               must ? ", a failure under CI=true" : "");
  return must ? 1 : 77;
}
