"""The servers of Python 2's SocketServer and BaseHTTPServer."""

from __future__ import annotations

import http.server
import io
import socketserver
from email.message import Message
from typing import Any

from rsock._learn._python2_files import File
from rsock._learn._python2_strings import Strings


def names(sockets: Any, strings: Strings) -> dict[str, Any]:
    """Give the classes of SocketServer, whose handlers get sockets of Python 2."""

    class TCPServer(socketserver.TCPServer):
        def get_request(self) -> Any:
            request, address = super().get_request()
            return sockets._adopt(request), address

    class UDPServer(socketserver.UDPServer):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.socket = sockets._adopt(self.socket)

    class Threaded(socketserver.ThreadingMixIn):
        block_on_close = False  # Python 2 did not wait for the threads

    class StreamRequestHandler(socketserver.StreamRequestHandler):
        def setup(self) -> None:
            self.connection = self.request
            if self.timeout is not None:
                self.connection.settimeout(self.timeout)
            self.rfile: Any = self.connection.makefile("rb", self.rbufsize)
            self.wfile: Any = self.connection.makefile("wb", self.wbufsize)

    class DatagramRequestHandler(socketserver.DatagramRequestHandler):
        def setup(self) -> None:
            self.packet, self.socket = self.request
            self.rfile: Any = File(io.BytesIO(strings.down(self.packet)), strings)
            self.wfile: Any = File(io.BytesIO(), strings)

        def finish(self) -> None:
            self.socket.sendto(self.wfile.getvalue(), self.client_address)

    found: dict[str, Any] = {
        "TCPServer": TCPServer,
        "UDPServer": UDPServer,
        "ThreadingMixIn": Threaded,
        "StreamRequestHandler": StreamRequestHandler,
        "DatagramRequestHandler": DatagramRequestHandler,
    }
    kinds: list[tuple[str, type]] = [("Threading", Threaded)]
    if hasattr(socketserver, "ForkingMixIn"):
        kinds.append(("Forking", socketserver.ForkingMixIn))
    for word, mixin in kinds:
        for base in (TCPServer, UDPServer):
            name = word + base.__name__
            found[name] = type(name, (mixin, base), {})
    return found


class _Headers(Message):
    def getheader(self, name: str, default: Any = None) -> Any:
        return self.get(name, default)

    @property
    def headers(self) -> list[str]:
        return [f"{name}: {value}\r\n" for name, value in self.items()]


def http_names(strings: Strings) -> dict[str, Any]:
    """Give the handlers of HTTP, which read and write strings."""

    class _Handler:
        MessageClass = _Headers
        rfile: Any
        wfile: Any

        def setup(self) -> None:
            super().setup()  # type: ignore[misc]
            self._raw = self.rfile
            self.wfile = File(self.wfile, strings)

        def handle_one_request(self) -> None:
            self.rfile = self._raw  # the head is read as bytes
            super().handle_one_request()  # type: ignore[misc]

        def parse_request(self) -> bool:
            done: bool = super().parse_request()  # type: ignore[misc]
            self.rfile = File(self._raw, strings)
            return done

    class BaseHTTPRequestHandler(_Handler, http.server.BaseHTTPRequestHandler):  # type: ignore[misc]
        pass

    class SimpleHTTPRequestHandler(_Handler, http.server.SimpleHTTPRequestHandler):  # type: ignore[misc]
        pass

    return {
        "BaseHTTPRequestHandler": BaseHTTPRequestHandler,
        "SimpleHTTPRequestHandler": SimpleHTTPRequestHandler,
    }
