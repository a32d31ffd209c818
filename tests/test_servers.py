"""HelloServer says what the tutorial's scripts say, byte for byte; EchoServer what it hears."""

import logging
import queue
import select
import socket
import struct
import time

import pytest
import rsock
import support

from service import client_of

FRAMINGS = {
    "line": lambda message: message + b"\n",
    "length": lambda message: struct.pack(">I", len(message)) + message,
}


def rest_of(client):
    """Receive until the server closes."""
    return b"".join(iter(client.recv, b""))


def script(listener, greeting, answer, goodbye):
    """Serve one client as the tutorial's scripts do, on the standard module."""
    sock, _ = listener.accept()
    with sock:
        if greeting:
            sock.sendall(greeting.encode())
        while True:
            data = sock.recv(1024)
            if not data or (goodbye and data.decode() == goodbye):
                return
            sock.sendall(answer(data.decode()).encode())


def dialogue(address, greeting, messages):
    """Talk as the tutorial's clients do: the next message after the answer to the last."""
    heard = []
    with socket.create_connection(address, timeout=support.PATIENCE) as sock:
        if greeting:
            heard.append(sock.recv(1024))
        for message in messages:
            sock.sendall(message)
            heard.append(sock.recv(1024))
        if heard[-1]:
            sock.shutdown(socket.SHUT_WR)
            heard.append(sock.recv(1024))
    return heard


@pytest.mark.parametrize(
    ("greeting", "reply", "goodbye"),
    [
        ("Welcome!", "Hello, {data}!", "exit"),
        ("Welcome", "Hello, {data}", "exit"),
        ("Weclocme", "Hello, {data}!", "exit"),
        (None, "Hi,you send me :[now] {data}", None),
    ],
)
@pytest.mark.parametrize(
    "messages",
    [
        [b"Michael", b"Tracy", b"Sarah", b"exit"],
        [b"dbb", b"lily"],
        ["粘包".encode(), b"exit ", b"EXIT", b"0.5", b"x" * 1000],
        [b"a\nb\r\n", b"%s {data} {}", b"\x00"],
    ],
)
def test_the_dialogue_is_that_of_the_scripts(
    spawn, concurrency, greeting, reply, goodbye, messages
):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answer = reply.replace("{data}", "%s").__mod__
        worker = spawn(script, listener, greeting, answer, goodbye)
        expected = dialogue(listener.getsockname(), greeting, messages)
        worker.result()
    words = {"greeting": greeting, "reply": reply, "exit": goodbye, "concurrency": concurrency}
    with rsock.HelloServer(("127.0.0.1", 0), **words) as server:
        assert dialogue(server.address, greeting, messages) == expected
        assert dialogue(server.address, greeting, messages) == expected


def test_the_example_of_the_readme(concurrency):
    with rsock.HelloServer(("127.0.0.1", 0), concurrency=concurrency) as server:
        with client_of(server) as client:
            assert client.recv() == b"Welcome!"
            assert client.ask(b"Michael") == b"Hello, Michael!"
            assert client.ask(b"exit") == b""


def test_time_is_written_as_ctime_writes_it(concurrency):
    words = {"greeting": None, "exit": None, "reply": "Hi,you send me :[{time}] {data}"}
    with rsock.HelloServer(0, concurrency=concurrency, **words) as server:
        with client_of(server) as client:
            before = int(time.time())
            answer = client.ask("你好")
            moments = range(before, int(time.time()) + 1)
    answers = [f"Hi,you send me :[{time.ctime(moment)}] 你好" for moment in moments]
    assert answer.decode() in answers


def test_without_an_exit_word_none_ends_the_connection(concurrency):
    with rsock.HelloServer(0, exit=None, concurrency=concurrency) as server:
        with client_of(server) as client:
            assert client.recv() == b"Welcome!"
            assert client.talk(["exit", "again"]) == [b"Hello, exit!", b"Hello, again!"]


