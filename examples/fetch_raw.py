"""Fetch a page over a bare socket, and save it: `python fetch_raw.py [HOST [PORT [FILE]]]`.

Many sites answer with a redirect to https by now; fetch_page.py follows it. Without the internet:
`rsock run --offline fetch_raw.py`.
"""

from __future__ import annotations

import socket
import sys


def fetch(host: str, port: int) -> bytes:
    """Ask for the page at "/", and return all that comes back."""
    with socket.create_connection((host, port), timeout=10) as client:
        lines = ["GET / HTTP/1.0", f"Host: {host}", "Connection: close", "", ""]
        client.sendall("\r\n".join(lines).encode())  # an empty line ends the request
        parts: list[bytes] = []
        while True:
            part = client.recv(4096)
            if not part:  # the server has closed: that was all
                return b"".join(parts)
            parts.append(part)


def main(host: str, port: int, file: str) -> None:
    """Print the head of the reply, and save what follows it."""
    head, _, body = fetch(host, port).partition(b"\r\n\r\n")
    print(head.decode("latin-1"))
    with open(file, "wb") as page:
        page.write(body)
    print()
    print(f"{len(body)} bytes saved as {file}")


if __name__ == "__main__":
    main(
        sys.argv[1] if len(sys.argv) > 1 else "www.sina.com.cn",
        int(sys.argv[2]) if len(sys.argv) > 2 else 80,
        sys.argv[3] if len(sys.argv) > 3 else "page.html",
    )
