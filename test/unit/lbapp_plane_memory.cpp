// SPDX-License-Identifier: BSD-2-Clause
#include <cerrno>
#include <ringway/error.hpp>

#include "plane_memory.hpp"
#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;

TEST_CASE("tables that do not fit into the memory are refused with both numbers") {
  const lb_capacity c;
  const std::uint64_t bytes = lb_store::bytes_for(c);
  CHECK(&that_fits(c, bytes) == &c);
  try {
    that_fits(c, (3U << 20) + 1);
    FAIL("accepted");
  } catch (const error& e) {
    CHECK(e.number() == ENOMEM);
    CHECK_THAT(e.what(), test::ContainsSubstring("make tables of " + std::to_string(bytes >> 20) +
                                                 " MiB for 64 VIPs, 64 rings, 64 reals"));
    CHECK_THAT(e.what(), test::ContainsSubstring("where 3 MiB are available"));
  }
}

TEST_CASE("the kernel says how much memory is available") {
  const std::uint64_t available = available_memory();
  CHECK(available > 1U << 20);
  CHECK(available < std::uint64_t{1} << 50);
}
