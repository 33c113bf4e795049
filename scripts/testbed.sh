# SPDX-License-Identifier: BSD-2-Clause
# testbed.sh, to be sourced by bash: namespaces gen -> dut -> sink on two veth pairs, with random names.
#
#   testbed_make           makes them; sets testbed_gen, testbed_dut, testbed_sink to their names. The pairs are
#                          gen/g0 - dut/d0 and dut/d1 - sink/s0
#   testbed_start CMD...   starts a program in the background; its id is $testbed_pid
#   testbed_remove         ends what was started, then removes the namespaces; does nothing the second time
#
# testbed_make also sees to it that all goes when the script does: on EXIT, INT and TERM by traps, and when bash itself
# is killed, by a child that notices. A script with an EXIT trap of its own calls testbed_remove there.

testbed_pids=()

# In the background: waits until this script is no more, then removes what it left.
testbed_watch() {
  trap '' INT TERM
  while kill -0 $$; do sleep 0.5; done
  local pid ns
  while read -r pid; do
    # the id may be another's by now; ours has made a session
    [[ $(ps -o sid= -p "$pid") -ne $pid ]] || kill -KILL "$pid"
  done <"$testbed_started"
  for ns in "$testbed_gen" "$testbed_dut" "$testbed_sink"; do ip netns del "$ns" || true; done
  rm -f "$testbed_started"
} </dev/null >/dev/null 2>&1

testbed_make() {
  local id
  id=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
  testbed_started=$(mktemp) # ids of processes, for testbed_watch
  testbed_gen=rw-$id-gen testbed_dut=rw-$id-dut testbed_sink=rw-$id-sink
  trap testbed_remove EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  testbed_watch &

  local ns
  for ns in "$testbed_gen" "$testbed_dut" "$testbed_sink"; do
    ip netns add "$ns"
    # IPv6 would send frames of its own, which nobody offered.
    ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  done
  testbed_pair "$testbed_gen" g0 "$testbed_dut" d0
  testbed_pair "$testbed_dut" d1 "$testbed_sink" s0
}

# testbed_pair NS IF NS IF: as a forwarder needs it. Without `tx off' checksums, without `txvlan off' VLAN tags would
# leave as metadata that XDP does not see; GRO makes a veth accept the frames that XDP sends to it, and has no effect on
# the other end if it is turned on before its own is up.
testbed_pair() {
  ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
  local end ns ifname
  for end in "$1 $2" "$3 $4"; do
    read -r ns ifname <<<"$end"
    ip netns exec "$ns" ethtool -K "$ifname" tx off txvlan off >/dev/null
    ip -n "$ns" link set "$ifname" up
  done
  for end in "$1 $2" "$3 $4"; do
    read -r ns ifname <<<"$end"
    testbed_gro "$ns" "$ifname" on
  done
}

# testbed_gro NS IF on|off
testbed_gro() {
  ip netns exec "$1" ethtool -K "$2" gro "$3" >/dev/null
}

testbed_start() {
  # In a session of its own it has a scheduling group of its own, which goes before other work on this machine: a
  # generator without a CPU keeps no schedule.
  setsid "$@" &
  testbed_pid=$!
  echo "$testbed_pid" >>"$testbed_started"
  testbed_pids+=("$testbed_pid")
  sleep 0.05
  { echo -20 >"/proc/$testbed_pid/autogroup"; } 2>/dev/null || true
}

testbed_remove() {
  local pid ns
  for pid in "${testbed_pids[@]}"; do
    kill -TERM "$pid" 2>/dev/null || continue
    for _ in {1..50}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
  done
  testbed_pids=()
  for ns in "${testbed_gen-}" "${testbed_dut-}" "${testbed_sink-}"; do
    [[ -z $ns || ! -e /run/netns/$ns ]] || ip netns del "$ns"
  done
  rm -f "${testbed_started-}"
  testbed_gen='' testbed_dut='' testbed_sink='' testbed_started=''
}