def test_words_may_be_bytes_that_are_no_text(concurrency):
    words = {"greeting": b"\xff\xfe", "reply": b"\x80{data}\x81", "exit": b"\xff"}
    with rsock.HelloServer(0, concurrency=concurrency, **words) as server:
        with client_of(server) as client:
            assert client.recv() == b"\xff\xfe"
            assert client.ask(b"\xc0") == b"\x80\xc0\x81"
            assert client.ask(b"\xff") == b""


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_words_may_be_in_any_kind_of_bytes(concurrency, kind):
    words = {"greeting": kind(b"Hi"), "reply": kind(b"<{data}>"), "exit": kind(b"quit")}
    with rsock.HelloServer(0, concurrency=concurrency, **words) as server:
        with client_of(server) as client:
            assert client.recv() == b"Hi"
            assert client.ask(b"a") == b"<a>"
            assert client.ask(b"quit") == b""
    for name in words:
        with pytest.raises(TypeError, match=f"{name} must be str"):
            rsock.HelloServer(0, concurrency=concurrency, **{name: 5})


def test_a_character_that_was_cut_in_two_is_handed_on_as_it_came(concurrency):
    first, second = bytearray("包".encode()), bytearray()
    second.append(first.pop())
    with rsock.HelloServer(0, concurrency=concurrency) as server, client_of(server) as client:
        assert client.recv() == b"Welcome!"
        assert client.ask(bytes(first)) == b"Hello, %b!" % first
        assert client.ask(bytes(second)) == b"Hello, %b!" % second
    with rsock.HelloServer(0, framing="line", concurrency=concurrency) as server:
        with client_of(server) as client:
            assert client.recv_line() == b"Welcome!\n"
            client.sendall(bytes(first))
            support.until(lambda: server.stats["bytes_in"] == len(first))
            client.sendall(bytes(second) + b"\n")
            assert client.recv_line().decode() == "Hello, 包!\n"


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_framing_keeps_messages_apart_that_arrive_together(concurrency, framing):
    frame = FRAMINGS[framing]
    messages = [b"one", b"", "二".encode(), b"\xff\x00", b"x" * 5000, b"exit"]
    with rsock.HelloServer(0, framing=framing, concurrency=concurrency) as server:
        with client_of(server) as client:
            client.sendall(b"".join(map(frame, messages)))
            expected = [b"Welcome!", *(b"Hello, %b!" % message for message in messages[:-1])]
            assert rest_of(client) == b"".join(map(frame, expected))
        assert server.stats["messages"] == len(messages)
        assert server.stats["errors"] == 0


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_framing_puts_a_message_together_that_arrives_in_pieces(concurrency, framing):
    frame = FRAMINGS[framing]
    with rsock.EchoServer(0, framing=framing, concurrency=concurrency) as server:
        with client_of(server) as client:
            stream = frame(b"message") + frame(b"another")
            for count, byte in enumerate(stream, 1):
                client.sendall(bytes([byte]))
                support.until(lambda count=count: server.stats["bytes_in"] == count)
            assert client.recv_exactly(len(stream)) == stream
        assert server.stats["messages"] == 2


def test_a_line_may_end_as_on_windows_and_the_last_not_at_all(concurrency):
    with rsock.EchoServer(0, framing="line", concurrency=concurrency) as server:
        with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
            sock.sendall(b"a\r\nb\n\r\nlast")
            sock.shutdown(socket.SHUT_WR)
            with sock.makefile("rb") as file:
                assert file.read() == b"a\nb\n\nlast\n"


