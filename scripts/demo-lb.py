#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `demo.sh lb` shows: a balancer between a client and three web servers, all in network namespaces of this script's
own. Exits with 0 only if everything that is shown is as it has to be."""
import collections
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "test/netns"))
from lb_bed import DECAP, FAST_CHECK, LB, Bed, failures, now, url  # noqa: E402
from rwtest import eventually, sh  # noqa: E402

KINDS = ("ipip4", "gue6")
SHOWN = [("ipip4", 4), ("gue6", 4)]


def say(text):
    print(f"\n==> {text}", flush=True)


class Demo:
    def __init__(self, bed):
        self.bed, self.lb, self.wrong = bed, bed.lb, []

    def expect(self, holds, text):
        if not holds:
            self.wrong.append(text)
            print(f"NOT AS EXPECTED: {text}")

    def ask(self, *verb):
        print(f"$ ringway-lb {' '.join(verb)}")
        done = sh(LB, *verb, "--socket", self.lb.socket)
        print(done.stdout, end="", flush=True)

    def spread(self, expected, count=60):
        """Who answers requests to the VIPs that are shown."""
        for kind, family in SHOWN:
            vip = self.bed.vip(kind, family)
            answers = collections.Counter(self.bed.curl(vip, count=count))
            print(f"$ curl http://{vip}/    ({count} times, by {kind[:4].rstrip('46')} over IPv{kind[-1]}): "
                  + ", ".join(f"{name} {n}" for name, n in sorted(answers.items())))
            self.expect(set(answers) == set(expected), f"{sorted(expected)} should have answered")

    def web(self):
        return [f"{kind}-{family}-web" for kind, family in SHOWN]

    def down(self, real):
        shown = self.lb.ask("reals")["reals"]
        return all(not r["healthy"] for r in shown if r["name"] == real and r["vip"] in self.web())

    def run(self):
        say("Servers: nginx behind ringway-decap, with the VIPs on lo")
        self.bed.start_reals()
        say("ringway-lb --datapath xdp")
        self.lb.start("xdp", kinds=KINDS, families=(4,), check=FAST_CHECK)
        self.ask("status")
        self.ask("vips")
        say("Requests are spread over three servers")
        self.spread(["r1", "r2", "r3"])
        self.drain()
        self.kill()
        say("Where would a packet go?")
        self.ask("explain", "--src", "10.1.0.2:40000", "--dst", f"{self.bed.vip('gue6', 4)}:80", "--proto", "tcp")
        say("What became of the packets")
        self.ask("stats")
        self.ask("drops")

    def drain(self):
        say("Drain r1: it gets no new connections")
        for name in self.web():
            self.ask("drain", name, "r1")
        self.spread(["r2", "r3"])
        for name in self.web():
            self.ask("drain", name, "r1", "--undo")
        flow = self.bed.flow(self.bed.vip("ipip4", 4))
        real = flow.ask()
        say(f"Drain {real}, which has a connection: that lives on")
        self.ask("drain", "ipip4-4-any", real)
        after = flow.ask()
        print(f"the connection's next line was answered by {after}")
        self.expect(after == real, f"{real} should have answered")
        flow.close()

    def kill(self):
        say("Kill r2's nginx while curl runs: the checks take it out")
        curls = self.bed.curls([url(self.bed.vip(kind, family)) for kind, family in SHOWN])
        curls.more(20)
        self.bed.real("r2").nginx.kill()
        begin = time.monotonic()
        self.expect(eventually(lambda: self.down("r2"), 5), "r2 should be down")
        out = now()
        print(f"r2 was out after {time.monotonic() - begin:.1f} s")
        curls.more(40)
        requests = curls.stop()
        late = failures(requests, begin=out)
        print(f"{len([r for r in requests if r.start >= out])} requests since then, {len(late)} failed")
        self.expect(not late, "no request should have failed once r2 was out")
        self.ask("reals")
        self.spread(["r1", "r3"])


def main():
    if os.geteuid() != 0:
        sys.exit("demo.sh: needs root: it makes network namespaces")
    missing = [name for name in (LB, DECAP) if not os.access(name, os.X_OK)]
    if missing:
        sys.exit(f"demo.sh: {' and '.join(missing)}: not there")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begin = time.monotonic()
    say("Network namespaces: client, balancer, three reals, and a router past which their answers go")
    with Bed() as bed:
        demo = Demo(bed)
        demo.run()
        bed.lb.stop()
        say("Removing the testbed")
    print(f"\n{time.monotonic() - begin:.0f} s; " + ("all as expected" if not demo.wrong else f"{len(demo.wrong)} not as expected"))
    return 1 if demo.wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
