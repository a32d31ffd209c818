"""TcpServer with a handler: a thread of its own for each client, as the tutorial teaches."""

import contextlib
import gc
import inspect
import queue
import threading

import pytest
import rsock
import support

from service import client_of


def test_the_function_of_the_tutorial_works_as_it_is(capsys):
    def tcplink(sock, addr):
        print("Accept new connection from %s:%s..." % addr)  # noqa: UP031
        sock.send(b"Welcome!")
        while True:
            data = sock.recv(1024)
            if not data or data.decode("utf-8") == "exit":
                break
            sock.send(("Hello, %s!" % data.decode("utf-8")).encode("utf-8"))  # noqa: UP031
        sock.close()
        print("Connection from %s:%s closed." % addr)  # noqa: UP031

    with rsock.TcpServer(("127.0.0.1", 0), tcplink) as server, client_of(server) as client:
        assert client.recv() == b"Welcome!"
        assert client.talk(["Michael", "粘包"]) == [b"Hello, Michael!", "Hello, 粘包!".encode()]
        assert client.ask("exit") == b""
        host, port = client.address
    assert capsys.readouterr().out.splitlines() == [
        f"Accept new connection from {host}:{port}...",
        f"Connection from {host}:{port} closed.",
    ]


def test_a_handler_gets_a_socket_of_ours_and_the_address_of_the_client():
    got = queue.SimpleQueue()

    def handler(sock, addr):
        got.put(
            (type(sock), sock.gettimeout(), sock.getpeername(), addr, threading.current_thread())
        )

    with rsock.TcpServer(0, handler) as server, client_of(server) as client:
        assert client.recv() == b""
        kind, timeout, peer, addr, thread = got.get(timeout=support.PATIENCE)
    assert (kind, timeout) == (rsock.socket, None)
    assert peer == addr == client.address
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


def test_the_socket_is_closed_when_the_handler_returns_whatever_it_returns():
    with rsock.TcpServer(0, lambda sock, addr: b"not sent") as server:
        for _ in range(3):
            with client_of(server) as client:
                assert client.recv() == b""
        support.until(lambda: server.stats["closed"] == 3)
        assert server.stats["errors"] == 0


@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt])
def test_a_handler_that_raises_is_reported_and_the_others_are_served(reports, error):
    def handler(sock, addr):
        if sock.recv(1024) == b"bad":
            raise error("as planned")
        sock.sendall(b"good")

    with rsock.TcpServer(0, handler) as server:
        with client_of(server) as other, client_of(server) as bad:
            assert bad.ask(b"bad") == b""
            assert reports.get(timeout=support.PATIENCE) == (error, "as planned")
            assert other.ask(b"x") == b"good"
        support.until(lambda: server.stats["closed"] == 2)
        assert server.stats["errors"] == 1
        with client_of(server) as client:
            assert client.ask(b"x") == b"good"


def test_stop_wakes_handlers_that_wait():
    ends = queue.SimpleQueue()

    def handler(sock, addr):
        sock.sendall(b"Welcome!")
        ends.put(sock.recv(1024))

    with rsock.TcpServer(0, handler) as server, contextlib.ExitStack() as stack:
        for _ in range(10):
            assert stack.enter_context(client_of(server)).recv() == b"Welcome!"
        assert server.stop() is True
        assert [ends.get(timeout=support.PATIENCE) for _ in range(10)] == [b""] * 10


def test_what_fails_because_of_the_stop_is_not_reported(reports):
    def handler(sock, addr):
        sock.sendall(b"Welcome!")
        sock.recv(1024)
        while True:
            sock.sendall(bytes(1024))

    with rsock.TcpServer(0, handler) as server, client_of(server) as client:
        assert client.recv() == b"Welcome!"
        assert server.stop() is True
    assert reports.empty()


def test_a_handler_that_does_not_return_makes_stop_give_up_in_time():
    go_on = threading.Event()
    entered = threading.Event()

    def handler(sock, addr):
        entered.set()
        go_on.wait(support.PATIENCE)

    server = rsock.TcpServer(0, handler).start()
    with client_of(server) as client:
        assert entered.wait(support.PATIENCE)
        assert server.stop(timeout=0.05) is False
        assert client.recv() == b"", "the client is let go nevertheless"
        go_on.set()
        assert server.stop() is True


def test_a_handler_may_close_detach_or_hand_on_its_socket():
    kept = queue.SimpleQueue()
    what = {b"close": lambda sock: sock.close(), b"keep": lambda sock: kept.put(sock.dup())}

    def handler(sock, addr):
        what[sock.recv(1024)](sock)

    with rsock.TcpServer(0, handler) as server:
        with client_of(server) as client:
            assert client.ask(b"close") == b""
        with client_of(server) as client:
            client.sendall(b"keep")
            with kept.get(timeout=support.PATIENCE) as sock:
                support.until(lambda: server.connections == 0)
                sock.sendall(b"still here")
                assert client.recv() == b"still here"


