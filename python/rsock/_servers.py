"""Servers: classes that listen, and answer in the background until they are stopped.

What they say and how they are run is native; no Python runs while a `HelloServer` or an
`EchoServer` serves. This file is their face: arguments, documentation, start and stop.
"""

import atexit
import os
import sys
import threading
import warnings
import weakref
from errno import EMFILE, ENFILE, ENOBUFS, ENOMEM
from time import monotonic as _now

from rsock import _rsock
from rsock._socket import socket

_EXHAUSTED = frozenset((EMFILE, ENFILE, ENOBUFS, ENOMEM))

# Servers that run, so that the end of the program stops them: what they started must not go on
# while the interpreter is being taken apart.
_running = weakref.WeakSet()


@atexit.register
def _stop_all():
    for server in list(_running):
        server.stop(timeout=1.0)


# Servers whose threads are Python's, and whose locks a fork may find taken.
_threaded = weakref.WeakSet()


def _forget_all():
    # In a forked child the threads are not there: nothing runs, and there is nothing to stop.
    _running.clear()
    for server in list(_threaded):
        server.forget_threads()


os.register_at_fork(after_in_child=_forget_all)


def _bytes(value, name):
    """Take text as UTF-8, and bytes as they are."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise TypeError(f"{name} must be str, bytes or None, not {type(value).__name__}")


def _place(address):
    """Say where to listen, in the form that the native half reads: a kind and its details."""
    if isinstance(address, int) and not isinstance(address, bool):
        return ("ip", "127.0.0.1", address)
    if isinstance(address, tuple) and len(address) >= 2:
        return ("ip", address[0], address[1])
    if address == "systemd":
        return ("systemd",)
    if isinstance(address, (str, bytes, os.PathLike)):
        path = os.fsencode(address)
        return ("abstract", path[1:]) if path[:1] == b"\0" else ("path", path)
    fileno = getattr(address, "fileno", None)
    if fileno is not None:
        # A second descriptor, so that the caller's object may be closed or collected.
        return ("fd", _rsock.dup(fileno()))
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


def _reporter(log, started):
    """Make the function that hears what happens to a server, and the wish to hear it all."""
    write = _line_to(log)

    def line(text):
        try:
            write(text)
        except Exception:
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
            _warn_exhausted()
        elif what == "panicked":
            warnings.warn(
                f"a connection from {_pair(peer)} failed inside rsock and was closed",
                RuntimeWarning,
                stacklevel=1,
            )

    if write is not None:
        started.append(lambda: line("Waiting for connection..."))
    return report, write is not None


def _tell_failure():
    """Tell of the exception at hand as `threading` does of one that ends a thread."""
    parts = (*sys.exc_info(), threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(parts))


def _pair(peer):
    """Write a client's address as the tutorial does."""
    return "{}:{}".format(*peer[:2]) if isinstance(peer, tuple) else _shown(peer)


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
        words = (_bytes(greeting, "greeting"), _bytes(reply, "reply"), _bytes(exit, "exit"))
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


