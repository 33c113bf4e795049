// SPDX-License-Identifier: BSD-2-Clause
// The AF_XDP adapter: a batch, stage by stage, gives what its packets give one by one.
#include <algorithm>
#include <optional>
#include <ringway/nf/lb.hpp>

#include "bpf/lb_frames.hpp"
#include "bpf/lb_native.hpp"
#include "bpf/lb_world.hpp"
#include "support/catch.hpp"
#include "support/plain_memory.hpp"

using namespace ringway;

namespace {

constexpr std::uint32_t frames = 128, frame_size = 4096, capacity = 64;

struct rig {
  rig() : layout(1, 4, frames, frame_size), state(layout.bytes()), umem(std::size_t{frames} * frame_size) {
    layout.format(state.data());
    pool.emplace(layout.worker(state.data(), 0), umem.data());
  }
  state_layout layout;
  test::plain_memory state, umem;
  std::optional<frame_pool> pool;
  batch_storage<capacity> storage;
};

const lb_capacity small{.connections = 512, .ring_size = 1021};
const lb_keys keys{};

struct side {
  lb_store store;
  lb_tables tables;
  explicit side(const lb_capacity& c = small) : store(lb_store::in_process(c)), tables(store, keys, [] {}) {
    tables.set_limits({.new_flows = 0, .answers = 7});
    test::lb_world_links(tables);
    tables.apply(test::lb_world(0));
  }
};

}  // namespace

namespace {

void compare_with_one_by_one(std::uint32_t connections) {
  side one({.connections = connections, .ring_size = 1021}),
      many({.connections = connections, .ring_size = 1021});
  test::lb_native native(one.store, test::lb_port, test::lb_flow_key);
  const auto local = std::make_unique<rw_lb_local>();
  std::vector<rw_lb_traffic> traffic(many.store.traffic_elements());
  nf::lb adapter(many.store.memory(), many.store.sizes(0, test::lb_flow_key), *local, traffic);
  test::lb_frames source(3, test::lb_world(0), {.clients = 60});
  rig r;
  std::uint64_t passed = 0;
  for (std::uint32_t round = 0; round < 1000; ++round) {
    one.tables.set_tick(round / 3);
    many.tables.set_tick(round / 3);
    batch b = r.storage.begin(test::lb_port, *r.pool);
    std::vector<std::vector<std::uint8_t>> in;
    for (std::uint32_t i = 0; i < 1 + round % capacity; ++i) {
      const auto frame = source.next();
      in.emplace_back(frame.begin(), frame.end());
      const std::uint64_t addr = r.pool->take(frame_owner::hand) + packet_headroom;
      unpoison_frame(r.pool->at(r.pool->frame_of(addr)), frame_size);
      const auto len = static_cast<std::uint32_t>(frame.size());
      std::memcpy(r.pool->at(addr), frame.data(), len);
      b.append({.data = r.pool->at(addr), .addr = addr, .len = len, .total = len});
    }
    adapter.process(b);
    std::size_t i = 0;
    for (packet& p : b) {
      const rw_verdict verdict = native.run(in[i++]);
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(p.data);
      CHECK(p.out == (verdict == RW_PUNT ? RW_DROP(RW_LB_DROP_LATE_PASS) : verdict));
      if (verdict == RW_PUNT)
        ++passed;
      else if (!std::ranges::equal(std::span(bytes, p.len), native.packet()))
        FAIL("bytes of packet " << i << " in round " << round);
      r.pool->give(p.addr);
    }
  }
  CHECK(passed > 0);
  CHECK(std::memcmp(local->events, native.local().events, sizeof(local->events)) == 0);
  CHECK(std::memcmp(traffic.data(), native.traffic().data(), traffic.size() * sizeof(rw_lb_traffic)) == 0);
  const rw_lb_memory &a = one.store.memory(), &b = many.store.memory();
  CHECK(std::memcmp(a.conns, b.conns, a.conn_count * sizeof(rw_conn_bucket)) == 0);
}

}  // namespace

TEST_CASE("a batch gives what its packets give one by one", "[lb]") {
  compare_with_one_by_one(512);
  compare_with_one_by_one(1u << 18);  // never full
}

TEST_CASE("a frame without room for the outer headers is dropped by name", "[lb]") {
  side s;
  const auto local = std::make_unique<rw_lb_local>();
  std::vector<rw_lb_traffic> traffic(s.store.traffic_elements());
  nf::lb adapter(s.store.memory(), s.store.sizes(0, test::lb_flow_key), *local, traffic);
  test::lb_native native(s.store, test::lb_port, test::lb_flow_key);
  test::lb_frames source(5, test::lb_world(0), {.clients = 60});
  rig r;
  std::uint32_t tried = 0;
  while (tried < 50) {
    const auto frame = source.next();
    const std::vector<std::uint8_t> in(frame.begin(), frame.end());
    native.run(in);
    if (native.record().head <= 8) continue;
    ++tried;
    batch b = r.storage.begin(test::lb_port, *r.pool);
    const std::uint64_t addr = r.pool->take(frame_owner::hand) + 8;
    unpoison_frame(r.pool->at(r.pool->frame_of(addr)), frame_size);
    std::memcpy(r.pool->at(addr), in.data(), in.size());
    const auto len = static_cast<std::uint32_t>(in.size());
    b.append({.data = r.pool->at(addr), .addr = addr, .len = len, .total = len});
    adapter.process(b);
    const verdict out = b.begin()->out;
    CHECK((out == RW_DROP(RW_LB_DROP_NO_ROOM) || out == RW_DROP(RW_LB_DROP_ANSWER_LIMIT)));
    r.pool->give(b.begin()->addr);
  }
}

TEST_CASE("one that only looks enters nothing and touches nothing", "[lb]") {
  side s;
  test::lb_native native(s.store, test::lb_port, test::lb_flow_key);
  test::lb_frames source(7, test::lb_world(0), {.clients = 60});
  for (int i = 0; i < 2000; ++i) native.run(source.next());
  const rw_lb_memory& m = s.store.memory();
  const std::vector<rw_conn_bucket> before(m.conns, m.conns + m.conn_count);
  native.env().read_only = 1;
  s.tables.set_tick(5);
  for (int i = 0; i < 2000; ++i) native.run(source.next());
  CHECK(std::memcmp(before.data(), m.conns, before.size() * sizeof(rw_conn_bucket)) == 0);
}
