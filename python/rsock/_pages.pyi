from collections.abc import Iterable, Mapping
from os import PathLike
from typing import SupportsInt

from _typeshed import StrOrBytesPath
from typing_extensions import TypeAlias

from rsock._server_base import _Address, _Log, _Text
from rsock._servers import _Concurrency, _StreamServer

_Headers: TypeAlias = Mapping[str, _Text] | Iterable[tuple[str, _Text]]
_Body: TypeAlias = _Text | PathLike[str] | PathLike[bytes]
_Page: TypeAlias = _Body | tuple[SupportsInt, _Headers, _Body]
_Pages: TypeAlias = Mapping[str, _Page] | Mapping[bytes, _Page]

class PageServer(_StreamServer):
    def __init__(
        self,
        address: _Address,
        pages: _Pages | None = None,
        *,
        directory: StrOrBytesPath | None = None,
        hosts: Mapping[str, _Pages] | None = None,
        redirects: Mapping[str, str] | Mapping[bytes, str] | None = None,
        chunked: bool = False,
        gzip: bool = True,
        log: _Log = None,
        concurrency: _Concurrency = "events",
        event_threads: int = 1,
        max_connections: int = 16384,
        idle_timeout: float | None = 60.0,
        max_request_head: int = 65536,
        max_body: int = 1048576,
        max_pending: int = 1048576,
        backlog: int = 128,
        reuse_port: bool = False,
        dualstack: bool = False,
    ) -> None: ...
    @property
    def url(self) -> str | None: ...
