// SPDX-License-Identifier: BSD-2-Clause
#include <array>
#include <ringway/network_function.hpp>
#include <ringway/nf/l2.hpp>
#include <vector>

#include "support/catch.hpp"
#include "support/fake_kernel.hpp"

using namespace ringway;

namespace {

using lengths = std::vector<std::uint32_t>;

/// Sends packets of a length that `divisor` divides to `port`; notes the lengths and marks that it saw.
struct divides {
  std::uint32_t divisor;
  port_id port;
  lengths* seen;
  lengths* marks;

  void process(batch& b) noexcept {
    for (packet& p : b) {
      seen->push_back(p.len);
      marks->push_back(p.mark);
      p.mark = static_cast<std::uint16_t>(p.mark + divisor);
      if (p.len % divisor == 0) p.out = port;
    }
  }
};

/// Appends a packet of `len` bytes to every batch.
struct appends {
  std::uint32_t len;
  void process(batch& b) noexcept {
    if (packet* p = b.make(len)) p->mark = 500;
  }
};

struct named {
  static constexpr std::array<std::string_view, 2> drop_names{"too_hot", "too_cold"};
  void process(batch&) noexcept {}
};

/// Counts its ticks, and sends a packet in each.
struct ticking {
  int* ticks;
  std::vector<std::uint32_t>* sizes;
  void process(batch&) noexcept {}
  void tick(batch& b) noexcept {
    ++*ticks;
    sizes->push_back(b.size());
    if (packet* p = b.make(60)) p->out = 1;
  }
};

struct fixture {
  fixture() : layout(1, 2, 16, 2048), state(layout.bytes()), umem(16 * 2048) { layout.format(state.data()); }
  void receive(std::uint32_t len) {
    const std::uint64_t addr = pool.take(frame_owner::hand) + packet_headroom;
    b.append({.data = pool.at(addr), .addr = addr, .len = len, .total = len});
  }
  lengths all() {
    lengths l;
    for (const packet& p : b) l.push_back(p.len);
    return l;
  }

  state_layout layout;
  test::plain_memory state, umem;
  frame_pool pool{layout.worker(state.data(), 0), umem.data()};
  batch_storage<8> storage;
  batch b = storage.begin(0, pool);
  lengths seen[3], marks[3];
};

}  // namespace

TEST_CASE_METHOD(fixture, "a later function sees what the earlier ones left, in order, with marks",
                 "[chain]") {
  for (const std::uint32_t len : {60U, 61U, 62U, 63U, 64U, 65U}) receive(len);
  chain c(divides{2, 10, &seen[0], &marks[0]}, divides{3, 11, &seen[1], &marks[1]},
          divides{5, 12, &seen[2], &marks[2]});
  c.process(b);
  CHECK(seen[0] == lengths{60, 61, 62, 63, 64, 65});
  CHECK(seen[1] == lengths{61, 63, 65});
  CHECK(marks[1] == lengths{2, 2, 2});
  CHECK(seen[2] == lengths{61, 65});
  CHECK(marks[2] == lengths{5, 5});
  REQUIRE(b.size() == 6);
  CHECK(all() == lengths{60, 62, 64, 63, 65, 61});  // in the order in which they were decided
  for (const packet& p : b)
    CHECK(p.out == (p.len % 2 == 0 ? 10 : p.len == 63 ? 11 : p.len == 65 ? 12 : drop()));
}

TEST_CASE_METHOD(fixture, "a later function sees what an earlier one appended", "[chain]") {
  receive(60), receive(61);
  chain c(divides{2, 10, &seen[0], &marks[0]}, appends{65}, divides{5, 12, &seen[2], &marks[2]});
  c.process(b);
  CHECK(seen[2] == lengths{61, 65});
  CHECK(marks[2] == lengths{2, 500});
  CHECK(b.size() == 3);
  CHECK(b.made() == 1);
}

TEST_CASE_METHOD(fixture, "a chain in which nothing is decided, or everything at once, changes no order",
                 "[chain]") {
  for (const std::uint32_t len : {62U, 61U, 67U}) receive(len);
  SECTION("nothing") {
    chain c(divides{100, 1, &seen[0], &marks[0]}, divides{101, 1, &seen[1], &marks[1]});
    c.process(b);
    CHECK(seen[1] == lengths{62, 61, 67});
  }
  SECTION("everything") {
    chain c(divides{1, 1, &seen[0], &marks[0]}, divides{1, 2, &seen[1], &marks[1]});
    c.process(b);
    CHECK(seen[1].empty());
    for (const packet& p : b) CHECK(p.out == 1);
  }
  CHECK(all() == lengths{62, 61, 67});
}

TEST_CASE_METHOD(fixture, "a chain ticks each function that has timers, with an empty batch", "[chain]") {
  int first = 0, second = 0;
  std::vector<std::uint32_t> sizes;
  chain c(ticking{&first, &sizes}, named{}, ticking{&second, &sizes});
  static_assert(has_tick<decltype(c)> && network_function<decltype(c)>);
  c.tick(b);
  CHECK(first == 1);
  CHECK(second == 1);
  CHECK(sizes == std::vector<std::uint32_t>{0, 0});
  CHECK(b.size() == 2);  // what both made is there in the end
  static_assert(!has_tick<chain<named, appends>>);
}

TEST_CASE("a function's drop names are found, also in a chain", "[chain]") {
  CHECK(drop_names_of<named>().size() == 2);
  CHECK(drop_names_of<named>()[1] == "too_cold");
  CHECK(drop_names_of<appends>().empty());
  using both = chain<appends, named, nf::l2>;
  REQUIRE(drop_names_of<both>().size() == 2);
  CHECK(drop_names_of<both>()[0] == "too_hot");
  CHECK(drop_names_of<chain<appends, nf::l2>>().empty());
}

TEST_CASE("what is a network function, and what is not", "[chain]") {
  struct throws {
    void process(batch&) {}
  };
  struct returns {
    int process(batch&) noexcept { return 0; }
  };
  struct by_value {
    void process(packet) noexcept {}
  };
  struct pinned {
    pinned(pinned&&) = delete;
    void process(batch&) noexcept {}
  };
  CHECK(network_function<named>);
  CHECK(network_function<chain<named, nf::l2>>);
  CHECK_FALSE(network_function<throws>);
  CHECK_FALSE(network_function<returns>);
  CHECK_FALSE(network_function<by_value>);
  CHECK_FALSE(network_function<pinned>);
}
