"""A server starts once, stops for good, and cannot be left behind."""

import contextlib
import errno
import gc
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref

import pytest
import rsock
import support

#: How much slower than it should be a busy machine may be.
SLACK = 5


def talk(sock, addr):
    sock.sendall(b"Welcome!")
    while sock.recv(1024) not in (b"", b"exit"):
        sock.sendall(b"...")


KINDS = {
    "events": rsock.HelloServer,
    "threads": lambda address: rsock.HelloServer(address, concurrency="threads"),
    "handler": lambda address: rsock.TcpServer(address, talk),
    "on_data": lambda address: rsock.TcpServer(
        address, on_connect=lambda conn: b"Welcome!", on_data=lambda data, conn: b"..."
    ),
}


@pytest.fixture(params=KINDS)
def make(request):
    return KINDS[request.param]


@contextlib.contextmanager
def greeted(server):
    """Give a client that is connected and greeted."""
    with rsock.TcpClient(server.address, timeout=support.PATIENCE) as client:
        assert client.recv() == b"Welcome!"
        yield client


def assert_refused(address):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_start_returns_the_server(make):
    server = make(0)
    assert not server.running
    assert server.start() is server
    assert server.running
    server.stop()
    assert not server.running


def test_a_second_start_changes_nothing(make):
    with make(0) as server:
        with greeted(server):
            assert server.start() is server
            with server.start(), greeted(server):
                assert server.connections == 2


def test_a_second_stop_changes_nothing(make):
    server = make(0).start()
    assert server.stop() is True
    assert server.stop() is True
    assert server.close() is None


def test_a_server_that_was_never_started_can_be_stopped(make):
    server = make(0)
    address = server.address
    assert server.stop() is True
    assert not server.running
    assert_refused(address)


@pytest.mark.parametrize("started", [False, True])
def test_a_server_that_was_stopped_does_not_start_again(make, started):
    server = make(0)
    if started:
        server.start()
    server.stop()
    with pytest.raises(RuntimeError, match="make a new one"):
        server.start()
    with pytest.raises(RuntimeError, match="make a new one"):
        server.serve_forever()
    assert not server.running


def test_after_the_stop_nobody_is_served(make):
    server = make(0).start()
    address = server.address
    with greeted(server) as client:
        assert server.stop() is True
        assert client.recv() == b""
    assert server.address == address
    assert server.connections == 0
    assert_refused(address)


def test_stop_and_close_end_with_the_block(make):
    with make(0) as server, contextlib.closing(server):
        assert server.running
    assert not server.running
    assert_refused(server.address)


def test_a_block_that_raises_stops_the_server_and_hands_the_exception_on(make):
    with pytest.raises(LookupError):
        with make(0) as server:
            raise LookupError
    assert not server.running


def test_many_threads_may_stop_at_once(make, spawn):
    server = make(0).start()
    with greeted(server):
        workers = [spawn(server.stop) for _ in range(8)]
        assert [worker.result() for worker in workers] == [True] * 8


@pytest.mark.parametrize("kind", ["events", "threads"])
def test_stop_with_a_thousand_connections_is_quick(kind):
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2500:
        pytest.skip("too few descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(most, 2500), hard))
    try:
        with rsock.HelloServer(0, concurrency=kind) as server, contextlib.ExitStack() as stack:
            for _ in range(1000):
                stack.enter_context(socket.create_connection(server.address))
            support.until(lambda: server.connections == 1000)
            begin = time.monotonic()
            assert server.stop()
            assert time.monotonic() - begin < 0.2 * SLACK
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def test_a_wrong_timeout_is_refused(make):
    with make(0) as server:
        for timeout in (-1, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="timeout"):
                server.stop(timeout)
        with pytest.raises(TypeError):
            server.stop("soon")
        assert server.running
        assert server.stop(None) is True


def test_a_timeout_may_be_longer_than_anybody_lives(make):
    server = make(0).start()
    with socket.create_connection(server.address):
        support.until(lambda: server.connections == 1)
        assert server.stop(1e10) is True
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address)


