"""Servers that rsock's are held against, each as its own users would write it.

    peers.py NAME hello|echo

Listens on a free port of 127.0.0.1, prints its number, and serves until it is killed. The exit
status is 3, with the reason as the last line of stderr, when what a server needs is not installed.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import sys
import threading
from typing import Any, Callable

GREETING = b"Welcome!"
MISSING = 3  # the exit status


def announce(port: int) -> None:
    """Tell the driver the port, and send what is printed from here on nowhere."""
    print(port, flush=True)
    sys.stdout = open(os.devnull, "w")


def tcplink(sock: Any, addr: Any) -> None:
    """Serve a connection as the tutorials do."""
    print("Accept new connection from {}:{}...".format(*addr))
    sock.send(GREETING)
    while True:
        data = sock.recv(1024)
        if not data or data.decode("utf-8") == "exit":
            break
        sock.send(f"Hello, {data.decode('utf-8')}!".encode())
    sock.close()
    print("Connection from {}:{} closed.".format(*addr))


def echo_link(sock: Any, _addr: Any) -> None:
    """Send back what arrives."""
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.close()


def threads(protocol: str) -> None:
    """Serve each connection in a thread of its own, as the tutorials do."""
    link = tcplink if protocol == "hello" else echo_link
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    announce(listener.getsockname()[1])
    while True:
        sock, addr = listener.accept()
        threading.Thread(target=link, args=(sock, addr)).start()


class Hello(asyncio.Protocol):
    """The Hello protocol on an event loop."""

    def connection_made(self, transport: Any) -> None:
        """Greet."""
        self.transport = transport
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        """Answer."""
        if data == b"exit":
            self.transport.close()
        else:
            self.transport.write(b"Hello, %b!" % data)


class Echo(Hello):
    """Send back what arrives."""

    def connection_made(self, transport: Any) -> None:
        """Remember where to write."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self.transport.write(data)


class HelloDatagrams(asyncio.DatagramProtocol):
    """The Hello protocol on datagrams."""

    def connection_made(self, transport: Any) -> None:
        """Remember where to write."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer."""
        self.transport.sendto(b"Hello, %b!" % data, addr)


async def protocol_server(protocol: str) -> None:
    """Serve on the running loop, for ever."""
    loop = asyncio.get_running_loop()
    if protocol == "udp":
        transport, _ = await loop.create_datagram_endpoint(HelloDatagrams, ("127.0.0.1", 0))
        announce(transport.get_extra_info("sockname")[1])
    else:
        server = await loop.create_server(
            Hello if protocol == "hello" else Echo, "127.0.0.1", 0, backlog=1024
        )
        announce(server.sockets[0].getsockname()[1])
    await loop.create_future()


def on_asyncio(protocol: str) -> None:
    """Serve on the event loop of the standard library."""
    asyncio.run(protocol_server(protocol))


def on_uvloop(protocol: str) -> None:
    """Serve on uvloop."""
    loop = importlib.import_module("uvloop").new_event_loop()
    loop.run_until_complete(protocol_server(protocol))


def on_gevent(protocol: str) -> None:
    """Serve on gevent."""
    if protocol == "udp":
        base: Any = importlib.import_module("gevent.server").DatagramServer

        class Datagrams(base):  # type: ignore[misc]
            def handle(self, data: bytes, address: Any) -> None:
                self.socket.sendto(b"Hello, %b!" % data, address)

        server = Datagrams(("127.0.0.1", 0))
    else:
        link = tcplink if protocol == "hello" else echo_link
        base = importlib.import_module("gevent.server").StreamServer
        server = base(("127.0.0.1", 0), link, backlog=1024)
    server.start()
    announce(server.server_port)
    server.serve_forever()


def datagrams(_protocol: str) -> None:
    """Answer datagrams as the tutorials do."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    announce(sock.getsockname()[1])
    while True:
        data, addr = sock.recvfrom(1024)
        print("Received from {}:{}.".format(*addr))
        sock.sendto(b"Hello, %b!" % data, addr)


PEERS: dict[str, Callable[[str], None]] = {
    "asyncio": on_asyncio,
    "datagrams": datagrams,
    "gevent": on_gevent,
    "threads": threads,
    "uvloop": on_uvloop,
}

if __name__ == "__main__":
    try:
        PEERS[sys.argv[1]](sys.argv[2])
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    except KeyboardInterrupt:
        pass
