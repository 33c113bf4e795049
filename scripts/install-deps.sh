#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# install-deps.sh [GROUP...]: installs from Debian's packages what is missing for the named groups, and nothing else.
#   build  what `cmake --preset release` compiles, and the demo (the default)
#   test   running the test suites, format and lint checks
#   guest  the load test in a QEMU guest
#   bench  the benchmarks and their peers
#   lb     the load balancer's demo, and its tests with real servers
# When everything is there it changes nothing, needs no root and takes a fraction of a second.
set -euo pipefail

declare -A group=(
  [build]="g++ clang bpftool cmake ninja-build pkg-config binutils
    libbpf-dev libxdp-dev libelf-dev zlib1g-dev linux-libc-dev libmnl-dev
    libfmt-dev libcli11-dev libtomlplusplus-dev nlohmann-json3-dev catch2 libbenchmark-dev
    iproute2 ethtool procps python3"
  [test]="git clang-format clang-tidy python3-scapy curl gcovr valgrind scdoc mypy chromium
    nginx-light iperf3 tshark tcpdump iputils-ping"
  [guest]="qemu-system-x86 busybox-static cpio zstd xz-utils python3"
  [bench]="dpdk-dev valgrind"
  [lb]="nginx-light iperf3 tshark tcpdump curl python3-scapy iputils-ping"
)

die() {
  echo "install-deps: $1" >&2
  exit "${2:-1}"
}

wanted=()
for name in "${@:-build}"; do
  [[ $name == -h || $name == --help ]] && { sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0; }
  [[ -v "group[$name]" ]] || die "unknown group '$name' (there are: build test guest bench lb)" 2
  read -ra more -d '' <<<"${group[$name]}" || true
  wanted+=("${more[@]}")
done
command -v dpkg-query >/dev/null || die "this is no Debian; install by hand what is like: ${wanted[*]}"

missing=()
installed=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "${wanted[@]}" 2>/dev/null || true)"
for package in "${wanted[@]}"; do
  [[ $installed == *" installed:$package "* || " ${missing[*]-} " == *" $package "* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

((EUID == 0)) || die "needs root to install: ${missing[*]}"
echo "install-deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt_log=$(mktemp)
trap 'rm -f "$apt_log"' EXIT
# A foreign source of the machine may be unreachable while Debian's own are fine: only the installation decides.
apt-get update -q -o Acquire::Retries=2 >"$apt_log" 2>&1 || true
apt-get install -q -y --no-install-recommends -o Acquire::Retries=2 -o DPkg::Lock::Timeout=120 \
  -o Dpkg::Use-Pty=0 "${missing[@]}" >>"$apt_log" 2>&1 </dev/null ||
  {
    grep -E '^[EW]:' "$apt_log" | tail -5 >&2
    die "apt-get could not install ${missing[*]} (is a Debian mirror reachable?)"
  }
[[ " ${missing[*]} " != *" nginx-light "* || ! -d /run/systemd/system ]] ||
  echo "install-deps: note: Debian's nginx has started its service; nothing here needs it: systemctl disable --now nginx"
