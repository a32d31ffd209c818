"""Answer datagrams until Ctrl+C: `python udp_server.py [PORT]`.

There are no connections: one socket hears everybody, and each datagram says where it is from.
"""

from __future__ import annotations

import socket
import sys


def main(port: int) -> None:
    """Answer for ever; port 0 stands for one that is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", port))  # and no listen(), no accept()
        print("Waiting on port", server.getsockname()[1], flush=True)
        while True:
            data, address = server.recvfrom(1024)
            print("{}:{} has asked".format(*address))
            server.sendto(b"Hello, " + data + b"!", address)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
    except KeyboardInterrupt:
        print("Bye.")
