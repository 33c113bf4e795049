# SPDX-License-Identifier: BSD-2-Clause
"""A load balancer between a client and three reals, in namespaces.

              segment 1 (br1)                 segment 2 (br2)
    client c0 ------+------ b0 balancer b1 -------+------ r0 real r1
                    |       (one or two)          +------ r0 real r2
                    +------ net (router) ---------+------ r0 real r3

The bridges are in `net`, which also routes between them: answers of the reals go back that way and never meet the
balancer. Variants: `arms=1`, reals on segment 1 as well and the balancer with one port; `router=True`, the client behind
`net` and the VIPs in a network of their own that `net` routes to the balancers.

Every kind of forwarding has VIPs of its own, one of each family; each has TCP port 80 (nginx), UDP port 7 (echo), and
TCP on any other port, where the source alone chooses the real.
"""
import contextlib
import json
import os
import pathlib
import secrets
import signal
import socket
import struct
import sys
import tempfile
import time

from rwtest import Testbed, eventually, program, sh

LB, DECAP = program("ringway-lb"), program("ringway-decap")
PYTHON = "/usr/bin/python3"
HERE = pathlib.Path(__file__).parent

# How packets get to a real: method, family of its address, and what that adds to a packet.
KINDS = {"ipip4": ("ipip", 4, 20), "ipip6": ("ipip", 6, 40), "gue4": ("gue", 4, 28), "gue6": ("gue", 6, 48),
         "l2": ("l2", 4, 0)}
REALS = ("r1", "r2", "r3")
FAST_CHECK = {"type": "http", "interval": 0.2, "timeout": 0.3, "fall": 2, "rise": 2}

NGINX = """daemon off; master_process off; user root; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen 80; listen [::]:80; location / {{ return 200 {name}; }} }}
}}
"""


def url(address, port=80, path="/"):
    return f"http://[{address}]:{port}{path}" if ":" in address else f"http://{address}:{port}{path}"


def echo_request(six, body):
    """ICMP; over IPv6 the kernel writes the checksum."""
    total = (8 << 8) + sum(struct.unpack(f"!{len(body) // 2}H", body))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!BBH", 128, 0, 0) + body if six else struct.pack("!BBH", 8, 0, total ^ 0xffff) + body


def toml(values):
    """Keys and values of a table. Strings, numbers, flags and lists are written as in JSON."""
    return "".join(f"{key.replace('_', '-')} = {json.dumps(value)}\n" for key, value in values.items())


class Real:
    """A server: nginx, the services of lb_real.py, and the end of the tunnels."""

    def __init__(self, bed, index):
        self.bed, self.name, self.index = bed, REALS[index], index
        self.ns = bed.ns6(self.name)
        segment = bed.far
        self.address = {4: f"10.{segment}.0.{21 + index}", 6: f"fd0{segment}::{21 + index}"}
        self.nginx = self.decap = self.services = None

    def run(self, *command, check=True):
        return self.bed.run(self.ns, *command, check=check)

    def configure(self):
        self.bed.attach(self.ns, "r0", f"br{self.bed.far}", self.address.values(), gateway=True)
        self.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2")
        for address in self.bed.vips():
            sh("ip", "-n", self.ns, "address", "add", f"{address}/{128 if ':' in address else 32}", "dev", "lo",
               *(["nodad"] if ":" in address else []))

    def start(self):
        self.services = self.bed.start_in(self.ns, PYTHON, HERE / "lb_real.py", self.name, *self.bed.vips())
        self.start_decap()
        self.start_nginx()
        self.services.wait_for("ready")

    def start_nginx(self):
        folder = self.bed.dir / self.name
        folder.mkdir(exist_ok=True)
        (folder / "nginx.conf").write_text(NGINX.format(dir=folder, name=self.name))
        self.nginx = self.bed.start_in(self.ns, "nginx", "-p", folder, "-c", folder / "nginx.conf", "-e",
                                       folder / "error.log")
        if not eventually(lambda: self.run("ss", "-Hltn", "sport", "=", ":80").stdout, 5):
            raise RuntimeError(f"nginx does not listen\n{self.nginx.stderr}")

    def start_decap(self, *options):
        self.decap = self.bed.start_in(self.ns, DECAP, "-q", *options, "r0")
        self.decap.wait_for("ringway-decap: ready")


