#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# test.sh [--quick | --long] [--no-install]: installs what is missing, builds, and runs every test; as root.
#   --quick  what needs neither sanitizers nor privileges: format, release build, unit, contract
#   --long   also what is too long for CI: ten times the packets, all mutants, clang-tidy on everything
# Stages run cheapest first and go on after a failure, so that one run names everything that is wrong; a stage whose
# build failed is left out and counts as failed. Each stage prints its time, and is named again at the end when it took
# more than its budget. Which tests run where: unit in the release and ASan + UBSan builds, those with threads
# (label `unit.threads`) under TSan too; netns in the release build, those that run in-process (label `inprocess`)
# under ASan + UBSan too; everything else in the release build.
# The last line is the sum: every ctest test counts once, and so does each check outside ctest (format, lint, demo, the
# kernel's log) and each build that failed. Under CI=true a skipped test is a failure: CI has what it takes.
set -uo pipefail
cd "$(dirname "$0")/.."
exec 2>&1 # one stream: what a stage says stays in its place

quick=0 long=0 install=1
for argument in "$@"; do
  case $argument in
    --quick) quick=1 ;;
    --long) long=1 ;;
    --no-install) install=0 ;;
    -h | --help) sed -n '3,14s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "test.sh: unknown option $argument" >&2 && exit 2 ;;
  esac
done
((quick && long)) && { echo "test.sh: --quick and --long exclude each other" >&2; exit 2; }
((long)) && export RINGWAY_LONG=1

jobs=$(nproc)
logs=build/test-logs
rm -rf "$logs"
mkdir -p "$logs"
passed=0 failed=0 skipped=0 summary=() over=() bad=()
began=$SECONDS

count() { # count NAME STATUS: a check outside ctest
  case $2 in
    0) ((passed += 1)) ;;
    77) ((skipped += 1)) ;;
    *) ((failed += 1)) ;;
  esac
}

note() { # note NAME BUDGET_SECONDS SECONDS STATUS
  local word=ok
  case $4 in 0) ;; 77) word=skipped ;; *) word=FAILED && bad+=("$1") ;; esac
  summary+=("$(printf '%-28s %6d s  of %4d  %s' "$1" "$3" "$2" "$word")")
  (($3 <= $2)) || over+=("$1 took $3 s, its budget is $2 s")
  echo "=== $1: $word, $3 s"
}

# stage NAME BUDGET_SECONDS COMMAND...: runs it, keeps its output in a log, shows the log's end when it fails.
stage() {
  local name=$1 budget=$2 start=$SECONDS status=0
  shift 2
  echo "=== $name"
  "$@" </dev/null >"$logs/${name// /-}.log" 2>&1 || status=$?
  ((status == 0 || status == 77)) || tail -n 60 "$logs/${name// /-}.log"
  ((status != 77)) || cat "$logs/${name// /-}.log"
  note "$name" "$budget" $((SECONDS - start)) "$status"
  return "$status"
}

check() { # a stage that counts as one test
  local status=0
  stage "$@" || status=$?
  count "$1" "$status"
}

build() { # build NAME BUDGET_SECONDS PRESET [TARGET...]
  local name=$1 budget=$2 preset=$3 status=0
  shift 3
  stage "$name" "$budget" configure_and_build "$preset" "$@" || status=$?
  ((status == 0)) || ((failed += 1))
  return "$status"
}

configure_and_build() {
  local preset=$1
  shift
  # shellcheck disable=SC2086  # a preset, and options after it
  cmake --preset $preset && cmake --build "build/${preset%% *}" -j "$jobs" ${1+--target "$@"}
}

