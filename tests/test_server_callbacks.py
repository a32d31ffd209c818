"""TcpServer with on_data: Python functions that the event loop calls."""

import contextlib
import gc
import queue
import socket
import subprocess
import sys
import threading
import weakref

import pytest
import rsock
import support

from service import client_of

FAMILIES = {"bytes": bytes, "bytearray": bytearray, "memoryview": memoryview}


@pytest.mark.parametrize("kind", FAMILIES)
def test_what_is_returned_is_sent(kind):
    with rsock.TcpServer(0, on_data=lambda data, conn: FAMILIES[kind](data.upper())) as server:
        with client_of(server) as client:
            assert client.talk(["one", "two"]) == [b"ONE", b"TWO"]
    assert server.stats["messages"] == 2


class Words(bytes):
    """Bytes of a class of the program."""


LONG = bytes(range(251)) * 400


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, Words])
@pytest.mark.parametrize("size", [4095, 4096, len(LONG)])
@pytest.mark.parametrize("aside", [b"", b"aside", LONG])
def test_a_long_answer_is_sent_whole_and_after_what_was_sent_before(kind, size, aside):
    def on_data(data, conn):
        if aside:
            conn.send(aside)
        if data == b"end":
            conn.close()
        return kind(LONG[:size])

    def on_connect(conn):
        return kind(LONG[:size])

    with rsock.TcpServer(0, on_data=on_data, on_connect=on_connect) as server:
        with client_of(server) as client:
            assert client.recv_exactly(size) == LONG[:size]
            for message in (b"one", b"two", b"end"):
                client.sendall(message)
                assert client.recv_exactly(len(aside) + size) == aside + LONG[:size]
            assert client.recv() == b""


@pytest.mark.parametrize("second", [LONG, b"short", b"", None])
@pytest.mark.parametrize("first", [LONG, b"short", b"", None])
@pytest.mark.parametrize("aside", [LONG, b"aside", b""])
def test_the_answers_of_one_step_keep_their_order(first, aside, second):
    def on_data(data, conn):
        if data == b"two":
            conn.send(aside)
        return {b"one": first, b"two": second, b"end": b"."}[data]

    with rsock.TcpServer(0, on_data=on_data, max_message=3) as server, client_of(server) as client:
        client.sendall(b"onetwoend")
        expected = b"".join([first or b"", aside, second or b"", b"."])
        assert client.recv_exactly(len(expected)) == expected
        assert server.stats["messages"] == 3


def test_a_long_answer_arrives_though_the_next_call_of_the_step_fails(reports):
    def on_data(data, _conn):
        return {b"one": LONG}[data]

    with rsock.TcpServer(0, on_data=on_data, max_message=3) as server, client_of(server) as client:
        client.sendall(b"onetwo")
        assert b"".join(iter(client.recv, b"")) == LONG
        assert reports.get(timeout=support.PATIENCE)[0] is KeyError
    assert server.stats["errors"] == 1


def test_a_long_answer_waits_for_a_slow_client_and_is_let_go_of():
    gone = queue.SimpleQueue()

    class Answer(bytes):
        def __del__(self):
            gone.put(len(self))

    def on_data(_data, _conn):
        return Answer(LONG * 100)

    with rsock.TcpServer(0, on_data=on_data) as server, client_of(server) as client:
        for _ in range(3):
            client.sendall(b"more")
            # What the kernel does not take is kept by then, and the answer is not needed any more.
            assert gone.get(timeout=support.PATIENCE) == len(LONG) * 100
            assert client.recv_exactly(len(LONG) * 100) == LONG * 100
    assert server.stats["bytes_out"] == 3 * len(LONG) * 100


def test_data_is_bytes():
    kinds = queue.SimpleQueue()

    def on_data(data, conn):
        kinds.put(type(data))
        return data

    with rsock.TcpServer(0, on_data=on_data) as server, client_of(server) as client:
        assert client.ask(b"\xff\x00") == b"\xff\x00"
    assert kinds.get_nowait() is bytes


@pytest.mark.parametrize("nothing", [None, b""])
def test_nothing_is_sent_for_none_and_for_empty_bytes(nothing):
    answers = {b"one": nothing, b"two": b"answer"}
    with rsock.TcpServer(0, on_data=lambda data, conn: answers[data]) as server:
        with client_of(server) as client:
            client.sendall(b"one")
            support.until(lambda: server.stats["messages"] == 1)
            assert client.ask(b"two") == b"answer"


