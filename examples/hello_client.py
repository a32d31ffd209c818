"""Tell a hello server some names: `python hello_client.py PORT NAME...`."""

from __future__ import annotations

import sys

import rsock


def main(port: int, names: list[str]) -> None:
    """Print the greeting, and what the server answers to each name."""
    with rsock.TcpClient(("127.0.0.1", port)) as client:
        print(client.recv().decode())
        for answer in client.talk(names):
            print(answer.decode())
        client.sendall("exit")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python hello_client.py PORT NAME...")
    main(int(sys.argv[1]), sys.argv[2:])
