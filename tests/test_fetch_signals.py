"""Ctrl+C in the middle of a fetch: soon, whatever it is doing, and nothing is left behind."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import zlib

import peers
import pytest
import rsock
import support

# The signal is what these tests are about, and a fetch that fails to see it could not be ended.
pytestmark = pytest.mark.timeout(20, method="thread")

#: How soon a fetch has to end, in seconds.
SOON = 0.1

HEAD = b"HTTP/1.1 200 OK\r\n"
LENGTH = HEAD + b"Content-Length: 1000000\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def tasks():
    """Count the threads of this process, those of the core included."""
    return len(os.listdir("/proc/self/task"))


@pytest.fixture
def interrupted(spawn):
    """Run a call, and press Ctrl+C once something has happened; give how long it took to end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def run(call, happened):
        pressed = []

        def press():
            support.until(happened)
            pressed.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        worker = spawn(press)
        try:
            call()
        except KeyboardInterrupt:
            took = time.monotonic() - pressed[0]
        else:
            took = None
        worker.result()
        assert took is not None, "the fetch came to an end by itself"
        return took

    yield run
    signal.signal(signal.SIGINT, before)


def blocked():
    """Tell whether the main thread, which fetches here, waits in the kernel."""
    return support.waits_in_kernel(threading.main_thread())


def say(*parts):
    """Make a script that says something, and then nothing more."""

    def script(wire):
        if peers.target(wire.head()) == "/":
            wire.send(*parts)
        script.said = True
        wire.wait()

    script.said = False
    return script


PHASES = {
    "before the head": (say(), {}),
    "in the head": (say(HEAD + b"X: "), {}),
    "between interim replies": (say(b"HTTP/1.1 100 Continue\r\n\r\n"), {}),
    "before the body": (say(LENGTH), {}),
    "in the body": (say(LENGTH + bytes(1000)), {}),
    "in a chunk's size": (say(CHUNKED + b"1"), {}),
    "in a chunk": (say(CHUNKED + b"1000\r\nhello"), {}),
    "in the trailers": (say(CHUNKED + b"0\r\nX: "), {}),
    "before the end": (say(HEAD + b"\r\nhello"), {}),
    "after a redirect": (say(peers.redirect("/there")), {}),
    "in a body to be sent": (None, {"data": bytes(64 << 20)}),
}


@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_ends_a_fetch_that_waits(peer, interrupted, phase):
    script, settings = PHASES[phase]
    if script is None:

        def script(wire):
            script.said = True
            wire.ending.wait(support.PATIENCE)

    def took():
        script.said = False
        server = peer(script)
        before = support.open_descriptors(), tasks()
        seconds = interrupted(
            lambda: rsock.fetch(server.url(), proxies={}, **settings),
            lambda: script.said and blocked(),
        )
        # The worker that pressed has ended, and the server's side ends when it sees that we have.
        server.settle() if phase != "in a body to be sent" else server.close()
        support.until(lambda: support.open_descriptors() <= before[0] and tasks() <= before[1])
        return seconds

    support.within(SOON, took)


def test_ctrl_c_ends_a_connection_that_is_not_taken(interrupted):
    with socket.socket() as listener, socket.socket() as one, socket.socket() as two:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        before = support.open_descriptors(), tasks()
        support.within(
            SOON,
            lambda: interrupted(lambda: rsock.fetch(url, proxies={}, timeout=5), blocked),
        )
        support.until(lambda: support.open_descriptors() <= before[0] and tasks() <= before[1])


def test_ctrl_c_ends_the_beginning_of_tls(peer, interrupted):
    def took():
        server = peer(lambda wire: wire.wait())
        return interrupted(
            lambda: rsock.fetch(f"https://127.0.0.1:{server.port}/", proxies={}, timeout=5),
            lambda: server.connections and blocked(),
        )

    support.within(SOON, took)


def test_ctrl_c_ends_the_wait_for_a_proxy(peer, interrupted):
    def took():
        server = peer(lambda wire: wire.head() and wire.wait())
        return interrupted(
            lambda: rsock.fetch("https://a.test/", proxies={"https": server.url()}, timeout=5),
            lambda: server.requests and blocked(),
        )

    support.within(SOON, took)


