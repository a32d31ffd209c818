from collections.abc import Callable
from socket import socket
from typing import Any, Literal, TypedDict, overload

from _typeshed import ReadableBuffer
from typing_extensions import TypeAlias

from rsock._datagrams import UdpServer as UdpServer
from rsock._rsock import Connection
from rsock._server_base import _Address, _Log, _Server, _Text

_Framing: TypeAlias = Literal["recv", "line", "length"]
_Concurrency: TypeAlias = Literal["events", "threads"]

class _Stats(TypedDict):
    accepted: int
    active: int
    closed: int
    messages: int
    bytes_in: int
    bytes_out: int
    refused: int
    errors: int

class _StreamServer(_Server):
    # What it takes is for the classes below.
    def __init__(self, address: Any, service: Any, *, log: Any = None, **settings: Any) -> None: ...
    @property
    def stats(self) -> _Stats: ...

class HelloServer(_StreamServer):
    def __init__(
        self,
        address: _Address,
        *,
        greeting: _Text | None = "Welcome!",
        reply: _Text = "Hello, {data}!",
        exit: _Text | None = "exit",
        delay: float = 0.0,
        log: _Log = None,
        framing: _Framing = "recv",
        concurrency: _Concurrency = "events",
        event_threads: int = 1,
        max_connections: int = 16384,
        idle_timeout: float | None = 600.0,
        max_message: int = ...,
        max_pending: int = ...,
        backlog: int = 128,
        reuse_port: bool = False,
        dualstack: bool = False,
    ) -> None: ...

class EchoServer(_StreamServer):
    def __init__(
        self,
        address: _Address,
        *,
        log: _Log = None,
        framing: _Framing = "recv",
        concurrency: _Concurrency = "events",
        event_threads: int = 1,
        max_connections: int = 16384,
        idle_timeout: float | None = 600.0,
        max_message: int = ...,
        max_pending: int = ...,
        backlog: int = 128,
        reuse_port: bool = False,
        dualstack: bool = False,
    ) -> None: ...

class TcpServer(_StreamServer):
    # A handler has the socket to itself, so that the limits on what is received are its own.
    @overload
    def __init__(
        self,
        address: _Address,
        handler: Callable[[socket, Any], object],
        *,
        on_data: None = None,
        on_connect: None = None,
        on_close: None = None,
        log: _Log = None,
        max_connections: int = 16384,
        backlog: int = 128,
        reuse_port: bool = False,
        dualstack: bool = False,
    ) -> None: ...
    @overload
    def __init__(
        self,
        address: _Address,
        handler: None = None,
        *,
        on_data: Callable[[bytes, Connection], ReadableBuffer | None],
        on_connect: Callable[[Connection], ReadableBuffer | None] | None = None,
        on_close: Callable[[Connection], object] | None = None,
        log: _Log = None,
        framing: _Framing = "recv",
        event_threads: int = 1,
        max_connections: int = 16384,
        idle_timeout: float | None = 600.0,
        max_message: int = ...,
        max_pending: int = ...,
        backlog: int = 128,
        reuse_port: bool = False,
        dualstack: bool = False,
    ) -> None: ...
