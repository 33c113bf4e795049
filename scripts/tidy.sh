#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tidy.sh [--all | --base REF] [--limit SECONDS] [--build DIR] [FILE...]: clang-tidy by .clang-tidy, warnings are errors.
# Without files or --all it checks what has changed: against REF, or else the place where this branch left
# origin/main, or else the parent of the last commit; what is not yet committed counts as well. A clone without any
# such base (one commit deep) checks everything.
# A source is checked with the flags of DIR/compile_commands.json (build/release), a header on its own, so that it is
# judged even where no source includes it. With --limit no new file is begun after so many seconds; the files left
# over are named: such a run is no full check.
set -euo pipefail
cd "$(dirname "$0")/.."

all=0 base='' limit=0 build=build/release files=()
while (($#)); do
  case $1 in
    --all) all=1 ;;
    --base) base=$2 && shift ;;
    --limit) limit=$2 && shift ;;
    --build) build=$2 && shift ;;
    -*) echo "tidy: unknown option $1" >&2 && exit 2 ;;
    *) files+=("$1") ;;
  esac
  shift
done
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || {
  echo "tidy: clang-tidy is missing (scripts/install-deps.sh test)" >&2
  exit 1
}
[[ -f $build/compile_commands.json ]] || {
  echo "tidy: $build/compile_commands.json is missing (cmake --preset release)" >&2
  exit 1
}

pick_base() {
  local head candidate
  head=$(git rev-parse HEAD)
  candidate=$(git merge-base HEAD origin/main 2>/dev/null || true)
  [[ -n $candidate && $candidate != "$head" ]] || candidate=$(git rev-parse --verify -q HEAD~1 || true)
  printf '%s' "$candidate"
}

# BPF programs are left out: clang-tidy 14 knows neither their target nor their idioms.
patterns=('*.cpp' '*.hpp' 'include/ringway/core/*.h')
if ((${#files[@]} == 0)); then
  ((all)) || base=${base:-$(pick_base)}
  if [[ -n $base ]]; then
    mapfile -t files < <({ git diff --name-only --diff-filter=d "$base" -- "${patterns[@]}"
      git ls-files --others --exclude-standard -- "${patterns[@]}"; } | sort -u)
    echo "tidy: ${#files[@]} files changed since $(git rev-parse --short "$base")"
  else
    mapfile -t files < <(git ls-files --cached --others --exclude-standard -- "${patterns[@]}")
    echo "tidy: all ${#files[@]} files"
  fi
fi

# What is made not to compile, or to be caught by another check, is no subject for this one.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in ${files[@]+"${files[@]}"}; do
  case $file in test/contract/refused/* | test/contract/planted/*) continue ;; esac
  [[ ! -f $file ]] || printf '%s\n' "$file"
done >"$work/files"

check() {
  local file=$1 flags=() status=0 began=$SECONDS
  if ((limit && $(date +%s) - started > limit)); then
    echo "$file" >>"$work/left"
    return 0
  fi
  case $file in
    # The core is in the kernel's style: declared first, set later.
    *.h) flags=(--checks=-cppcoreguidelines-init-variables -- -x c++ -std=c++20 -I include) ;;
    *.hpp) flags=(-- -x c++ -std=c++20 -I include -I apps/lb -I test -Wno-pragma-once-outside-header) ;;
    *)
      # A source that the build does not contain (a part that is switched off, an example with its own build).
      flags=(-- -std=c++20 -I include)
      # What is GCC's alone: its warnings, and C's _Bool in the skeletons.
      grep -qF "$PWD/$file\"" "$build/compile_commands.json" &&
        flags=(-p "$build" --extra-arg=-Wno-unknown-warning-option --extra-arg=-D_Bool=bool)
      ;;
  esac
  "$tidy" --quiet "$file" "${flags[@]}" >"$work/out.$$" 2>/dev/null || status=$?
  if ((status)); then
    echo "$file" >>"$work/failed"
    cat "$work/out.$$"
  fi
  rm -f "$work/out.$$"
  ((SECONDS - began < 30)) || echo "tidy: $file took $((SECONDS - began)) s"
}
export -f check
export work limit build tidy started
started=$(date +%s)
xargs -a "$work/files" -d '\n' -r -n 1 -P "$(nproc)" bash -c 'check "$1"' tidy
if [[ -s $work/left ]]; then
  echo "tidy: NOT CHECKED within ${limit} s: $(sort "$work/left" | paste -sd' ')"
fi
if [[ -s $work/failed ]]; then
  echo "tidy: failed: $(sort "$work/failed" | paste -sd' ')" >&2
  exit 1
fi
echo "tidy: $(($(wc -l <"$work/files") - $(cat "$work/left" 2>/dev/null | wc -l))) files clean"
