"""What all servers have: start, stop, what can be asked of them, and an end with the program.

The arguments that are common to them are read here as well: text, the place where to listen, the
log.
"""

import atexit
import os
import sys
import weakref

from rsock import _rsock

# Servers that run, so that the end of the program brings them to rest: what they started must not
# go on while the interpreter is being taken apart. Their connections stay open as long as there is
# a process, as those of any program do. A client in a thread of the same program would take their
# closing for news, and complain of it to whoever watches the program end.
_running = weakref.WeakSet()


@atexit.register
def _leave_all():
    for server in list(_running):
        server._server.leave(1.0)


os.register_at_fork(after_in_child=_running.clear)

# Before 3.12 a child hangs if a thread that is not Python's was being made known to it meanwhile.
if sys.version_info < (3, 12):
    os.register_at_fork(
        before=_rsock.before_fork,
        after_in_parent=_rsock.after_fork,
        after_in_child=_rsock.after_fork,
    )


def _bytes(value, name, *, or_none=False):
    """Take text as UTF-8, and bytes as they are."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if value is None and or_none:
        return None
    kinds = "str, bytes or None" if or_none else "str or bytes"
    raise TypeError(f"{name} must be {kinds}, not {type(value).__name__}")


def _zone(address):
    """Return the number of the interface that a link-local address is of; 0 for all others."""
    return address[3] if len(address) == 4 else 0


def _place(address):
    """Say where to listen, in the form that the native half reads: a kind and its details."""
    if isinstance(address, int) and not isinstance(address, bool):
        return ("ip", "127.0.0.1", address)
    if isinstance(address, tuple) and len(address) >= 2:
        host, zone = address[0], _zone(address)
        if zone and isinstance(host, str) and ":" in host and "%" not in host:
            host = f"{host}%{zone}"
        return ("ip", host, address[1])
    if address == "systemd":
        return ("systemd",)
    if isinstance(address, (str, bytes, os.PathLike)):
        path = os.fsencode(address)
        return ("abstract", path[1:]) if path[:1] == b"\0" else ("path", path)
    fileno = getattr(address, "fileno", None)
    if fileno is not None:
        return ("fd", fileno())
    raise TypeError(
        "address must be (host, port), a port, a path, a bound socket or 'systemd', "
        f"not {type(address).__name__}"
    )


def _line_to(log):
    """Find the function that takes a line of the log: print, a logger's info, or the caller's."""
    if log is None or log is False:
        return None
    if log is True:
        return print
    if callable(log):
        return log
    info = getattr(log, "info", None)
    if callable(info):
        return info
    raise TypeError("log must be True, a callable or a logger, not " + type(log).__name__)


def _shown(address):
    """Write an address as people do."""
    if isinstance(address, tuple):
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        return f"{host}:{address[1]}"
    return os.fsdecode(address) or "unix"


def _pair(peer):
    """Write a client's address as the tutorial does."""
    return "{}:{}".format(*peer[:2]) if isinstance(peer, tuple) else _shown(peer)


class _Server:
    """What all servers have: start, stop, and what can be asked of them."""

    def start(self):
        """Begin to serve in the background, and return the server itself.

        Starting twice is harmless; a server that was stopped cannot start again.
        """
        self._server.start()
        _running.add(self)
        return self

    def stop(self, timeout=5.0):
        """Close all connections and end what was started; return whether it ended in time.

        It waits for `timeout` seconds at most, None for as long as it takes. Whatever waits for a
        client is woken; a function of yours that is busy with something else is waited for. It may
        be called twice, from any thread, and before the start. A function that the server
        runs may call it, too, and is not waited for.
        """
        _running.discard(self)
        return self._server.stop(timeout)

    def close(self):
        """Stop, as `stop()` does; for `contextlib.closing` and its kin."""
        self.stop()

    def serve_forever(self):
        """Serve until `stop()` is called or Ctrl+C is pressed, which stops the server.

        Ctrl+C then raises KeyboardInterrupt, as it does elsewhere. This call blocks; inside an
        asyncio loop use `start()`, or `await asyncio.to_thread(server.serve_forever)`.
        """
        try:
            self.start()  # in which Ctrl+C may come as well
            self._server.wait()
        finally:
            self.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc_info):
        self.stop()

    def __del__(self, _is_finalizing=sys.is_finalizing):
        # All that the server refers to is still whole here, which it need not be later on: while
        # the interpreter ends even this file's names are gone, and the server was stopped before.
        server = getattr(self, "_server", None)
        if server is not None and not _is_finalizing():
            server.stop(1.0)

    @property
    def address(self):
        """Where the server listens, as `getsockname()` tells it; clients take it as it is."""
        return self._server.address

    server_address = address  # as socketserver calls it

    @property
    def connections(self):
        """How many connections there are."""
        return self._server.connections

    @property
    def running(self):
        """Whether the server serves."""
        return self._server.running

    @property
    def stats(self):
        """What the server has done so far: a dict of counters.

        `accepted`, `active` and `closed` count connections, `refused` clients that were one too
        many, and `errors` connections that ended by a failure. `messages`, `bytes_in` and
        `bytes_out` count what went through; a TcpServer with a handler leaves them at 0, since
        its functions have the sockets to themselves. A UdpServer has other counters.
        """
        return self._server.stats

    def __repr__(self):
        state = "running" if self.running else "not running"
        parts = [f"<rsock.{type(self).__name__} {_shown(self.address)} {state}"]
        if self.running:
            count, things = self._busy_with()
            parts.append(f"{count} {things}" if count == 1 else f"{count} {things}s")
        return ", ".join(parts) + ">"

    def _busy_with(self):
        return self.connections, "connection"
