#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# format.sh [--check] [FILE...]: formats (or, with --check, only judges) our C and C++ files by .clang-format.
# Without files: all that git knows or would add. Debian 12's clang-format 14 decides; another one may differ.
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
  mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.c' '*.h' '*.cpp' '*.hpp' |
    while read -r file; do [[ -f $file ]] && printf '%s\n' "$file"; done)
fi
((${#files[@]})) || exit 0
printf '%s\0' "${files[@]}" | xargs -0 -n 20 -P 2 "$formatter" "${mode[@]}" --style=file
echo "format: ${#files[@]} files"