def test_a_server_that_nobody_holds_is_stopped(make):
    server = make(0).start()
    address, gone = server.address, weakref.ref(server)
    with rsock.TcpClient(address, timeout=support.PATIENCE) as client:
        assert client.recv() == b"Welcome!"
        del server
        gc.collect()
        assert gone() is None
        assert client.recv() == b""
    assert_refused(address)


BUSY = {
    "on_data": (lambda work: rsock.TcpServer(0, on_data=work), rsock.TcpClient),
    "datagrams": (lambda work: rsock.UdpServer(0, handler=work), rsock.UdpClient),
}


@pytest.mark.parametrize("kind", BUSY)
def test_dropping_a_server_that_is_busy_holds_up_no_other_thread(kind, spawn):
    make, connect = BUSY[kind]
    entered, gate, over = threading.Event(), threading.Event(), threading.Event()
    before = support.open_descriptors()

    def work(data, whose):
        entered.set()
        gate.wait(support.PATIENCE)

    def watch():
        times = [time.monotonic()]
        while not over.wait(0.01):
            times.append(time.monotonic())
        return max(after - before for before, after in zip(times, times[1:]))

    server = make(work).start()
    with connect(server.address) as client:
        client.send(b"x")
        assert entered.wait(support.PATIENCE)
        watching = spawn(watch)
        begin = time.monotonic()
        del server
        took = time.monotonic() - begin
        over.set()
        gate.set()
    assert took < 4
    assert watching.result() < 1
    support.until(lambda: support.open_descriptors() <= before)


def test_a_server_that_was_never_started_goes_without_a_warning(make):
    server = make(0)
    address = server.address
    del server
    gc.collect()
    assert_refused(address)


def test_a_server_that_is_part_of_a_cycle_is_stopped():
    class Program:
        def __init__(self):
            self.server = rsock.TcpServer(
                0, on_data=self.answer, on_connect=self.greet, on_close=self.end, log=self.log
            )

        def greet(self, conn):
            return b"Welcome!"

        def answer(self, data, conn):
            return data

        def end(self, conn):
            pass

        def log(self, line):
            pass

    program = Program()
    address = program.server.start().address
    with rsock.TcpClient(address, timeout=support.PATIENCE) as client:
        assert client.recv() == b"Welcome!"
        del program
        gc.collect()
        assert client.recv() == b""
    assert_refused(address)


def test_the_repr_says_what_it_is_where_and_how_it_does(make):
    server = make(0)
    name, port = type(server).__name__, server.address[1]
    assert repr(server) == f"<rsock.{name} 127.0.0.1:{port} not running>"
    with server, greeted(server):
        assert repr(server) == f"<rsock.{name} 127.0.0.1:{port} running, 1 connection>"
        with greeted(server):
            assert repr(server).endswith("running, 2 connections>")
    assert repr(server) == f"<rsock.{name} 127.0.0.1:{port} not running>"


NAMES = {"accepted", "active", "closed", "messages", "bytes_in", "bytes_out", "refused", "errors"}


def test_the_counts_add_up(make):
    server = make(0)
    assert server.stats == dict.fromkeys(NAMES, 0)
    with server:
        with greeted(server) as one, greeted(server):
            one.ask(b"x")
            assert server.stats["accepted"] == server.stats["active"] == 2
            assert server.connections == 2
        support.until(lambda: server.connections == 0)
        support.until(lambda: server.stats["active"] == 0)
        counts = server.stats
    assert set(counts) == NAMES
    assert (counts["accepted"], counts["closed"]) == (2, 2)
    assert (counts["refused"], counts["errors"]) == (0, 0)
    assert server.stats == counts, "they can still be asked afterwards"


def test_messages_and_bytes_are_counted():
    with rsock.HelloServer(0) as server, greeted(server) as client:
        assert client.talk(["a", "bc"]) == [b"Hello, a!", b"Hello, bc!"]
        counts = server.stats
    assert (counts["messages"], counts["bytes_in"]) == (2, 3)
    assert counts["bytes_out"] == len(b"Welcome!Hello, a!Hello, bc!")


