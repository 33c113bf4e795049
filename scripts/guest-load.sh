#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# guest-load.sh [--kernel RELEASE] [--build DIR] [OBJECT...]: does every BPF object load on another kernel?
# Boots a Debian kernel under QEMU's software emulation (no KVM, no root) and loads each object there with bpf_load,
# which prints instructions and stack. Without objects: all of DIR/bpf (build/release). RELEASE is 6.1, Debian 12's own
# kernel and the oldest that we support. The kernel package is fetched once and unpacked, never installed.
#   RINGWAY_GUEST_CACHE  where kernels are kept (~/.cache/ringway-guest, about 40 MB each)
#   DEBIAN_MIRROR        where packages come from (http://deb.debian.org)
# Exit: 0 all load; 1 not, or the guest did not finish; 77 no kernel to be had (1 under CI=true); 2 wrong usage.
set -euo pipefail
cd "$(dirname "$0")/.."

kernel=6.1 build=build/release objects=()
while (($#)); do
  case $1 in
    --kernel) kernel=$2 && shift ;;
    --build) build=$2 && shift ;;
    -*) echo "guest-load: unknown option $1" >&2 && exit 2 ;;
    *) objects+=("$1") ;;
  esac
  shift
done
cache=${RINGWAY_GUEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ringway-guest}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org}
boot_limit=100 # seconds; a boot takes 5 to 20

# A kernel is: the suites to look in (first hit wins), and the package that depends on its newest build.
case $kernel in
  6.1) suites=("debian-security bookworm-security" "debian bookworm") package=linux-image-cloud-amd64 ;;
  *) echo "guest-load: no kernel $kernel (there is: 6.1)" >&2 && exit 2 ;;
esac

die() {
  echo "guest-load: $1" >&2
  exit 1
}

unavailable() {
  echo "guest-load: SKIPPED, NOTHING WAS LOADED ON $kernel: $1" >&2
  [[ ${CI-} == true ]] && exit 1
  exit 77
}

# apt with lists and caches of its own: the machine's sources stay as they are, and no root is needed.
private_apt() {
  local apt=$cache/apt
  mkdir -p "$apt"/{lists/partial,archives/partial}
  "$1" -q -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt" \
    -o Dir::Cache::archives="$apt/archives" -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -o Acquire::Retries=2 -o Acquire::Languages=none \
    "${@:2}"
}

# Sets `release` to the newest build of the kernel, as 6.1.0-49-cloud-amd64. The lists are kept for a day.
look_up() {
  local suite keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  for suite in "${suites[@]}"; do
    mkdir -p "$cache/apt"
    echo "deb [signed-by=$keyring] $mirror/$suite main" >"$cache/apt/sources.list"
    if [[ ! -e $cache/apt/sources.used || -n $(find "$cache/apt/sources.used" -mmin +1440) ]] ||
      ! cmp -s "$cache/apt/sources.list" "$cache/apt/sources.used"; then
      rm -f "$cache/apt/sources.used"
      private_apt apt-get update -qq >"$cache/apt/log" 2>&1 || continue
      cp "$cache/apt/sources.list" "$cache/apt/sources.used"
    fi
    release=$(private_apt apt-cache depends "$package" 2>/dev/null | sed -n 's/.*Depends: linux-image-\([0-9]\)/\1/p' |
      head -1)
    [[ -z $release ]] || return 0
  done
  return 1
}

# Puts the kernel image into the cache, unless it is there. Sets `image`.
fetch_kernel() {
  local work deb
  look_up || release=$(cat "$cache/$kernel.latest" 2>/dev/null) || unavailable "no Debian mirror ($mirror) can be reached"
  image=$cache/vmlinuz-$release
  if [[ ! -s $image ]]; then
    echo "guest-load: fetching linux-image-$release"
    work=$(mktemp -d "$cache/unpack.XXXXXX")
    cleanup+=("$work")
    (cd "$work" && private_apt apt-get download "linux-image-$release" >"$cache/apt/log" 2>&1) ||
      unavailable "linux-image-$release could not be fetched from $mirror"
    deb=$(find "$work" -name '*.deb')
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work" "./boot/vmlinuz-$release"
    rm -f "$cache"/vmlinuz-"${kernel}".*
    mv "$work/boot/vmlinuz-$release" "$image"
  fi
  echo "$release" >"$cache/$kernel.latest"
}

