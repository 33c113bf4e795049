#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh install PREFIX BUILD            installs the build into PREFIX, and asserts that what users need is there
# run.sh project HOW PREFIX SOURCE WORK  builds and runs the project in SOURCE against it: HOW is find_package,
#                                        pkg_config, or add_subdirectory (then PREFIX is Ringway's source tree)
# run.sh build PREFIX SOURCE WORK        builds an example against it
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  echo "consume: $1" >&2
  exit 1
}

install_to() {
  local prefix=$1 build=$2 name
  rm -rf "$prefix"
  cmake --install "$build" --prefix "$prefix" >/dev/null
  for name in packet.hpp core/wire.h libringway.a ringway-config.cmake ringway.pc; do
    [[ -n $(find "$prefix" -path "*/$name") ]] || fail "$name is not installed"
  done
  # Nothing that is installed may lead back to the tree it was built from.
  if grep -rlF -e "$build" -e "$PWD" --include='*.cmake' --include='*.pc' "$prefix"; then
    fail "these files name the build or source tree"
  fi
}

# What is installed is used alone: no path of the build tree is given.
configure_and_build() {
  local prefix=$1 source=$2 work=$3
  shift 3
  rm -rf "$work"
  mkdir -p "$(dirname "$work")"
  cmake -S "$source" -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix" "$@" >"$work.log" 2>&1 &&
    cmake --build "$work" -j 2 >>"$work.log" 2>&1 || {
    tail -40 "$work.log" >&2
    fail "$source does not build against $prefix"
  }
}

case $1 in
  install) install_to "$2" "$3" ;;
  project)
    PKG_CONFIG_PATH=$(find "$3" -name pkgconfig -type d -print -quit)
    export PKG_CONFIG_PATH
    configure_and_build "$3" "$4" "$5" -DHOW="$2" -DRINGWAY_SOURCE="$3"
    program=$(compgen -G "$5/tiny" || compgen -G "$5/bin/tiny") || fail "$5 holds no program"
    "$program"
    ;;
  build) configure_and_build "$2" "$3" "$4" ;;
  *) fail "usage: see the head of this file" ;;
esac
