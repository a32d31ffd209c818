"""Servers: classes that listen, and answer in the background until they are stopped.

What they say and how they are run is native; no Python runs while a `HelloServer` or an
`EchoServer` serves. This file is the face of those that have connections: their arguments and
documentation, and what they tell of their clients. Beside it stand

- `_server_base`, what all servers have;
- `_handlers`, the engine of a `TcpServer` with a handler, which is Python;
- `_datagrams`, the `UdpServer`.
"""

import functools
import sys
import threading
import warnings

from rsock import _rsock
from rsock._datagrams import UdpServer  # noqa: F401
from rsock._handlers import _Handlers
from rsock._server_base import _bytes, _line_to, _pair, _place, _Server


def _reporter(log, started):
    """Make the function that hears what happens to a server, and the wish to hear it all."""
    write = _line_to(log)

    def line(text):
        try:
            write(text)
        except BaseException:
            # The log is no part of the service, which goes on without it.
            _tell_failure()

    def report(what, peer):
        if what == "accepted":
            line(f"Accept new connection from {_pair(peer)}...")
        elif what == "closed":
            line(f"Connection from {_pair(peer)} closed.")
        elif what == "request":
            peer, request = peer
            line(f"{_pair(peer)} {request}")
        elif what == "exhausted":
            try:
                _warn_exhausted()
            except Warning:  # as an error, which must not end who accepts
                _tell_failure()

    if write is not None:
        started.append(lambda: line("Waiting for connection..."))
    return report, write is not None


def _tell_failure():
    """Tell of the exception at hand as `threading` does of one that ends a thread."""
    parts = (*sys.exc_info(), threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(parts))


def _warn_exhausted():
    warnings.warn(
        "no more connections can be accepted: too many files are open in this process or on this "
        "machine (see ulimit -n); waiting until one is closed",
        RuntimeWarning,
        stacklevel=2,
    )


class _StreamServer(_Server):
    """A server whose connections are run natively."""

    def __init__(self, address, service, *, log=None, **settings):
        self._announce = []
        report, all_of_it = _reporter(log, self._announce)
        self._server = _rsock.StreamServer(_place(address), service, report, all_of_it, **settings)

    def start(self):
        # Before the first client is announced.
        while self._announce:
            self._announce.pop()()
        return super().start()

    def stop(self, timeout=5.0):
        self._announce.clear()
        return super().stop(timeout)

    stop.__doc__ = _Server.stop.__doc__
    start.__doc__ = _Server.start.__doc__


class HelloServer(_StreamServer):
    """The tutorial's TCP server: it greets, answers each message, and closes on the exit word.

        with rsock.HelloServer(("127.0.0.1", 9999)) as server:
            with rsock.TcpClient(server.address) as client:
                print(client.recv())            # b'Welcome!'
                print(client.ask(b"Michael"))   # b'Hello, Michael!'

    `address` is `(host, port)`, a port on this machine alone, the path of a Unix socket, a socket
    that is bound already, or "systemd" for the first one that a service manager handed over.
    Port 0 picks one that is free: see `address`.

    `greeting`, `reply` and `exit` are text (sent as UTF-8) or bytes, the first and the last also
    None for none. In `reply`, `{data}` stands for the message as it came and `{time}` for the
    time as `time.ctime()` has it; a brace is written twice.
    `delay` is how many seconds to wait before each answer; it holds up no other connection.
    `log=True` prints a line for each client that comes and goes; a callable or a logger gets it.

    `framing` says what a message is. "recv" is the tutorial's way, a piece as it arrived, which
    breaks when two messages arrive together. "line" ends a message with a newline, "length" puts
    its length in front, in four bytes, the most significant first.

    `concurrency="events"` lets a few threads (`event_threads`) share all connections, "threads"
    gives each its own. Limits: `max_connections` (a further client is turned away),
    `idle_timeout` in seconds (None for ever), `max_message` bytes, and `max_pending` bytes that
    may wait for a client that does not read.
    """

    def __init__(
        self,
        address,
        *,
        greeting="Welcome!",
        reply="Hello, {data}!",
        exit="exit",
        delay=0.0,
        log=None,
        framing="recv",
        concurrency="events",
        event_threads=1,
        max_connections=16384,
        idle_timeout=600.0,
        max_message=1 << 20,
        max_pending=1 << 20,
        backlog=128,
        reuse_port=False,
        dualstack=False,
    ):
        if reply is None:
            raise TypeError(
                "reply must be str or bytes: to send nothing back, use UdpServer "
                "or a TcpServer of your own"
            )
        words = (
            _bytes(greeting, "greeting", or_none=True),
            _bytes(reply, "reply"),
            _bytes(exit, "exit", or_none=True),
        )
        super().__init__(
            address,
            ("hello", *words, float(delay), framing, max_message),
            log=log,
            concurrency=concurrency,
            event_threads=event_threads,
            max_connections=max_connections,
            idle_timeout=idle_timeout,
            max_pending=max_pending,
            backlog=backlog,
            reuse_port=reuse_port,
            dualstack=dualstack,
        )