# tests NAME BUDGET_SECONDS PRESET CTEST_ARGUMENT...: counts each test by ctest's own report.
tests() {
  local name=$1 budget=$2 preset=$3 status=0 start=$SECONDS numbers p f s
  local log=$logs/${name// /-}
  shift 3
  echo "=== $name"
  ctest --test-dir "build/$preset" --output-on-failure --output-junit "$PWD/$log.xml" "$@" \
    </dev/null >"$log.log" 2>&1 || status=$?
  numbers=$(/usr/bin/python3 scripts/ctest_sum.py "$log.xml") || { numbers="0 1 0" && status=1; }
  read -r p f s <<<"$numbers"
  if ((s)) && [[ ${CI-} == true ]]; then
    echo "$name: skipped under CI=true, where nothing may be"
    ((f += s, s = 0, status = 1))
  fi
  ((status == 0 || f > 0)) || f=1 # ctest itself failed: no tests, a crash
  ((p + f + s)) || tail -n 20 "$log.log"
  ((passed += p, failed += f, skipped += s))
  echo "$name: $p passed, $f failed, $s skipped"
  note "$name" "$budget" $((SECONDS - start)) "$status"
}

label() { # label NAME BUDGET_SECONDS LABEL CTEST_ARGUMENT...: the tests of one label in the release build
  local name=$1 budget=$2 label=$3
  shift 3
  [[ -f test/$label/CMakeLists.txt ]] || return 0
  tests "$name" "$budget" release -L "^$label(\.|\$)" --no-tests=error "$@"
}

# A peer that refuses redirected frames: the demo must fail, and give the loss its name.
refused_demo() {
  local said status=0
  said=$(scripts/demo.sh --refuse --bin build/release/bin 2>&1) || status=$?
  printf '%s\n' "$said"
  ((status == 1)) || { echo "test.sh: the demo against a refusing peer ended with $status, expected 1" && return 1; }
  grep -q tx_refused <<<"$said" || { echo "test.sh: the demo does not name tx_refused" && return 1; }
}

groups=(build test)
((quick)) || groups+=(guest bench)
if ((install)); then
  stage packages 180 scripts/install-deps.sh "${groups[@]}" || ((failed += 1))
fi
scripts/kmsg-check.sh begin "$logs/kmsg.mark"
check format 20 scripts/format.sh --check

release=0
build "build release" 150 release && release=1
if ((release)); then
  label unit 30 unit -j "$jobs"
  label contract 60 contract -j "$jobs"
  label bench 120 bench -j "$jobs"
fi

if ((!quick)); then
  ((release)) && if ((long)); then
    check "tidy" 1200 scripts/tidy.sh --all
  else
    check "tidy" 150 scripts/tidy.sh --limit 240
  fi
  if [[ -f test/unit/CMakeLists.txt ]]; then
    # One build for sanitizers and coverage: they want the same tests.
    if build "build asan+ubsan" 150 "dev -DRINGWAY_COVERAGE=ON" ringway_unit_tests ringway_netns_tests; then
      tests "unit asan+ubsan" 60 dev -L '^unit' --no-tests=error -j "$jobs"
      find build/dev -name '*.gcda' -delete
      tests "netns asan+ubsan" 90 dev -L '^inprocess$'
      check "coverage of lib" 60 scripts/coverage-lib.sh --tested build/dev
    fi
    build "build tsan" 60 tsan ringway_threads_tests &&
      tests "unit tsan" 60 tsan -L '^unit.threads$' --no-tests=error -j "$jobs"
  fi
  if ((release)); then
    label bpf 180 bpf
    check "coverage of core" 60 scripts/coverage-core.sh
    label consume 60 consume
    label netns 400 netns -j "$jobs" -FA '.*' # the examples that they run are there: built by `consume`
    if [[ -x scripts/demo.sh ]]; then
      check demo 40 scripts/demo.sh --bin build/release/bin
      check "demo, redirects refused" 40 refused_demo
    fi
    label guest 120 guest
    check "bench smoke" 90 build/release/bin/ringway-bench run smoke --results "$logs/smoke.json" --report "$logs"
    tests "other" 10 release -LE '^(unit|unit.threads|contract|bench|bpf|netns|consume|guest)$'
  fi
fi
check "kernel log" 5 scripts/kmsg-check.sh end "$logs/kmsg.mark"

total=$((SECONDS - began))
echo
echo "stage                          time   budget"
printf '%s\n' "${summary[@]}"
printf 'total %d min %02d s on %d CPUs; logs in %s\n' $((total / 60)) $((total % 60)) "$jobs" "$logs"
((${#over[@]} == 0)) || printf 'OVER BUDGET: %s\n' "${over[@]}"
((${#bad[@]} == 0)) || printf 'FAILED: %s\n' "${bad[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
