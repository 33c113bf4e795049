# SPDX-License-Identifier: BSD-2-Clause
"""Results files for tests of reports: made up, seeded, shaped as ringway_bench/RESULTS.md says. Never for publication."""
from __future__ import annotations

import argparse
import json
import random
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Model:
    """A device: frames/s that it forwards without loss and at overload, its latency, and where it loses."""

    name: str
    title: str
    kind: str
    ndr: float
    mrr: float
    p50: float  # ns at half load
    loses: tuple[tuple[str, float], ...]  # name and share of what is lost
    command: str = ""
    cpu: str = "own"


MODELS = (
    Model("ringway-afxdp", "Ringway L2, AF_XDP", "afxdp", 668e3, 704e3, 21e3,
          (("rx_ring_full", 0.86), ("veth_ring", 0.09), ("tx_device", 0.05)),
          "ringway-l2fwd --datapath afxdp --mode macswap d0 d1"),
    Model("ringway-xdp", "Ringway L2, XDP", "xdp", 1.18e6, 1.25e6, 2.4e3, (("tx_refused", 0.4), ("veth_ring", 0.6)),
          "ringway-l2fwd --datapath xdp --mode macswap d0 d1", "generator's"),
    Model("testpmd-afxdp", "DPDK testpmd, net_af_xdp", "dpdk", 462e3, 575e3, 34e3, (("rx_ring_full", 0.93), ("unnamed", 0.07)),
          "dpdk-testpmd -l 0,1 --no-huge -m 512 --vdev=net_af_xdp0,iface=d0 -- --forward-mode=macswap --burst=256"),
    Model("testpmd-afpacket", "DPDK testpmd, net_af_packet", "dpdk", 217e3, 341e3, 58e3, (("socket_full", 1.0),),
          "dpdk-testpmd -l 0,1 --vdev=net_af_packet0,iface=d0,qdisc_bypass=1 -- --forward-mode=macswap"),
    Model("bridge", "Linux bridge", "kernel", 402e3, 455e3, 6.1e3, (("veth_ring", 0.8), ("sink", 0.2)), "", "generator's"),
    Model("xdp-floor", "bare XDP redirect", "xdp", 1.24e6, 1.31e6, 2.1e3, (("veth_ring", 1.0),), "xdp-floor redirect d0 d1",
          "generator's"),
    Model("libxdp-loop", "raw libxdp loop", "afxdp", 601e3, 689e3, 22e3, (("rx_ring_full", 1.0),),
          "libxdp-loop macswap d0 d1 64 32 2048"),
    Model("router", "Linux router", "kernel", 371e3, 420e3, 7.0e3, (("veth_ring", 0.9), ("softnet", 0.1)), "", "generator's"),
)
LONG = " with busy polling, threaded NAPI and 4096 descriptors"
CEILING = 14.6e6
PLATFORM = {
    "kernel": "6.18.44-lab",
    "command_line": "BOOT_IMAGE=/vmlinuz-6.18.44 root=/dev/vda1 ro isolcpus=1 nohz_full=1 mitigations=auto quiet",
    "cpu": "AMD EPYC 7543 32-Core Processor", "cpus": 2, "flags": ["avx2", "bmi2", "constant_tsc", "nonstop_tsc"],
    "mitigations": {"spec_rstack_overflow": "Mitigation: Safe RET",
                    "spectre_v2": "Mitigation: Retpolines; IBPB: conditional; IBRS_FW; STIBP: disabled; RSB filling"},
    "memory_kb": 8126464, "clocksource": "tsc", "governor": "performance",
    "versions": {"dpdk": "22.11.11-0+deb12u1", "libxdp": "1.3.1-1", "libbpf": "1.1.2", "gcc": "12.2.0", "clang": "14.0.6"},
    "sysctls": {"net.core.busy_poll": 0, "net.core.busy_read": 0, "net.ipv4.ip_forward": 1}, "commit": "abc1234",
    "drivers": {"g0": "veth", "d0": "veth"}, "offloads": {"d0": {"tx-checksumming": "off", "generic-receive-offload": "on"}},
    "channels": {"d0": {"rx": 1, "tx": 1}}, "napi_threads": [], "quiet": {"load": 0.07, "steal": 0.0004},
}


