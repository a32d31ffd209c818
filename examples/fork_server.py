"""The server of tcp_server.py with a process for each client: `python fork_server.py [PORT]`.

`socketserver` has this too, as ForkingTCPServer; here is what happens within.
"""

from __future__ import annotations

import os
import signal
import socket
import sys


def talk(connection: socket.socket) -> None:
    """Answer one client until it says "exit", or is gone."""
    connection.sendall(b"Welcome!")
    while True:
        data = connection.recv(1024)
        if not data or data == b"exit":
            break
        connection.sendall(b"Hello, " + data + b"!")


def main(port: int) -> None:
    """Let clients in for ever; port 0 stands for one that is free."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that end leave nothing behind
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("Waiting on port", listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:  # both processes hold it: each has to close it
                if os.fork() == 0:
                    listener.close()
                    try:
                        talk(connection)
                    except OSError:  # the client was cut off
                        pass
                    finally:
                        os._exit(0)  # the child must not go on with the parent's work


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
    except KeyboardInterrupt:
        print("Bye.")
