// SPDX-License-Identifier: BSD-2-Clause
#define RINGWAY_CATCH_MAIN
#include "support/catch.hpp"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
