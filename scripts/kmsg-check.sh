#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kmsg-check.sh begin|end FILE: did the kernel complain while we tested?
# `begin` notes in FILE where the kernel's log stands; `end` prints every complaint that appeared since and exits 1 if
# there is one. A machine that does not let us read the log is told so, and passes (exit 77): nothing is known there.
set -euo pipefail

complaints='WARNING: |BUG: |BUG |UBSAN|KASAN|KCSAN|Oops|general protection|refcount_t|suspicious RCU|INFO: task .* blocked'
mark=${2:?usage: kmsg-check.sh begin|end FILE}

case ${1-} in
  begin)
    # The stamp of the last line: by time, so that a ring buffer that wraps meanwhile cannot mislead us.
    { dmesg 2>/dev/null || true; } | sed -nE 's/^\[ *([0-9]+\.[0-9]+)\].*/\1/p' | tail -1 >"$mark"
    [[ -s $mark ]] || cut -d' ' -f1 /proc/uptime >"$mark"
    ;;
  end)
    [[ -s $mark ]] || { echo "kmsg-check: no mark in $mark" >&2; exit 2; }
    if ! dmesg >/dev/null 2>&1; then
      echo "kmsg-check: SKIPPED, the kernel's log cannot be read here"
      exit 77
    fi
    found=$(dmesg | awk -v since="$(cat "$mark")" -v pattern="$complaints" '
      match($0, /^\[ *[0-9]+\.[0-9]+\]/) {
        stamp = substr($0, RSTART + 1, RLENGTH - 2) + 0
        if (stamp > since + 0 && $0 ~ pattern) print
      }')
    if [[ -n $found ]]; then
      echo "kmsg-check: the kernel complained during the tests:" >&2
      printf '%s\n' "$found" >&2
      exit 1
    fi
    ;;
  *) echo "usage: kmsg-check.sh begin|end FILE" >&2 && exit 2 ;;
esac
