#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# refused.sh CASE.cpp COMPILER...: CASE compiles; with -DFAULT it does not, and the compiler gives the reason that the
# case names in its line "// refused: REGEX".
set -euo pipefail
source=$1
shift
reason=$(sed -n 's|^// refused: ||p' "$source")
[[ -n $reason ]] || { echo "$source names no reason (// refused: REGEX)" >&2; exit 1; }

"$@" "$source" || { echo "$source does not compile even without its fault" >&2; exit 1; }
if said=$("$@" -DFAULT "$source" 2>&1); then
  echo "$source compiles with its fault: what it should refuse is accepted" >&2
  exit 1
fi
grep -qE "$reason" <<<"$said" || {
  printf '%s\nrefused, but not for the reason expected: %s\n' "$said" "$reason" >&2
  exit 1
}
