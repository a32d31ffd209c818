"""Serve many clients in one thread, and never wait for one: `python selectors_server.py [PORT]`.

`selectors` takes the best that the system has, epoll on Linux. It sends back what it gets.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys

LIMIT = 65536  # so many bytes may wait for a client that does not read


class Echo:
    """The clients, and what waits to be sent to each."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)

    def serve_once(self) -> None:
        """Wait until something can be done, and do it."""
        for key, events in self.selector.select():
            if key.fileobj is self.listener:
                self.let_in()
                continue
            assert isinstance(key.fileobj, socket.socket)
            try:
                self.serve(key.fileobj, key.data, events)
            except OSError:  # this client is gone; the others are not
                self.let_go(key.fileobj)

    def let_in(self) -> None:
        """Accept a client, with nothing to be sent to it yet."""
        client, _ = self.listener.accept()
        client.setblocking(False)
        self.selector.register(client, selectors.EVENT_READ, bytearray())

    def serve(self, client: socket.socket, waiting: bytearray, events: int) -> None:
        """Receive if there is something, send as much as the client takes."""
        if events & selectors.EVENT_READ:
            data = client.recv(4096)
            if not data:
                self.let_go(client)
                return
            waiting += data
        if events & selectors.EVENT_WRITE:
            del waiting[: client.send(waiting)]
        # Ask for what makes sense next: to send if something waits, to receive if there is room.
        wanted = selectors.EVENT_WRITE if waiting else 0
        if len(waiting) < LIMIT:
            wanted |= selectors.EVENT_READ
        self.selector.modify(client, wanted, waiting)

    def let_go(self, client: socket.socket) -> None:
        """Forget a client."""
        with client:  # which closes it, also if Ctrl+C comes now
            self.selector.unregister(client)

    def close(self) -> None:
        """Let everybody go."""
        for key in list(self.selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            self.let_go(key.fileobj)
        self.selector.close()


def main(port: int) -> None:
    """Serve for ever; port 0 stands for one that is free."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("Waiting on port", listener.getsockname()[1], flush=True)
        with contextlib.closing(Echo(listener)) as echo:
            while True:
                echo.serve_once()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
    except KeyboardInterrupt:
        print("Bye.")
