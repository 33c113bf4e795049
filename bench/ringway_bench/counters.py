# SPDX-License-Identifier: BSD-2-Clause
"""What interfaces have counted: by ETHTOOL_GSTATS and in /proc/net/dev, of any namespace, without a process for each look."""
from __future__ import annotations

import array
import fcntl
import re
import socket
import struct
from dataclasses import dataclass

from .errors import BenchError
from .process import in_namespace
from .testbed import Port

_SIOCETHTOOL = 0x8946
_GDRVINFO, _GSTRINGS, _GSTATS = 0x03, 0x1B, 0x1D
_STATS_SET = 1  # ETH_SS_STATS
_NAME = 32


@dataclass(frozen=True)
class Counted:
    """Totals since the interface was made."""

    rx_packets: int = 0
    rx_dropped: int = 0
    tx_packets: int = 0
    tx_dropped: int = 0
    queue_drops: int = 0  # veth: rx_queue_N_drops of all queues: it had them, and could not hand them on

    def since(self, before: Counted) -> Counted:
        return Counted(*(now - then for now, then in zip(vars(self).values(), vars(before).values())))


def read(port: Port) -> Counted:
    """Raises BenchError where the interface has vanished."""
    with in_namespace(port.ns):
        with open("/proc/thread-self/net/dev", encoding="ascii") as f:
            lines = f.read().splitlines()[2:]
        drops = sum(v for k, v in ethtool_statistics(port.name).items() if re.fullmatch(r"rx_queue_\d+_drops", k))
    for line in lines:
        name, _, rest = line.partition(":")
        if name.strip() == port.name:
            n = [int(x) for x in rest.split()]
            return Counted(rx_packets=n[1], rx_dropped=n[3], tx_packets=n[9], tx_dropped=n[11], queue_drops=drops)
    raise BenchError(f"{port}: the interface has vanished")


def ethtool_statistics(ifname: str) -> dict[str, int]:
    """Of an interface in this thread's namespace; empty where its driver has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            info = _ask(s, ifname, struct.pack("I", _GDRVINFO).ljust(196, b"\0"))
            count = struct.unpack_from("I", info, 180)[0]  # n_stats
            if count == 0:
                return {}
            names = _ask(s, ifname, struct.pack("III", _GSTRINGS, _STATS_SET, count) + bytes(_NAME * count))
            values = _ask(s, ifname, struct.pack("II", _GSTATS, count) + bytes(8 * count))
        except OSError:
            return {}
    strings = [names[12 + _NAME * i:12 + _NAME * (i + 1)].split(b"\0")[0].decode() for i in range(count)]
    return dict(zip(strings, struct.unpack_from(f"{count}Q", values, 8)))


def _ask(s: socket.socket, ifname: str, request: bytes) -> bytes:
    buffer = array.array("B", request)
    address, _ = buffer.buffer_info()
    fcntl.ioctl(s, _SIOCETHTOOL, struct.pack("16sQ16x", ifname.encode(), address))
    return buffer.tobytes()
