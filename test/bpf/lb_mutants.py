#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""lb_mutants.py --bin DIR [--all | --draw N [--seed TEXT]]: would the load balancer's differential test notice?

Puts one mistake at a time into a copy of the core, compiles the kernel's program from it, and runs differ_lb (which has the
core without the mistake). A mutant counts if it compiles; one that the verifier refuses is killed by it. All must be
killed. --draw takes N by the hash of the commit (or of TEXT); RINGWAY_LONG=1 is --all. Exit: 0 all killed, 1 not, 77 no
privilege.
"""
import argparse
import hashlib
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKETS = "500000"
# file of include/ringway/core, what stands there (once), what is put there
MUTANTS = (
    ("lb_classify.h", "return base + 1 + rw_vip_bucket_of", "return base + rw_vip_bucket_of"),
    ("lb_classify.h", "if (!found && (r->want == RW_WANT_PORTS || r->want == RW_WANT_FRAGMENT))", "if (!found && r->want == RW_WANT_PORTS)"),
    ("lb_classify.h", "if (r->want == RW_WANT_ECHO && flags & RW_VIP_PING)", "if (r->want == RW_WANT_ECHO)"),
    ("lb_parse.h", "rw_load32(arp->sender) == rw_load32(arp->target)", "0"),
    ("lb_parse.h", "if (r->ttl != 255 || r->p.icmp_code", "if (r->p.icmp_code"),
    ("lb_parse.h", "(tcp[13] & (RW_TCP_SYN | RW_TCP_ACK)) == RW_TCP_SYN", "tcp[13] & RW_TCP_SYN"),
    ("lb_parse.h", "if (tcp[13] & (RW_TCP_FIN | RW_TCP_RST))", "if (tcp[13] & RW_TCP_FIN)"),
    ("lb_inner.h", "r->flow.sport = rw_load16(ports + 2);", "r->flow.sport = rw_load16(ports);"),
    ("lb_inner.h", "!rw_lb_quoted_is_of_vip(r) ||", ""),
    ("lb_conn.h", "if (other.rank < place->rank)", "if (other.rank <= place->rank)"),
    ("lb_conn.h", "return rw_conn_state(c->hit.word) == RW_CONN_CLOSING && r->flags & RW_LB_SYN;", "return 0;"),
    ("lb_conn.h", "r->key.dport = r->ask.port;", "r->key.dport = 0;"),
    ("conntrack.h", "return state == RW_CONN_LIVE ? RW_CONN_IS_LIVE : RW_CONN_IS_HALF;", "return RW_CONN_IS_HALF;"),
    ("conntrack.h", "taken += kind > RW_CONN_IS_EXPIRED;", "taken += kind > RW_CONN_IS_FREE;"),
    ("conntrack.h", "rw_conn_changes(was) + 1", "rw_conn_changes(was)"),
    ("conntrack.h", "return idle < 0x8000 ? idle : 0;", "return idle;"),
    ("conntrack.h", "rw_conn_age(word) == (__u16)tick && rw_conn_state(word) == state", "rw_conn_age(word) == (__u16)tick"),
    ("conntrack.h", "rw_conn_age(word) == (__u16)tick && rw_conn_state(word) == state", "rw_conn_state(word) == state"),
    ("lb_pick.h", "c->hit.real_version & RW_REAL_RETIRED ||\n	    RW_READ_ONCE(&real->version) != c->hit.real_version", "0"),
    ("lb_known_parse.h", "l4[13] & (RW_TCP_FIN | RW_TCP_SYN | RW_TCP_RST)", "l4[13] & (RW_TCP_FIN | RW_TCP_SYN)"),
    ("lb_known_parse.h", "l4[13] & (RW_TCP_FIN | RW_TCP_SYN | RW_TCP_RST)", "l4[13] & (RW_TCP_FIN | RW_TCP_RST)"),
    ("lb_known_parse.h", "if (frag & RW_BE16(RW_IPV4_MF | RW_IPV4_OFFSET))", "if (frag & RW_BE16(RW_IPV4_OFFSET))"),
    ("lb_known_parse.h", "k->flags = frag & RW_BE16(RW_IPV4_DF) ? RW_LB_DF : 0;", "k->flags = 0;"),
    ("lb_known_parse.h", "sizeof(struct rw_eth) + ip_len + header > k->end ||", ""),
    ("lb_known_parse.h", "k->end > len", "0"),
    ("lb_known_parse.h", "ip[0] != 0x45", "0"),
    ("lb_known_parse.h", "ip[0] >> 4 != 6", "0"),
    ("lb_known_parse.h", "ip[0] << 4 | ip[1] >> 4", "ip[0] << 4 | ip[1]"),
    ("lb_known_parse.h", "k->flags = RW_LB_DF;", "k->flags = 0;"),
    ("lb_known_parse.h", "h = rw_vip_hash_rest(h, rw_known_dst(k, 1), rw_known_dst(k, 2), rw_known_dst(k, 3));", ""),
    ("lb_known_parse.h", "!rw_lb_is_port_mac(env, data)", "0"),
    ("lb_known_parse.h", "vip->target.hash == RW_FLOW_5TUPLE", "1"),
    ("lb_known.h", "rw_lb_conn_is_over(env, r, &c)", "0"),
    ("lb_known.h", "|| k->ttl <= 1", ""),
    ("lb_known.h", "k->real->method == RW_METHOD_GUE && rw_gue_wants_sum(k->real)", "0"),
    ("lb_known.h", "+ outer > rw_lb_mtu(", "> rw_lb_mtu("),
    ("lb_known.h", "return !differs && ", "return "),
    ("lb_plan.h", "if (r->ttl <= 1 &&", "if (!r->ttl &&"),
    ("lb_plan.h", "if (r->p.end - rw_lb_l3(r) + outer > mtu)", "if (r->p.end - rw_lb_l3(r) + outer >= mtu)"),
    ("lb_plan.h", "if (!(r->flags & RW_LB_DF) || r->flags & RW_LB_RELATED)", "if (!(r->flags & RW_LB_DF))"),
    ("encap.h", "ip[8]--;", "ip[9]--;"),
    ("encap.h", "if (real->flags & RW_REAL_DF_COPY && !(r->flags & RW_LB_DF))", "if (real->flags & RW_REAL_DF_COPY)"),
    ("encap.h", "rw_store16(data + 14, real->vlan);", "rw_store16(data + 14, 0);"),
    ("encap.h", "(__u32)r->tos << 20", "(__u32)(r->tos & 0xfc) << 20"),
    ("encap_gue.h", "RW_CPU16(rw_load16(l4 + 4)) == (r->p.end - r->p.l4)", "1"),
    ("encap_gue.h", "r->p.flags & RW_PARSED_FRAGMENT || r->p.ext", "r->p.ext"),
    ("answer_link.h", "rw_store16(icmp + 2, rw_csum_replace16(rw_load16(icmp + 2), before, after));", ""),
    ("answer_link.h", "probe ? RW_BE32(0x20000000) : RW_BE32(0x60000000)", "RW_BE32(0x60000000)"),
    ("answer_icmp.h", "len += (flags & RW_TCP_SYN ? 1 : 0) + (flags & RW_TCP_FIN ? 1 : 0);", "len += (flags & RW_TCP_SYN ? 1 : 0);"),
    ("answer_icmp.h", "rw_store32(icmp + 4, RW_BE32(r->mtu));", "rw_store32(icmp + 4, RW_BE32(r->mtu + r->outer));"),
    ("flow_hash.h", "return h ^ h >> 31;", "return h;"),
)


def compile_program(folder, out):
    machine = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True, check=False).stdout.strip()
    command = [os.environ.get("CLANG", "clang"), "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-idirafter", "/usr/include/" + machine,
               "-I", "include", "-c", "bpf/lb.bpf.c", "-o", str(out)]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def try_one(binary, folder, mutant):
    """('killed' | 'survived' | 'invalid: WHY' | 'skipped')"""
    file, old, new = mutant
    path = folder / "include/ringway/core" / file
    text = path.read_text()
    if text.count(old) != 1:
        return "invalid: the text occurs %d times" % text.count(old)
    path.write_text(text.replace(old, new))
    try:
        program = folder / "lb.bpf.o"
        if not compile_program(folder, program):
            return "invalid: does not compile"
        done = subprocess.run([binary, "--object", str(program), "--packets", PACKETS, "--no-tally", "--stop"], capture_output=True,
                              text=True, check=False)
    finally:
        path.write_text(text)
    if done.returncode == 77:
        return "skipped"
    return "killed" if done.returncode else "survived"


def drawn(args):
    if args.all or os.environ.get("RINGWAY_LONG") == "1":
        return MUTANTS
    seed = args.seed or subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout
    return random.Random(hashlib.sha256(seed.encode()).digest()).sample(MUTANTS, min(args.draw, len(MUTANTS)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--draw", type=int, default=4)
    parser.add_argument("--seed")
    args = parser.parse_args()
    binary = str(pathlib.Path(args.bin).resolve() / "differ_lb")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ringway-lb-mutants-"))
    outcomes = []
    try:
        for part in ("include/ringway/core", "bpf"):
            shutil.copytree(ROOT / part, folder / part)
        for mutant in drawn(args):
            outcomes.append(try_one(binary, folder, mutant))
            print("%-9s %s: %s -> %s" % (outcomes[-1], mutant[0], " ".join(mutant[1].split())[:70], mutant[2][:50] or "nothing"), flush=True)
            if outcomes[-1] == "skipped":
                print("lb_mutants: SKIPPED: no privilege", file=sys.stderr)
                return 1 if os.environ.get("CI") == "true" else 77
    finally:
        shutil.rmtree(folder)
    bad = [o for o in outcomes if o != "killed"]
    print("lb_mutants: %d tried, %d not killed" % (len(outcomes), len(bad)))
    return 1 if bad or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