def test_ctrl_c_ends_a_download_at_full_speed(peer, interrupted, tmp_path):
    def script(wire):
        wire.head()
        wire.send(HEAD + b"\r\n")
        wire.forever(bytes(1 << 20))

    def took():
        server = peer(script)
        told = []
        seconds = interrupted(
            lambda: rsock.fetch(
                server.url(),
                to=tmp_path / "page",
                proxies={},
                progress=lambda done, total: told.append(done),
            ),
            lambda: told and told[-1] > 10 << 20,
        )
        server.close()
        assert list(tmp_path.iterdir()) == []
        return seconds

    support.within(SOON, took)


def test_ctrl_c_ends_the_reading_of_a_bomb(peer, interrupted):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    server = peer(say(*[peers.reply(packed, "200 OK", "Content-Encoding: gzip")]))

    def took():
        taken = []

        class Taking:
            def write(self, data):
                taken.append(len(data))

        def fetch():
            rsock.fetch(server.url(), to=Taking(), proxies={})
            raise AssertionError("the bomb was taken to its end, before Ctrl+C came")

        return interrupted(fetch, lambda: taken)

    support.within(SOON, took)


def test_a_client_goes_on_after_ctrl_c(peer, interrupted):
    slow = say(LENGTH + b"x")
    quick = peer(peers.site({"/": peers.reply(b"hello")}))
    server = peer(slow)
    with rsock.HttpClient(proxies={}) as client:
        assert client.get(quick.url()).body == b"hello"
        interrupted(lambda: client.get(server.url()), lambda: slow.said and blocked())
        assert client.get(quick.url()).body == b"hello"
    assert quick.connections == 1


def test_a_handler_that_returns_lets_the_fetch_go_on(peer):
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))

    def script(wire):
        wire.head()
        wire.send(HEAD + b"Content-Length: 5\r\n\r\n")
        support.until(lambda: len(rung) >= 3)
        wire.send(b"hello")
        wire.wait()

    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        assert rsock.fetch(peer(script).url(), proxies={}).body == b"hello"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# A look-up that says when it has begun, and never ends.
RESOLVER = """
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int getaddrinfo(const char *host, const char *service, const void *hints, void **result) {
    (void)host; (void)service; (void)hints; (void)result;
    close(open(getenv("ASKED"), O_CREAT | O_WRONLY, 0600));
    for (;;) pause();
}
"""

LOOKING_UP = """
import os, signal, threading, time
import rsock, support

asked, pressed = os.environ["ASKED"], []

def press():
    support.until(lambda: os.path.exists(asked))
    pressed.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
worker = threading.Thread(target=press)
worker.start()
try:
    rsock.fetch("http://www.example.test/", proxies={}, timeout=5)
except KeyboardInterrupt:
    print(time.monotonic() - pressed[0])
worker.join()
"""

DEADLINE = """
import time
import rsock

rsock.fetch.__name__  # loads it
begun = time.monotonic()
try:
    rsock.fetch("http://www.example.test/", proxies={}, timeout=0.3)
except rsock.FetchTimeoutError:
    print(time.monotonic() - begun)
"""


@pytest.fixture
def endless_resolver(tmp_path, monkeypatch):
    """Let look-ups in processes that are started take for ever; give the file that each leaves."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source, library = tmp_path / "resolver.c", tmp_path / "resolver.so"
    source.write_text(RESOLVER)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    return tmp_path / "asked"


def test_ctrl_c_ends_a_look_up(endless_resolver):
    def took():
        seconds = float(support.python(LOOKING_UP))
        endless_resolver.unlink()
        return seconds

    support.within(SOON, took)


def test_the_deadline_ends_a_look_up(endless_resolver):
    def took():
        seconds = float(support.python(DEADLINE))
        assert seconds > 0.29
        return seconds

    support.within(0.35, took)


def test_many_fetches_leave_nothing_behind(peer):
    ordinary = peer(peers.reply(b"hello"))
    cut = peer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    wrong = peer(b"nonsense\r\n\r\n")

    def round_():
        rsock.fetch(ordinary.url(host="localhost"), proxies={})
        for server in (cut, wrong):
            with pytest.raises(rsock.FetchError):
                rsock.fetch(server.url(), proxies={})
        with rsock.HttpClient(proxies={}) as client:
            client.get(ordinary.url())
        with pytest.raises(ConnectionRefusedError):
            rsock.fetch("http://127.0.0.1:1/", proxies={})
        for server in (ordinary, cut, wrong):
            server.settle()

    round_()
    before = support.open_descriptors(), tasks()
    for _ in range(20):
        round_()
    support.until(lambda: support.open_descriptors() <= before[0] and tasks() <= before[1])
