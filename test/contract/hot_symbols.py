#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""hot_symbols.py --root REGEX [--allow NAME]... OBJECT|ARCHIVE...

What can the hot loop call? Disassembles the objects, starts at every function whose demangled name matches REGEX, and
follows each direct call and jump, through inlined parts, `.cold` parts and other objects. Fails when it meets
  - a function that no object defines and that is not on the allow-list: an allocator, a lock, a throw, a log;
  - an indirect call or jump that is not the jump table of a switch: a virtual call, a std::function, a callback.
A register or memory operand says nothing about where it leads, so such a call has no place in the loop at all.
"""
import argparse
import bisect
import collections
import re
import subprocess
import sys

# System calls of a kick, the errno they leave, and the copies that compilers make of struct assignments.
ALLOWED = {"sendto", "recvfrom", "__errno_location", "memcpy", "memmove", "memset", "memcmp"}

SECTION = re.compile(r"^Disassembly of section (.*):$")
FUNCTION = re.compile(r"^([0-9a-f]+) <(.+)>:$")
INSTRUCTION = re.compile(r"^\s+([0-9a-f]+):\t(.*)$")
TARGET = re.compile(r"^(call|jmp|j[a-z]+)\s+([0-9a-f]+)(?: <|$)")
INDIRECT = re.compile(r"^(?:notrack |bnd )?(call|jmp)\s+\*(.*)$")
WINDOW = 8          # a jump table is computed in the few instructions before its jump


class function:
    def __init__(self, where, name):
        self.where, self.name, self.instructions = where, name, []      # instructions: [address, text, [relocation]]


class program:
    """All functions of all objects, found by (object, section, address) and, if global, by name."""

    def __init__(self):
        self.by_place, self.by_name, self.undefined = {}, {}, set()
        self.sections = collections.defaultdict(list)      # (object, section): the addresses where functions start

    def read(self, path):
        listing = run("objdump", "-dr", "--no-show-raw-insn", "-w", path)
        unit, section, current = path, "", None
        for line in listing.splitlines():
            if re.match(r"^\S.*:\s+file format ", line):
                unit = f"{path}({line.split(':')[0]})"
            elif found := SECTION.match(line):
                section = found.group(1)
            elif found := FUNCTION.match(line):
                current = function((unit, section, int(found.group(1), 16)), found.group(2))
                self.by_place[current.where] = current
                bisect.insort(self.sections[unit, section], current.where[2])
                self.by_name.setdefault(current.name, current)
                self.by_name[unit, current.name] = current      # a static one wins over its namesakes elsewhere
            elif current and (found := INSTRUCTION.match(line)):
                text, relocation = self.parts(found.group(2))
                current.instructions.append([int(found.group(1), 16), text, relocation])

    @staticmethod
    def parts(rest):
        """objdump -w puts relocations behind the instruction: `call 5 <f+5>\\t1: R_X86_64_PLT32\\tfoo-0x4`."""
        relocations = re.findall(r"\t[0-9a-f]+: (R_\S+)\t(\S+)", rest)
        return rest.split("\t")[0].strip(), relocations

    def at(self, unit, section, address):
        starts = self.sections.get((unit, section))
        if not starts:
            return None
        index = bisect.bisect_right(starts, address) - 1
        return self.by_place[unit, section, starts[index]] if index >= 0 else None


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def demangle(names):
    names = list(names)
    out = subprocess.run(["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True).stdout
    return dict(zip(names, out.splitlines()))


def split_symbol(text):
    """`foo-0x4` and `.text.unlikely+0x1c` as (symbol, addend)."""
    found = re.match(r"^(.*?)([+-]0x[0-9a-f]+)?$", text)
    return found.group(1), int(found.group(2) or "0", 16)


def is_jump_table(body, index):
    """`jmp *table(,%rax,8)`, or load, add and jump by a table of distances: what compilers make of a switch."""
    operand = INDIRECT.match(body[index][1]).group(2)
    if any(symbol.startswith(".rodata") for _, symbol in body[index][2]):
        return True
    before = body[max(0, index - WINDOW):index]
    return operand.startswith("%") and any(re.match(r"movslq\s+\(.*,4\)", text) for _, text, _ in before)


def reach(code, function_, allowed):
    """Yields (kind, detail, place) for what this function calls: 'go' to another function, 'outside', 'indirect'."""
    unit, section, start = function_.where
    body = function_.instructions
    for index, (address, text, relocations) in enumerate(body):
        place = f"{function_.name}+{address - start:#x}"
        if indirect := INDIRECT.match(text):
            if indirect.group(1) == "jmp" and is_jump_table(body, index):
                continue
            named = [s for kind, s in relocations if "GOTPCREL" in kind]    # call *foo@GOTPCREL(%rip) is a direct one
            if not named:
                yield "indirect", text, place
                continue
        if relocations:
            for kind, symbol in relocations:
                yield from follow(code, unit, kind, symbol, text, allowed, place)
        elif target := TARGET.match(text):
            other = code.at(unit, section, int(target.group(2), 16))
            if other is not None and other is not function_:
                yield "go", other, place


def follow(code, unit, kind, symbol, text, allowed, place):
    """Where a relocation leads. Data (tables, statics) is nobody's call; an unknown name is outside."""
    name, addend = split_symbol(symbol)
    if name.startswith(".text"):
        other = code.at(unit, name, addend + (4 if "PC32" in kind or "PLT32" in kind else 0))
        if other is not None:
            yield "go", other, place
    elif other := code.by_name.get((unit, name)) or code.by_name.get(name):
        yield "go", other, place
    elif name.startswith((".", "$")) or name in allowed:
        return
    elif kind in ("R_X86_64_PLT32",) or re.match(r"(call|jmp|j[a-z]+)\b", text) or name in code.undefined:
        yield "outside", name, place


