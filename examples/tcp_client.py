"""Tell tcp_server.py some names, and print what it answers: `python tcp_client.py [PORT]`."""

from __future__ import annotations

import socket
import sys


def main(port: int) -> None:
    """Send one name after the other, and wait for the answer to each."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        print(client.recv(1024).decode())
        for name in ["Michael", "Tracy", "小明"]:
            client.sendall(name.encode())  # a socket carries bytes, and no text
            print(client.recv(1024).decode())
        client.sendall(b"exit")
        client.recv(1024)  # returns b"" when the server has closed the connection


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
