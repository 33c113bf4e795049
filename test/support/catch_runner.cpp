// SPDX-License-Identifier: BSD-2-Clause
#include "catch_runner.hpp"

#define CATCH_CONFIG_RUNNER
#include "catch.hpp"

int ringway::test::run_tests(int argc, char** argv) { return Catch::Session().run(argc, argv); }