class Balancer:
    """A ringway-lb, and the command line that asks it."""

    def __init__(self, bed, index):
        self.bed, self.index, self.process = bed, index, None
        self.ns = bed.ns6(f"lb{index}")
        self.address = {4: f"10.1.0.{10 + index}", 6: f"fd01::{10 + index}"}
        self.inner = {4: f"10.{bed.far}.0.{10 + index}", 6: f"fd0{bed.far}::{10 + index}"}
        self.ports = ["b0", "b1"][:bed.arms]
        self.config, self.socket = bed.dir / f"lb{index}.toml", bed.dir / f"lb{index}.sock"

    def run(self, *command, check=True):
        return self.bed.run(self.ns, *command, check=check)

    def configure(self):
        self.bed.attach(self.ns, "b0", "br1", self.address.values())
        if self.bed.arms == 2:
            self.bed.attach(self.ns, "b1", "br2", self.inner.values())
        if self.bed.router:
            sh("ip", "-n", self.ns, "route", "add", "10.3.0.0/24", "via", "10.1.0.254")
            sh("ip", "-n", self.ns, "route", "add", "fd03::/64", "via", "fd01::fe")

    def configuration(self, kinds=KINDS, families=(4, 6), reals=REALS, check=None, web=None, **balancer):
        """The text of a file: all VIPs of these kinds and families. `web`: keys of the VIPs of port 80, which alone are
        checked."""
        text = [toml({"ports": self.ports}), "[balancer]\n",
                toml({"seed": "netns", "source_v4": self.inner[4], "source_v6": self.inner[6], **balancer}),
                "[control]\n", toml({"socket": str(self.socket)})]
        for kind in kinds:
            method, family, _ = KINDS[kind]
            for inside in families:
                outside = inside if method == "l2" else family
                for name, keys in (("web", {"port": 80, "protocol": "tcp", **(web or {})}),
                                   ("any", {"port": "any", "protocol": "tcp", "hash": "source"}),
                                   ("echo", {"port": 7, "protocol": "udp"})):
                    text += ["[[vip]]\n", toml({"name": f"{kind}-{inside}-{name}", "address": self.bed.vip(kind, inside),
                                                "method": method, **keys})]
                    if check and name == "web":
                        text += ["[vip.check]\n", toml(check)]
                    for real in reals:
                        text += ["[[vip.real]]\n", toml({"name": real, "address": self.bed.real(real).address[outside]})]
        return "".join(text)

    def write(self, **what):
        self.config.write_text(self.configuration(**what))

    def start(self, datapath, *options, **what):
        """`what` as configuration() takes it."""
        self.write(**what)
        own = ["--idle", "poll"] if datapath == "afxdp" else []
        self.process = self.bed.start_in(self.ns, LB, "--config", self.config, "--datapath", datapath, *own, *options)
        self.process.wait_for("ringway-lb: ready", 30)
        return self.process

    def stop(self, number=signal.SIGTERM):
        code = self.process.stop(number)
        if number == signal.SIGTERM and code != 0:
            raise RuntimeError(f"ringway-lb: exit {code}\n{self.process.stderr}")

    def ask(self, *request, check=True):
        """A verb's answer, from its JSON."""
        done = sh(LB, *request, "--socket", self.socket, "--json", check=check)
        return json.loads(done.stdout) if done.stdout else {}


