#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""callgrind_gate.py PROGRAM RECORD COMPILER [--update] [--limit PERCENT] [--only CASE]: instructions per packet of the hot loop.

Runs callgrind_program under `valgrind --tool=callgrind`, counting in its function counted_turn() only, and compares
each case with what is recorded: more than 5 % above it fails. --update records anew; put the reason into the commit
message. Figures of another compiler say nothing about this one's: then the test is skipped (77), loudly.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TURNS = 40


def instructions(program, case, folder):
    """Instructions per packet of one case."""
    out = pathlib.Path(folder) / "callgrind.out"
    out.unlink(missing_ok=True)
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=*counted_turn*", program, case,
         str(TURNS)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"callgrind_gate: {case}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.M)
    packets = int(done.stdout.split()[-1])
    if not total or int(total.group(1)) == 0:
        sys.exit(f"callgrind_gate: {case}: nothing was counted: has counted_turn() gone?")
    return round(int(total.group(1)) / packets, 2)


def main(arguments):
    program, record_file, compiler = arguments[:3]
    record_file = pathlib.Path(record_file)
    update = "--update" in arguments
    limit = float(arguments[arguments.index("--limit") + 1]) if "--limit" in arguments else 5.0
    record = json.loads(record_file.read_text()) if record_file.exists() else {}
    why = None
    if not shutil.which("valgrind"):
        why = "there is no valgrind"
    elif not update and record.get("compiler") != compiler:
        why = f"recorded with {record.get('compiler')}, this is {compiler}; record anew with --update"
    if why:
        print(f"SKIPPED: {why}: NOTHING was compared", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 77
    cases = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    if "--only" in arguments:
        cases = [c for c in cases if c == arguments[arguments.index("--only") + 1]]
    known = {} if update else record["instructions_per_packet"]
    found, failed = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            found[case] = instructions(program, case, folder)
            if update:
                print(f"{found[case]:8.2f}  {case}")
                continue
            before = known.get(case)
            change = (found[case] / before - 1) * 100 if before else 0.0
            bad = before is None or change > limit
            failed += bad
            said = "not recorded" if before is None else f"{change:+.1f} % of {before:.2f}"
            better = "  (record it: --update)" if change < -limit else ""
            print(f"{found[case]:8.2f}  {case}: {said}{'  TOO MANY' if bad else better}")
    for case in known.keys() - found.keys() if "--only" not in arguments else ():
        failed += 1
        print(f"       -  {case}: recorded, but the program has it no more")
    if update:
        record_file.write_text(json.dumps({"compiler": compiler, "instructions_per_packet": found}, indent=2) + "\n")
    print(f"callgrind_gate: {len(found)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
