// SPDX-License-Identifier: BSD-2-Clause
// A tiny forwarder against the installed package, run without privilege: its function over packets in plain
// memory, and the library's own code over an interface that does not exist.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <ringway/error.hpp>
#include <ringway/interface.hpp>
#include <ringway/network_function.hpp>
#include <ringway/packet.hpp>
#include <ringway/state.hpp>
#include <ringway/view.hpp>
#include <ringway/worker.hpp>

namespace {

struct reflect {
  void process(ringway::batch& b) noexcept {
    for (ringway::packet& p : b) {
      ringway::swap_macs(p);
      p.out = b.ingress();
    }
  }
};
static_assert(ringway::network_function<reflect>);
using reflector = ringway::worker<reflect, 64>;
[[maybe_unused]] std::uint32_t (reflector::*const turn)() noexcept = &reflector::turn;

struct freer {
  void operator()(void* p) const noexcept { std::free(p); }
};
using memory = std::unique_ptr<std::byte, freer>;
memory zeroed(std::size_t bytes) {
  auto* p = static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
  std::memset(p, 0, bytes);
  return memory(p);
}

bool reflects() {
  const ringway::state_layout layout(1, 1, 8, 2048);
  const memory state = zeroed(layout.bytes()), frames = zeroed(8 * 2048);
  layout.format(state.get());
  ringway::frame_pool pool(layout.worker(state.get(), 0), frames.get());
  ringway::batch_storage<4> storage;
  ringway::batch b = storage.begin(3, pool);
  ringway::packet* p = b.make(60);
  if (p == nullptr) return false;
  std::memset(p->data, 0xaa, 6);
  std::memset(p->data + 6, 0xbb, 6);
  reflect{}.process(b);
  return p->data[0] == std::byte{0xbb} && p->data[6] == std::byte{0xaa} && p->out == 3;
}

bool refuses_what_is_not_there() {
  try {
    const ringway::interface none("rw-none-such");
  } catch (const ringway::error& e) {
    std::printf("%s\n", e.what());
    return true;
  }
  return false;
}

}  // namespace

int main() {
  const bool good = reflects() && refuses_what_is_not_there();
  std::puts(good ? "tiny: good" : "tiny: BAD");
  return good ? 0 : 1;
}
