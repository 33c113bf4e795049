#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# format.sh [--check] [FILE...]: formats (or, with --check, only judges) our C and C++ files.
# Without files: all that git knows or would add. The nearest .clang-format decides, for NAME.bpf.c wherever it lies
# that of bpf/: the kernel's style. It is Debian 12's clang-format 14 that counts; another one may differ.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=(-i)
if [[ ${1-} == --check ]]; then
  mode=(--dry-run --Werror)
  shift
fi
formatter=$(command -v clang-format-14 || command -v clang-format) || {
  echo "format: clang-format is missing (scripts/install-deps.sh test)" >&2
  exit 1
}
if (($#)); then
  files=("$@")
else
  mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.c' '*.h' '*.cpp' '*.hpp')
fi

kernel=() ours=()
for file in ${files[@]+"${files[@]}"}; do
  [[ -f $file ]] || continue # deleted, but not yet in git's index
  case $file in
    *.bpf.c) kernel+=("$file") ;;
    *) ours+=("$file") ;;
  esac
done
status=0
format() { # format STYLE FILE...
  local style=$1
  shift
  (($#)) || return 0
  printf '%s\0' "$@" | xargs -0 -n 20 -P 2 "$formatter" "${mode[@]}" --style="$style" || status=1
}
format file ${ours[@]+"${ours[@]}"}
format file:bpf/.clang-format ${kernel[@]+"${kernel[@]}"}
echo "format: $((${#ours[@]} + ${#kernel[@]})) files"
exit "$status"
