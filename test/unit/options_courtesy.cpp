// SPDX-License-Identifier: BSD-2-Clause
// A thread that gives its CPU away while it computes. What that does for a worker is
// test/netns/test_bench_lb.py's.
#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <courtesy.hpp>
#include <stdexcept>

#include "support/catch.hpp"

namespace {

using ringway::app::courtesy;
using clock_type = std::chrono::steady_clock;

constexpr int nowhere = 1023;  // a CPU that this machine has not

long sleeps() {
  rusage u{};
  ::getrusage(RUSAGE_THREAD, &u);
  return u.ru_nvcsw;
}

/// Computes until it has slept `enough` times, or for `longest`; the sleeps.
long compute(long enough, std::chrono::milliseconds longest) {
  const long before = sleeps();
  const auto end = clock_type::now() + longest;
  while (sleeps() - before < enough && clock_type::now() < end)
    ;
  return sleeps() - before;
}

TEST_CASE("a thread sleeps while it computes, if a worker may be on its CPU", "[courtesy]") {
  courtesy c({});
  const courtesy::scope in_slices(&c);
  errno = ENOTTY;
  CHECK(compute(10, std::chrono::seconds(20)) >= 10);
  CHECK(errno == ENOTTY);
}

TEST_CASE("a thread does not sleep where no worker is, nor without a scope", "[courtesy]") {
  constexpr std::chrono::milliseconds a_while{20};
  courtesy everywhere({}), elsewhere({nowhere});
  CHECK(compute(1, a_while) == 0);
  {
    const courtesy::scope in_slices(&elsewhere);
    CHECK(compute(1, a_while) == 0);
  }
  {
    const courtesy::scope none(nullptr);
    CHECK(compute(1, a_while) == 0);
  }
  {
    const courtesy::scope outer(&everywhere);
    { const courtesy::scope inner(&everywhere); }
    CHECK(compute(3, std::chrono::seconds(20)) >= 3);
  }
  CHECK(compute(1, a_while) == 0);
}

TEST_CASE("an exception leaves a scope as it leaves any other", "[courtesy]") {
  courtesy c({});
  CHECK_THROWS_AS(
      [&c] {
        const courtesy::scope in_slices(&c);
        compute(2, std::chrono::seconds(20));
        throw std::runtime_error("refused");
      }(),
      std::runtime_error);
  CHECK(compute(1, std::chrono::milliseconds(20)) == 0);
}

}  // namespace
