// SPDX-License-Identifier: BSD-2-Clause
#include "catch_runner.hpp"

int main(int argc, char** argv) { return ringway::test::run_tests(argc, argv); }
