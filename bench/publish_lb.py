# SPDX-License-Identifier: BSD-2-Clause
"""What docs/load-balancer.md says of the balancer's costs: measured (lb.json, lb-wire.json.xz) and rendered; nothing in it is
typed."""
import json
import os
import subprocess
import sys
from statistics import median

from ringway_bench import platform, results
from ringway_bench.stats import sign_interval

HERE = os.path.dirname(os.path.realpath(__file__))
BEGIN, END = "<!-- figures: rendered by bench/publish -->", "<!-- end of figures -->"
DATAPATHS = ("xdp", "afxdp")
BOUNDS = {"at least": "\u2265 ", "at most": "\u2264 "}
FLOOD_MOST, FLOOD_SHARE, RELOAD_SHARE = 1e6, 0.7, 0.5


# ---- measuring

def figures(args):
    """Without a wire: three minutes."""
    said = subprocess.run((os.path.join(args.bin, "lb-figures"),), stdout=subprocess.PIPE, text=True, check=True).stdout
    return {"platform": platform.record(), **json.loads(said)}


def most_of(wire, dut):
    """The median of what it forwards without loss, frames/s; where that was not found, of what it forwards at overload, which
    asks more of it. None: neither was found."""
    for method in ("ndr", "mrr"):
        found = [c["methods"][method]["value"] for r in wire["rounds"] for c in r["cells"]
                 if c["dut"] == dut and c["methods"].get(method, {}).get("value")]
        if found:
            return median(found)
    return None


def underload(args, wire):
    """Floods and reloads, at shares of each datapath's own NDR, or MRR."""
    found = []
    for datapath in DATAPATHS:
        most = most_of(wire, f"ringway-lb-{datapath}")
        if most is None:
            print(f"publish: ringway-lb-{datapath} has neither NDR nor MRR: nothing is measured under load", file=sys.stderr)
            continue
        flood = min(FLOOD_MOST, FLOOD_SHARE * most)
        for kind, rate in (("syn-flood", flood), ("udp-flood", flood), ("reload", RELOAD_SHARE * most)):
            command = (os.path.join(HERE, "lb", "underload.py"), "--bin", args.bin, "--datapath", datapath, kind, f"{rate:.0f}")
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            failed = {"kind": kind, "datapath": datapath, "failed": done.returncode}
            found.append(json.loads(done.stdout) if done.returncode == 0 else failed)
    return found


# ---- rendering

def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]) + "\n"