# copy_program FILE ROOT: a program with the shared libraries that it wants.
copy_program() {
  cp "$1" "$2/bin/"
  local library
  for library in $(ldd "$1" 2>/dev/null | grep -oE '/[^ ]+'); do # none for a static one
    mkdir -p "$2$(dirname "$library")"
    cp -Ln "$library" "$2$library"
  done
}

# A root in memory: busybox, the loader, the objects, and an init that runs `guest_command` and powers off.
make_initrd() {
  local root=$1/root applet
  mkdir -p "$root"/{bin,dev,proc,sys,tmp,objects}
  copy_program "$(command -v busybox)" "$root"
  for applet in sh mount cut poweroff echo uname; do ln -sf busybox "$root/bin/$applet"; done
  copy_program "$loader" "$root"
  cp "${objects[@]}" "$root/objects/"
  if [[ -f test/bpf/variants ]]; then cp test/bpf/variants "$root/objects/"; fi
  cat >"$root/init" <<'INIT'
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs trace /sys/kernel/tracing
echo "GUEST_UP $(uname -r) after $(cut -d' ' -f1 /proc/uptime) s"
sh /guest_command
echo "GUEST_EXIT=$?"
poweroff -f
INIT
  chmod +x "$root/init"
  cat >"$root/guest_command" <<'COMMAND'
cd /objects
set --
[ -f variants ] && set -- --variants variants
exec bpf_load --max-insns 250000 --max-stack 384 "$@" *.bpf.o
COMMAND
  (cd "$root" && find . | cpio -o -H newc --quiet | zstd -q -3) >"$1/initrd"
}

boot() {
  local work=$1
  timeout "$boot_limit" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
    -accel tcg,thread=multi -cpu max -M q35 -m 512 -smp 1 -serial "file:$work/console" \
    -kernel "$image" -initrd "$work/initrd" \
    -append "console=ttyS0 panic=-1 quiet nokaslr mitigations=off no_timer_check tsc=reliable 8250.nr_uarts=1 \
cryptomgr.notests random.trust_cpu=on" </dev/null >"$work/qemu" 2>&1 || true
}

for tool in qemu-system-x86_64 busybox cpio zstd dpkg-deb apt-get; do
  command -v "$tool" >/dev/null || unavailable "$tool is missing (scripts/install-deps.sh guest)"
done
loader=$build/bin/bpf_load
[[ -x $loader ]] || die "$loader is missing (build it first)"
((${#objects[@]})) || objects=("$build"/bpf/*.bpf.o)
[[ -f ${objects[0]} ]] || die "no BPF objects in $build/bpf"

began=$EPOCHREALTIME
cleanup=()
trap 'rm -rf "${cleanup[@]}"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$cache"
exec 9>"$cache/lock" # two at once would fetch into one another
flock 9
fetch_kernel
flock -u 9
work=$(mktemp -d)
cleanup+=("$work")
make_initrd "$work"
boot "$work"

tr -d '\r' <"$work/console" >"$work/said"
status=$(sed -n 's/^GUEST_EXIT=\([0-9]*\)$/\1/p' "$work/said")
if [[ -z $status ]]; then
  tail -n 30 "$work/said" "$work/qemu" >&2
  die "the guest with $release did not finish within $boot_limit s"
fi
sed -n '/^GUEST_UP/,/^GUEST_EXIT/p' "$work/said" | grep -v '^GUEST_EXIT'
# Every object must have been spoken of: a loader that loaded nothing is no success.
for object in "${objects[@]}"; do
  name=$(basename "$object" .bpf.o)
  grep -qE "^OK +$name( |\$)" "$work/said" || { echo "guest-load: $name did not load on $release" >&2 && status=1; }
done
awk -v n="${#objects[@]}" -v on="$release" -v from="$began" -v to="$EPOCHREALTIME" \
  'BEGIN { printf "guest-load: %d objects on %s, %.1f s\n", n, on, to - from }'
exit "$((status != 0))"
