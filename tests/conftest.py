"""What every test stands on: the two modules, threads that are joined, nothing left open."""

import contextlib
import gc
import importlib
import os
import queue
import shutil
import signal
import subprocess
import threading

import peers
import playing
import pytest
import support
from asking import files, root, site  # noqa: F401


def pytest_configure():
    """Hear of signals: whoever runs tests in the background has them, and their children, not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", params=["socket", "rsock"])
def socket(request):
    """Give the module under test: the original, which keeps the test honest, and ours."""
    return importlib.import_module(request.param)


@pytest.fixture(autouse=True, scope="session")
def no_proxies():
    """Take out what the environment says of proxies, and of where to connect to."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "rsock_connect_to"):
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def one_look():
    """Ask a name server once and for a second, where one is asked at all.

    The system's own patience, twice five seconds, is all that a test has.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RES_OPTIONS", "timeout:1 attempts:1")
        yield


@pytest.fixture(autouse=True)
def nothing_stays_open():
    """Fail a test that leaves a descriptor or a thread behind."""
    descriptors = support.open_descriptors()
    threads = support.threads()
    yield
    if not support.open_descriptors() <= descriptors:
        gc.collect()
    assert support.open_descriptors() <= descriptors
    assert support.threads() <= threads


@pytest.fixture(params=["events", "threads"])
def concurrency(request):
    """Give the ways in which a native server can be run."""
    return request.param


@pytest.fixture
def spawn(nothing_stays_open):
    """Start a call in a thread of its own; it is joined at the end of the test."""
    workers = []

    def start(call, *args):
        workers.append(support.Worker(call, *args))
        return workers[-1]

    yield start
    for worker in workers:
        worker.join(support.PATIENCE)
        assert not worker.is_alive()


@pytest.fixture
def peer(nothing_stays_open):
    """Start servers whose every byte is scripted; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(script, **settings):
            return stack.enter_context(peers.Peer(script, **settings))

        yield start


@pytest.fixture
def folder(tmp_path):
    """Give a folder with scripts to be played."""
    with playing.folder(tmp_path) as found:
        yield found


@pytest.fixture
def reports(monkeypatch):
    """Collect what is told to `threading.excepthook`."""
    told = queue.SimpleQueue()
    # The arguments themselves would keep the socket of a handler alive.
    monkeypatch.setattr(
        threading, "excepthook", lambda args: told.put((args.exc_type, str(args.exc_value)))
    )
    return told


@pytest.fixture
def pair(socket, nothing_stays_open):
    """Give two connected Unix stream sockets."""
    left, right = socket.socketpair()
    with left, right:
        yield left, right


@pytest.fixture
def listener(socket, nothing_stays_open):
    """Give a TCP socket that listens on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def tcp(socket, listener):
    """Give the two ends of a TCP connection: who asked, and who accepted."""
    with socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            yield client, server


@pytest.fixture
def udp(socket, nothing_stays_open):
    """Give two UDP sockets bound on loopback."""
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        yield one, two


@pytest.fixture
def tampering():
    """Give what to put before a command so that strace tampers with a system call of it.

    What it does is said in strace's words: the call, a colon, and how.
    """
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")

    def prefix(how, log=os.devnull):
        command = [strace, "-f", "-qq", "-o", str(log), "-e", f"trace={how.partition(':')[0]}"]
        command += ["-e", f"inject={how}"]
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
            pytest.skip("strace may not trace here, or does not know how to do that")
        return command

    return prefix


@pytest.fixture
def inject(tampering, tmp_path):
    """Run a script with faults in a system call; they must have happened.

    `inject.calls(name)` counts the calls of that name, those that failed included.
    """
    log = tmp_path / "trace"

    def run(fault, script, module=None):
        printed = support.python(script, module=module, prefix=tampering(fault, log))
        assert "(INJECTED)" in log.read_text()
        return printed

    # A call that another thread's comes between has a second line, without its parenthesis.
    run.calls = lambda name: log.read_text().count(f"{name}(")
    return run
