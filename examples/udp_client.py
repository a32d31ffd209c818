"""Ask udp_server.py, and ask again if nothing comes back: `python udp_client.py [PORT [SECONDS]]`.

A datagram may be lost, and nobody says so. A client that waits without a limit may wait for ever.
"""

from __future__ import annotations

import socket
import sys


def ask(client: socket.socket, question: bytes, times: int = 3) -> bytes:
    """Return the answer, or raise TimeoutError after so many times."""
    for attempt in range(1, times + 1):
        client.send(question)
        try:
            return client.recv(1024)
        except socket.timeout:  # the name of TimeoutError in Python 3.9
            print(f"no answer to question {attempt}")
    raise TimeoutError(f"asked {times} times in vain")


def main(port: int, seconds: float) -> None:
    """Ask for some names, one after the other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        client.connect(("127.0.0.1", port))  # sends nothing: it only notes whom to talk with
        for name in ["Michael", "Tracy", "小明"]:
            print(ask(client, name.encode()).decode())


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 9999,
        float(sys.argv[2]) if len(sys.argv) > 2 else 1.0,
    )