class TcpServer(_StreamServer):
    """A TCP server that calls Python: a handler in a thread for each client, or for each message.

    `TcpServer(address, handler)` calls `handler(sock, addr)` in a thread of its own for each
    client, with an `rsock.socket`; when it returns, the socket is closed. The socket is its own:
    of the limits only `max_connections` and `backlog` apply, and how long to wait for the client
    is for the handler to say, by `sock.settimeout()`.

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
            place = _rsock.listen(
                _place(address), backlog=backlog, reuse_port=reuse_port, dualstack=dualstack
            )
            self._server = _Handlers(place, handler, report, all_of_it, max_connections)
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


class _Handlers:
    """What runs a Python function in a thread for each client."""

    def __init__(self, place, handler, report, all_of_it, max_connections):
        self._place = place  # whose path goes when it does
        self._listener = socket(fileno=place.duplicate())
        self._listener.setblocking(True)
        self._handler = handler
        self._report = report
        self._all_of_it = all_of_it
        self._most = max_connections
        self._pid = os.getpid()
        # A server may be collected, and stopped by that, wherever memory is asked for.
        self._lock = threading.RLock()
        self._clients = {}
        self._counts = dict.fromkeys(("accepted", "closed", "refused", "errors"), 0)
        self._acceptor = None
        self._stopping = threading.Event()
        self.address = self._listener.getsockname()
        _threaded.add(self)

    def forget_threads(self):
        """In a forked child: who held the locks is not there to let go of them."""
        stopped = self._stopping.is_set()
        self._lock, self._stopping = threading.RLock(), threading.Event()
        if stopped:
            self._stopping.set()

    @property
    def running(self):
        started = self._acceptor is not None and self._pid == os.getpid()
        return started and not self._stopping.is_set()

    @property
    def connections(self):
        return len(self._clients) if self._pid == os.getpid() else 0

    @property
    def stats(self):
        with self._lock:
            counts = dict(self._counts)
        counts["active"] = counts["accepted"] - counts["closed"]
        # What goes through the sockets is between the handlers and the clients.
        counts.update(messages=0, bytes_in=0, bytes_out=0)
        return counts

    def start(self):
        with self._lock:
            if self._stopping.is_set():
                raise RuntimeError("a server that was stopped cannot start again: make a new one")
            if self._acceptor is None:
                name = f"rsock server on {_shown(self.address)}"
                self._acceptor = threading.Thread(target=self._accept, name=name, daemon=True)
                self._acceptor.start()

    def wait(self):
        # In turns: a signal that comes right before a wait begins does not end it.
        while not self._stopping.wait(0.05):
            pass

    def stop(self, timeout):
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout must be a number of seconds, not {timeout}")
        self._stopping.set()
        if self._pid != os.getpid():
            self._let_go()
            return True
        end = threading.TIMEOUT_MAX if timeout is None else _now() + timeout
        self._shut(self._listener)
        with self._lock:
            threads = [*self._clients, self._acceptor]
            for sock in self._clients.values():
                self._shut(sock)
        ended = True
        for thread in threads:
            if thread is None or thread is threading.current_thread():
                continue
            try:
                thread.join(max(0.0, end - _now()))
            except RuntimeError:  # Ctrl+C came while it started; it sees by itself that it is over
                continue
            ended = ended and not thread.is_alive()
        self._let_go()
        return ended

    def _let_go(self):
        self._listener.close()
        self._place = None

    @staticmethod
    def _shut(sock):
        """Wake whoever waits on a socket, in whatever state it is."""
        try:
            sock.shutdown(2)
        except OSError:
            pass

    def _accept(self):
        warned = False
        while not self._stopping.is_set():
            try:
                sock, address = self._listener.accept()
            except OSError as error:
                if self._stopping.is_set():
                    return
                if error.errno in _EXHAUSTED:
                    if not warned:
                        self._report("exhausted", None)
                        warned = True
                    self._stopping.wait(0.1)
                continue
            warned = False
            self._begin(sock, address)

    def _begin(self, sock, address):
        thread = threading.Thread(target=self._serve, args=(sock, address), daemon=True)
        # The thread is started before anybody can find it and wait for its end.
        with self._lock:
            if len(self._clients) >= self._most:
                self._counts["refused"] += 1
                sock.close()
                return
            self._counts["accepted"] += 1
            if self._stopping.is_set():
                self._shut(sock)
            self._clients[thread] = sock
            try:
                thread.start()
            except RuntimeError:  # no thread can be made: this client is one too many
                del self._clients[thread]
                self._counts["errors"] += 1
                self._counts["closed"] += 1
                sock.close()

    def _serve(self, sock, address):
        if self._all_of_it:
            self._report("accepted", address)
        try:
            self._handler(sock, address)
        except BaseException:
            with self._lock:
                self._counts["errors"] += 1
            if not self._stopping.is_set():
                raise  # to threading.excepthook, which every program may set
        finally:
            sock.close()
            with self._lock:
                self._clients.pop(threading.current_thread(), None)
                self._counts["closed"] += 1
            if self._all_of_it:
                self._report("closed", address)


class UdpServer(_Server):
    """The tutorial's UDP server: it answers each datagram, or only receives.

        with rsock.UdpServer(("127.0.0.1", 0)) as server:
            with rsock.UdpClient(server.address) as client:
                print(client.ask(b"Michael"))   # b'Hello, Michael!'

    `reply` is what to answer, as `HelloServer` has it, or None to only receive.
    `handler(data, addr)` returns the answer instead, or None for none; what it raises goes to
    `threading.excepthook`, and that datagram gets no answer. One datagram is answered after the
    other, so let it be quick. `log=True` prints a line for each datagram; a callable or a logger
    gets it. A datagram of more than `max_message` bytes is counted and not answered. `address`,
    `reuse_port` and `dualstack` are as `HelloServer` has them.

    It never answers a broadcast or multicast address, and two such servers that are made to
    answer each other do not go on for ever.

    `stats` counts datagrams that came (`messages`), `answers`, and their `bytes_in` and
    `bytes_out`; those too long (`oversize`), answers not meant to be (`refused`: to broadcast
    addresses, to other servers), answers there was no room for (`dropped`), and `errors`.
    """

    def __init__(
        self,
        address,
        *,
        reply="Hello, {data}!",
        handler=None,
        log=None,
        max_message=65535,
        reuse_port=False,
        dualstack=False,
    ):
        if handler is not None and not callable(handler):
            raise TypeError(f"handler must be callable, not {type(handler).__name__}")
        line = _line_to(log)

        def report(peer):
            line(f"Received from {_pair(peer)}.")

        self._server = _rsock.DatagramServer(
            _place(address),
            None if handler is not None else _bytes(reply, "reply"),
            handler,
            report if line is not None else None,
            max_message=max_message,
            reuse_port=reuse_port,
            dualstack=dualstack,
        )

    def _busy_with(self):
        return self.stats["messages"], "datagram"