def test_serve_forever_ends_with_a_stop_from_another_thread(make, spawn):
    server = make(0)
    worker = spawn(server.serve_forever)
    support.until(lambda: server.running)
    with greeted(server):
        assert server.stop() is True
    assert worker.result() is None
    assert_refused(server.address)


def test_serve_forever_may_follow_a_start(make, spawn):
    with make(0) as server:
        worker = spawn(server.serve_forever)
        with greeted(server):
            server.stop()
        worker.result()


def test_stop_from_a_handler(spawn):
    outcome = []

    def handler(sock, addr):
        outcome.append(server.stop())

    server = rsock.TcpServer(0, handler)
    worker = spawn(server.serve_forever)
    with rsock.TcpClient(server.address) as client:
        assert client.recv() == b""
    worker.result()
    assert len(outcome) == 1


def test_stop_from_on_data(spawn):
    outcome = []
    server = rsock.TcpServer(0, on_data=lambda data, conn: outcome.append(server.stop()))
    worker = spawn(server.serve_forever)
    with rsock.TcpClient(server.address) as client:
        assert client.ask(b"stop") == b""
    worker.result()
    assert outcome == [False], "it cannot wait for the thread that it is called in"
    assert server.stop() is True


def test_stop_from_the_log(spawn):
    server = rsock.HelloServer(0, log=lambda line: "Accept" in line and server.stop())
    worker = spawn(server.serve_forever)
    with rsock.TcpClient(server.address) as client, contextlib.suppress(ConnectionResetError):
        client.recv()
    worker.result()
    assert server.stop() is True


FOREVER = """
    import os, rsock, sys, time
    kind = sys.argv[1]
    if kind == "handler":
        server = rsock.TcpServer(0, lambda sock, addr: sock.recv(1))
    else:
        server = rsock.HelloServer(0, concurrency=kind)
    print(server.address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print(time.monotonic(), server.running, flush=True)
"""


@pytest.mark.parametrize("kind", ["events", "threads", "handler"])
def test_ctrl_c_ends_serve_forever_at_once(kind):
    delays = []
    for _ in range(3):
        command = [sys.executable, "-c", support.textwrap.dedent(FOREVER), kind]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as process:
            port = int(process.stdout.readline())
            try:
                # It may be bound and not yet in its wait, which is where Ctrl+C finds it.
                with socket.create_connection(("127.0.0.1", port)):
                    support.until(lambda pid=process.pid: waits(pid))
                    begin = time.monotonic()
                    os.kill(process.pid, signal.SIGINT)
                    printed, complaints = process.communicate(timeout=support.PATIENCE)
            finally:
                process.kill()
        assert (process.returncode, complaints) == (0, "")
        moment, running = printed.split()
        assert running == "False"
        delays.append(float(moment) - begin)
    assert min(delays) < 0.1


def waits(pid):
    """Tell whether the main thread of a process hangs in a wait, with a server beside it."""
    return support.at_rest(pid) and len(os.listdir(f"/proc/{pid}/task")) > 1


def test_ctrl_c_stops_a_notebook_cell_and_leaves_the_other_servers(spawn):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with rsock.HelloServer(0) as other:
            server = rsock.HelloServer(0)
            main = threading.main_thread().ident

            def interrupt():
                support.until(lambda: server.running)
                with greeted(server):
                    signal.pthread_kill(main, signal.SIGINT)

            worker = spawn(interrupt)
            with pytest.raises(KeyboardInterrupt):
                server.serve_forever()
            worker.result()
            assert not server.running
            with greeted(other) as client:
                assert client.ask("x") == b"Hello, x!"
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_port_in_use_leaves_nothing_open():
    with rsock.HelloServer(0) as server:
        before = support.open_descriptors()
        for _ in range(3):
            with pytest.raises(OSError) as caught:
                rsock.TcpServer(server.address, talk)
            assert caught.value.errno == errno.EADDRINUSE
        del caught
        assert support.open_descriptors() == before