class Bed(Testbed):
    def __init__(self, arms=2, router=False, balancers=1):
        super().__init__()
        self.arms, self.router, self.far = arms, router, arms  # far: the segment of the reals, 2 being br1's network
        self._wanted = balancers

    def __enter__(self):
        super().__enter__()
        try:
            self._build()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def _build(self):
        self.dir = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="rw-lb-")))
        self.net, self.client = self.ns6("net"), self.ns6("client")
        self.run(self.net, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                 "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0",
                 "net.ipv4.fib_multipath_hash_policy=1", "net.ipv6.fib_multipath_hash_policy=1")
        for segment in range(1, self.arms + 1):
            self._bridge(segment)
        if self.router:
            self.veth(self.client, "c0", self.net, "c1")
            self._address(self.net, "c1", ["10.3.0.254", "fd03::fe"])
            self._address(self.client, "c0", ["10.3.0.2", "fd03::2"])
            self._gateway(self.client, 3)
        else:
            self.attach(self.client, "c0", "br1", ["10.1.0.2", "fd01::2"], gateway=True)
        self.balancers = [Balancer(self, i) for i in range(self._wanted)]
        self.reals = [Real(self, i) for i in range(len(REALS))]
        for one in self.balancers + self.reals:
            one.configure()

    @property
    def lb(self):
        return self.balancers[0]

    def real(self, name):
        return self.reals[REALS.index(name)]

    def vip(self, kind, family):
        number, network = 100 + list(KINDS).index(kind), 9 if self.router else 1
        return f"10.{network}.0.{number}" if family == 4 else f"fd0{network}::{number}"

    def vips(self):
        return [self.vip(kind, family) for kind in KINDS for family in (4, 6)]

    def ns6(self, role):
        """A namespace with IPv6, whose addresses are there at once, and without reverse path filters."""
        name = self.ns(role)
        both = [f"net.ipv{key}" for key in ("6.conf.{}.disable_ipv6=0", "6.conf.{}.accept_dad=0", "6.conf.{}.accept_ra=0",
                                            "4.conf.{}.rp_filter=0")]
        self.run(name, "sysctl", "-qw", *(key.format(which) for key in both for which in ("all", "default")))
        sh("ip", "-n", name, "link", "set", "lo", "up")
        return name

    def attach(self, ns, ifname, bridge, addresses, gateway=False):
        """A port of a bridge: the interface in `ns`, whose peer in `net` is named PORT-ROLE."""
        port = f"{ifname}-{ns.rsplit('-', 1)[1]}"
        self.veth(ns, ifname, self.net, port)
        self.run(self.net, "sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1")
        sh("ip", "-n", self.net, "link", "set", port, "master", bridge)
        addresses = list(addresses)
        self._address(ns, ifname, addresses)
        if gateway:
            self._gateway(ns, addresses[0].split(".")[1])

    def _bridge(self, segment):
        name = f"br{segment}"
        sh("ip", "-n", self.net, "link", "add", name, "address", f"02:00:00:00:00:f{segment}", "type", "bridge",
           "forward_delay", "0", "mcast_snooping", "0")
        sh("ip", "-n", self.net, "link", "set", name, "up")
        self._address(self.net, name, [f"10.{segment}.0.254", f"fd0{segment}::fe"])

    def _address(self, ns, ifname, addresses):
        for address in addresses:
            more = ["/64", "nodad"] if ":" in address else ["/24"]
            sh("ip", "-n", ns, "address", "add", address + more[0], "dev", ifname, *more[1:])

    def _gateway(self, ns, segment):
        sh("ip", "-n", ns, "route", "add", "default", "via", f"10.{segment}.0.254")
        sh("ip", "-n", ns, "route", "add", "default", "via", f"fd0{segment}::fe")

    def start_in(self, ns, *command):
        return self.start("ip", "netns", "exec", ns, *command)

    def start_reals(self):
        for real in self.reals:
            real.start()

    # ---- the client ----

    def curl(self, address, *options, count=1, port=80, path="/", seconds=5):
        """The answers' bodies, each over a connection of its own."""
        many = f"{path}?[1-{count}]" if count > 1 else path
        command = ["curl", "-sS", "-f", "--noproxy", "*", "-m", seconds, "-H", "Connection: close", "-w", "\n"]
        return self.run(self.client, *command, *options, url(address, port, many)).stdout.split("\n")[:-1]

    def udp(self, address, text="hello", seconds=2.0):
        """One datagram of a flow of its own, and its answer."""
        with self.client_socket(address, socket.SOCK_DGRAM) as one:
            one.settimeout(seconds)
            one.sendto(text.encode(), (address, 7))
            answer, source = one.recvfrom(65536)
            assert source[0] == address, source
            return answer.decode()

    def ping(self, address, seconds=2.0):
        """An echo request of the client; whether the address has answered it."""
        six = ":" in address
        one = self.socket_in(self.client, socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                             socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
        with one:
            number = secrets.randbits(16)
            body = struct.pack("!HH", number, 1) + b"are you there?"
            one.sendto(echo_request(six, body), (address, 0))
            deadline = time.monotonic() + seconds
            while (left := deadline - time.monotonic()) > 0:
                one.settimeout(left)
                try:
                    data, source = one.recvfrom(2048)
                except TimeoutError:
                    return False
                icmp = data if six else data[(data[0] & 15) * 4:]
                if source[0] == address and icmp[0] == (129 if six else 0) and icmp[4:] == body:
                    return True
        return False

    @contextlib.contextmanager
    def client_socket(self, address, kind):
        one = self.socket_in(self.client, socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        with one:
            yield one

    def flow(self, address, port=7777):
        return Flow(self.socket_in(self.client, socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM),
                    address, port)

    def curls(self, urls):
        return Curls(self, urls)


class Flow:
    """A TCP connection to the line service."""

    def __init__(self, opened, address, port):
        self._socket, self._read, self.count = opened, b"", 0
        opened.settimeout(5)
        opened.connect((address, port))

    def ask(self, seconds=5.0):
        """Sends a line; the name of the real that answered it."""
        self.count += 1
        self._socket.sendall(b"line %d\n" % self.count)
        return self.answer(seconds)

    def answer(self, seconds=5.0):
        """To the last line; after a TimeoutError it may still come."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._read:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            more = self._socket.recv(4096)
            if not more:
                raise ConnectionError(f"closed after line {self.count}")
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        name, _, rest = line.decode().partition(":")
        if rest != f"line {self.count}":
            raise ConnectionError(f"answer {line!r} to line {self.count}")
        return name

    def close(self):
        self._socket.close()


class Request:
    """One of the requests of a loop. Times are of the wall clock."""

    def __init__(self, line):
        start, end, code, self.url, self.body = line.split(" ", 4)
        self.start, self.end, self.code = float(start), float(end), int(code)
        self.ok = self.code == 0 and self.body.endswith(" 200")
        self.real = self.body.split(" ")[0]

    def __repr__(self):
        return f"{self.url}: curl {self.code} '{self.body}' after {self.end - self.start:.3f} s"


LOOP = """while :; do for u in "$@"; do
  s=$EPOCHREALTIME; b=$(curl -s -m 3 --noproxy '*' -w ' %{http_code}' "$u"); echo "$s $EPOCHREALTIME $? $u $b"
done; done"""


class Curls:
    """curl in a loop: one request after the other, each over a new connection, until stop()."""

    def __init__(self, bed, urls):
        self._process = bed.start_in(bed.client, "bash", "-c", LOOP, "curls", *urls)

    def requests(self):
        lines = self._process.stdout.split("\n")
        return [Request(line) for line in lines[:-1]]

    def more(self, count, seconds=10):
        """Waits for so many more requests; returns them."""
        before = len(self.requests())
        if not eventually(lambda: len(self.requests()) >= before + count, seconds):
            raise RuntimeError(f"{len(self.requests()) - before} requests in {seconds} s")
        return self.requests()[before:]

    def stop(self):
        # the loop's own curl, too: it has its session
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()
        return self.requests()


def failures(requests, begin=0.0, end=float("inf")):
    """Those that failed, of those that began in a time."""
    return [r for r in requests if begin <= r.start < end and not r.ok]


def now():
    return time.time()
