"""Servers on loopback whose every byte is scripted, for what a well-behaved server never does."""

import contextlib
import socket
import ssl
import threading

import support


class Wire:
    """One connection, seen from the server."""

    def __init__(self, sock, peer):
        self.sock = sock
        self._peer = peer
        self._rest = b""

    @property
    def ending(self):
        """Tell the script that the test is over; to wait for it is how a script takes its time."""
        return self._peer.ending

    def head(self):
        """Read a request up to the empty line, and keep it in the peer's list; b"" at the end."""
        while b"\r\n\r\n" not in self._rest:
            piece = self.sock.recv(65536)
            if not piece:
                return b""
            self._rest += piece
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        head += b"\r\n\r\n"
        self._peer.requests.append(head)
        return head

    def request(self):
        """Read a request with its body, whose length has to be given."""
        head = self.head()
        if not head:
            return b"", b""
        length = int(field(head, "content-length") or 0)
        while len(self._rest) < length:
            self._rest += self.sock.recv(65536)
        body, self._rest = self._rest[:length], self._rest[length:]
        self._peer.bodies.append(body)
        return head, body

    def send(self, *parts):
        """Send, in one piece each."""
        for part in parts:
            self.sock.sendall(part)

    def pieces(self, data, size):
        """Send in pieces of some bytes, which the system is asked not to join."""
        for at in range(0, len(data), size):
            self.sock.sendall(data[at : at + size])

    def forever(self, block):
        """Send the same again and again, until the client has gone; return how much it was."""
        sent = 0
        with contextlib.suppress(OSError):
            while not self._peer.ending.is_set():
                sent += self.sock.send(block)
        return sent

    def finish(self):
        """Say that nothing more comes, and wait until the client closes."""
        self.sock.shutdown(socket.SHUT_WR)
        self.wait()

    def wait(self):
        """Wait until the client closes."""
        while self.sock.recv(65536):
            pass

    def reset(self):
        """Break the connection off."""
        support.reset(self.sock)


class Peer:
    """A server that runs a script, `script(wire)`, for each connection, in a thread of its own.

    Bytes in place of a script are the reply to everybody, after which the connection ends.
    """

    def __init__(self, script, tls=None, family=socket.AF_INET):
        if isinstance(script, bytes):
            reply = script

            def script(wire):
                if wire.head():
                    wire.send(reply)
                    wire.finish()

        self._script = script
        self.context = tls
        self._listener = socket.create_server(
            ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family, backlog=128
        )
        self.port = self._listener.getsockname()[1]
        self.requests = []
        self.bodies = []
        self.errors = []
        self.ending = threading.Event()
        self._open = set()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self.connections = 0

    def url(self, path="/", host="127.0.0.1"):
        """Say where the peer is."""
        return f"{'https' if self.context else 'http'}://{host}:{self.port}{path}"

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self.ending.is_set():
                sock.close()
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            # Whoever finds the thread may wait for its end, for which it has to be started.
            with self._lock:
                self.connections += 1
                self._open.add(sock)
                thread.start()
                self._threads.append(thread)

    def _serve(self, sock):
        served = sock
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is not None:
                served = self.context.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.discard(sock)
                    self._open.add(served)
            self._script(Wire(served, self))
        except OSError as error:  # the client has gone, or was never meant to stay
            self.errors.append(error)
        finally:
            with self._lock:
                self._open.discard(sock)
                self._open.discard(served)
                served.close()
                sock.close()

    def settle(self):
        """Wait until all that have connected are gone again."""
        with self._lock:
            serving = self._threads[1:]
        for thread in serving:
            thread.join(support.PATIENCE)
            assert not thread.is_alive()
        with self._lock:
            self._threads = [thread for thread in self._threads if thread not in serving]

    def close(self):
        """End all connections, and wait for the threads."""
        self.ending.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(support.PATIENCE)
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(support.PATIENCE)
            assert not thread.is_alive()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


def reply(body=b"", status="200 OK", *fields):
    """Write an ordinary reply."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(where, status="302 Found", *fields):
    """Write a reply that sends elsewhere."""
    return reply(b"moved", status, f"Location: {where}", *fields)


def field(head, name):
    """Give the value of a field of a request's head, or None."""
    for line in head.decode("latin-1").split("\r\n")[1:]:
        found, _, value = line.partition(":")
        if found.lower() == name.lower():
            return value.strip()
    return None


def target(head):
    """Give the target of a request: what stands between its method and its version."""
    return head.split(b" ", 2)[1].decode("latin-1")


def site(pages):
    """Make a script that keeps connections, and has a reply for each path."""

    def script(wire):
        while True:
            head, _ = wire.request()
            if not head:
                return
            wire.send(pages.get(target(head).partition("?")[0], reply(b"", "404 Not Found")))

    return script


def server_context(folder, certificate):
    """Make what a server needs to speak TLS with this certificate."""
    file = folder / "server.pem"
    file.write_text(certificate.both)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
