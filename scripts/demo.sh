#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# demo.sh [OPTIONS]: installs what is missing, builds, and forwards real frames between network namespaces, through
# AF_XDP and then inside the kernel; as root. Exits with 0 only if each way delivers 99.9 % at the least and every frame
# that is missing has a name.
# demo.sh lb [--bin DIR]: a load balancer between a client and three web servers; one is drained, one is killed.
#   --rate PPS     packets per second (50k)
#   --seconds S    of traffic for each way (5)
#   --refuse       a peer that refuses redirected frames: the way through the kernel must fail, and say why
#   --bin DIR      use the programs there, install and build nothing
set -euo pipefail
cd "$(dirname "$0")/.."

rate=50k seconds=5 refuse=0 bin= what=l2fwd
if [[ ${1-} == lb ]]; then
  what=lb
  shift
fi
while (($#)); do
  case $1 in
    --rate | --seconds | --bin)
      (($# > 1)) || { echo "demo.sh: $1 needs a value" >&2; exit 2; }
      declare "${1#--}=$2"
      shift
      ;;
    --refuse) refuse=1 ;;
    -h | --help) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "demo.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift
done
((EUID == 0)) || { echo "demo.sh: needs root: it makes network namespaces" >&2; exit 1; }

say() { printf '\n==> %s\n' "$*"; }

if [[ -z $bin ]]; then
  bin=build/release/bin
  say "Installing what is missing"
  declare -A groups=([l2fwd]="build" [lb]="build lb") programs=([l2fwd]="ringway-l2fwd ringway-gen" [lb]="ringway-lb ringway-decap")
  read -ra groups_wanted <<<"${groups[$what]}"
  read -ra programs_wanted <<<"${programs[$what]}"
  scripts/install-deps.sh "${groups_wanted[@]}"
  say "Building ${programs_wanted[*]}"
  [[ -e build/release/build.ninja ]] || cmake --preset release
  cmake --build build/release -j "$(nproc)" --target "${programs_wanted[@]}"
fi
if [[ $what == lb ]]; then
  RINGWAY_BIN=$(cd "$bin" && pwd) exec /usr/bin/python3 scripts/demo-lb.py
fi

. scripts/testbed.sh
say "Making the testbed"
testbed_make
reports=$(mktemp -d)
trap 'testbed_remove; rm -rf "$reports"' EXIT
((!refuse)) || testbed_gro "$testbed_sink" s0 off
echo "gen/g0 --- d0/dut/d1 --- s0/sink, as $testbed_gen, $testbed_dut, $testbed_sink"

# Generator and forwarder on CPUs of their own, where there are two.
gen_cpu=() l2fwd_cpu=()
(($(nproc) < 2)) || gen_cpu=(--cpu 0) l2fwd_cpu=(--cpus 1)

# forward DATAPATH: one run; its two reports are $reports/DATAPATH-{gen,l2fwd}.json.
forward() {
  local log=$reports/$1.log own=() forwarder shown
  [[ $1 != afxdp ]] || own=("${l2fwd_cpu[@]}")
  say "ringway-l2fwd --datapath $1, $rate packets a second for $seconds s"
  testbed_start "$bin/ringway-l2fwd" --datapath "$1" "${own[@]}" --stats 1 --json "$reports/$1-l2fwd.json" \
    --duration $((seconds + 30)) "$testbed_dut/d0" "$testbed_dut/d1" >"$log" 2>&1
  forwarder=$testbed_pid
  testbed_start tail -n +1 -s 0.1 -f "$log"
  shown=$testbed_pid
  wait_ready "$log" "$forwarder" || return 1
  testbed_start "$bin/ringway-gen" --rate "$rate" --duration "$seconds" --flows 64 --stats 1 "${gen_cpu[@]}" -q \
    --sink "$testbed_sink/s0" --json "$reports/$1-gen.json" "$testbed_gen/g0"
  wait "$testbed_pid" # not in the foreground: a signal shall end it at once
  kill -TERM "$forwarder"
  wait "$forwarder" || { echo "demo.sh: ringway-l2fwd failed" >&2; return 1; }
  sleep 0.2 # until the final table is shown
  kill "$shown"
}

wait_ready() { # LOG PID
  for _ in {1..100}; do
    ! grep -q '^ringway-l2fwd: ready' "$1" || return 0
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  sleep 0.2
  echo "demo.sh: ringway-l2fwd did not become ready" >&2
  return 1
}

for datapath in afxdp xdp; do
  for attempts_left in 2 1 0; do
    forward "$datapath"
    ((attempts_left)) || break
    ! /usr/bin/python3 scripts/demo-summary.py --paced "$reports" "$datapath" || break
    echo "other work on this machine kept the generator from its schedule: once more"
  done
done
say "Removing the testbed"
testbed_remove
say "Summary"
/usr/bin/python3 scripts/demo-summary.py "$reports" afxdp xdp
