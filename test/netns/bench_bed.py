# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the bench on real veth share."""
import contextlib
import os
import pathlib
import sys
import tempfile
import unittest

from rwtest import BIN

BENCH = pathlib.Path(__file__).parents[2] / "bench"
sys.path.insert(0, str(BENCH))
from ringway_bench import duts, wire  # noqa: E402
from ringway_bench.generator import Traffic  # noqa: E402
from ringway_bench.tools import Tools  # noqa: E402

TOOLS = Tools(str(BIN), "test", 0, 1)
SHORT = 0.3  # seconds of a trial


def own(name="mine", **table):
    """A device of a user's own."""
    return duts.from_table(name, {"ready": "none", **table}, "here.toml")


def namespaces(pid=None):
    """Those that a run of the bench has made: ours, or another's."""
    prefix = f"rw-bench-{os.getpid() if pid is None else pid}-"
    with contextlib.suppress(FileNotFoundError):
        return [n for n in os.listdir("/run/netns") if n.startswith(prefix)]
    return []


def folders(pid=None):
    """As namespaces()."""
    prefix = f"rw-bench-{os.getpid() if pid is None else pid}-"
    return [n for n in os.listdir(tempfile.gettempdir()) if n.startswith(prefix)]


class Bed(unittest.TestCase):
    def tearDown(self):
        self.assertEqual((namespaces(), folders()), ([], []))

    @contextlib.contextmanager
    def on(self, topology, spec, traffic=Traffic(), **options):
        """A device on a wire."""
        spec = duts.load(spec) if isinstance(spec, str) else spec
        with wire.on(topology, TOOLS, spec, traffic, **{"warm_up": SHORT, **options}) as made:
            yield made
