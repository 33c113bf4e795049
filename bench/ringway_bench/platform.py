# SPDX-License-Identifier: BSD-2-Clause
"""What the machine was: the record that RFC 8204 and VSPERF ask for beside every figure. What cannot be known is left out
or null, never guessed."""
from __future__ import annotations

import glob
import gzip
import os
import platform as host
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import BenchError
from .interface_facts import interface_record, interfaces
from .process import run
from .validity import steal_ticks

__all__ = ["record", "interface_record", "interfaces", "quiet", "quiet_between"]

#: Settings of the kernel's build that change what is measured here.
CONFIG = ("HZ", "PREEMPT_NONE", "PREEMPT_VOLUNTARY", "PREEMPT", "PREEMPT_LAZY", "PREEMPT_RT", "PREEMPT_DYNAMIC", "NO_HZ_IDLE",
          "NO_HZ_FULL", "IRQ_TIME_ACCOUNTING", "VIRT_CPU_ACCOUNTING_GEN", "SCHED_INFO", "SCHEDSTATS", "SCHED_AUTOGROUP",
          "BPF_JIT", "BPF_JIT_ALWAYS_ON", "DEBUG_INFO_BTF", "XDP_SOCKETS", "PAGE_POOL_STATS", "RETPOLINE", "MITIGATION_RETPOLINE",
          "KASAN", "PROVE_LOCKING", "DEBUG_KERNEL")
SYSCTLS = ("net/core/bpf_jit_enable", "net/core/bpf_jit_harden", "net/core/bpf_jit_kallsyms", "net/core/busy_poll",
           "net/core/busy_read", "net/core/netdev_budget", "net/core/netdev_budget_usecs", "net/core/dev_weight",
           "net/core/netdev_max_backlog", "net/core/gro_normal_batch", "net/core/rps_sock_flow_entries", "net/core/optmem_max",
           "net/core/rmem_max", "net/core/wmem_max", "net/core/rmem_default", "net/core/wmem_default", "net/core/default_qdisc",
           "net/core/netdev_tstamp_prequeue", "net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter",
           "kernel/unprivileged_bpf_disabled", "kernel/bpf_stats_enabled", "kernel/sched_rt_runtime_us",
           "kernel/sched_rt_period_us", "kernel/timer_migration", "kernel/numa_balancing", "kernel/watchdog",
           "kernel/nmi_watchdog", "vm/nr_hugepages", "vm/swappiness")
#: CPU flags that code here or in the kernel's path chooses by, or that tell about clock and guest.
FLAGS = ("hypervisor", "constant_tsc", "nonstop_tsc", "tsc_reliable", "rdtscp", "invpcid", "pcid", "erms", "fsrm", "sse4_2",
         "avx2", "avx512f", "avx512bw", "ibrs_enhanced", "ibpb", "stibp", "ssbd", "user_shstk", "ibt", "clflushopt", "clwb")
PACKAGES = {"dpdk": "dpdk-dev", "libxdp": "libxdp1", "libbpf": "libbpf1", "gcc": "gcc", "clang": "clang", "bpftool": "bpftool",
            "iproute2": "iproute2", "ethtool": "ethtool", "libc": "libc6"}


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip("\0 \n\t")
    except OSError:
        return None


def _said(*command: str, timeout: float = 10) -> str:
    """Empty where there is no such program, or where it says no."""
    try:
        return run(*command, timeout=timeout).strip()
    except BenchError:
        return ""


# --- the kernel

def kernel_config(text: str) -> dict[str, str]:
    """Of CONFIG, what is set in the text of a .config."""
    found = dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.M))
    return {name: found[name].strip('"') if name in found else "n" for name in CONFIG} if found else {}


def _config_text() -> str:
    try:
        return gzip.decompress(Path("/proc/config.gz").read_bytes()).decode()
    except OSError:
        return _read(f"/boot/config-{host.release()}") or ""


def command_line(text: str) -> str:
    """The kernel's part; what follows `--` is for init."""
    return text.partition(" -- ")[0]


def vulnerabilities(base: str = "/sys/devices/system/cpu/vulnerabilities") -> dict[str, str]:
    """Those that concern this CPU, and what is done about each."""
    found = {os.path.basename(p): _read(p) or "" for p in sorted(glob.glob(f"{base}/*"))}
    return {k: v for k, v in found.items() if v and v != "Not affected"}


def preemption() -> str | None:
    """How the running kernel preempts, where it can be chosen at boot."""
    text = _read("/sys/kernel/debug/sched/preempt")
    chosen = re.search(r"\((\w+)\)", text) if text else None
    return chosen[1] if chosen else None


