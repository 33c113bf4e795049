# SPDX-License-Identifier: BSD-2-Clause
"""Three namespaces on two veth pairs, gen -> dut -> sink, for one trial; removed with it."""
import os
import subprocess


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


class Testbed:
    def __init__(self):
        tag = os.urandom(3).hex()
        self.gen, self.dut, self.sink = (f"rw-{tag}-{part}" for part in ("gen", "dut", "sink"))

    def __enter__(self):
        try:
            for ns in (self.gen, self.dut, self.sink):
                run("ip", "netns", "add", ns)
                run("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv6.conf.default.disable_ipv6=1")
            self._pair(self.gen, "g0", self.dut, "d0")
            self._pair(self.dut, "d1", self.sink, "s0")
            # Without NAPI at the far end a redirect is refused; the DUT's own ends get it from their XDP program.
            # d0 has it too, for devices that only transmit.
            run("ip", "netns", "exec", self.sink, "ethtool", "-K", "s0", "gro", "on")
            run("ip", "netns", "exec", self.dut, "ethtool", "-K", "d0", "gro", "on")
        except Exception:
            self.__exit__()
            raise
        return self

    @staticmethod
    def _pair(left_ns, left, right_ns, right):
        run("ip", "link", "add", left, "netns", left_ns, "type", "veth", "peer", "name", right, "netns", right_ns)
        for ns, name in ((left_ns, left), (right_ns, right)):
            run("ip", "netns", "exec", ns, "ethtool", "-K", name, "tx", "off", "txvlan", "off")
            run("ip", "-n", ns, "link", "set", name, "up")

    def sink_packets(self):
        """What s0 itself counted, program or not."""
        path = "/sys/class/net/s0/statistics/rx_packets"
        return int(run("ip", "netns", "exec", self.sink, "cat", path))

    def __exit__(self, *_):
        for ns in (self.gen, self.dut, self.sink):
            subprocess.run(("ip", "netns", "del", ns), capture_output=True)
