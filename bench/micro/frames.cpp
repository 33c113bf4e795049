// SPDX-License-Identifier: BSD-2-Clause
// The frame pool, and what its owner byte costs: beside it stands a pool that keeps none.
#include <bit>
#include <ringway/pool.hpp>

#include "per_item.hpp"
#include "support/plain_memory.hpp"

using namespace ringway;

namespace {

/// frame_pool without owner bytes, for comparison only.
class pool_without_owners {
 public:
  explicit pool_without_owners(const worker_state& s, std::byte*) noexcept
      : stack_(s.stack.data()),
        size_(s.pool_size),
        first_(s.first_frame),
        count_(static_cast<std::uint32_t>(s.owner.size())),
        shift_(static_cast<std::uint32_t>(std::countr_zero(s.frame_size))) {}
  bool empty() const noexcept { return *size_ == 0; }
  std::uint64_t take(frame_owner) noexcept { return std::uint64_t{stack_[--*size_]} << shift_; }
  void give(std::uint64_t addr) noexcept { stack_[(*size_)++] = static_cast<std::uint32_t>(addr >> shift_); }
  bool mine(std::uint64_t addr) const noexcept { return (addr >> shift_) - first_ < count_; }
  void set_owner(std::uint64_t, frame_owner) noexcept {}
  bool owned_by(std::uint64_t, frame_owner) const noexcept { return true; }

 private:
  std::uint32_t* stack_;
  std::uint32_t* size_;
  std::uint32_t first_, count_, shift_;
};

class pool_with_owners : public frame_pool {
 public:
  using frame_pool::frame_pool;
  bool owned_by(std::uint64_t addr, frame_owner who) const noexcept { return owner(addr) == who; }
};

constexpr std::uint32_t bulk = 32;

template <class Pool>
struct bed {
  explicit bed(std::uint32_t frames)
      : layout(1, 1, frames, 2048), state(layout.bytes()), umem(std::size_t{frames} * 2048) {
    layout.format(state.data());
  }
  state_layout layout;
  test::plain_memory state, umem;
  Pool pool{layout.worker(state.data(), 0), umem.data()};
};

/// 32 frames out, 32 back.
template <class Pool>
void take_give(benchmark::State& state) {
  bed<Pool> b(4096);
  std::uint64_t addr[bulk];
  for (auto _ : state) {
    for (std::uint64_t& a : addr) a = b.pool.take(frame_owner::fill);
    benchmark::ClobberMemory();
    for (const std::uint64_t a : addr) b.pool.give(a);
    benchmark::ClobberMemory();
  }
  bench::per_item(state, "frame", bulk);
}
BENCHMARK_TEMPLATE(take_give, pool_with_owners)->Name("pool/take+give/32");
BENCHMARK_TEMPLATE(take_give, pool_without_owners)->Name("pool/take+give/32/no-owner-byte");

/// What the pool does for a packet on its whole way: out to the fill ring, received, sent, checked and back.
/// The frames circulate as they do through a full fill ring, each coming back after all others.
template <class Pool>
void whole_way(benchmark::State& state) {
  const auto frames = static_cast<std::uint32_t>(state.range(0));
  bed<Pool> b(frames + bulk);
  std::vector<std::uint64_t> fill(frames);
  for (std::uint64_t& a : fill) a = b.pool.take(frame_owner::fill);
  std::uint32_t at = 0;
  for (auto _ : state) {
    std::uint64_t* const addr = &fill[at];
    for (std::uint32_t i = 0; i < bulk; ++i) b.pool.set_owner(addr[i] + 256, frame_owner::hand);
    benchmark::ClobberMemory();
    for (std::uint32_t i = 0; i < bulk; ++i) b.pool.set_owner(addr[i] + 256, frame_owner::tx);
    benchmark::ClobberMemory();
    for (std::uint32_t i = 0; i < bulk; ++i)
      if (b.pool.mine(addr[i]) && b.pool.owned_by(addr[i], frame_owner::tx)) b.pool.give(addr[i] + 256);
    benchmark::ClobberMemory();
    for (std::uint32_t i = 0; i < bulk; ++i) addr[i] = b.pool.take(frame_owner::fill);
    at = at + bulk == frames ? 0 : at + bulk;
  }
  bench::per_item(state, "packet", bulk);
}
BENCHMARK_TEMPLATE(whole_way, pool_with_owners)->Name("pool/whole-way")->Arg(512)->Arg(4096)->Arg(16384);
BENCHMARK_TEMPLATE(whole_way, pool_without_owners)
    ->Name("pool/whole-way/no-owner-byte")
    ->Arg(512)
    ->Arg(4096)
    ->Arg(16384);

}  // namespace