# --- the machine

def cpu_info(text: str) -> dict[str, Any]:
    """Of /proc/cpuinfo: model and what is common to all."""
    fields = dict(re.findall(r"^([\w ]+?)\s*: ?(.*)$", text, re.M))
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    return {"cpu": fields.get("model name") or host.machine(), "microcode": fields.get("microcode"),
            "mhz": float(fields["cpu MHz"]) if fields.get("cpu MHz") else None,
            "flags": [f for f in FLAGS if f in flags], "bugs": fields.get("bugs", "").split()}


def caches(base: str = "/sys/devices/system/cpu/cpu0/cache") -> dict[str, str]:
    """{"L1 Data": "48K", "L3 Unified": "480M, CPUs 0-1"}"""
    found = {}
    for index in sorted(glob.glob(f"{base}/index*")):
        level, kind, size = (_read(f"{index}/{name}") for name in ("level", "type", "size"))
        shared = _read(f"{index}/shared_cpu_list")
        if level and size:
            found[f"L{level} {kind}"] = size + (f", CPUs {shared}" if shared else "")
    return found


def meminfo(text: str) -> dict[str, int]:
    return {k: int(v) for k, v in re.findall(r"^(\w+):\s*(\d+)", text, re.M)}


def numa(base: str = "/sys/devices/system/node") -> dict[str, Any]:
    return {os.path.basename(n): {"cpus": _read(f"{n}/cpulist"), "distance": _read(f"{n}/distance")}
            for n in sorted(glob.glob(f"{base}/node[0-9]*"))}


def huge_pages(base: str = "/sys/kernel/mm/hugepages") -> dict[str, Any]:
    pages = {os.path.basename(p).removeprefix("hugepages-"): {"total": int(_read(f"{p}/nr_hugepages") or 0),
                                                              "free": int(_read(f"{p}/free_hugepages") or 0)}
             for p in sorted(glob.glob(f"{base}/*"))}
    thp = re.search(r"\[(\w+)\]", _read("/sys/kernel/mm/transparent_hugepage/enabled") or "")
    return {"transparent": thp[1] if thp else None, **pages}


def hypervisor(flags: Iterable[str]) -> dict[str, Any]:
    facts = {"guest": "hypervisor" in flags, "detected": _said("systemd-detect-virt", "--vm") or None,
             "type": _read("/sys/hypervisor/type"),
             "vendor": _read("/sys/class/dmi/id/sys_vendor"), "product": _read("/sys/class/dmi/id/product_name")}
    return {k: v for k, v in facts.items() if v is not None}


def _cpus() -> dict[str, Any]:
    base = "/sys/devices/system/cpu"
    governors = sorted({_read(p) or "" for p in glob.glob(f"{base}/cpu[0-9]*/cpufreq/scaling_governor")})
    drivers = sorted({_read(p) or "" for p in glob.glob(f"{base}/cpu[0-9]*/cpufreq/scaling_driver")})
    frequency = {n: _read(f"{base}/cpu0/cpufreq/{n}") for n in ("cpuinfo_min_freq", "cpuinfo_max_freq", "scaling_cur_freq")}
    boost, no_turbo = _read(f"{base}/cpufreq/boost"), _read(f"{base}/intel_pstate/no_turbo")
    if boost is None and no_turbo is not None:
        boost = str(1 - int(no_turbo))
    facts = {"online": _read(f"{base}/online"), "isolated": _read(f"{base}/isolated") or "none",
             "nohz_full": _read(f"{base}/nohz_full") or "none",
             "allowed": sorted(os.sched_getaffinity(0)),
             "threads_per_core": len(_cpu_list(_read(f"{base}/cpu0/topology/thread_siblings_list") or "0")),
             "governor": " ".join(governors) or None, "frequency_driver": " ".join(drivers) or None, "boost": boost,
             "khz": {k: int(v) for k, v in frequency.items() if v} or None,
             "idle_driver": _read(f"{base}/cpuidle/current_driver"), "idle_governor": _read(f"{base}/cpuidle/current_governor")}
    return {k: v for k, v in facts.items() if v is not None}


def _cpu_list(text: str) -> list[int]:
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


# --- software

