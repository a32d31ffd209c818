from collections.abc import Callable
from socket import socket
from typing import Any, Literal, Protocol, TypedDict, overload

from _typeshed import HasFileno, ReadableBuffer, StrOrBytesPath, Unused
from typing_extensions import Self, TypeAlias

from rsock._rsock import Connection

# "systemd" is a string like any other to a type checker.
_Address: TypeAlias = int | tuple[str, int] | tuple[str, int, int, int] | StrOrBytesPath | HasFileno
_Framing: TypeAlias = Literal["recv", "line", "length"]
_Concurrency: TypeAlias = Literal["events", "threads"]

class _HasInfo(Protocol):
    def info(self, msg: str, /) -> object: ...

_Log: TypeAlias = bool | Callable[[str], object] | _HasInfo | None

class _Stats(TypedDict):
    accepted: int
    active: int
    closed: int
    messages: int
    bytes_in: int
    bytes_out: int
    refused: int
    errors: int

class _DatagramStats(TypedDict):
    messages: int
    answers: int
    bytes_in: int
    bytes_out: int
    refused: int
    oversize: int
    dropped: int
    errors: int

class _Server:
    def start(self) -> Self: ...
    def stop(self, timeout: float | None = 5.0) -> bool: ...
    def close(self) -> None: ...
    def serve_forever(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: Unused) -> None: ...
    # Like the address of a socket, it is whatever the family makes of it.
    @property
    def address(self) -> Any: ...
    @property
    def server_address(self) -> Any: ...
    @property
    def connections(self) -> int: ...
    @property
    def running(self) -> bool: ...
    @property
    def stats(self) -> Any: ...

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
        greeting: str | bytes | None = "Welcome!",
        reply: str | bytes = "Hello, {data}!",
        exit: str | bytes | None = "exit",
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

class UdpServer(_Server):
    def __init__(
        self,
        address: _Address,
        *,
        reply: str | bytes | None = "Hello, {data}!",
        handler: Callable[[bytes, Any], ReadableBuffer | None] | None = None,
        log: _Log = None,
        max_message: int = 65535,
        reuse_port: bool = False,
        dualstack: bool = False,
    ) -> None: ...
    @property
    def stats(self) -> _DatagramStats: ...
