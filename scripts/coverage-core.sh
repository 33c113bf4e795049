#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
#   coverage-core.sh [BUILD_DIR [PERCENT]]
#
# Branch coverage of the packet logic, include/ringway/core: at least PERCENT (95), else it fails. Builds natively with gcov
# in BUILD_DIR (build/coverage-core) and runs the unit test and the native side of the differential test. Needs no privilege.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/coverage-core}
want=${2:-95}
if ! command -v gcovr >/dev/null; then
  echo "coverage-core: SKIPPED: gcovr is not installed" >&2
  [ "${CI:-}" = true ] && exit 1 || exit 77
fi

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DRINGWAY_COVERAGE=ON -DRINGWAY_BUILD_APPS=OFF \
  -DRINGWAY_BUILD_BENCH=OFF -DCMAKE_CXX_FLAGS=-DRW_CORE=inline >/dev/null
cmake --build "$build" --target core_test differential -j2 >/dev/null
find "$build" -name '*.gcda' -delete
"$build/bin/core_test"
"$build/bin/differential" --native-only --no-tally --packets 200000 >/dev/null
gcovr --root . --object-directory "$build" --filter 'include/ringway/core/.*\.h' --exclude-throw-branches \
  --branches --print-summary --fail-under-branch "$want" "$build"
