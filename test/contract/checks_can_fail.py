#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""checks_can_fail.py SCRIPTS: plants one fault at a time and asserts that the check meant for it finds it."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(sys.argv.pop()).resolve()
CLEAN = {
    "include/ringway/core/wire.h": "#include <linux/types.h>\n",
    "include/ringway/packet.hpp": '#include <span>\n#include "core/wire.h"\n',
    "include/ringway/umem.hpp": "#include <ringway/packet.hpp>\n#include <string>\n",
    "include/ringway/worker.hpp": '#include "umem.hpp"\n',
    "lib/netlink.hpp": "#include <libmnl/libmnl.h>\n",
    "lib/umem.cpp": '#include <bpf/bpf.h>\n#include "netlink.hpp"\n#include <ringway/umem.hpp>\n',
    "bpf/l2.bpf.c": "#include <bpf/bpf_helpers.h>\n#include <ringway/core/wire.h>\n",
    "apps/x/main.cpp": '#include "options.hpp"\n#include <ringway/worker.hpp>\n',
    "apps/x/options.hpp": "#include <string>\n",
    "examples/y/main.cpp": "#include <ringway/worker.hpp>\n",
}


class tree(unittest.TestCase):
    def run_on(self, script, changes):
        """The exit code and messages of a check on the clean tree with these files put over it."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (CLEAN | changes).items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([sys.executable, SCRIPTS / script, folder], capture_output=True, text=True)
            return done.returncode, done.stderr


class layers(tree):
    def refused(self, name, line, why):
        code, said = self.run_on("layers.py", {name: CLEAN.get(name, "") + line + "\n"})
        self.assertEqual(code, 1, said)
        self.assertIn(name, said)
        self.assertRegex(said, why)

    def test_the_clean_tree_passes(self):
        self.assertEqual(self.run_on("layers.py", {}), (0, ""))

    def test_core_sees_nothing(self):
        self.refused("include/ringway/core/wire.h", "#include <stdint.h>", "core includes")

    def test_plain_memory_sees_no_system_header(self):
        self.refused("include/ringway/packet.hpp", "#include <sys/socket.h>", "standard library only")

    def test_no_arrow_upwards(self):
        self.refused("include/ringway/umem.hpp", '#include "worker.hpp"', "above")
        self.refused("include/ringway/packet.hpp", "#include <ringway/umem.hpp>", "above")

    def test_libraries_stay_behind_lib(self):
        for header in ("bpf/libbpf.h", "xdp/xsk.h", "libmnl/libmnl.h", "redirect.skel.h"):
            self.refused("include/ringway/worker.hpp", f"#include <{header}>", "public header may not")

    def test_a_new_header_needs_a_layer(self):
        self.refused("include/ringway/surprise.hpp", "", "has no layer")

    def test_programs_see_the_core_only(self):
        self.refused("bpf/l2.bpf.c", "#include <ringway/packet.hpp>", "core/ only")

    def test_applications_see_nothing_private(self):
        self.refused("apps/x/main.cpp", '#include "netlink.hpp"', "private to lib")
        self.refused("apps/x/main.cpp", '#include "../../lib/netlink.hpp"', "private to lib")
        self.refused("examples/y/main.cpp", "#include <bpf/bpf.h>", "public headers")


class budgets(tree):
    def test_the_clean_tree_passes(self):
        self.assertEqual(self.run_on("budgets.py", {}), (0, ""))

    def over(self, name, text, why):
        code, said = self.run_on("budgets.py", {name: text})
        self.assertEqual(code, 1, said)
        self.assertRegex(said, why)

    def test_long_files(self):
        self.over("include/ringway/packet.hpp", "\n" * 201, "201 lines, the budget is 200")
        self.over("lib/umem.cpp", "\n" * 401, "401 lines, the budget is 400")

    def test_long_functions(self):
        body = "void f() {\n" + "  g();\n" * 59 + "}\n"
        self.over("lib/umem.cpp", body, "umem.cpp:1: 61 lines, the budget of a function is 60")
        shorter = body.replace("  g();\n", "", 1)
        self.assertEqual(self.run_on("budgets.py", {"lib/umem.cpp": shorter})[0], 0)

    def test_the_hot_loop_is_shorter(self):
        members = "template <class F>\nclass worker {\n  worker() : a_{1} {}\n\n  int turn() noexcept {\n"
        self.over("include/ringway/worker.hpp", members + "    g();\n" * 39 + "  }\n};\n", "worker.hpp:5: 41 lines")

    def test_braces_in_literals_do_not_count(self):
        odd = 'void f() {\n  g("{{{", \'{\', R"({{)"); // {\n}\n' + "int table[] = {\n" + "  1,\n" * 80 + "};\n"
        self.assertEqual(self.run_on("budgets.py", {"lib/umem.cpp": odd})[0], 0)


class kernel_log(unittest.TestCase):
    """kmsg-check.sh with a dmesg of our own."""

    def check(self, before, after):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder, "log")
            fake = pathlib.Path(folder, "dmesg")
            fake.write_text(f"#!/bin/sh\ncat {log}\n")
            fake.chmod(0o755)
            environment = dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}")
            for text, step in ((before, "begin"), (before + after, "end")):
                log.write_text(text)
                done = subprocess.run([SCRIPTS / "kmsg-check.sh", step, f"{folder}/mark"], env=environment,
                                      capture_output=True, text=True)
            return done.returncode

    def test_a_new_complaint_fails(self):
        old = "[    1.000001] usb: hello\n[   12.345678] WARNING: CPU: 0 PID: 1 at an old place\n"
        self.assertEqual(self.check(old, ""), 0)
        self.assertEqual(self.check(old, "[   12.400000] veth: entered promiscuous mode\n"), 0)
        self.assertEqual(self.check(old, "[   13.000000] WARNING: CPU: 1 PID: 7 at net/xdp/xsk.c:1\n"), 1)
        self.assertEqual(self.check(old, "[  113.000000] BUG: KASAN: use-after-free in veth_poll\n"), 1)


if __name__ == "__main__":
    unittest.main()
