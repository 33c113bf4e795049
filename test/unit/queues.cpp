// SPDX-License-Identifier: BSD-2-Clause
// Which queues are served, and by which worker. The interface is lo with as many queues as the test says:
// this program's ioctl() answers ETHTOOL_GCHANNELS.
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <ringway/error.hpp>
#include <ringway/queues.hpp>

#include "support/catch.hpp"

namespace {

std::uint32_t channels = 0;  // 0: ask the kernel

}  // namespace

extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
  std::va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (request == SIOCETHTOOL && channels != 0) {
    void* const data = static_cast<ifreq*>(argument)->ifr_data;
    if (*static_cast<std::uint32_t*>(data) == ETHTOOL_GCHANNELS) {
      auto* c = static_cast<ethtool_channels*>(data);
      *c = {};
      c->cmd = ETHTOOL_GCHANNELS;
      c->max_combined = c->combined_count = channels;
      return 0;
    }
  }
  return static_cast<int>(::syscall(SYS_ioctl, fd, request, argument));
}

using namespace ringway;
using list = std::vector<std::uint32_t>;

namespace {

/// lo, with n queues while this lives.
struct port_with {
  explicit port_with(std::uint32_t n) { channels = n; }
  ~port_with() { channels = 0; }
  port_with(const port_with&) = delete;
  port_with& operator=(const port_with&) = delete;
  list served(const std::string& text) const { return queue_selection(text).on(lo); }
  list of_worker(const list& served, std::uint32_t worker, std::uint32_t workers) const {
    return queues_of_worker(lo, served, worker, workers);
  }
  interface lo {
    "lo"
  };
};

}  // namespace

TEST_CASE("a selection is all, the first N, or a list", "[queues]") {
  const port_with port(8);
  REQUIRE(port.lo.rx_queues() == 8);
  REQUIRE(port.lo.tx_queues() == 8);
  CHECK(port.served("all") == list{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(queue_selection().on(port.lo) == port.served("all"));
  CHECK(port.served("1") == list{0});
  CHECK(port.served("4") == list{0, 1, 2, 3});
  CHECK(port.served("5,7") == list{5, 7});
  CHECK(port.served("7,5") == list{5, 7});
  CHECK(port.served("4-7") == list{4, 5, 6, 7});
  CHECK(port.served("4-4") == list{4});
  CHECK(port.served("0-1,3,6-7") == list{0, 1, 3, 6, 7});
}

TEST_CASE("a selection is printed as it may be given", "[queues]") {
  for (const char* text : {"all", "4", "5,7", "4-4"}) CHECK(queue_selection(text).text() == text);
  CHECK(queue_selection("4-6").text() == "4,5,6");
  CHECK(queue_selection().text() == "all");
}

TEST_CASE("what is no selection is refused with its text", "[queues]") {
  for (const char* text : {"", "0", "x", "-1", "1-", "-", ",", "1,", ",1", "3-1", "1,1", "0-3,2", "1 2",
                           "0x2", "4096", "99999999999", "1,,2", "ALL", "1-2-3"}) {
    INFO(text);
    CHECK_THROWS_AS(queue_selection(text), usage_error);
    CHECK_THROWS_WITH(queue_selection(text), test::ContainsSubstring("queues '" + std::string(text) + "'"));
  }
}

TEST_CASE("a queue that the port does not have is refused with the numbers it has", "[queues]") {
  const port_with port(4);
  CHECK(port.served("4") == list{0, 1, 2, 3});
  for (const char* text : {"5", "4-7", "4-4"}) {
    CHECK_THROWS_AS(port.served(text), error);
    CHECK_THROWS_WITH(port.served(text), test::ContainsSubstring("it has 4 RX queues, 0-3"));
  }
}

TEST_CASE("served queues are dealt out in turn, none left over", "[queues]") {
  const port_with port(8);
  CHECK(port.of_worker({0, 1, 2}, 0, 2) == list{0, 2});
  CHECK(port.of_worker({0, 1, 2}, 1, 2) == list{1});
  CHECK(port.of_worker({0, 1, 2, 3}, 0, 1) == list{0, 1, 2, 3});
  // The position counts, not the number: both numbers are odd.
  CHECK(port.of_worker({5, 7}, 0, 2) == list{5});
  CHECK(port.of_worker({5, 7}, 1, 2) == list{7});
  CHECK(port.of_worker({3}, 0, 1) == list{3});
}

TEST_CASE("more workers than queues are refused with both numbers", "[queues]") {
  const port_with port(2);
  CHECK_THROWS_AS(port.of_worker({0}, 1, 2), error);
  CHECK_THROWS_WITH(port.of_worker({0}, 1, 2), test::ContainsSubstring("2 workers, but only 1 served queue"));
  CHECK_THROWS_WITH(port.of_worker({0, 1}, 2, 3),
                    test::ContainsSubstring("3 workers, but only 2 served queues"));
  CHECK_THROWS_WITH(port.of_worker({2}, 0, 1), test::ContainsSubstring("would transmit on queue 2"));
}
