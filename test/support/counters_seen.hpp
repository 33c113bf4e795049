// SPDX-License-Identifier: BSD-2-Clause
// Which counters have been seen to move, and in which test: written to the file that RINGWAY_COUNTERS_SEEN
// names, and read by test/netns/every_counter.py once all tests are done. Does nothing without the variable.
#pragma once
#include <ringway/forwarder.hpp>

namespace ringway::test {

void note_counters(const port_stats& s);
void note_counters(const forwarder_stats& s);

}  // namespace ringway::test
