"""The servers of rsock, as their users would write them.

    ours.py NAME hello|echo|udp

Listens on a free port of 127.0.0.1, prints its number, and serves until it is killed. The exit
status is 3, with the reason as the last line of stderr, when this build has no such server.
"""

from __future__ import annotations

import importlib
import sys
import threading
from typing import Any, Callable

from peers import GREETING, MISSING, announce, echo_link, tcplink

ANY = ("127.0.0.1", 0)


def module() -> Any:
    """Import what is under test."""
    return importlib.import_module("rsock")


def hello(data: bytes, _conn: Any) -> bytes | None:
    """Answer a piece of the Hello protocol."""
    return b"Hello, %b!" % data


def echo(data: bytes, _conn: Any) -> bytes:
    """Answer with the same."""
    return data


def greet(_conn: Any) -> bytes:
    """Begin the Hello protocol."""
    return GREETING


def answer(data: bytes, _addr: Any) -> bytes:
    """Answer a datagram."""
    return b"Hello, %b!" % data


def lines(_protocol: str) -> Any:
    """Answer lines."""
    return module().HelloServer(ANY, framing="line")


def native(protocol: str, concurrency: str) -> Any:
    """Make the native server of a protocol."""
    make = module().HelloServer if protocol == "hello" else module().EchoServer
    return make(ANY, concurrency=concurrency)


def events(protocol: str) -> Any:
    """A few threads share all connections."""
    return native(protocol, "events")


def threads(protocol: str) -> Any:
    """Each connection has a thread of its own."""
    return native(protocol, "threads")


def on_data(protocol: str) -> Any:
    """A Python function answers, called by the event loop."""
    if protocol == "hello":
        return module().TcpServer(ANY, on_data=hello, on_connect=greet)
    return module().TcpServer(ANY, on_data=echo)


def handler(protocol: str) -> Any:
    """The tutorials' function answers, in a thread for each connection."""
    return module().TcpServer(ANY, tcplink if protocol == "hello" else echo_link)


def reply(_protocol: str) -> Any:
    """Datagrams, answered natively."""
    return module().UdpServer(ANY)


def udp_handler(_protocol: str) -> Any:
    """Datagrams, answered by a Python function."""
    return module().UdpServer(ANY, handler=answer)


SERVERS: dict[str, Callable[[str], Any]] = {
    "events": events,
    "handler": handler,
    "lines": lines,
    "on_data": on_data,
    "reply": reply,
    "threads": threads,
    "udp_handler": udp_handler,
}


def main() -> int:
    """Serve until killed."""
    try:
        server = SERVERS[sys.argv[1]](sys.argv[2])
    except (AttributeError, ImportError) as error:
        print(error, file=sys.stderr)
        return MISSING
    server.start()
    announce(server.address[1])
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
