"""Send one datagram to everybody on a network: `python broadcast.py`.

The network is the one that a machine has with itself, 127.0.0.0/8, so that nobody is disturbed.
"""

from __future__ import annotations

import socket


def open_listener(port: int) -> socket.socket:
    """Open a socket that hears broadcasts; several may share a port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.settimeout(5)
    listener.bind(("", port))  # one bound to 127.0.0.1 would not hear what is sent to all
    return listener


def main() -> None:
    """Let two hear what a third says."""
    with open_listener(0) as first, open_listener(first.getsockname()[1]) as second:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaker:
            # Without this option the system refuses, so that nobody does it by mistake.
            speaker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            speaker.sendto(b"Is anybody there?", ("127.255.255.255", first.getsockname()[1]))
        for name, listener in [("first", first), ("second", second)]:
            data, _ = listener.recvfrom(1024)
            print(f"{name} hears: {data.decode()}")


if __name__ == "__main__":
    main()