@pytest.mark.parametrize("size", [1, 16, 1024, 65536, 1 << 20])
def test_an_echo_is_what_was_sent(spawn, concurrency, size):
    data = bytes(range(256)) * (size // 256) or b"x" * size
    with rsock.EchoServer(0, concurrency=concurrency) as server, client_of(server) as client:
        sender = spawn(client.sendall, data)
        assert client.recv_exactly(len(data)) == data
        sender.result()
        assert (server.stats["bytes_in"], server.stats["bytes_out"]) == (len(data), len(data))


def test_a_delay_comes_before_the_answer(concurrency):
    with rsock.HelloServer(0, delay=0.05, concurrency=concurrency) as server:
        with client_of(server) as client:
            assert client.recv() == b"Welcome!"
            begin = time.monotonic()
            assert client.ask(b"Michael") == b"Hello, Michael!"
            assert time.monotonic() - begin >= 0.05


def test_a_delay_holds_up_its_own_connection_alone_and_not_the_stop(concurrency):
    with rsock.HelloServer(0, delay=3600, concurrency=concurrency) as server:
        with client_of(server) as slow:
            assert slow.recv() == b"Welcome!"
            slow.sendall(b"Michael")
            support.until(lambda: server.stats["messages"] == 1)
            with client_of(server) as quick:
                assert quick.recv() == b"Welcome!"
            assert not select.select([slow], [], [], 0)[0]
            assert server.stop()
            assert slow.recv() == b""


LINES = [
    "Waiting for connection...",
    "Accept new connection from 127.0.0.1:{}...",
    "Connection from 127.0.0.1:{} closed.",
]


def logged(server):
    """Let a client come and go, and return the lines that the tutorial prints then."""
    with server, client_of(server) as client:
        assert client.recv() == b"Welcome!"
        assert client.ask(b"exit") == b""
        port = client.address[1]
    return [line.format(port) for line in LINES]


def test_a_log_is_a_function_of_each_line(concurrency):
    lines = queue.SimpleQueue()
    server = rsock.HelloServer(0, log=lines.put, concurrency=concurrency)
    for line in logged(server):
        assert lines.get(timeout=support.PATIENCE) == line


def test_a_log_is_printed(concurrency, capsys):
    expected = logged(rsock.HelloServer(0, log=True, concurrency=concurrency))
    assert capsys.readouterr().out.splitlines() == expected


def test_a_log_goes_to_a_logger(concurrency, caplog):
    caplog.set_level(logging.INFO)
    expected = logged(rsock.HelloServer(0, log=logging.getLogger("x"), concurrency=concurrency))
    assert [record.getMessage() for record in caplog.records] == expected


@pytest.mark.parametrize("log", [None, False])
def test_without_a_log_nothing_is_said(concurrency, capfd, log):
    logged(rsock.HelloServer(0, log=log, concurrency=concurrency))
    assert capfd.readouterr() == ("", "")


def test_a_log_that_fails_is_reported_and_the_clients_are_served(concurrency, reports):

    def log(line):
        if "Accept" in line:
            raise LookupError(line)

    with rsock.HelloServer(0, log=log, concurrency=concurrency) as server:
        with client_of(server) as client:
            assert client.recv() == b"Welcome!"
        assert reports.get(timeout=support.PATIENCE)[0] is LookupError


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"greeting": 1}, TypeError),
        ({"reply": None}, TypeError),
        ({"reply": "{name}"}, ValueError),
        ({"reply": "{data"}, ValueError),
        ({"delay": -1}, ValueError),
        ({"delay": float("nan")}, ValueError),
        ({"framing": "json"}, ValueError),
        ({"concurrency": "asyncio"}, ValueError),
        ({"log": 5}, TypeError),
        ({"max_connections": 0}, ValueError),
        ({"max_message": 0}, ValueError),
        ({"max_pending": 0}, ValueError),
        ({"event_threads": 0}, ValueError),
        ({"idle_timeout": -1}, ValueError),
    ],
)
def test_a_wrong_argument_is_named(arguments, error):
    [name] = arguments
    with pytest.raises(error, match=name):
        rsock.HelloServer(0, **arguments)


def test_several_event_threads_share_the_connections():
    with rsock.HelloServer(0, event_threads=3) as server:
        clients = [client_of(server) for _ in range(9)]
        try:
            assert {client.recv() for client in clients} == {b"Welcome!"}
            assert {client.ask("x") for client in clients} == {b"Hello, x!"}
            assert server.connections == 9
        finally:
            for client in clients:
                client.close()
        support.until(lambda: server.connections == 0)
