"""A panic in native code that a server's function meets is one failure like any other."""

import contextlib
import queue
import sys

import pytest
import rsock
import support

from service import client_of

GOOD, BAD = b"good", b"bad"


@pytest.fixture(scope="module")
def panic():
    """Give the class of what a panic in our native code becomes in Python.

    It is not exported, and every extension that is made in this way has one of its own.
    """
    with pytest.raises(TypeError):
        rsock.socket("made when the first error crosses over")
    classes = [cls for cls in BaseException.__subclasses__() if cls.__module__ == "pyo3_runtime"]
    if len(classes) != 1:
        pytest.skip("there are native modules of the same kind, whose exceptions look the same")
    return classes[0]


def failing(error, good=None):
    """Make a function that raises for the first, and returns for all others."""
    first = iter([error])

    def function(*_):
        for error in first:
            raise error("as planned")
        return good

    return function


def handler_of(function):
    def handler(sock, addr):
        function()
        sock.sendall(sock.recv(100))

    return handler


FAILING = {
    "handler": lambda function: rsock.TcpServer(0, handler_of(function)),
    "on_connect": lambda function: rsock.TcpServer(
        0, on_connect=function, on_data=lambda data, conn: data
    ),
    "on_data": lambda function: rsock.TcpServer(
        0, on_data=lambda data, conn: data if data == GOOD else function()
    ),
}


@pytest.mark.parametrize("where", FAILING)
def test_the_connection_ends_and_the_others_are_served(reports, capfd, panic, where):
    with FAILING[where](failing(panic)) as server:
        with client_of(server) as bad, contextlib.suppress(ConnectionError):
            assert bad.ask(BAD) == b""
        assert reports.get(timeout=support.PATIENCE) == (panic, "as planned")
        for _ in range(2):
            with client_of(server) as other:
                assert other.ask(GOOD) == GOOD
        support.until(lambda: server.connections == 0)
        assert server.running
        assert server.stats["errors"] == 1
    assert reports.empty()
    assert capfd.readouterr() == ("", ""), "it is told to the hook alone"


def test_one_who_was_there_before_is_served_on(reports, panic):
    function = failing(panic)
    with FAILING["on_data"](function) as server, client_of(server) as other:
        assert other.ask(GOOD) == GOOD
        with client_of(server) as bad:
            assert bad.ask(BAD) == b""
        assert other.ask(GOOD) == GOOD
        assert reports.get(timeout=support.PATIENCE) == (panic, "as planned")


def test_a_farewell_that_fails_is_told(reports, capfd, panic):
    with rsock.TcpServer(0, on_data=lambda data, conn: data, on_close=failing(panic)) as server:
        for _ in range(2):
            with client_of(server) as client:
                assert client.ask(GOOD) == GOOD
        assert reports.get(timeout=support.PATIENCE) == (panic, "as planned")
        support.until(lambda: server.stats["closed"] == 2)
    assert reports.empty()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("where", ["handler", "log"])
def test_a_server_of_datagrams_goes_on(reports, capfd, panic, where):
    function = failing(panic, good=GOOD)
    arguments = {"handler": function} if where == "handler" else {"reply": GOOD, "log": function}
    with rsock.UdpServer(0, **arguments) as server:
        with rsock.UdpClient(server.address, timeout=support.PATIENCE) as client:
            client.send(BAD)
            assert reports.get(timeout=support.PATIENCE) == (panic, "as planned")
            if where == "log":
                assert client.recv() == GOOD, "the log is no part of the service"
            assert client.ask(GOOD) == GOOD
        assert server.running
    assert capfd.readouterr() == ("", "")


def test_the_hook_itself_may_fail(monkeypatch, capfd, panic):
    told = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: told.append(args.exc_type))
    monkeypatch.setattr("threading.excepthook", failing(panic))
    with FAILING["on_data"](failing(LookupError)) as server:
        with client_of(server) as bad:
            assert bad.ask(BAD) == b""
        with client_of(server) as other:
            assert other.ask(GOOD) == GOOD
        assert server.stats["errors"] == 1
    assert told == [LookupError]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("concurrency", ["events", "threads"])
def test_a_log_that_fails_costs_no_connection(monkeypatch, panic, concurrency):
    told = queue.SimpleQueue()
    for hook in "sys.unraisablehook", "threading.excepthook":
        monkeypatch.setattr(hook, lambda args: told.put(args.exc_type))
    fails = failing(panic)
    with rsock.HelloServer(
        0, concurrency=concurrency, log=lambda line: fails() if "Accept" in line else None
    ) as server:
        for _ in range(2):
            with client_of(server) as client:
                assert client.recv() == b"Welcome!"
                assert client.ask("exit") == b""
        support.until(lambda: server.stats["closed"] == 2)
        assert server.connections == 0
    assert told.get_nowait() is panic


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no buffers are written in Python before")
@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_what_panics_in_the_core_is_an_exception_too(reports, panic, kind):
    """Where the core asks an object of the program, a panic goes on as one through the worker."""

    class Answer:
        def __buffer__(self, flags):
            raise panic("as planned")

    answers = {BAD: Answer(), GOOD: GOOD}
    if kind == "stream":
        server = rsock.TcpServer(0, on_data=lambda data, conn: answers[data])
        client = client_of
        whose = "the connection from 127.0.0.1:"
    else:
        server = rsock.UdpServer(0, handler=lambda data, addr: answers[data])
        client = lambda server: rsock.UdpClient(server.address, timeout=support.PATIENCE)  # noqa: E731
        whose = "the answer to a datagram"
    with server:
        with client(server) as other, client(server) as bad:
            bad.send(BAD)
            error, text = reports.get(timeout=support.PATIENCE)
            assert error is RuntimeError
            assert text.startswith(whose)
            assert text.endswith("failed inside rsock")
            if kind == "stream":
                assert bad.recv() == b""
            assert other.ask(GOOD) == GOOD
        assert server.running
        assert server.stats["errors"] == 1