def undefined_functions(paths):
    """Names that some object wants and none defines, be they called or have their address taken."""
    wanted, defined = set(), set()
    for path in paths:
        for line in run("nm", "-P", path).splitlines():
            fields = line.split()
            if len(fields) >= 2:
                (wanted if fields[1] in "Uwv" else defined).add(fields[0])
    return wanted - defined


def check(paths, root, allowed):
    code = program()
    for path in paths:
        code.read(path)
    code.undefined = undefined_functions(paths)
    names = demangle({f.name for f in code.by_place.values()} | code.undefined)
    roots = [f for f in code.by_place.values() if re.search(root, names[f.name]) and ".cold" not in f.name]
    faults, seen, queue = {}, set(), collections.deque((f, names[f.name]) for f in roots)
    while queue:
        current, way = queue.popleft()
        if current.where in seen:
            continue
        seen.add(current.where)
        for kind, detail, place in reach(code, current, allowed):
            if kind == "go":
                queue.append((detail, f"{way}\n      -> {names[detail.name]}"))
            else:
                what = names.get(detail, detail) if kind == "outside" else f"indirect: {detail}"
                faults.setdefault((what, current.name), f"  {what}\n    at {place}, reached by\n      {way}")
    return roots, seen, faults


def main():
    parser = argparse.ArgumentParser(description="what the hot loop can call")
    parser.add_argument("--root", required=True, help="regular expression for the demangled names to start from")
    parser.add_argument("--allow", action="append", default=[], help="one more function from outside")
    parser.add_argument("--roots", type=int, default=1, help="at least so many functions must match")
    parser.add_argument("objects", nargs="+")
    arguments = parser.parse_args()
    roots, seen, faults = check(arguments.objects, arguments.root, ALLOWED | set(arguments.allow))
    if len(roots) < arguments.roots:
        sys.exit(f"hot_symbols: {len(roots)} functions match {arguments.root}, expected at least {arguments.roots}: "
                 "is it inlined away, or renamed?")
    if faults:
        print(f"hot_symbols: {len(faults)} calls that have no place in the hot loop:", file=sys.stderr)
        print("\n".join(faults.values()), file=sys.stderr)
        sys.exit(1)
    print(f"hot_symbols: {len(roots)} roots, {len(seen)} functions reached, nothing but {' '.join(sorted(ALLOWED))}")


if __name__ == "__main__":
    main()
