# SPDX-License-Identifier: BSD-2-Clause
"""What the machine was: printed beside every figure."""
import os
import platform
import re
import subprocess
import time


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    except OSError:
        return ""


def _cpu():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        m = re.search(r"model name\s*:\s*(.*)", f.read())
    return m.group(1) if m else platform.machine()


def _mitigations():
    base = "/sys/devices/system/cpu/vulnerabilities"
    out = {}
    for name in sorted(os.listdir(base)) if os.path.isdir(base) else []:
        with open(os.path.join(base, name), encoding="utf-8") as f:
            text = f.read().strip()
        if text != "Not affected":
            out[name] = text
    return out


def platform_facts(root):
    return {
        "date": time.strftime("%Y-%m-%d"),
        "kernel": platform.release(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "mitigations": _mitigations(),
        "driver": "veth, copy mode",
        "commit": _output("git", "-C", root, "rev-parse", "--short", "HEAD")
                  + ("" if _output("git", "-C", root, "status", "--porcelain") == "" else " (with changes)"),
        "testpmd": _output("dpkg-query", "-W", "-f", "${Version}", "dpdk-dev"),
        "libxdp": _output("dpkg-query", "-W", "-f", "${Version}", "libxdp1"),
        "gcc": _output("gcc", "-dumpfullversion"),
    }
