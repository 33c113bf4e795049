#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ctest_sum.py REPORT.xml: "PASSED FAILED SKIPPED" of a report that ctest --output-junit wrote.

On stderr: the end of what each failed test said, and the last words of each skipped one. A test whose program is not
there is a failure, although ctest files it with those that were skipped.
"""
import sys
import xml.etree.ElementTree


def outcome(case):
    status, skip = case.get("status"), case.find("skipped")
    if status == "disabled" or (status == "notrun" and skip is not None and "SKIP_" in skip.get("message", "")):
        return "skipped"
    return "passed" if status == "run" else "failed"


counts = {"passed": 0, "failed": 0, "skipped": 0}
for case in xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
    result = outcome(case)
    counts[result] += 1
    if result != "passed":
        said = (case.findtext("system-out") or "").rstrip().splitlines()[-40 if result == "failed" else -3:]
        print(f"--- {result}: {case.get('name')} ({float(case.get('time', 0)):.1f} s)", *said, sep="\n", file=sys.stderr)
print(*counts.values())
