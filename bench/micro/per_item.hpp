// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <benchmark/benchmark.h>

namespace ringway::bench {

/// Shows the time of one of `n` items that an iteration handles, beside that of the iteration.
inline void per_item(benchmark::State& state, const char* name, double n) {
  state.counters[name] =
      benchmark::Counter(n, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

}  // namespace ringway::bench
