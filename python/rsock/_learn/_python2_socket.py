"""The socket module as Python 2 programs know it: strings go in and come out."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from rsock._learn._python2_files import File
from rsock._learn._python2_strings import Strings


def names(real: ModuleType, strings: Strings) -> dict[str, Any]:
    """Give the names that differ from those of `real`, which is `socket` or stands for it."""
    up, down = strings.up, strings.down

    class socket(real.socket):  # type: ignore[misc, name-defined]
        """A socket of Python 2."""

        def accept(self) -> Any:
            peer, address = super().accept()
            return adopt(peer), address

        def dup(self) -> Any:
            return adopt(super().dup())

        def send(self, data: Any, *flags: int) -> int:
            raw = down(data)
            sent = int(super().send(raw, *flags))
            if len(raw) == len(data):
                return sent
            if sent < len(raw) and not isinstance(data, (bytes, bytearray, memoryview)):
                # The program counts characters: the one that was cut has to go as a whole.
                while sent < len(raw) and raw[sent] & 0xC0 == 0x80:
                    sent += int(super().send(raw[sent : sent + 1], *flags))
            return len(up(raw[:sent]))

        def sendall(self, data: Any, *flags: int) -> None:
            super().sendall(down(data), *flags)

        def sendto(self, data: Any, *rest: Any) -> int:
            raw = down(data)
            sent = int(super().sendto(raw, *rest))
            return len(data) if sent == len(raw) else sent

        def recv(self, *args: Any, **named: Any) -> Any:
            return up(super().recv(*args, **named))

        def recvfrom(self, *args: Any, **named: Any) -> Any:
            data, address = super().recvfrom(*args, **named)
            return up(data), address

        def setsockopt(self, level: int, option: int, value: Any, *rest: Any) -> None:
            super().setsockopt(level, option, down(value), *rest)

        def getsockopt(self, *args: Any) -> Any:
            return up(super().getsockopt(*args))

        def makefile(self, mode: str = "r", bufsize: int = -1) -> File:
            size = {0: 0, 1: -1}.get(bufsize, bufsize)
            return File(super().makefile("rwb", size if size != 0 else 0), strings)

    def adopt(sock: Any) -> Any:
        if isinstance(sock, socket):
            return sock
        limit = sock.gettimeout()
        made = socket(sock.family, sock.type, sock.proto, sock.detach())
        made.settimeout(limit)
        return made

    def create_connection(*args: Any, **named: Any) -> Any:
        return adopt(real.create_connection(*args, **named))

    def socketpair(*args: Any, **named: Any) -> Any:
        return tuple(map(adopt, real.socketpair(*args, **named)))

    def fromfd(*args: Any, **named: Any) -> Any:
        return adopt(real.fromfd(*args, **named))

    found: dict[str, Any] = {
        "socket": socket,
        "SocketType": socket,
        "_socketobject": socket,
        "_fileobject": lambda sock, mode="rb", bufsize=-1, close=False: sock.makefile(
            mode, bufsize
        ),
        "create_connection": create_connection,
        "socketpair": socketpair,
        "fromfd": fromfd,
        "_adopt": adopt,
    }
    for word in ("inet_aton", "inet_ntoa", "inet_pton", "inet_ntop"):
        found[word] = strings.bytely(getattr(real, word))
    # The address family of the last two is a number, the address of inet_aton a text.
    found["inet_aton"] = lambda text: up(real.inet_aton(text))
    found["inet_pton"] = lambda family, text: up(real.inet_pton(family, text))
    return found
