"""Let a server and a client say hello to each other, both on rsock.

Only the first import differs from what one would write for the standard module.
"""

from __future__ import annotations

import threading

import rsock as socket


def serve(listener: socket.socket) -> None:
    """Greet one client by the name that it sends."""
    connection, address = listener.accept()
    with connection:
        name = connection.recv(1024).decode()
        print(f"server: {address[0]}:{address[1]} says it is {name!r}")
        connection.sendall(f"Hello, {name}!".encode())


def ask(address: tuple[str, int], name: str) -> str:
    """Send a name and return the greeting that comes back."""
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(name.encode())
        return client.recv(1024).decode()


def main() -> None:
    """Run the server in a thread and the client beside it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        print(f"server: waiting on {address[0]}:{address[1]}, with {socket.__name__}")
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        print(f"client: the server answers {ask(address, 'world')!r}")
        server.join()


if __name__ == "__main__":
    main()