class Maker:
    """One document. `noise`: spread of a figure around the session's drift; `disturbed`: share of trials that are invalid."""

    def __init__(self, seed: int, noise: float, disturbed: float, pps_scale: float) -> None:
        self.rng = random.Random(seed)
        self.noise, self.disturbed, self.scale = noise, disturbed, pps_scale

    def jitter(self) -> float:
        return self.rng.lognormvariate(0, self.noise)

    def trial(self, m: Model, ndr: float, mrr: float, load: float | None, seconds: float = 1.0, **more: Any) -> dict[str, Any]:
        rng = self.rng
        rate = (2.2 + len(m.name) / 20) * mrr if load is None else load * rng.uniform(0.993, 0.9995)
        offered = int(rate * seconds)
        over = (rate - ndr) / ndr
        ratio = 1 - mrr / rate if rate > 1.06 * ndr else (max(0.0, over) ** 2 * rng.uniform(0.2, 1) if over > 0 else 0.0)
        if over <= 0 and rng.random() < 0.04:
            ratio = rng.choice((2e-6, 1.1e-5, 3e-4))
        lost = min(offered, round(offered * max(0.0, ratio)))
        valid = rng.random() >= self.disturbed
        foreign = rng.uniform(5, 220) if valid else rng.uniform(900, 4000)
        why = [] if valid else [f"a thread of the device was off its CPU for {foreign:.0f} us (kworker/1:2), at most 768 us"]
        record = {"late": int(offered * rng.uniform(0, 0.006)), "longest_gap_us": rng.uniform(3, 90),
                  "longest_burst": rng.randint(1, 128),
                  "engine": "xdp", "sink": "count", "balance": self.balance(m, offered, lost), "off_cpu_us": foreign,
                  "off_cpu_by": "kworker/1:2", "steal_ratio": rng.uniform(0, 0.004), "turn_us": rng.uniform(20, 180),
                  "restarts": 0,
                  "restart_gap_us": 0, "started": "2026-11-25T03:10:00Z", **more}
        return {"load": load, "seconds": seconds, "offered": offered, "received": offered - lost, "elapsed": seconds,
                "rate": offered / seconds, "loss_ratio": lost / offered, "forwarding_rate": (offered - lost) / seconds,
                "valid": valid, "reasons": why, **record}

    def balance(self, m: Model, offered: int, lost: int) -> dict[str, Any]:
        losses, left, unexplained = {}, lost, 0
        for i, (name, share) in enumerate(m.loses):
            n = left if i == len(m.loses) - 1 else min(left, round(lost * share))
            left -= n
            if name == "unnamed":
                unexplained = n
            elif n:
                losses[name] = n
        return {"offered": offered, "received": offered - lost, "losses": losses, "unexplained": unexplained}

    def mrr(self, m: Model, ndr: float, mrr: float) -> dict[str, Any]:
        trials = [self.trial(m, ndr, mrr * self.rng.uniform(0.995, 1.005), None) for _ in range(3)]
        value = sorted(t["forwarding_rate"] for t in trials)[1]
        return self.found("mrr", {"trials": 3, "seconds": 1.0}, value, trials)

    def search(self, m: Model, ndr: float, mrr: float, goal: float) -> dict[str, Any]:
        edge = ndr * (1 + goal * 6)
        low, high, trials = 0.6 * edge, min(1.6 * edge, 1.02 * mrr * 1.2), []
        while (high - low) / high > 0.02:
            load = (low + high) / 2
            for _ in range(4):
                trials.append(self.trial(m, ndr, mrr, load))
            low, high = (load, high) if load <= edge else (low, load)
        return self.found("mlrsearch", {"final": 1.0, "sum": 7.0, "loss": goal, "exceed": 0.5, "width": 0.02}, low * 0.996,
                          trials,
                          lower=low * 0.996, upper=high * 0.996)

    def latency(self, m: Model, ndr: float, mrr: float, share: float) -> dict[str, Any]:
        p50 = m.p50 * (0.8 + 0.35 * share / (1.06 - share)) * self.jitter()
        tail = self.rng.uniform(1.5, 2.4)
        lat = {"min": int(0.55 * p50), "mean": int(1.1 * p50), "p50": int(p50), "p90": int(p50 * tail),
               "p99": int(p50 * tail * 2.6),
               "p99.9": int(p50 * tail * 9), "max": int(p50 * tail * 38), "pdv_p99": int(p50 * tail * 2), "count": 31250,
               "bias_p50": 900,
               "histogram": "HISTFAAAAB4="}
        trial = self.trial(m, ndr, mrr, share * 0.98 * ndr, 2.0, latency=lat, sink="sample")
        return {**self.found("latency", {"share": share}, float(lat["p50"]), [trial]), "unit": "ns"}

    def found(self, method: str, goal: dict[str, Any], value: float, trials: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {"method": method, "goal": goal, "state": "found", "value": value, "unit": "frames/s", "lower": None,
                "upper": None,
                "seconds": sum(t["seconds"] for t in trials), "trials": trials, "extra": {}, **more}

    def cell(self, m: Model, name: str, size: int, flows: int, order: int, drift: float, latency: bool) -> dict[str, Any]:
        speed = self.scale * drift * (60 / size) ** 0.12 * (0.93 if flows > 1 else 1.0)
        ndr, mrr = m.ndr * speed * self.jitter(), m.mrr * speed * self.jitter()
        methods = {"mrr": self.mrr(m, ndr, mrr)}
        if size == 60:
            methods |= {"ndr": self.search(m, ndr, mrr, 0.0), "pdr": self.search(m, ndr, mrr, 0.005)}
            if latency:
                methods |= {f"latency@{int(100 * s)}": self.latency(m, ndr, mrr, s) for s in (0.1, 0.5, 0.9)}
        return {"dut": name, "size": size, "flows": flows, "order": order, "methods": methods, "failed": None}


def dut_record(m: Model, twin_of: str | None, suffix: str) -> dict[str, Any]:
    return {"title": m.title + suffix + (", again" if twin_of else ""), "kind": m.kind, "version": "0.1.0 (abc1234)"
            if "ringway" in m.name else "22.11",
            "command": m.command, "settings": {"batch": 64, "rings": 2048, "tx_budget": 256} if m.cpu == "own" else {},
            "cpu": m.cpu,
            "control_of": twin_of, "analysed": {"offered": 300000, "received": 300000, "lost": 0, "duplicated": 0, "reordered": 0,
                                                "corrupted": 0, "passed": True},
            "failed": None, "idle_cpu": 1.0 if m.cpu == "own" else 0.002, "memory_kb": 41200,
            "tuning": {"table": [[{"burst": b, "rings": r}, 460e3 + 90 * b - r] for b in (32, 256) for r in (512, 2048)]}
            if m.kind == "dpdk" else None}


def tune() -> dict[str, Any]:
    rows = [("batch", 128, 0.012, -0.011, 0.031), ("batch", 256, -0.034, -0.06, -0.012), ("tx_budget", 32, -0.081, -0.11, -0.055),
            ("rings", 4096, 0.063, 0.021, 0.094), ("busy_poll", "50 us", 0.004, -0.03, 0.028), ("threaded_napi", True, 0.17,
                                                                                                0.12, 0.24)]
    settings: list[dict[str, Any]] = [{"name": n, "value": v, "effect": e, "low": lo, "high": hi, "rounds": 7, "left": None,
                                       "confidence": 0.984}
                                      for n, v, e, lo, hi in rows]
    settings.append({"name": "zero_copy", "value": True, "rounds": 0, "left": "does not work: d0 has no zero copy"})
    defaults = {"batch": 64, "tx_budget": 256, "rings": 2048, "busy_poll": "off", "threaded_napi": False, "zero_copy": False}
    return {"objective": "ndr", "dut": "ringway-afxdp", "settings": settings, "noise": {"name": "(defaults again)",
                                                                                        "value": None, "effect": 0.003,
            "low": -0.014, "high": 0.017, "rounds": 7, "confidence": 0.984, "left": None}, "defaults": defaults,
            "winner": {**defaults, "rings": 4096, "threaded_napi": True}, "changed": {"rings": 4096, "threaded_napi": True},
            "tried": {"rings": 4096, "threaded_napi": True},
            "verified": {"effect": 0.21, "low": 0.16, "high": 0.27, "rounds": 11, "confidence": 0.988},
            "answer": "rings = 4096, threaded_napi = True: +21.0% against the defaults (+16.0% to +27.0%)", "seconds": 871.0}


def models(count: int, long_names: bool) -> list[tuple[str, Model, str]]:
    """(name, model, suffix of its title); beyond those that exist, the same with other names."""
    out = []
    for i in range(count):
        m, lap = MODELS[i % len(MODELS)], i // len(MODELS)
        suffix = (LONG if long_names else "") + (f", variant {lap + 1}" if lap else "")
        out.append((m.name + (f"-v{lap + 1}" if lap else "") + ("-busy-poll-threaded-napi-4096" if long_names else ""), m,
                    suffix))
    return out


def make(seed: int = 1, *, duts: int = 5, rounds: int = 7, sizes: tuple[int, ...] = (60,), flows: tuple[int, ...] = (1,),
         control: bool = True,
         noise: float = 0.004, disturbed: float = 0.03, long_names: bool = False, scale: float = 1.0, with_tune: bool = False,
         partial: bool = False) -> dict[str, Any]:
    maker = Maker(seed, noise, disturbed, scale)
    listed = models(duts, long_names)
    named = [(n, m, None, s) for n, m, s in listed]
    if control:
        n, m, s = listed[0]
        named.append((n + " (A/A)", m, n, s))
    doc: dict[str, Any] = {
        "schema": 1, "app": "ringway-bench", "version": "0.1.0", "commit": "abc1234", "started": "2026-11-25T03:00:00Z",
        "finished": "2026-11-25T04:12:00Z", "state": "complete", "stopped_by": None, "command": ["ringway-bench", "run",
                                                                                                 "published.toml"],
        "scenario": {"name": "published", "topology": {"kind": "p2p"}, "rounds": rounds, "duts": [n for n, _, _ in listed],
                     "seed": seed,
                     "control": listed[0][0] if control else None, "sizes": list(sizes), "flows": list(flows), "engine": "xdp",
                     "protocol": "udp",
                     "compare": [], "methods": [{"name": "mrr", "kind": "mrr"}, {"name": "ndr", "kind": "mlrsearch"}]},
        "platform": json.loads(json.dumps(PLATFORM)), "interruptions": [],
        "calibration": {str(s): {"engine": "xdp", "ceiling": CEILING, "loss": 0,
                                 "pacing_error": 0.0061,
                                 "latency_bias_ns": {"p50": 900, "p99": 2600}, "sink_cost": {"afxdp": 0.034, "xdp": 0.001}}
                        for s in sizes},
        "duts": {n: dut_record(m, twin, s) for n, m, twin, s in named}, "rounds": [], "comparisons": [], "cost": []}
    for number in range(1, rounds + 1):
        drift, order = maker.rng.lognormvariate(0, 0.05), list(named)
        maker.rng.shuffle(order)
        cells = [maker.cell(m, n, size, f, i, drift, latency=number <= 3)
                 for size in sizes for f in flows for i, (n, m, _, _) in enumerate(order)]
        doc["rounds"].append({"round": number, "complete": True, "cells": cells})
    doc["cost"] = [{"dut": n, "load": share * m.ndr, "share_of_ndr": share, "generator_ns": 212.0 + 3 * i, "how": "turns"
                    if m.cpu == "own" else "idle",
                    "dut_ns": 1e9 / m.ndr * 0.9 if m.cpu == "own" else None, "syscalls_per_packet": 1 / 256 if m.cpu == "own"
                    else 0.0}
                   for i, (n, m, _) in enumerate(listed) for share in (0.25, 0.5, 1.0)]
    if with_tune:
        doc["tune"] = tune()
    if partial:
        doc["state"], doc["stopped_by"], doc["finished"] = "partial", "SIGINT", None
        doc["rounds"][-1].pop("complete")
        doc["rounds"][-1]["cells"] = doc["rounds"][-1]["cells"][:2]
    return doc


def worst(seed: int = 3) -> dict[str, Any]:
    """What a page has to stand: 12 long names, two sizes, failures of every kind, an interruption, HTML in names."""
    doc = make(seed, duts=12, rounds=7, sizes=(60, 508), disturbed=0.06, long_names=True, with_tune=True, partial=True)
    names = list(doc["duts"])
    doc["duts"][names[3]]["analysed"] |= {"passed": False, "duplicated": 17, "lost": 17}
    doc["duts"][names[4]]["title"] = "Linux <bridge> & \"friends\"" + LONG
    for round_ in doc["rounds"][2:]:
        for c in round_["cells"]:
            if c["dut"] == names[7]:
                c["failed"], c["methods"] = "ended by itself with status 139 (SIGSEGV)", {}
    for round_ in doc["rounds"]:
        for c in round_["cells"]:
            if c["dut"] == names[8] and "ndr" in c["methods"]:
                c["failed"] = "not measurable here: 57 % of the trials were disturbed from outside"
                c["methods"] = {"mrr": c["methods"]["mrr"]}
            if c["dut"] == names[5]:
                for found in c["methods"].values():
                    if found["unit"] == "frames/s":
                        found["value"] = CEILING * 0.97
    doc["interruptions"] = [{"at": "2026-11-25T03:31:00Z", "by": "SIGINT", "after_round": 4, "put_aside": []}]
    return doc


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="writes made-up results to standard output")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--worst", action="store_true")
    chosen = options.parse_args()
    json.dump(worst(chosen.seed) if chosen.worst else make(chosen.seed, with_tune=True), sys.stdout, indent=1, allow_nan=False)
