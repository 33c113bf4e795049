// SPDX-License-Identifier: BSD-2-Clause
// Catch2 v2 (Debian 12) or v3, whichever is installed. Its runner is compiled once, in catch_runner.cpp: it
// is most of what a test program costs to compile.
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
#include <catch2/catch.hpp>
namespace ringway::test {
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
}  // namespace ringway::test
#endif
