// SPDX-License-Identifier: BSD-2-Clause
// Built with ASan only, and must die there: a network function that keeps a pointer beyond its batch, and
// reads through it after its packet was sent or dropped. With the argument "within" it stays within the batch
// and must live.
#include <cstdio>
#include <cstring>
#include <string_view>

#include "support/testbed.hpp"

namespace {

struct forgetful {
  bool keeps;
  ringway::verdict out;
  const std::byte* kept = nullptr;
  int sum = 0;
  void process(ringway::batch& b) noexcept {
    if (keeps && kept != nullptr) sum += std::to_integer<int>(*kept);
    for (ringway::packet& p : b) {
      kept = p.data;
      sum += std::to_integer<int>(*kept);
      p.out = out;
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view how = argc > 1 ? argv[1] : "";
  ringway::test::testbed t;
  const ringway::verdict out = how == "dropped" ? ringway::drop() : ringway::verdict{1};
  ringway::worker<forgetful> w(t.config(), {how != "within", out});
  for (std::uint32_t i = 0; i < 2; ++i) {
    t.kernel(0).deliver(ringway::test::frame(i));
    w.turn();
    t.kernel(1).transmit();
  }
  std::printf("lived, %d\n", w.function().sum);
}
