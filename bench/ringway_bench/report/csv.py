# SPDX-License-Identifier: BSD-2-Clause
"""One row per device, size, flows and method, in the columns of VSPERF's result files; ours that it has no name for at the end.

Latencies are nanoseconds (VSPERF's TRex driver stored microseconds under that name). Per cent of a rate is of the
generator's calibrated ceiling at that size. Megabits count the frame with its FCS and 20 bytes of preamble and gap, as on a
wire. Rates and loss are those of the valid trials at the load that was found, frames their sums over the rounds.
`payload_err` and `seq_err` are the analysed trial's corrupted and duplicated + reordered frames.
"""
from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from statistics import median
from typing import Any

from .charts import latency_of
from .gather import Figure, View

VSPERF = ("id", "deployment", "traffic_type", "packet_size", "vswitch", "guest_loopback_app", "tunnel_type",
          "tx_rate_fps", "throughput_rx_fps", "tx_rate_mbps", "throughput_rx_mbps", "tx_rate_percent", "throughput_rx_percent",
          "min_latency_ns", "max_latency_ns", "avg_latency_ns", "frame_loss_percent", "tx_frames", "rx_frames", "tx_bytes",
          "rx_bytes",
          "payload_err", "seq_err", "b2b_rx_fps", "b2b_tx_fps", "b2b_rx_percent", "b2b_tx_percent", "b2b_tx_count", "b2b_frames",
          "b2b_frame_loss_frames", "b2b_frame_loss_percent", "stream_count", "match_type", "pre-installed_flows",
          "forwarding_rate_fps",
          "caching_capacity_addrs", "addr_learned_percent", "optimal_learning_rate_fps", "start_time", "stop_time",
          "execution_time",
          "imix_genome", "imix_avg_framesize")
OURS = ("method", "value", "value_low", "value_high", "confidence", "unit", "at_generator_ceiling", "rounds",
        "rounds_without_value",
        "trials_valid", "trials_invalid", "state", "dut_cpu", "control_of", "engine", "sink", "comment")
TRAFFIC = {"mrr": "rfc2544_continuous", "soak": "rfc2544_continuous", "back-to-back": "rfc2544_back2back"}


def render(results: Mapping[str, Any]) -> str:
    view = View(results)
    out = io.StringIO()
    writer = csv.DictWriter(out, VSPERF + OURS, restval="", lineterminator="\n")
    writer.writeheader()
    for size, flows in view.groups():
        for name in view.names():
            for f in view.of_dut(name, size, flows):
                writer.writerow(row(view, f))
    return out.getvalue()


def row(view: View, f: Figure) -> dict[str, Any]:
    d, topology = view.duts.get(f.dut, {}), view.scenario.get("topology")
    kind = topology.get("kind", "") if isinstance(topology, dict) else topology or ""
    seen = d.get("analysed") or {}
    bad_order = (seen.get("duplicated") or 0) + (seen.get("reordered") or 0) if seen else ""
    deployment = {"id": f"{view.scenario.get('name', 'ringway')}_{f.method}", "deployment": kind, "packet_size": f.size + 4,
                  "vswitch": f.dut,
                  "traffic_type": TRAFFIC.get(f.kind, "rfc2544_throughput"), "stream_count": f.flows,
                  "payload_err": seen.get("corrupted", ""),
                  "seq_err": bad_order, "start_time": view.results.get("started") or "",
                  "stop_time": view.results.get("finished") or "",
                  "execution_time": round(sum(float(t.get("elapsed") or 0) for _, t in f.trials), 3)}
    return {**deployment, **_rates(view, f), **_latency(f), **_bursts(f), **_ours(view, f)}


def _rates(view: View, f: Figure) -> dict[str, Any]:
    trials = f.deciding
    offered = sum(t["offered"] for t in trials)
    if not offered or f.kind == "back-to-back":
        return {}
    received = sum(t["received"] for t in trials)
    tx, rx = median(t["rate"] for t in trials), median(t["forwarding_rate"] for t in trials)
    bits = 8 * (f.size + 4 + 20) / 1e6
    out = {"tx_rate_fps": f"{tx:.3f}", "throughput_rx_fps": f"{rx:.3f}", "tx_rate_mbps": f"{tx * bits:.3f}",
           "throughput_rx_mbps": f"{rx * bits:.3f}",
           "frame_loss_percent": f"{100 * (offered - received) / offered:.9g}", "tx_frames": offered, "rx_frames": received,
           "tx_bytes": offered * f.size, "rx_bytes": received * f.size}
    ceiling = (view.calibration.get(str(f.size)) or {}).get("ceiling")
    if ceiling:
        out |= {"tx_rate_percent": f"{100 * tx / ceiling:.3f}", "throughput_rx_percent": f"{100 * rx / ceiling:.3f}"}
    if f.kind in ("mrr", "soak"):
        out["forwarding_rate_fps"] = f"{rx:.3f}"
    return out


def _latency(f: Figure) -> dict[str, Any]:
    got = latency_of(f)
    return {column: round(got[key]) for column, key in (("min_latency_ns", "min"), ("max_latency_ns", "max"),
                                                        ("avg_latency_ns", "mean")) if key in got}


def _bursts(f: Figure) -> dict[str, Any]:
    """A back-to-back search's figure is a number of frames; its trials are bursts."""
    if f.kind != "back-to-back":
        return {}
    bursts = [t for t in f.deciding if t.get("offered")]
    lost, offered = sum(t["offered"] - t["received"] for t in bursts), sum(t["offered"] for t in bursts)
    out: dict[str, Any] = {"b2b_frames": "" if f.median is None else round(f.median), "b2b_tx_count": offered}
    if offered:
        out |= {"b2b_frame_loss_frames": lost, "b2b_frame_loss_percent": f"{100 * lost / offered:.9g}",
                "b2b_tx_fps": f"{median(t['rate'] for t in bursts):.3f}",
                "b2b_rx_fps": f"{median(t['forwarding_rate'] for t in bursts):.3f}"}
    return out


def _ours(view: View, f: Figure) -> dict[str, Any]:
    d = view.duts.get(f.dut, {})
    whys = "; ".join(dict.fromkeys(why for _, why in f.missing))
    state = "partial" if view.partial else "complete"
    out: dict[str, Any] = {"method": f.method, "unit": f.unit, "at_generator_ceiling": "yes" if f.at_ceiling else "no",
                           "rounds": len(f.values),
                           "rounds_without_value": len(f.missing), "trials_valid": f.valid, "trials_invalid": f.invalid,
                           "state": "not measurable here" if f.not_measurable else state, "dut_cpu": d.get("cpu", ""),
                           "control_of": d.get("control_of") or "", "comment": whys,
                           "engine": "+".join(sorted({str(t["engine"]) for _, t in f.trials if t.get("engine")})),
                           "sink": "+".join(sorted({str(t["sink"]) for _, t in f.trials if t.get("sink")}))}
    if f.interval:
        out |= {"value": f"{f.median:.6g}" if f.unit != "frames/s" else f"{f.median:.3f}", "value_low": f"{f.interval.low:.9g}",
                "value_high": f"{f.interval.high:.9g}", "confidence": f"{f.interval.confidence:.4f}"}
    return out
