"""Run a command in a network of its own, and tell what went over its loopback device.

This is run as a program; it prints, in JSON, the status, what was said, and the payloads in order.
"""

import contextlib
import json
import socket
import struct
import subprocess
import sys

import forgery

TCP, UDP = 6, 17


def payloads(tap):
    """Return the payloads that arrived: by which protocol, from which port, to which, what."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            packet = tap.recv(70000)
            head = 4 * (packet[0] & 15)
            if packet[9] not in (TCP, UDP):
                continue
            packet = packet[: struct.unpack_from("!H", packet, 2)[0]]
            ports = struct.unpack_from("!HH", packet, head)
            begin = head + (8 if packet[9] == UDP else 4 * (packet[head + 12] >> 4))
            if packet[begin:]:
                proto = "udp" if packet[9] == UDP else "tcp"
                found.append((proto, *ports, packet[begin:].decode("utf-8", "replace")))
    return found


def main():
    forgery.switch_on()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(forgery.IPV4)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        tap.setblocking(False)
        done = subprocess.run(
            sys.argv[1:], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        told = {
            "status": done.returncode,
            "out": done.stdout.decode(),
            "err": done.stderr.decode(),
            "wire": payloads(tap),
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
