#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""layers.py [ROOT]: includes may point down only (docs/architecture.md, "Layers").

A public header sees its own layer and those below; the packet logic in core/ sees nothing but <linux/types.h>; what
the hot path is made of sees the standard library alone; libbpf, libxdp and libmnl stay behind lib/; programs of the
kernel see the core; applications and examples see public headers, never what is private to lib/.
"""
import pathlib
import re
import sys

# The layers of include/ringway, lowest first. A new public header must be given its place here.
CORE, PLAIN, BASE, UMEM, XSK, PROGRAM, PORT, WORKER, FORWARDER = range(9)
LAYER = {
    # plain memory and logic: the standard library only, no system call, no exception
    "ring.hpp": PLAIN, "pool.hpp": PLAIN, "state.hpp": PLAIN, "packet.hpp": PLAIN, "view.hpp": PLAIN,
    "network_function.hpp": PLAIN, "stats.hpp": PLAIN, "chain.hpp": PLAIN, "batch.hpp": PLAIN, "poison.hpp": PLAIN,
    "tsc.hpp": PLAIN,
    # cold, used by everything that may fail
    "error.hpp": BASE, "log.hpp": BASE, "version.hpp": BASE, "interface.hpp": BASE, "netns.hpp": BASE,
    "unique_fd.hpp": BASE, "memory_file.hpp": BASE, "link_watch.hpp": BASE, "queues.hpp": BASE, "tx_trace.hpp": BASE,
    "lb_config.hpp": BASE, "lb_store.hpp": BASE, "lb_tables.hpp": BASE, "lb_explain.hpp": BASE, "lb_announce.hpp": BASE,
    "next_hops.hpp": BASE, "announcer.hpp": BASE, "addresses.hpp": BASE, "marked_route.hpp": BASE,
    "route_query.hpp": BASE,
    "umem.hpp": UMEM, "xsk.hpp": XSK, "program.hpp": PROGRAM, "preflight.hpp": PROGRAM,
    "xdp_datapath.hpp": PROGRAM, "port.hpp": PORT,
    "worker_config.hpp": WORKER,
    "rx_queue.hpp": WORKER, "tx_queue.hpp": WORKER, "worker.hpp": WORKER, "forwarder.hpp": FORWARDER,
}
PRIVATE_LIBRARIES = re.compile(r"^(bpf|xdp|libmnl)/|\.skel\.h$|^libmnl")
COMPILER = ("sanitizer/asan_interface.h", "x86intrin.h", "immintrin.h", "arm_acle.h")      # no system behind them
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def layer_of(name):
    """The layer of a public header, named as in <ringway/NAME>; None when it has not been given one."""
    if name.startswith("core/"):
        return CORE
    return PLAIN if name.startswith("nf/") else LAYER.get(name)


class checker:
    def __init__(self, root):
        self.root, self.public, self.faults, self.seen = root, root / "include" / "ringway", [], 0

    def fault(self, path, number, text):
        self.faults.append(f"{path.relative_to(self.root)}:{number}: {text}")

    def ringway_name(self, path, quote, target):
        """The target as NAME of <ringway/NAME> when it is one of our public headers, however it was written."""
        if target.startswith("ringway/"):
            return target[len("ringway/"):]
        if quote == '"':
            near = (path.parent / target).resolve()
            if near.is_relative_to(self.public.resolve()):
                return str(near.relative_to(self.public.resolve()))
        return None

    def public_header(self, path):
        name = str(path.relative_to(self.public))
        layer = layer_of(name)
        if layer is None:
            self.fault(path, 1, "has no layer yet: give it one in scripts/layers.py")
            return
        for number, quote, target in includes(path):
            ours = self.ringway_name(path, quote, target)
            if ours is not None:
                below = layer_of(ours)
                if below is None or below > layer:
                    self.fault(path, number, f"{name} may not include {ours}, which is above it")
            elif PRIVATE_LIBRARIES.search(target) or target.startswith(("lib/", "../")):
                self.fault(path, number, f"a public header may not include {target}")
            elif layer == CORE and target != "linux/types.h":
                self.fault(path, number, f"core includes <linux/types.h> and itself only, not {target}")
            elif layer == PLAIN and re.search(r"[/.]", target) and target not in COMPILER:
                self.fault(path, number, f"this layer includes the standard library only, not {target}")
            elif layer == PLAIN and target in ("iostream", "thread", "filesystem", "fstream"):
                self.fault(path, number, f"<{target}> has no place in the hot path")

    def source(self, path, private_ok):
        """lib/, bpf/, apps/, examples/: none reaches up, and only lib/ itself sees what is private to it."""
        area = path.relative_to(self.root).parts[0]
        lib = self.root / "lib"
        for number, quote, target in includes(path):
            if re.search(r"(^|/)(apps|examples|test|bench)/", target):
                self.fault(path, number, f"{area}/ may not include {target}")
            if area == "bpf" and target.startswith("ringway/") and not target.startswith("ringway/core/"):
                self.fault(path, number, f"a program of the kernel sees core/ only, not {target}")
            if private_ok:
                continue
            own = any((folder / target).exists() for folder in (path.parent, self.root / "apps" / "common"))
            if re.search(r"(^|/)lib/", target) or (quote == '"' and not own and (lib / target).exists()):
                self.fault(path, number, f"{target} is private to lib/")
            if area == "examples" and PRIVATE_LIBRARIES.search(target) and not target.endswith(".skel.h"):
                self.fault(path, number, f"an example needs nothing but the public headers, not {target}")

    def run(self):
        for path in sorted(self.public.rglob("*.h")) + sorted(self.public.rglob("*.hpp")):
            self.seen += 1
            self.public_header(path)
        for area, private_ok in (("lib", True), ("bpf", True), ("apps", False), ("examples", False)):
            for path in sorted((self.root / area).rglob("*")):
                if path.suffix in (".c", ".h", ".cpp", ".hpp"):
                    self.seen += 1
                    self.source(path, private_ok)
        return self.faults


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    check = checker(root)
    faults = check.run()
    for text in faults:
        print(text, file=sys.stderr)
    if not check.seen:
        sys.exit(f"layers: nothing to check under {root}")
    print(f"layers: {check.seen} files, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