def versions() -> dict[str, str]:
    asked = _said("dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES.values()) or \
        "\n".join(_said("dpkg-query", "-W", "-f", "${Package} ${Version}\n", p) for p in PACKAGES.values())
    packaged = dict(line.split(" ", 1) for line in asked.splitlines() if " " in line.strip())
    found = {name: packaged[package] for name, package in PACKAGES.items() if packaged.get(package)}
    # What runs is not always what the distribution packaged.
    for name, command, pattern in (("gcc", ("gcc", "-dumpfullversion"), r"([\d.]+)"),
                                   ("clang", ("clang", "--version"), r"version ([\d.]+)"),
                                   ("iproute2", ("ip", "-V"), r"iproute2-([\w.]+)"),
                                   ("ethtool", ("ethtool", "--version"), r"version ([\d.]+)"),
                                   ("bpftool", ("/usr/sbin/bpftool", "version"), r"bpftool v([\d.]+)")):
        if (match := re.search(pattern, _said(*command))) is not None:
            found[name] = match[1]
    found["python"] = host.python_version()
    release = dict(re.findall(r'^(\w+)="?(.*?)"?$', _read("/etc/os-release") or "", re.M))
    if release.get("PRETTY_NAME"):
        found["distribution"] = release["PRETTY_NAME"]
    return dict(sorted(found.items()))


def sysctls() -> dict[str, str]:
    found = {name.replace("/", "."): _read(f"/proc/sys/{name}") for name in SYSCTLS}
    return {k: v for k, v in found.items() if v is not None}


def commit(root: str) -> tuple[str | None, bool | None]:
    """(commit, whether there are changes beside it); nothing outside a source tree."""
    number = _said("git", "-C", root, "rev-parse", "--short=12", "HEAD")
    return (number, _said("git", "-C", root, "status", "--porcelain") != "") if number else (None, None)


# --- how quiet it was

def quiet(seconds: float = 0.5) -> dict[str, Any]:
    """Load and steal now: `steal` is the worst CPU's share over that time, `steal_ticks` what each has had since boot."""
    before, began = steal_ticks(_read("/proc/stat") or ""), time.monotonic()
    time.sleep(seconds)
    after, elapsed = steal_ticks(_read("/proc/stat") or ""), time.monotonic() - began
    hz = os.sysconf("SC_CLK_TCK")
    pressure = re.search(r"some avg10=([\d.]+)", _read("/proc/pressure/cpu") or "")
    return {"load": list(os.getloadavg()), "steal": max((after[c] - before.get(c, 0) for c in after), default=0) / hz / elapsed,
            "steal_ticks": {str(c): n for c, n in after.items()}, "pressure": float(pressure[1]) if pressure else None,
            "uptime_s": float((_read("/proc/uptime") or "0").split()[0])}


def quiet_between(start: Mapping[str, Any], end: Mapping[str, Any]) -> dict[str, Any]:
    """Over a run, of two answers of quiet(): steal of the worst CPU, and the load at both ends."""
    elapsed = end["uptime_s"] - start["uptime_s"]
    ticks = max((n - start["steal_ticks"].get(c, 0) for c, n in end["steal_ticks"].items()), default=0)
    return {"steal": ticks / os.sysconf("SC_CLK_TCK") / elapsed if elapsed > 0 else 0.0, "load_start": start["load"],
            "load_end": end["load"]}


def record(root: str | None = None, *, look: float = 0.5) -> dict[str, Any]:
    """The whole record; takes about a second. `root`: the source tree, by default that of this file."""
    number, dirty = commit(root or os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
    cpu = cpu_info(_read("/proc/cpuinfo") or "")
    memory = meminfo(_read("/proc/meminfo") or "")
    clocks = "/sys/devices/system/clocksource/clocksource0"
    return {
        "kernel": host.release(), "kernel_build": host.version(), "architecture": host.machine(),
        "command_line": command_line(_read("/proc/cmdline") or ""),
        "config": kernel_config(_config_text()), "preemption": preemption(),
        "cpu": cpu.pop("cpu"), "cpus": os.cpu_count(), **cpu, "topology": _cpus(), "caches": caches(), "numa": numa(),
        "mitigations": vulnerabilities(), "hypervisor": hypervisor(cpu["flags"]),
        "memory_kb": memory.get("MemTotal"), "memory_available_kb": memory.get("MemAvailable"),
        "swap_kb": memory.get("SwapTotal"),
        "huge_pages": huge_pages(), "clocksource": _read(f"{clocks}/current_clocksource"),
        "clocksources": (_read(f"{clocks}/available_clocksource") or "").split(), "governor": _cpus().get("governor"),
        "sysctls": sysctls(), "versions": versions(), "commit": number, "dirty": dirty,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quiet": quiet(look),
    }
