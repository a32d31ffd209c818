"""Send each line back, turned around, until Ctrl+C: `python echo_server.py [PORT]`.

Python is called for each message, and one thread is enough for all clients.
"""

from __future__ import annotations

import sys

import rsock


def turn_around(line: bytes, client: rsock.Connection) -> bytes:
    """Answer a line; the server adds the newline, and takes care of lines that come in parts."""
    if line == b"bye":
        client.close()  # once the answer is sent
    return line[::-1]


def main(port: int) -> None:
    """Serve on this machine alone; port 0 stands for one that is free."""
    server = rsock.TcpServer(port, on_data=turn_around, framing="line")
    host, port = server.address
    print(f"Ctrl+C ends it. In another terminal: nc {host} {port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("Bye.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
