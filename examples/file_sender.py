"""Send a file to file_receiver.py: `python file_sender.py FILE [PORT]`."""

from __future__ import annotations

import hashlib
import socket
import sys
from pathlib import Path


def digest_of(path: Path) -> str:
    """Read a file in blocks, so that a large one needs no memory."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(65536), b""):
            digest.update(block)
    return digest.hexdigest()


def main(path: Path, port: int) -> None:
    """Say what comes, send it, and print the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        head = f"{path.stat().st_size} {digest_of(path)} {path.name}\n"
        client.sendall(head.encode())
        with open(path, "rb") as file:
            client.sendfile(file)  # the kernel copies it, and Python never sees the bytes
        print(client.recv(1024).decode())


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python file_sender.py FILE [PORT]")
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 9999)
