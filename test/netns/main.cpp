// SPDX-License-Identifier: BSD-2-Clause
// main() of the test programs that run a forwarder in this process: Catch2's part of them is compiled once.
#define RINGWAY_CATCH_MAIN
#include "../support/catch.hpp"

int main(int argc, char** argv) { return ringway::test::main_as_root(argc, argv); }
