from collections.abc import Callable
from typing import Any, TypedDict

from _typeshed import ReadableBuffer

from rsock._server_base import _Address, _Log, _Server, _Text

class _DatagramStats(TypedDict):
    messages: int
    answers: int
    bytes_in: int
    bytes_out: int
    refused: int
    oversize: int
    dropped: int
    errors: int

class UdpServer(_Server):
    def __init__(
        self,
        address: _Address,
        *,
        reply: _Text | None = "Hello, {data}!",
        handler: Callable[[bytes, Any], ReadableBuffer | None] | None = None,
        log: _Log = None,
        max_message: int = 65535,
        reuse_port: bool = False,
        dualstack: bool = False,
    ) -> None: ...
    @property
    def stats(self) -> _DatagramStats: ...
