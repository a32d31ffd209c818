"""Let everybody who connects talk to each other, until Ctrl+C: `python chat_server.py [PORT]`.

The first line that a client sends is its name, and each further one goes to all the others.
"""

from __future__ import annotations

import sys

import rsock


class Room:
    """Who is there. It needs no lock: one event thread makes all calls, one after the other."""

    def __init__(self) -> None:
        self.names: dict[rsock.Connection, str] = {}

    def welcome(self, client: rsock.Connection) -> bytes:
        """Ask a new client for its name."""
        return b"What is your name?"

    def heard(self, line: bytes, client: rsock.Connection) -> bytes | None:
        """Take the name, or hand on what was said."""
        text = line.decode(errors="replace")
        name = self.names.get(client)
        if name is not None:
            self.tell_others(client, f"{name}: {text}")
            return None
        self.names[client] = text
        self.tell_others(client, f"* {text} has come")
        return f"* {len(self.names)} in the room".encode()

    def left(self, client: rsock.Connection) -> None:
        """Tell those who are still there."""
        name = self.names.pop(client, None)
        if name is not None:
            self.tell_others(client, f"* {name} has left")

    def tell_others(self, speaker: rsock.Connection, text: str) -> None:
        """Send a line to all but one."""
        line = text.encode()  # the server adds the newline
        for client in self.names:
            if client is not speaker and not client.send(line):
                client.close()  # it has not read for so long that too much waits for it


def main(port: int) -> None:
    """Serve on this machine alone; port 0 stands for one that is free."""
    room = Room()
    server = rsock.TcpServer(
        port, on_connect=room.welcome, on_data=room.heard, on_close=room.left, framing="line"
    )
    host, port = server.address
    print(f"Ctrl+C ends it. In other terminals: nc {host} {port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("Bye.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
