"""Serve many clients in one thread, by select(): `python select_server.py [PORT]`.

It sends back what it gets. To keep it short, it waits when it sends to a client that does not
read, for a second at most; selectors_server.py does not.
"""

from __future__ import annotations

import select
import socket
import sys


def echo(client: socket.socket) -> bool:
    """Send back what a client has sent, and tell whether it stays."""
    try:
        data = client.recv(1024)  # select() said that there is something: this does not wait
        client.sendall(data)
    except OSError:
        return False
    return bool(data)


def serve_once(listener: socket.socket, clients: list[socket.socket]) -> None:
    """Wait until something can be received, and see to it."""
    ready, _, _ = select.select([listener, *clients], [], [])
    for sock in ready:
        if sock is listener:
            client, _ = listener.accept()
            client.settimeout(1)
            clients.append(client)
            print(len(clients), "here")
        elif not echo(sock):
            clients.remove(sock)
            sock.close()
            print(len(clients), "here")


def main(port: int) -> None:
    """Ask again and again who has sent something; port 0 stands for one that is free."""
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("Waiting on port", listener.getsockname()[1], flush=True)
        try:
            while True:
                serve_once(listener, clients)
        finally:
            for client in clients:
                client.close()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
    except KeyboardInterrupt:
        print("Bye.")
