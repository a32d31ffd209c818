"""The server of tcp_server.py by `socketserver`, which brings the loop and the threads.

Run it as `python socketserver_hello.py [PORT]`, and tcp_client.py beside it.
"""

from __future__ import annotations

import socketserver
import sys


class Talk(socketserver.BaseRequestHandler):
    """One client. Its socket is `self.request`, and is closed when `handle` ends."""

    def handle(self) -> None:
        """Answer until the client says "exit", or is gone."""
        try:
            self.request.sendall(b"Welcome!")
            while True:
                data = self.request.recv(1024)
                if not data or data == b"exit":
                    break
                self.request.sendall(b"Hello, " + data + b"!")
        except OSError:  # the client was cut off, or Ctrl+C has closed its socket
            pass


class Server(socketserver.ThreadingTCPServer):
    """A thread for each client."""

    allow_reuse_address = True  # else the port cannot be had again at once
    daemon_threads = True  # else Ctrl+C waits for all clients


def main(port: int) -> None:
    """Serve for ever; port 0 stands for one that is free."""
    with Server(("127.0.0.1", port), Talk) as server:
        print("Waiting on port", server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
    except KeyboardInterrupt:
        print("Bye.")
