"""The core of fetching, as `rsock/_fetch.py` finds it: what it takes, gives and raises."""

import contextlib
import os
import signal
import socket
import threading
import time

import pytest
import support
from rsock import _rsock

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: \xe9\r\n\r\nHello"


def fetch(core, url, **changes):
    settings = {
        "method": "GET",
        "headers": [],
        "body": None,
        "timeout": 10.0,
        "read_timeout": None,
        "redirects": 20,
        "max_body": 64 << 20,
        "max_head": 256 << 10,
        "decode": True,
        "keep_raw": False,
        "downgrade": False,
        "sink": None,
        "progress": None,
    }
    settings.update(changes)
    return core.fetch(settings.pop("method"), url, **settings)


@pytest.fixture
def core():
    core = _rsock.HttpCore(True, [], {}, 4)
    yield core
    core.close()


@contextlib.contextmanager
def serving(script):
    """Run a server on loopback; each connection, after the head of its request, is the script's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer, contextlib.suppress(OSError):
                    peer.settimeout(10)
                    while True:
                        head = b""
                        while not head.endswith(b"\r\n\r\n"):
                            byte = peer.recv(1)
                            if not byte:
                                raise OSError
                            head += byte
                        script(peer)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(support.PATIENCE)


def test_all_that_is_known_of_a_reply(core):
    with serving(lambda peer: peer.sendall(REPLY)) as url:
        fetched = fetch(core, url, keep_raw=True)
        core.close()
    assert (fetched.status, fetched.reason, fetched.version) == (200, "OK", "1.1")
    assert fetched.headers == [("Content-Length", "5"), ("X-A", "1"), ("x-a", "\xe9")]
    assert (fetched.body, fetched.raw) == (b"Hello", REPLY)
    assert fetched.head + fetched.body == REPLY
    assert (fetched.url, fetched.history, fetched.trailers) == (url, [], [])
    assert fetched.request.startswith(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:")
    assert fetched.text() == ("Hello", "utf-8")
    lookup, connect, tls, first_byte, total = fetched.timings
    assert 0 <= lookup <= connect <= first_byte <= total < 10
    assert tls is None


@pytest.mark.parametrize("size", [100, 70_000, 5_000_000])
def test_bodies_come_whole_however_they_are_taken(core, tmp_path, size):
    body = os.urandom(size)
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, body)
    with serving(lambda peer: peer.sendall(reply)) as url:
        told = []
        fetched = fetch(core, url, progress=lambda *counts: told.append(counts))
        assert fetched.body == body
        assert told[-1] == (size, size)

        pieces = []
        assert fetch(core, url, sink=pieces.append).body == b""
        assert b"".join(pieces) == body

        path = tmp_path / "page"
        with open(path, "wb") as file:
            fetch(core, url, sink=file.fileno())
        assert path.read_bytes() == body
        assert core.idle == 1
        core.close()


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_an_error_brings_what_came(core, size):
    def cut(peer):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * (size - 1))
        peer.close()

    with serving(cut) as url:
        with pytest.raises(_rsock.IncompleteReplyError) as caught:
            fetch(core, url)
    error = caught.value
    assert isinstance(error, _rsock.FetchError)
    assert isinstance(error, OSError)
    assert (error.url, error.response.status) == (url, 200)
    assert error.partial == error.response.body == b"x" * (size - 1)


@pytest.mark.parametrize("where", ["sink", "progress"])
def test_what_a_function_raises_ends_the_fetch(core, where):
    class Enough(Exception):
        pass

    def fail(*args):
        raise Enough

    with serving(lambda peer: peer.sendall(REPLY)) as url:
        with pytest.raises(Enough):
            fetch(core, url, **{where: fail})
        # The reply was whole when progress was told last: the server waits for another request.
        core.close()


def test_errors_have_the_classes_that_people_know(core):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError, match="nobody listens"):
            fetch(core, f"http://127.0.0.1:{held.getsockname()[1]}/")
    with pytest.raises(socket.gaierror):
        fetch(core, "http://no.such.host.invalid/")
    with serving(lambda peer: peer.sendall(b"what?\r\n\r\n")) as url:
        with pytest.raises(_rsock.BadReplyError):
            fetch(core, url)
    with serving(lambda peer: peer.recv(1)) as url:
        with pytest.raises(TimeoutError) as caught:
            fetch(core, url, timeout=0.1)
        assert isinstance(caught.value, _rsock.FetchTimeoutError)
    with serving(lambda peer: peer.sendall(REPLY)) as url:
        with pytest.raises(_rsock.TooLargeError):
            fetch(core, url, max_body=4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "G T"},
        {"method": "GET\r\n"},
        {"headers": [(b"a b", b"c")]},
        {"headers": [(b"a", b"b\nc")]},
        {"timeout": 0},
        {"timeout": -1.0},
        {"sink": -1},
    ],
)
def test_wrong_values_are_refused_before_anybody_is_asked(core, wrong):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with pytest.raises(ValueError):
            fetch(core, f"http://127.0.0.1:{listener.getsockname()[1]}/", **wrong)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx"])
def test_a_signal_ends_a_wait_at_once(core, begin):
    class Ring(Exception):
        pass

    def ring(*args):
        rung.append(time.monotonic())
        raise Ring

    def begin_only(peer):
        peer.sendall(begin)
        peer.recv(1)

    rung = []
    before = signal.signal(signal.SIGALRM, ring)
    try:
        with serving(begin_only) as url:

            def took():
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                with pytest.raises(Ring):
                    fetch(core, url, timeout=None)
                return time.monotonic() - rung[-1]

            support.within(0.1, took)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_closing_ends_a_fetch_in_another_thread(core, spawn):
    def never(peer):
        waiting.set()
        peer.recv(1)

    waiting = threading.Event()
    with serving(never) as url:
        worker = spawn(fetch, core, url)
        assert waiting.wait(support.PATIENCE)
        core.close()
        with pytest.raises(_rsock.FetchError, match="closed"):
            worker.result()


def test_a_forked_child_leaves_the_connections_of_its_parent_alone(core):
    accepted = []

    def answer(peer):
        accepted.append(peer.getpeername())
        peer.sendall(REPLY)

    with serving(answer) as url:
        fetch(core, url)
        child = os.fork()
        if child == 0:
            os._exit(core.idle)
        assert os.waitpid(child, 0)[1] == 0
        fetch(core, url)
        core.close()
    assert len(accepted) == 2
    assert len(set(accepted)) == 1
