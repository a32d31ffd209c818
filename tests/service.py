"""Help that the tests of the servers share."""

import contextlib

import rsock
import support


def client_of(server):
    """Connect to a server of ours by a client of ours."""
    return rsock.TcpClient(server.address, timeout=support.PATIENCE)


def hello(sock, addr):
    """Serve one client as a HelloServer does; a handler."""
    # What a reset does to the handler is its own business.
    with contextlib.suppress(ConnectionError):
        sock.sendall(b"Welcome!")
        for data in iter(lambda: sock.recv(1024), b""):
            if data == b"exit":
                break
            sock.sendall(b"Hello, %b!" % data)


#: The same server in each of the ways in which it can be run; limits may be added.
HELLO = {
    "events": lambda **limits: rsock.HelloServer(0, **limits),
    "threads": lambda **limits: rsock.HelloServer(0, concurrency="threads", **limits),
    "handler": lambda **limits: rsock.TcpServer(0, hello, **limits),
    "on_data": lambda **limits: rsock.TcpServer(
        0,
        on_connect=lambda conn: b"Welcome!",
        on_data=lambda data, conn: conn.close() if data == b"exit" else b"Hello, %b!" % data,
        **limits,
    ),
}