def test_no_more_clients_than_allowed(spawn):
    with rsock.TcpServer(0, lambda sock, addr: sock.recv(1), max_connections=2) as server:
        with client_of(server), client_of(server):
            support.until(lambda: server.connections == 2)
            with client_of(server) as third:
                assert third.recv() == b""
            assert server.stats["refused"] == 1
        support.until(lambda: server.connections == 0)
        with client_of(server) as client:
            client.sendall(b"x")
            assert client.recv() == b""
        assert server.stats["accepted"] == 3


def test_the_comings_and_goings_are_logged():
    lines = queue.SimpleQueue()
    with rsock.TcpServer(0, lambda sock, addr: None, log=lines.put) as server:
        with client_of(server) as client:
            assert client.recv() == b""
            port = client.address[1]
        for line in (
            "Waiting for connection...",
            f"Accept new connection from 127.0.0.1:{port}...",
            f"Connection from 127.0.0.1:{port} closed.",
        ):
            assert lines.get(timeout=support.PATIENCE) == line


@pytest.mark.parametrize("error", [LookupError, SystemExit])
def test_a_log_that_fails_does_not_end_the_handler(reports, error):
    def log(line):
        if "Accept" in line:
            raise error(line)

    with rsock.TcpServer(0, lambda sock, addr: sock.sendall(b"hi"), log=log) as server:
        for _ in range(2):
            with client_of(server) as client:
                assert client.recv() == b"hi"
        support.until(lambda: server.stats["closed"] == 2)
        assert server.connections == 0


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"handler": len, "on_data": len},
        {"handler": 5},
        {"on_data": "x"},
        {"on_data": len, "on_close": 1},
        {"handler": len, "on_connect": len},
        {"handler": len, "on_close": len},
    ],
)
def test_wrong_handlers_are_refused(arguments):
    before = support.open_descriptors()
    with pytest.raises(TypeError, match=r"handler|on_"):
        rsock.TcpServer(0, **arguments)
    gc.collect()
    assert support.open_descriptors() <= before


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("framing", "recv", "where its messages end"),
        ("event_threads", 1, "a thread for each client"),
        ("idle_timeout", 600.0, r"sock\.settimeout\(\)"),
        ("idle_timeout", None, r"sock\.settimeout\(\)"),
        ("max_message", 1 << 20, r"sock\.recv\(1024\)"),
        ("max_pending", 1 << 20, r"sock\.settimeout\(\)"),
    ],
)
def test_what_goes_with_on_data_is_refused_beside_a_handler_even_as_the_default(
    name, value, instead
):
    before = support.open_descriptors()
    with pytest.raises(TypeError, match=f"^{name} goes with on_data; a handler .*{instead}"):
        rsock.TcpServer(0, len, **{name: value})
    with pytest.raises(TypeError, match=f"^{name} goes with on_data"):
        rsock.TcpServer(0, handler=len, **{name: value})
    rsock.TcpServer(0, on_data=len, **{name: value}).close()
    assert support.open_descriptors() <= before


@pytest.mark.parametrize(
    ("most", "error"), [(0, ValueError), (-1, ValueError), ("2", TypeError), (1.5, TypeError)]
)
def test_a_number_of_clients_that_is_none_is_refused_before_the_port_is_taken(most, error):
    before = support.open_descriptors()
    with pytest.raises(error):
        rsock.TcpServer(0, len, max_connections=most)
    assert support.open_descriptors() <= before


def test_the_arguments_of_a_server_can_be_looked_at():
    parameters = inspect.signature(rsock.TcpServer).parameters
    assert list(parameters)[:3] == ["address", "handler", "on_data"]
    assert parameters["idle_timeout"].default == 600.0
    assert parameters["framing"].kind is inspect.Parameter.KEYWORD_ONLY


def test_a_handler_that_sets_a_timeout_is_rid_of_a_client_that_says_nothing(reports):
    def handler(sock, addr):
        sock.settimeout(0.05)
        sock.recv(1024)

    with rsock.TcpServer(0, handler) as server, client_of(server) as silent:
        assert silent.recv() == b""
        kind, _ = reports.get(timeout=support.PATIENCE)
        assert issubclass(kind, rsock.timeout)
        support.until(lambda: server.connections == 0)
        assert server.stats["errors"] == 1


@pytest.mark.parametrize("concurrency", ["threads", "events"])
def test_a_log_that_calls_itself_for_ever_runs_out_of_patience_and_not_of_stack(
    reports, concurrency
):
    def log(line):
        return log(line)

    with rsock.EchoServer(0, concurrency=concurrency, log=log) as server:
        with rsock.TcpClient(server.address) as client:
            assert client.ask(b"x") == b"x"
        assert reports.get(timeout=support.PATIENCE)[0] is RecursionError