@pytest.mark.parametrize("answer", ["text", 5, ["x"], True])
def test_an_answer_of_a_wrong_type_is_reported_and_ends_the_connection(reports, answer):
    answers = {b"bad": answer, b"good": b"good"}
    with rsock.TcpServer(0, on_data=lambda data, conn: answers[data]) as server:
        with client_of(server) as other, client_of(server) as bad:
            assert bad.ask(b"bad") == b""
            assert other.ask(b"good") == b"good"
        kind, text = reports.get(timeout=support.PATIENCE)
        assert kind is TypeError
        assert type(answer).__name__ in text
        assert server.stats["errors"] == 1


@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt])
def test_a_function_that_raises_is_reported_and_the_others_are_served(reports, error):
    def on_data(data, conn):
        if data == b"bad":
            raise error("as planned")
        return data

    with rsock.TcpServer(0, on_data=on_data) as server:
        with client_of(server) as other, client_of(server) as bad:
            assert bad.ask(b"bad") == b""
            assert other.ask(b"good") == b"good"
        assert reports.get(timeout=support.PATIENCE) == (error, "as planned")


def test_a_failure_is_told_with_its_traceback():
    program = """
import rsock

def on_data(data, conn):
    raise LookupError("as planned")

with rsock.TcpServer(0, on_data=on_data) as server, rsock.TcpClient(server.address) as client:
    print(client.ask(b"x"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == "b''\n"
    assert "Traceback" in done.stderr
    assert "in on_data" in done.stderr
    assert done.stderr.endswith("LookupError: as planned\n")


def test_on_connect_may_return_a_greeting():
    with rsock.TcpServer(
        0, on_connect=lambda conn: b"Welcome!", on_data=lambda data, conn: data
    ) as server:
        with client_of(server) as client:
            assert client.recv() == b"Welcome!"
            assert client.ask(b"x") == b"x"


def test_on_connect_that_raises_ends_the_connection(reports):
    def on_connect(conn):
        raise LookupError("as planned")

    closed = queue.SimpleQueue()
    with rsock.TcpServer(
        0, on_connect=on_connect, on_data=lambda data, conn: data, on_close=closed.put
    ) as server:
        with client_of(server) as client:
            assert client.recv() == b""
        assert reports.get(timeout=support.PATIENCE) == (LookupError, "as planned")
        closed.get(timeout=support.PATIENCE)


def test_a_greeting_of_a_wrong_type_is_reported_and_ends_the_connection(reports):
    greetings = iter(["text", b"Welcome!"])
    with rsock.TcpServer(
        0, on_connect=lambda conn: next(greetings), on_data=lambda data, conn: data
    ) as server:
        with client_of(server) as client:
            assert client.recv() == b""
        assert reports.get(timeout=support.PATIENCE)[0] is TypeError
        with client_of(server) as client:
            assert client.recv() == b"Welcome!"
        assert server.stats["errors"] == 1


def by_exit(client, server):
    assert client.ask(b"close") == b""


def by_end(client, server):
    client.close()


def by_reset(client, server):
    with socket.socket(fileno=socket.dup(client.fileno())) as sock:
        client.close()
        support.reset(sock)


def by_failure(client, server):
    assert client.ask(b"fail") == b""


def by_stop(client, server):
    server.stop()


@pytest.mark.parametrize("end", [by_exit, by_end, by_reset, by_failure, by_stop])
def test_on_close_is_called_once_for_each_connection_however_it_ends(reports, end):
    opened, closed = queue.SimpleQueue(), queue.SimpleQueue()

    def on_data(data, conn):
        return conn.close() if data == b"close" else 1 / 0

    with rsock.TcpServer(0, on_connect=opened.put, on_data=on_data, on_close=closed.put) as server:
        with client_of(server) as client:
            conn = opened.get(timeout=support.PATIENCE)
            end(client, server)
            assert closed.get(timeout=support.PATIENCE) is conn
    assert closed.empty()
    assert opened.empty()


def test_on_close_that_raises_is_reported_and_the_others_are_served(reports):
    def on_close(conn):
        raise LookupError("as planned")

    with rsock.TcpServer(0, on_data=lambda data, conn: data, on_close=on_close) as server:
        for _ in range(2):
            with client_of(server) as client:
                assert client.ask(b"x") == b"x"
            assert reports.get(timeout=support.PATIENCE) == (LookupError, "as planned")


def test_a_connection_knows_its_client():
    conns = queue.SimpleQueue()
    with rsock.TcpServer(0, on_data=lambda data, conn: conns.put(conn)) as server:
        with client_of(server) as client:
            client.sendall(b"x")
            conn = conns.get(timeout=support.PATIENCE)
            assert conn.address == client.address
            assert str(client.address[1]) in repr(conn)


def test_a_connection_takes_attributes_and_keeps_them():
    def on_connect(conn):
        conn.count = 0

    def on_data(data, conn):
        conn.count += 1
        return b"%d" % conn.count

    with rsock.TcpServer(0, on_connect=on_connect, on_data=on_data) as server:
        with client_of(server) as one, client_of(server) as other:
            assert one.talk(["a", "b", "c"]) == [b"1", b"2", b"3"]
            assert other.talk(["a"]) == [b"1"]


def test_a_connection_that_refers_to_itself_is_collected():
    class State:
        pass

    states = queue.SimpleQueue()

    def on_connect(conn):
        conn.state = State()
        conn.state.conn = conn
        states.put(weakref.ref(conn.state))

    with rsock.TcpServer(0, on_connect=on_connect, on_data=lambda data, conn: data) as server:
        with client_of(server) as client:
            assert client.ask(b"x") == b"x"
        support.until(lambda: server.connections == 0)
        support.until(lambda: not gc.collect() and not server.connections)
        assert states.get_nowait()() is None


def test_what_is_sent_comes_before_what_is_returned():
    def on_data(data, conn):
        assert conn.send(b"1")
        assert conn.send(b"2")
        return b"3"

    def on_connect(conn):
        conn.send(b"a")
        return b"b"

    with rsock.TcpServer(0, on_data=on_data, on_connect=on_connect) as server:
        with client_of(server) as client:
            assert client.recv_exactly(2) == b"ab"
            client.sendall(b"x")
            assert client.recv_exactly(3) == b"123"


def test_close_sends_what_was_sent_and_returned_before():
    def on_data(data, conn):
        conn.send(b"1")
        conn.close()
        return b"2"

    with rsock.TcpServer(0, on_data=on_data) as server, client_of(server) as client:
        client.sendall(b"x")
        assert b"".join(iter(client.recv, b"")) == b"12"


def test_other_threads_send_in_their_order_and_close(spawn):
    conns = queue.SimpleQueue()
    numbers = [b"%d\n" % number for number in range(1000)]
    with rsock.TcpServer(0, on_connect=conns.put, on_data=lambda data, conn: None) as server:
        with client_of(server) as client:
            conn = conns.get(timeout=support.PATIENCE)

            def send():
                for number in numbers:
                    assert conn.send(number)
                conn.close()

            worker = spawn(send)
            assert list(client) == numbers
            worker.result()


def test_many_threads_send_whole_messages(spawn):
    conns = queue.SimpleQueue()
    with rsock.TcpServer(0, on_connect=conns.put, on_data=lambda data, conn: None) as server:
        with client_of(server) as client:
            conn = conns.get(timeout=support.PATIENCE)
            lines = [b"%d" % number * 100 + b"\n" for number in range(8)]
            workers = [
                spawn(lambda line=line: [conn.send(line) for _ in range(50)]) for line in lines
            ]
            got = [client.recv_line() for _ in range(400)]
            assert all(all(worker.result()) for worker in workers)
    assert sorted(got) == sorted(lines * 50)


def test_what_is_sent_to_a_client_that_is_gone_is_false():
    conns, closed = queue.SimpleQueue(), threading.Event()
    with rsock.TcpServer(
        0,
        on_connect=conns.put,
        on_data=lambda data, conn: None,
        on_close=lambda conn: closed.set(),
    ) as server:
        with client_of(server):
            conn = conns.get(timeout=support.PATIENCE)
        assert closed.wait(support.PATIENCE)
        assert conn.send(b"x") is False
        assert conn.close() is None
    assert conn.send(b"x") is False


@pytest.mark.parametrize("data", ["text", 5, None])
def test_what_is_no_bytes_cannot_be_sent(data):
    conns = queue.SimpleQueue()
    with rsock.TcpServer(0, on_connect=conns.put, on_data=lambda data, conn: None) as server:
        with client_of(server):
            with pytest.raises(TypeError):
                conns.get(timeout=support.PATIENCE).send(data)


def test_sending_to_a_client_that_does_not_read_says_so_in_the_end():
    conns = queue.SimpleQueue()
    with rsock.TcpServer(
        0, on_connect=conns.put, on_data=lambda data, conn: None, max_pending=1 << 16
    ) as server:
        with client_of(server):
            conn = conns.get(timeout=support.PATIENCE)
            for _ in range(1000):
                if not conn.send(bytes(1 << 16)):
                    break
            else:
                pytest.fail("64 MiB wait for a client that may have 64 KiB")


def test_sending_without_end_in_a_function_says_so_in_the_end():
    taken = queue.SimpleQueue()
    piece = bytes(1 << 10)

    def on_data(data, conn):
        taken.put(next(count for count in range(1000) if not conn.send(piece)))
        return b"!"

    with rsock.TcpServer(0, on_data=on_data, max_pending=1 << 16) as server:
        with client_of(server) as client:
            for _ in range(2):
                client.sendall(b"x")
                assert taken.get(timeout=support.PATIENCE) == 64
                assert client.recv_exactly((64 << 10) + 1) == bytes(64 << 10) + b"!"


def test_what_waits_for_a_client_counts_when_a_function_sends_more():
    taken = queue.SimpleQueue()

    def on_data(data, conn):
        taken.put(conn.send(b"x" * int(data)))

    with rsock.TcpServer(0, framing="line", on_data=on_data, max_pending=1000) as server:
        with client_of(server) as client:
            client.sendall("2000\n10\n")
            assert taken.get(timeout=support.PATIENCE)
            assert not taken.get(timeout=support.PATIENCE)
            assert client.recv_line() == b"x" * 2000 + b"\n"
            client.sendall("10\n")
            assert taken.get(timeout=support.PATIENCE)
            assert client.recv_line() == b"x" * 10 + b"\n"


@pytest.mark.parametrize(
    ("framing", "stream"),
    [("line", b"one\ntwo\n"), ("length", b"\0\0\0\3one\0\0\0\3two")],
)
def test_framings_take_messages_apart_and_frame_the_answers(framing, stream):
    with rsock.TcpServer(
        0, framing=framing, on_data=lambda data, conn: data if len(data) == 3 else None
    ) as server:
        with client_of(server) as client:
            client.sendall(stream)
            assert client.recv_exactly(len(stream)) == stream


@pytest.mark.parametrize(
    ("framing", "stream"),
    [("line", b"one\ntwo\nthree\n"), ("length", b"\0\0\0\3one\0\0\0\3two\0\0\0\5three")],
)
def test_a_message_that_is_too_long_is_an_error_and_no_message(framing, stream):
    taken = []
    with rsock.TcpServer(
        0, framing=framing, max_message=3, on_data=lambda data, conn: taken.append(data)
    ) as server:
        with client_of(server) as client, contextlib.suppress(ConnectionResetError):
            client.sendall(stream)
            assert client.recv() == b""
        assert (server.stats["messages"], server.stats["errors"]) == (2, 1)
    assert taken == [b"one", b"two"]


@pytest.mark.parametrize("framing", ["line", "length"])
def test_with_a_framing_what_is_sent_aside_is_a_message_too(framing):
    def on_data(data, conn):
        conn.send(b"aside")
        return b"answer"

    frame = {
        "line": lambda data: data + b"\n",
        "length": lambda data: len(data).to_bytes(4, "big") + data,
    }[framing]
    with rsock.TcpServer(0, framing=framing, on_data=on_data) as server:
        with client_of(server) as client:
            client.sendall(frame(b"x"))
            expected = frame(b"aside") + frame(b"answer")
            assert client.recv_exactly(len(expected)) == expected


def test_a_chat_reaches_everybody():
    everybody = set()

    def on_data(data, conn):
        for other in everybody - {conn}:
            other.send(data)

    with (
        rsock.TcpServer(
            0, on_connect=everybody.add, on_data=on_data, on_close=everybody.discard
        ) as server,
        contextlib.ExitStack() as stack,
    ):
        clients = [stack.enter_context(client_of(server)) for _ in range(5)]
        support.until(lambda: len(everybody) == 5)
        clients[0].sendall(b"hello")
        assert [client.recv() for client in clients[1:]] == [b"hello"] * 4
    assert not everybody


def test_connections_may_be_made_while_the_garbage_collector_runs():
    # A collection begins where memory is asked for, so also in the middle of making a connection.
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        with rsock.TcpServer(
            0, on_data=lambda data, conn: data, on_connect=lambda conn: b"hi"
        ) as server:
            for _ in range(300):
                with rsock.TcpClient(server.address) as client:
                    assert client.recv_exactly(2) == b"hi"
    finally:
        gc.set_threshold(*threshold)


def test_a_connection_takes_attributes_of_the_program_and_keeps_its_own():
    seen = []

    def greet(conn):
        conn.name = "first"
        conn.count = 1
        del conn.count
        seen.append((conn.name, vars(conn), hasattr(conn, "count")))
        for name in ("address", "send", "close"):
            with pytest.raises(AttributeError):
                setattr(conn, name, None)
        with pytest.raises(AttributeError):
            del conn.missing
        return b"hi"

    with rsock.TcpServer(0, on_data=lambda data, conn: None, on_connect=greet) as server:
        with rsock.TcpClient(server.address) as client:
            assert client.recv_exactly(2) == b"hi"
    assert seen == [("first", {"name": "first"}, False)]
