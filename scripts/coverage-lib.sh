#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#   coverage-lib.sh [--tested] [BUILD_DIR [PERCENT]]
#
# Line coverage of the library, lib/ and the hot loop (worker, RX and TX queue), in the network tests that run a forwarder
# in their own process: at least PERCENT (85), else it fails. Builds with gcov in BUILD_DIR (build/coverage-lib) and runs
# them; with --tested, they were run there, in a build with RINGWAY_COVERAGE, and only the sum is made. Root.
set -euo pipefail
cd "$(dirname "$0")/.."
tested=0
[[ ${1-} != --tested ]] || { tested=1 && shift; }
build=${1:-build/coverage-lib}
percent=${2:-85}

missing=
command -v gcovr >/dev/null || missing="gcovr is not installed"
((EUID == 0)) || missing="it needs root"
if [[ -n $missing ]]; then
  echo "coverage-lib: SKIPPED: $missing" >&2
  [[ ${CI-} == true ]] && exit 1 || exit 77
fi
if ((!tested)); then
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DRINGWAY_COVERAGE=ON -DRINGWAY_BUILD_APPS=OFF \
    -DRINGWAY_BUILD_BENCH=OFF >/dev/null
  # The tests' programs alone: what else this label has needs the applications.
  programs=$(ctest --test-dir "$build" -N -L '^inprocess$' | sed -n 's/.*: netns\.\(.*\)$/\1_test/p')
  # shellcheck disable=SC2086  # a list
  cmake --build "$build" -j "$(nproc)" --target $programs ringway-unit-lb
  find "$build" -name '*.gcda' -delete
  ctest --test-dir "$build" -L '^inprocess$' --no-tests=error --output-on-failure
fi
"$build/bin/ringway-unit-lb" # the balancer's tables: tested without privilege
gcovr --root . --object-directory "$build" --filter 'lib/.*\.cpp' --filter 'include/ringway/(worker|rx_queue|tx_queue)\.hpp' \
  --txt --fail-under-line "$percent"
