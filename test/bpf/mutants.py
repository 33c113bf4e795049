#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""mutants.py --bin DIR [--all | --draw N [--seed TEXT] | --only NAME]

Shows that the tests of the packet logic would notice: puts one mistake at a time (mutants_list.py) into a copy of the
sources, rebuilds what it reaches, and runs the test. A mutant counts only if it compiles, loads, and changes the object
code; it is killed when a differing packet is printed. One that survives must be in SURVIVORS with its reason, and one
that is listed there must survive.

DIR holds `differential` and `parse_dump`. --draw takes N by the hash of the commit (or of TEXT), so that every commit
draws others; RINGWAY_LONG=1 is --all. Exit: 0 all as expected, 1 not, 77 no privilege.
"""
import argparse
import hashlib
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

from mutants_list import DIFFERENTIAL, SCAPY, SURVIVORS

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
COPIED = ("include/ringway/core", "bpf", "test/bpf", "test/support")
PROGRAMS = {"l2fwd": "bpf/l2fwd.bpf.c", "redirect": "bpf/redirect.bpf.c", "parse_probe": "test/bpf/prog/parse_probe.bpf.c"}
PACKETS = 200000
ORACLE_PACKETS = 4000


def code_of(path):
    """The executable sections of an ELF object: what the kernel is given to run."""
    data = path.read_bytes()
    start, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQ", data, start + i * size) for i in range(count)]
    progbits, executable = 1, 4
    return [data[at:at + length] for _, kind, flags, _, at, length in sections if kind == progbits and flags & executable]


def reached(file):
    """The programs that a source file can change, in the order in which they are tried."""
    if file == "bpf/redirect.bpf.c":
        return ["redirect"]
    if file in ("bpf/glue.h", "bpf/l2fwd.bpf.c") or file.endswith("core/l2.h"):
        return ["l2fwd"]
    return ["parse_probe"]


class Workshop:
    """A copy of the sources in which one file at a time is wrong."""

    def __init__(self, bin_dir):
        self.bin = pathlib.Path(bin_dir).resolve()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ringway-mutants-"))
        for folder in COPIED:
            shutil.copytree(ROOT / folder, self.dir / folder)
        self.objects = self.dir / "objects"
        self.objects.mkdir()
        self.originals = {}
        self.cases = None
        for name in PROGRAMS:
            if not self.compile(name):
                raise SystemExit("mutants: %s does not compile unmutated" % name)
            self.originals[name] = code_of(self.objects / (name + ".bpf.o"))

    def close(self):
        shutil.rmtree(self.dir)

    def compile(self, name):
        machine = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True, check=False).stdout.strip()
        command = [os.environ.get("CLANG", "clang"), "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-Wextra",
                   "-idirafter", "/usr/include/" + machine, "-I", "include", "-c", PROGRAMS[name], "-o",
                   "objects/%s.bpf.o" % name]
        return subprocess.run(command, cwd=self.dir, capture_output=True, check=False).returncode == 0

    def mutate(self, file, old, new):
        text = (ROOT / file).read_text()
        if text.count(old) != 1:
            return "the text occurs %d times in %s: the list is out of date" % (text.count(old), file)
        (self.dir / file).write_text(text.replace(old, new))
        return None

    def restore(self, file):
        shutil.copyfile(ROOT / file, self.dir / file)

    def differential(self, file):
        """('killed' | 'survived' | 'invalid: WHY' | 'skipped', the first lines of evidence)"""
        programs = reached(file)
        for name in programs:
            if not self.compile(name):
                return "invalid: does not compile", ""
        if all(code_of(self.objects / (n + ".bpf.o")) == self.originals[n] for n in programs):
            return "invalid: the object code is the same", ""
        only = {"l2fwd": "l2", "redirect": "redirect", "parse_probe": "probe"}[programs[0]]
        packets = PACKETS if only == "probe" else PACKETS // 5
        done = subprocess.run([str(self.bin / "differential"), "--objects", str(self.objects), "--only", only, "--stop",
                               "--no-tally", "--packets", str(packets)], capture_output=True, text=True, check=False)
        for name in programs:  # the next mutant starts from a clean object
            (self.objects / (name + ".bpf.o")).unlink()
        if done.returncode == 77 or "SKIPPED" in done.stderr:
            return "skipped", done.stderr
        if "DIFFERS" in done.stdout:
            return "killed", done.stdout[done.stdout.index("DIFFERS"):]
        if done.returncode:
            return "invalid: does not load: " + done.stderr.strip()[-200:], ""
        return "survived", ""

    def scapy(self, _file):
        """Both sides are wrong alike: the native one is asked, by packets that Scapy built."""
        oracle = ["/usr/bin/python3", str(HERE / "scapy_oracle.py")]
        dump = self.dir / "parse_dump"
        if not self.cases:
            self.cases = self.dir / "cases.json"
            honest = str(self.bin / "parse_dump")
            first = subprocess.run(oracle + [honest, "--packets", str(ORACLE_PACKETS), "--save", str(self.cases)],
                                   capture_output=True, text=True, check=False)
            if first.returncode:
                raise SystemExit("mutants: the oracle fails unmutated:\n" + first.stdout + first.stderr)
        built = subprocess.run(["g++", "-std=c++20", "-O1", "-I", "include", "test/bpf/parse_dump.cpp", "-o", str(dump),
                                "-lfmt"], cwd=self.dir, capture_output=True, text=True, check=False)
        if built.returncode:
            return "invalid: does not compile", built.stderr
        done = subprocess.run(oracle + [str(dump), "--replay", str(self.cases)], capture_output=True, text=True,
                              check=False)
        if "DIFFERS" in done.stdout:
            return "killed", done.stdout[done.stdout.index("DIFFERS"):]
        return ("survived", "") if done.returncode == 0 else ("invalid: " + done.stdout[:200], "")


def choose(args):
    everything = [(m, "differential") for m in DIFFERENTIAL] + [(m, "scapy") for m in SCAPY]
    if args.only:
        return [(m, how) for m, how in everything if m[0] == args.only]
    if args.all or os.environ.get("RINGWAY_LONG") == "1":
        return everything
    seed = args.seed or subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True,
                                       check=False).stdout.strip() or "no commit"
    print("mutants: %d of %d drawn by %s" % (args.draw, len(everything), seed))
    return random.Random(hashlib.sha256(seed.encode()).digest()).sample(everything, args.draw)


def judge(name, verdict):
    """Whether this outcome is the one that is expected."""
    if verdict == "survived":
        return name in SURVIVORS
    return verdict == "killed" and name not in SURVIVORS


def run(args):
    workshop = Workshop(args.bin)
    counts = {"killed": 0, "survived": 0}
    bad = []
    try:
        for (name, file, old, new), how in choose(args):
            wrong = workshop.mutate(file, old, new)
            verdict, evidence = ("invalid: " + wrong, "") if wrong else getattr(workshop, how)(file)
            workshop.restore(file)
            if verdict == "skipped":
                print(evidence.strip(), file=sys.stderr)
                return 1 if os.environ.get("CI") == "true" else 77
            print("%-9s %-12s %s" % (verdict.split(":")[0], how, name))
            for line in evidence.splitlines()[:2 if judge(name, verdict) else 20]:
                print("          | " + line[:150])
            if verdict.startswith("invalid"):
                print("          | " + verdict)
            if verdict == "survived" and name in SURVIVORS:
                print("          | " + SURVIVORS[name])
            counts[verdict] = counts.get(verdict, 0) + 1
            if not judge(name, verdict):
                bad.append(name)
            sys.stdout.flush()
    finally:
        workshop.close()
    print("mutants: %d killed, %d survived, %d not as expected" % (counts["killed"], counts["survived"], len(bad)))
    for name in bad:
        print("FAILED: " + name)
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--draw", type=int, default=6)
    parser.add_argument("--seed", metavar="TEXT")
    parser.add_argument("--only")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
