// SPDX-License-Identifier: BSD-2-Clause
#pragma once

namespace ringway::test {

/// Runs the tests that this program holds, by Catch2's command line; its exit status.
int run_tests(int argc, char** argv);

}  // namespace ringway::test
