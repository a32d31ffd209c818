from collections.abc import Callable
from socket import socket
from typing import Any

from rsock._server_base import _Address

class _Handlers:
    # What `_rsock.StreamServer` is to the other servers.
    address: Any
    def __init__(
        self,
        address: _Address,
        handler: Callable[[socket, Any], object],
        report: Callable[[str, Any], object],
        all_of_it: bool,
        *,
        max_connections: int,
        **listening: Any,
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self, timeout: float | None) -> bool: ...
    def leave(self, timeout: float) -> None: ...
    def wait(self) -> None: ...
    @property
    def connections(self) -> int: ...
    @property
    def running(self) -> bool: ...
    @property
    def stats(self) -> dict[str, int]: ...
    def forget_threads(self) -> None: ...