def spread(values, digits=0):
    low, high, _ = sign_interval(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def net(cell, what):
    """Nanoseconds of it alone, round by round."""
    return [a - b for a, b in zip(cell[what], cell["empty"])]


def count(n):
    return f"{n:,}"


def known(cells, short_way=True):
    """Those whose packets go the short way."""
    return [c for c in cells if c["short_way"] == short_way]


def programs_part(found):
    rows = []
    for c in known(found["programs"]):
        ours, theirs = net(c, "ringway"), net(c, "reference")
        rows.append((c["method"], count(c["flows"]), count(c["vips"]), count(c["reals"]), spread(ours), spread(theirs),
                     spread([a / b for a, b in zip(ours, theirs)], 2)))
    return (f"### XDP, nanoseconds a packet\n\n`BPF_PROG_TEST_RUN`, {found['rounds']} interleaved rounds, medians with their interval, "
            "above an empty program behind the same front program, which changes the flow with every packet. The reference "
            "(`bench/lb/reference.bpf.c`) does the same by the kernel's own maps and sends the same bytes; it knows less "
            "(no IPv6, no VLAN, no state of a connection). Every run begins a second, so each flow's age is written once in it.\n\n"
            + table(("method", "live flows", "VIPs", "reals", "ringway", "reference", "ratio"), rows))


def core_part(found):
    usual = [c for c in known(found["programs"]) if (c["vips"], c["reals"]) == (1, 100)]
    xdp = {(c["method"], c["flows"]): median(net(c, "ringway")) for c in usual}
    rows = []
    for c in known(found["core"]):
        ours = net(c, "ringway")
        of_xdp = median(ours) / xdp[c["method"], c["flows"]]
        rows.append((c["method"], count(c["flows"]), c["batch"], spread(ours, 1), f"{of_xdp:.2f}"))
    return ("### AF_XDP, nanoseconds a packet\n\nThe worker's function over in-memory rings, above a worker whose "
            "function does nothing.\n\n"
            + table(("method", "live flows", "batch", "ringway", "of XDP's"), rows))


def stages_part(found):
    worker = {c["method"]: net(c, "ringway") for c in known(found["core"], short_way=False)}
    rows = [(c["method"], count(c["flows"]), spread(net(c, "ringway")), spread(worker[c["method"]], 1))
            for c in known(found["programs"], short_way=False)]
    return ("### Through the stages, nanoseconds a packet\n\nKnown flows of a VIP whose `hash` is no-dst-port; so go tags, options and new flows "
            "as well. There is no reference for them.\n\n" + table(("method", "live flows", "XDP", "AF_XDP, batch 256"), rows))


def table_part(found):
    t = found["table"]
    rows = []
    for x, a in zip(t["xdp"], t["afxdp"]):
        moved = (f"{count(w['moved'])} ({w['moved'] / (w['flows'] - w['of_removed_real']):.2%})" for w in (x, a))
        rows.append((f"{x['percent']} %", count(x["flows"]), *(count(w["evicted_live"]) for w in (x, a)), *moved))
    return (f"### How full the connection table may be\n\n{count(t['slots'])} entries. So many flows are established, one of "
            f"{t['reals']} reals is replaced, every flow sends again. Flows of the real that is gone are left out; evictions are those before "
            "the change, as the balancer counts them, and each of them is a flow that lost its entry.\n\n"
            + table(("established flows", "", "live entries evicted, XDP", "AF_XDP", "flows moved, XDP", "AF_XDP"), rows))


def rings_part(found):
    r, one, changes = found["rings"], found["rings"]["one"], found["rings"]["changes"]

    def slowest(what, key):
        return f"{max(c[key] for c in changes[what]):.1f} ms"

    rows = [(f"a ring of {count(r['size'])} slots, {r['reals']} reals", f"{max(one['ms']):.2f} ms"),
            ("furthest that a share is from its weight's", f"{one['slots_off']:.2f} slots"),
            ("flows of the others that move when one real goes, at most", f"{one['moved_at_most']:.2%}"),
            (f"{count(r['vips'])} different rings put in force",
             f"{slowest('different', 'building_ms')} and a grace period of {slowest('different', 'waiting_ms')}"),
            (f"one real of {count(r['vips'])} VIPs with equal sets fails: out of their ring", slowest("failover", "ms"))]
    memory = [(m["what"], *(count(m[k]) for k in ("vips", "rings", "reals", "connections")), f"{m['bytes'] / 1e6:.1f} MB")
              for m in r["memory"]]
    return ("### Rings and memory\n\nTimes: the slowest of some.\n\n" + table(("what", ""), rows)
            + "\nTables, by capacity (there are twice as many rings and reals as that, so that all can be replaced at once):\n\n"
            + table(("for", "VIPs", "rings", "reals", "connections", "bytes"), memory))


def wire_part(wire):
    rows = [(f"{c['over']} / {c['under']}", c["flows"], c["method"].upper(), f"{BOUNDS.get(c['bound'], '')}{c['median']:.3f} "
             f"({c['low']:.3f} to {c['high']:.3f})", len(c["pairs"]), f"{c['verdict']}: {c['why']}" if c["why"] else c["verdict"])
            for c in wire["comparisons"] if c["median"] and c["bound"] != "unknown"]
    rates, whys = {}, {}
    for r in wire["rounds"]:
        for c in r["cells"]:
            for name, m in c["methods"].items():
                if m.get("value"):
                    rates.setdefault((c["dut"], c["flows"], name), []).append(m["value"] / 1e6)
                else:
                    whys.setdefault((c["dut"], c["flows"], name), m["extra"].get("why", m["state"]))
    missing = [f"{dut}, {flows} flows, {name.upper()}: {why}" for (dut, flows, name), why in sorted(whys.items())
               if (dut, flows, name) not in rates]
    absolute = [(dut, flows, name.upper(), spread(v, 3)) for (dut, flows, name), v in sorted(rates.items())]
    return ("### On the wire\n\nveth, 64-byte frames, one VIP and one real, method `l2`; ringway-l2fwd (`ringway-xdp`, "
            "`ringway-afxdp`) forwards the same frames. A device in the kernel has the generator's CPU: what it does without loss (NDR) is "
            "what the two sustain together.\n\n"
            + table(("device", "flows", "at", "Mpps"), absolute) + "\n"
            + table(("ratio", "flows", "at", "median (interval)", "rounds", "verdict"), rows)
            + "".join(f"\nNot found: {what}.\n" for what in missing))


def lost_of(counted):
    return count(counted["offered"] - counted["received"])


def stretch_of(measured, counted):
    seen = counted["foreign"]
    if measured["datapath"] != "afxdp" or not seen["off_cpu_us"]:
        return ""
    who = (seen["off_cpu_by"] or "something foreign").partition(" (")[0]
    return f", {who} had the worker's CPU for up to {seen['off_cpu_us'] / 1000:.1f} ms"


def underload_part(found):
    rows = []
    for u in found.get("underload", []):
        if "failed" in u:
            rows.append((u["kind"], u["datapath"], "", "", f"failed, exit {u['failed']}", ""))
            continue
        if "reloads" in u:
            late = u["losses"]["losses"].get("late_pass", 0)
            more = f"{u['reloads']} reloads, late_pass {late}{stretch_of(u, u)}; as long without any: {lost_of(u['without'])} lost" \
                   f"{stretch_of(u, u['without'])}"
        else:
            more = "resident: {} kB before, {} kB after".format(*u["memory_kb"])
        rate = u.get("flood", u["asked"])
        rows.append((u["kind"], u["datapath"], f"{rate:.0f}", count(u["offered"]), lost_of(u), more))
    if not rows:
        return ""
    return ("### Floods and reloads\n\n`bench/lb/underload.py`: a flood from random sources beside 1024 established flows; 1000 VIPs "
            "of which every half second a hundred get another set of reals, and all gain or lose one. One run each; what a shared machine "
            "takes from a worker differs from run to run, and 2048 slots of an RX ring are full after 2 ms of a million frames a second.\n\n"
            + table(("what", "datapath", "frames/s", "frames that count", "lost", ""), rows))


def section(found, wire):
    p = found["platform"]
    parts = [f"Kernel {p['kernel']}, {p['cpu']}, {p['cpus']} CPUs, commit {p['commit']}, {p['date'][:10]}.\n",
             programs_part(found), core_part(found), stages_part(found), table_part(found), rings_part(found)]
    if wire is not None:
        parts += [wire_part(wire), underload_part(found)]
    return BEGIN + "\n" + "\n".join(x for x in parts if x) + END


def read_wire(path):
    return results.read(path) if os.path.exists(path) else None