class EchoServer(_StreamServer):
    """A server that sends back what it gets.

        with rsock.EchoServer(("127.0.0.1", 0)) as server:
            with rsock.TcpClient(server.address) as client:
                print(client.ask(b"hello"))     # b'hello'

    For the arguments see `HelloServer`. With `framing="recv"` bytes go back as they come, and
    `max_message` has nothing to say.
    """

    def __init__(
        self,
        address,
        *,
        log=None,
        framing="recv",
        concurrency="events",
        event_threads=1,
        max_connections=16384,
        idle_timeout=600.0,
        max_message=1 << 20,
        max_pending=1 << 20,
        backlog=128,
        reuse_port=False,
        dualstack=False,
    ):
        super().__init__(
            address,
            ("echo", framing, max_message),
            log=log,
            concurrency=concurrency,
            event_threads=event_threads,
            max_connections=max_connections,
            idle_timeout=idle_timeout,
            max_pending=max_pending,
            backlog=backlog,
            reuse_port=reuse_port,
            dualstack=dualstack,
        )


# Limits that nobody could keep for a handler, since it has the socket to itself, and settings that
# say nothing to it. Each with what a handler has instead.
_OF_ON_DATA = {
    "framing": "a handler finds by itself where its messages end",
    "event_threads": "a handler has a thread for each client",
    "idle_timeout": "a handler says by sock.settimeout() how long it waits for its client",
    "max_message": "a handler says how much it receives at once, as in sock.recv(1024)",
    "max_pending": "a handler that sends waits for its client, as long as sock.settimeout() allows",
}


def _refusing_beside_a_handler(init):
    """Refuse what goes with `on_data` only, which to ignore would be to promise what is not kept.

    To give the default is to ask for it, too, and is told from leaving it out here alone.
    """

    @functools.wraps(init)
    def checked(self, address, handler=None, **given):
        if handler is not None and given.get("on_data") is None:
            for name, instead in _OF_ON_DATA.items():
                if name in given:
                    raise TypeError(f"{name} goes with on_data; {instead}")
        init(self, address, handler, **given)

    return checked


class TcpServer(_StreamServer):
    """A TCP server that calls Python: a handler in a thread for each client, or for each message.

    `TcpServer(address, handler)` calls `handler(sock, addr)` in a thread of its own for each
    client, with an `rsock.socket`; when it returns, the socket is closed. The socket is its own:
    of the limits `max_connections` and `backlog` apply, and how long to wait for the client is for
    the handler to say, by `sock.settimeout()`. `framing`, `event_threads`, `idle_timeout`,
    `max_message` and `max_pending` go with `on_data`, and raise TypeError beside a handler.

    `TcpServer(address, on_data=f)` has no threads for clients: `f(data, conn)` is called for each
    message and returns the bytes to send back, or None. `on_connect(conn)` may return a greeting;
    `on_close(conn)` is told that a client is gone. `framing` is for what they get, and for what
    they return and send. All connections wait while one of these functions runs, so let them be
    quick. One is called after the other; with `event_threads` above 1, that holds for each
    connection by itself.

    `conn` has `address`, `send(data)` and `close()`, and takes attributes of your own. They may be
    called from any thread and never wait. `send` sends a message, and returns False if the client
    is gone or `max_pending` bytes wait for it already.

    What one of the functions raises goes to `threading.excepthook`, its connection is closed, and
    the other clients are served on. For the other arguments see `HelloServer`.
    """

    @_refusing_beside_a_handler
    def __init__(
        self,
        address,
        handler=None,
        *,
        on_data=None,
        on_connect=None,
        on_close=None,
        log=None,
        framing="recv",
        event_threads=1,
        max_connections=16384,
        idle_timeout=600.0,
        max_message=1 << 20,
        max_pending=1 << 20,
        backlog=128,
        reuse_port=False,
        dualstack=False,
    ):
        if (handler is None) == (on_data is None):
            raise TypeError("TcpServer needs either a handler or on_data, and not both")
        for name, function in (
            ("handler", handler),
            ("on_data", on_data),
            ("on_connect", on_connect),
            ("on_close", on_close),
        ):
            if function is not None and not callable(function):
                raise TypeError(f"{name} must be callable, not {type(function).__name__}")
        if handler is not None:
            if on_connect is not None or on_close is not None:
                raise TypeError("on_connect and on_close go with on_data; a handler does both")
            self._announce = []
            report, all_of_it = _reporter(log, self._announce)
            self._server = _Handlers(
                address,
                handler,
                report,
                all_of_it,
                max_connections=max_connections,
                backlog=backlog,
                reuse_port=reuse_port,
                dualstack=dualstack,
            )
            return
        super().__init__(
            address,
            ("calls", on_data, on_connect, on_close, framing, max_message),
            log=log,
            concurrency="events",
            event_threads=event_threads,
            max_connections=max_connections,
            idle_timeout=idle_timeout,
            max_pending=max_pending,
            backlog=backlog,
            reuse_port=reuse_port,
            dualstack=dualstack,
        )
