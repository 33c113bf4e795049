# SPDX-License-Identifier: BSD-2-Clause
"""The platform record: readers on recorded texts, and the whole of it on this machine."""
import json
import os
import platform as host
import unittest

from ringway_bench import interface_facts, platform


class Readers(unittest.TestCase):
    def test_kernel_config(self):
        found = platform.kernel_config("CONFIG_HZ=250\n"
                                       "# CONFIG_IRQ_TIME_ACCOUNTING is not set\nCONFIG_PREEMPT_DYNAMIC=y\nCONFIG_HZ_250=y\n")
        self.assertEqual((found["HZ"], found["IRQ_TIME_ACCOUNTING"], found["PREEMPT_DYNAMIC"], found["PREEMPT_RT"]),
                         ("250", "n", "y", "n"))
        self.assertEqual(platform.kernel_config(""), {}, "unknown is not the same as off")

    def test_command_line_is_the_kernels_part(self):
        self.assertEqual(platform.command_line("mitigations=off isolcpus=1 -- --for-init x"), "mitigations=off isolcpus=1")
        self.assertEqual(platform.command_line("a--b quiet"), "a--b quiet")

    def test_cpu(self):
        text = ("processor\t: 0\nmodel name\t: A CPU @ 2.60GHz\nmicrocode\t: 0x1\ncpu MHz\t\t: 2599.998\n"
                "flags\t\t: fpu constant_tsc hypervisor avx2\nbugs\t\t: spectre_v1 srso\n")
        found = platform.cpu_info(text)
        self.assertEqual((found["cpu"], found["microcode"], found["mhz"]), ("A CPU @ 2.60GHz", "0x1", 2599.998))
        self.assertEqual(set(found["flags"]), {"constant_tsc", "hypervisor", "avx2"})
        self.assertEqual(found["bugs"], ["spectre_v1", "srso"])
        self.assertEqual(platform.cpu_info("")["flags"], [])

    def test_quiet_between_two_looks(self):
        start = {"uptime_s": 100.0, "steal_ticks": {"0": 10, "1": 20}, "load": [0.1, 0, 0]}
        end = {"uptime_s": 110.0, "steal_ticks": {"0": 10, "1": 20 + os.sysconf("SC_CLK_TCK")}, "load": [2.0, 0, 0]}
        self.assertEqual(platform.quiet_between(start, end), {"steal": 0.1, "load_start": [0.1, 0, 0], "load_end": [2.0, 0, 0]})

    def test_link(self):
        text = ("7: d0@if6: <BROADCAST,MULTICAST,UP,LOWER_UP> "
                "mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\n"
                "    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netns x promiscuity 1 \n"
                "    veth addrgenmode eui64 numtxqueues 2 numrxqueues 2 "
                "gso_max_size 65536 gso_max_segs 65535 \n    prog/xdp id 81 name x\n")
        self.assertEqual(interface_facts.link_facts(text), {"up": True, "xdp": "native", "mtu": 1500, "rx_queues": 2,
                                                            "tx_queues": 2,
                                                            "gso_max_size": 65536, "promiscuity": 1, "qdisc": "noqueue"})
        self.assertEqual(interface_facts.link_facts("2: a: <BROADCAST> mtu 9000 \n prog/xdpgeneric id 3")["xdp"], "generic")
        self.assertEqual(interface_facts.link_facts("2: a: <BROADCAST> mtu 9000 ")["xdp"], "none")

    def test_features(self):
        text = ("Features for d0:\nrx-checksumming: on\ntx-checksumming: off\n\ttx-checksum-ipv4: off [fixed]\n"
                "generic-receive-offload: on\ntx-vlan-offload: off\ntx-gre-segmentation: off [requested on]\n")
        found = interface_facts.features(text)
        self.assertEqual(found, {"gro": True, "on": ["rx-checksumming", "generic-receive-offload"],
                                 "off": ["tx-checksumming", "tx-vlan-offload",
                                         "tx-gre-segmentation"], "differs": ["tx-gre-segmentation"]})
        self.assertEqual(interface_facts.features(""), {})

    def test_channels_and_rings(self):
        text = ("Channel parameters for d0:\nPre-set maximums:\nRX:\t\t2\nTX:\t\t2\nOther:\t\tn/a\nCombined:\tn/a\n"
                "Current hardware settings:\nRX:\t\t1\nTX:\t\t1\nOther:\t\tn/a\nCombined:\tn/a\n")
        self.assertEqual(interface_facts.channels(text), {"maximum": {"rx": 2, "tx": 2}, "current": {"rx": 1, "tx": 1}})
        self.assertEqual(interface_facts.channels("netlink error: Operation not supported"), {})

    def test_coalescing(self):
        text = "Coalesce parameters for eth1:\nAdaptive RX: on  TX: off\nrx-usecs:\t50\nrx-frames:\t0\ntx-usecs: n/a\n"
        self.assertEqual(interface_facts.coalescing(text), {"rx-usecs": 50, "adaptive": {"rx": "on", "tx": "off"}})

    def test_driver(self):
        self.assertEqual(interface_facts.driver("driver: veth\nversion: 1.0\n"
                                                "firmware-version: \nbus-info: \nsupports-statistics: yes\n"),
                         {"driver": "veth", "version": "1.0"})


class Here(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.record = platform.record(look=0.05)

    def test_all_that_a_report_promises_is_there(self):
        for key in ("kernel", "command_line", "config", "cpu", "cpus", "flags", "mitigations", "caches", "memory_kb", "numa",
                    "clocksource",
                    "hypervisor", "huge_pages", "topology", "sysctls", "versions", "commit", "dirty", "quiet", "governor"):
            self.assertIn(key, self.record)
        self.assertEqual(self.record["kernel"], host.release())
        self.assertGreater(self.record["memory_kb"], 100_000)
        self.assertTrue(self.record["clocksource"])
        self.assertIn("python", self.record["versions"])
        self.assertIn("isolated", self.record["topology"])
        self.assertIn("net.core.netdev_budget", self.record["sysctls"])
        self.assertEqual(len(self.record["quiet"]["steal_ticks"]), os.cpu_count())

    def test_it_can_be_written_down(self):
        self.assertEqual(json.loads(json.dumps(self.record)), self.record)


if __name__ == "__main__":
    unittest.main()
