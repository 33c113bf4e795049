#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""budgets.py [ROOT | FILE...]: a file has one subject, a function fits on a screen (docs/architecture.md, "Form").

Headers at most 200 lines, sources 400, functions 60, functions of the hot loop (worker.hpp and its queues) 40. A file
that is over its budget wants to be split by subject. Functions are found by their braces: what stands in a brace at
namespace or class level behind a parameter list is one, from the line where its declaration begins to its closing
brace.
"""
import pathlib
import re
import sys

HEADER, SOURCE, FUNCTION, HOT = 200, 400, 60, 40
AREAS = ("include", "lib", "bpf", "apps", "bench", "test", "examples")
HOT_FILES = ("rx_queue.hpp", "tx_queue.hpp", "worker.hpp")

TOKENS = re.compile(
    r"""//[^\n]*|/\*.*?\*/                        # comments
      | R"(?P<d>[^\s()\\]{0,16})\(.*?\)(?P=d)"    # raw strings
      | "(?:\\.|[^"\\\n])*"                       # strings
      | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'       # characters, but not the ' of 1'000
      | ^[ \t]*\#(?:[^\n]*\\\n)*[^\n]*            # directives, macros with their continuation lines
    """, re.S | re.X | re.M)


def blank(text):
    """The code alone: comments, literals and directives become blanks, every newline stays where it was."""
    return TOKENS.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def functions(text):
    """Yields (first line, lines, head) of every function body that is not inside another one."""
    code = blank(text)
    scopes, start, line, first = [], 0, 1, None
    for at, char in enumerate(code):
        if char == "\n":
            line += 1
        if first is None and not char.isspace() and char not in ";}":
            first = line
        inside = bool(scopes) and scopes[-1][0] != "scope"
        if char == "{":
            if not inside:
                head = " ".join(code[start:at].split())
                scopes.append((kind_of(head), first, head))
            else:
                scopes.append(("inner", first, ""))
        elif char == "}" and scopes:
            kind, begun, head = scopes.pop()
            if kind == "member":
                continue
            if kind == "function":
                yield begun, line - begun + 1, head
        if char in ";{}" and not (scopes and scopes[-1][0] != "scope"):
            start, first = at + 1, None


def kind_of(head):
    if re.search(r"\)[\w\s]*(?<!:):(?!:).*\w$", head) and not re.search(r"\b(noexcept|const|override)$", head):
        return "member"                                 # `: a_{1}` in a constructor: its body is still to come
    if is_function(head):
        return "function"
    return "scope" if is_scope(head) else "data"


def is_scope(head):
    return head == "" or re.search(r"\b(namespace|class|struct|union|enum|extern|concept)\b", head) is not None


def is_function(head):
    """A parameter list, and no initialiser: `int f(int) const {`, also behind a template or requires clause."""
    bare = head
    while True:                                         # template arguments may hold `=` and parentheses
        shorter = re.sub(r"<[^<>]*>", "", bare)
        if shorter == bare:
            break
        bare = shorter
    if "(" not in bare or re.search(r"\b(namespace|enum|concept)\b", bare) or re.search(r"(?<![=!<>])=\s*$", bare):
        return False
    bare = re.sub(r"\b(alignas|__attribute__|decltype|requires|SEC)\s*\(+[^()]*\)+", "", bare)
    return "(" in bare and not re.search(r"^(template )?\s*(class|struct|union)\b[^()]*$", bare)


def check(path, shown):
    text = path.read_text(errors="replace")
    lines = text.count("\n")
    limit = HEADER if path.suffix in (".h", ".hpp") else SOURCE
    if lines > limit:
        yield f"{shown}: {lines} lines, the budget is {limit}"
    limit = HOT if path.name in HOT_FILES else FUNCTION
    for line, length, head in functions(text):
        if length > limit:
            yield f"{shown}:{line}: {length} lines, the budget of a function is {limit}: {head[-100:]}"


def main():
    arguments = [pathlib.Path(a) for a in sys.argv[1:]] or [pathlib.Path(__file__).resolve().parent.parent]
    files = []
    for base in arguments:
        if base.is_dir():
            files += [(p, p.relative_to(base)) for area in AREAS for p in sorted((base / area).rglob("*"))
                      if p.suffix in (".c", ".h", ".cpp", ".hpp") and "planted" not in p.parts]
        else:
            files.append((base, base))
    faults = [fault for path, shown in files for fault in check(path, shown)]
    for fault in faults:
        print(fault, file=sys.stderr)
    if not files:
        sys.exit("budgets: nothing to check")
    print(f"budgets: {len(files)} files, {len(faults)} over budget")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
