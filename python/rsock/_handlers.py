"""The engine of a `TcpServer` with a handler: a thread of Python's for each client."""

import os
import sys
import threading
import weakref
from errno import ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM
from math import inf
from operator import index
from time import monotonic as _now

from rsock import _rsock
from rsock._server_base import _place, _shown
from rsock._socket import socket

_EXHAUSTED = frozenset((EMFILE, ENFILE, ENOBUFS, ENOMEM))

# Engines whose locks a fork may find taken.
_threaded = weakref.WeakSet()


def _forget_threads():
    for engine in list(_threaded):
        engine.forget_threads()


os.register_at_fork(after_in_child=_forget_threads)


class _Handlers:
    """What runs a Python function in a thread for each client."""

    def __init__(self, address, handler, report, all_of_it, *, max_connections, **listening):
        if index(max_connections) < 1:
            raise ValueError("max_connections must be at least 1")
        self._place = _rsock.listen(_place(address), **listening)  # its path goes when it does
        self._listener = socket(fileno=self._place.duplicate())
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
        if timeout is not None and not 0 <= timeout < inf:
            raise ValueError(f"timeout must be a number of seconds, not {timeout}")
        self._stopping.set()
        # In a forked child the threads are not there, and when the interpreter ends they run no
        # more: nobody is to be waited for, and who held the lock does not let go of it.
        if self._pid != os.getpid() or sys.is_finalizing():
            self._let_go()
            return True
        # A thread cannot be waited for longer than TIMEOUT_MAX, of which half is long enough.
        longest = threading.TIMEOUT_MAX / 2
        end = _now() + (longest if timeout is None else min(timeout, longest))
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

    def leave(self, timeout):
        """As the program ends: all threads are Python's, and end as its others do."""
        self._place = None

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
                if error.errno == ECONNABORTED:  # which concerns one client, and is over
                    continue
                if error.errno not in _EXHAUSTED:
                    with self._lock:
                        self._counts["errors"] += 1
                elif not warned:
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
