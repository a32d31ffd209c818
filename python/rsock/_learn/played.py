"""Run as a file by a play, in a process of its own: make it like a terminal's, then run the script.

The arguments are orders in JSON (the words of `rsock run`, the port that is wanted, which ports
were given in place of which), and the descriptor on which to report a port that was given.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What this machine is called in scripts, its own name included, as socket.gethostname() gives it.
_LOCAL = ("", "localhost", "0.0.0.0", "::", "::1", "<broadcast>", os.uname().nodename)
#: Where descriptors go that a script should not count.
_HIGH = 200


def _main() -> int:
    # This folder is no place to import from; and the one below may be known by this only. Nor is
    # that of the script, for what stands in front of it: there may be a json.py of its own.
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    safe = getattr(sys.flags, "safe_path", False)
    if not safe:
        sys.path.pop(0)
    sys.path.append(package)
    import fcntl
    import json

    orders = json.loads(sys.argv[1])
    report = int(sys.argv[2])
    try:
        high = fcntl.fcntl(report, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        os.close(report)
        report = high
    except OSError:
        os.set_inheritable(report, False)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # Lines appear as they are printed, as they do on a terminal.
        stream.reconfigure(  # type: ignore[union-attr]
            encoding="utf-8", errors=stream.errors, line_buffering=stream is not sys.stdin
        )
    import rsock

    _use_again(rsock.socket)
    given = {int(port): int(other) for port, other in orders["ports"].items()}
    if given or orders["port"] is not None:
        _map_ports(rsock.socket, given, orders["port"], report)

    from rsock._command_run import main

    if not safe:
        sys.path.insert(0, "")
    return main(orders["words"], "rsock run")


def _use_again(kind: Any) -> None:
    """Let servers have the port of one that was played a moment ago.

    The system keeps it for a minute if the server was the first to close a connection. One that
    listens still is in the way as ever.
    """
    import rsock

    binds = kind.bind

    # What the script calls wrongly is refused by the call itself, in its own words.
    def bind(self: Any, /, *arguments: Any) -> None:
        if (
            isinstance(self, kind)
            and self.type == rsock.SOCK_STREAM
            and self.family in (rsock.AF_INET, rsock.AF_INET6)
        ):
            self.setsockopt(rsock.SOL_SOCKET, rsock.SO_REUSEADDR, 1)
        binds(self, *arguments)

    kind.bind = bind


def _map_ports(kind: Any, given: dict[int, int], wanted: str | None, report: int) -> None:
    """Have sockets use other ports than a script says: those that are given, or a free one."""
    binds = kind.bind

    def tell(line: bytes) -> None:
        try:
            os.write(report, line)
        except OSError:
            pass  # a script that becomes a daemon closes all that it did not open

    def bind(self: Any, /, *arguments: Any) -> None:
        address = arguments[0] if len(arguments) == 1 else None
        port = _port(address)
        if not port or wanted is None:
            binds(self, *arguments)
            return
        # Told before and behind: a socket can be seen as soon as it is bound, and what port it
        # was given must be waited for then. Lines as short as these are never mixed.
        tell(b"\n")
        try:
            if port in given:
                binds(self, _with(address, given[port]))
            elif wanted == "auto":
                other = _bind_anywhere(self, binds, address, port)
                if other != port:
                    given[port] = other
            else:
                binds(self, _with(address, int(wanted)))
                given[port] = int(wanted)
        finally:
            tell(b"%d %d\n" % (port, given.get(port, port)))

    def elsewhere(address: Any) -> Any:
        port = _port(address)
        if port in given and (address[0] in _LOCAL or str(address[0]).startswith("127.")):
            return _with(address, given[port])
        return address

    def last_of(call: Any) -> Any:
        def mapped(self: Any, /, *arguments: Any) -> Any:
            if arguments:
                arguments = (*arguments[:-1], elsewhere(arguments[-1]))
            return call(self, *arguments)

        mapped.__name__ = call.__name__
        return mapped

    kind.bind = bind
    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        setattr(kind, name, last_of(getattr(kind, name)))


def _bind_anywhere(socket: Any, binds: Any, address: Any, port: int) -> int:
    """Bind to this address, or to a free port if it is taken, and return the port."""
    try:
        binds(socket, address)
        return port
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    binds(socket, _with(address, 0))
    other: int = socket.getsockname()[1]
    return other


def _port(address: Any) -> int | None:
    if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[1], int):
        return address[1]
    return None


def _with(address: Any, port: int) -> Any:
    return (address[0], port, *address[2:])


if __name__ == "__main__":
    sys.exit(_main())
