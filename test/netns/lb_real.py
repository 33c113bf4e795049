#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""lb_real.py NAME [ADDRESS...]: what a real serves beside nginx. Its name is in every answer.

    udp 7      "NAME:" and what came; bound to each ADDRESS, for an answer has to come from the VIP
    tcp 7777   the same for every line, on any address, for as long as the client likes
    tcp 8080   HTTP PUT of any length: "NAME BYTES CRC32"
"""
import http.server
import selectors
import socket
import socketserver
import sys
import threading
import zlib

NAME = sys.argv[1]


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(NAME.encode() + b":" + line)


class Upload(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        left, crc = int(self.headers["Content-Length"]), 0
        total = left
        while left > 0:
            data = self.rfile.read(min(left, 1 << 18))
            if not data:
                return
            left -= len(data)
            crc = zlib.crc32(data, crc)
        answer = f"{NAME} {total} {crc}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class Server6(Server):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


def serve_udp(addresses):
    waiting = selectors.DefaultSelector()
    for address in addresses:
        one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((address, 7))
        waiting.register(one, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            data, client = key.fileobj.recvfrom(65536)
            key.fileobj.sendto(NAME.encode() + b":" + data, client)


def main():
    for family, anywhere in ((Server, "0.0.0.0"), (Server6, "::")):
        for port, handler in ((7777, Lines), (8080, Upload)):
            threading.Thread(target=family((anywhere, port), handler).serve_forever, daemon=True).start()
    if sys.argv[2:]:
        threading.Thread(target=serve_udp, args=(sys.argv[2:],), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


main()
