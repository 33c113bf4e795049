// SPDX-License-Identifier: BSD-2-Clause
#include "engine.hpp"

#include <pthread.h>
#include <sched.h>

#include <ringway/error.hpp>

#include "engine_afxdp.hpp"
#include "engine_xdp.hpp"

namespace ringway::gen {
std::unique_ptr<engine> make_engine(const interface& port, const options& o, int cpu) {
  if (o.engine == engine_kind::afxdp) return std::make_unique<afxdp_engine>(port, o, cpu);
  return std::make_unique<xdp_engine>(port, o, cpu);
}

void pin_this_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const int failure = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  if (failure != 0) throw error(failure, "run the generator on CPU {}", cpu);
}

}  // namespace ringway::gen
