"""PageServer and those who break the rules, ask for too much, or do not read what they get."""

import contextlib
import gc
import os
import socket
import threading

import pytest
import rsock
import support
from asking import PAGES, ask, get, keeping, raw

MIB = 1 << 20


REFUSED = [
    (400, b"nonsense\r\n\r\n"),
    (400, b"\x16\x03\x01"),
    (400, b"GET / HTTP/1.1\nHost: h\n\n"),
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"),
    (400, get("/", "Content-Length: 5", "Transfer-Encoding: chunked", method="POST")),
    (400, get("/", "Content-Length: 5", "Content-Length: 6", method="POST")),
    (400, get("/", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n"),
    (413, get("/", "Content-Length: 1000", method="POST")),
    (413, get("/", "Transfer-Encoding: chunked", method="POST") + b"3e8\r\n"),
    (414, b"GET /" + b"a" * 5000),
    (431, get("/", "X: " + "a" * 5000)),
    (431, get("/", *["X: a"] * 200)),
    (417, get("/", "Expect: miracle", "Content-Length: 1", method="POST")),
    (501, get("/", "Transfer-Encoding: gzip, chunked", method="POST")),
    (505, b"GET / HTTP/3.0\r\nHost: h\r\n\r\n"),
]


@pytest.mark.parametrize(
    ("status", "request_"), [pytest.param(*row, id=repr(row[1][:60])) for row in REFUSED]
)
def test_a_bad_request_is_answered_and_closed(concurrency, status, request_):
    server = rsock.PageServer(
        0, PAGES, max_request_head=4096, max_body=100, concurrency=concurrency
    )
    with server:
        with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
            sock.sendall(request_)
            received = b"".join(iter(lambda: sock.recv(65536), b""))
        assert received.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"\r\nConnection: close\r\n" in received
        assert received.count(b"\r\nDate: ") == 1
        support.until(lambda: server.connections == 0)
        assert server.stats["errors"] == 1
        assert ask(server, "/ten")[1] == b"0123456789"


def test_nothing_is_smuggled_behind_a_refused_request(site):
    hidden = get("/ten")
    for first in (
        get("/", "Content-Length: 0", "Transfer-Encoding: chunked", method="POST"),
        get("/", "Transfer-Encoding: xchunked", method="POST"),
        get("/", "Transfer-Encoding : chunked", method="POST"),
        get("/", "Content-Length: +5", method="POST"),
        get("/", "Content-Length: 0\n", method="POST"),
    ):
        assert b"0123456789" not in raw(site, first + hidden)


def test_bodies_are_passed_over_and_their_sender_may_ask_first(site):
    with keeping(site) as connection:
        connection.request("GET", "/ten", body=b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.getresponse().read() == b"0123456789"
        connection.request("GET", "/ten", body=iter([b"GET ", b"/none"]), encode_chunked=True)
        assert connection.getresponse().read() == b"0123456789"
    with socket.create_connection(site.address, timeout=support.PATIENCE) as sock:
        sock.sendall(get("/ten", "Expect: 100-continue", "Content-Length: 3"))
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_whoever_sends_too_much_comes_to_read_that_it_is(site):
    much = "a" * (5 * MIB)
    for status, path, headers, body in (
        (413, "/ten", {}, much),
        (414, "/" + much, {}, None),
        (431, "/", {"X": much}, None),
    ):
        with keeping(site) as connection:
            connection.request("POST", path, body=body, headers=headers)
            assert connection.getresponse().status == status


def test_a_head_without_end_costs_no_memory(site):
    gc.collect()
    before = support.resident()
    with socket.create_connection(site.address, timeout=support.PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nX: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                sock.sendall(b"a" * MIB)
            pytest.fail("all of it was taken")
    assert support.resident() - before < 8 * MIB


def test_a_slow_reader_costs_no_more_than_a_part(tmp_path, concurrency):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    with contextlib.ExitStack() as stack:
        server = rsock.PageServer(
            0, {"/page": bytes(64 * MIB)}, directory=tmp_path, concurrency=concurrency
        )
        stack.enter_context(server)
        gc.collect()
        before = support.resident()
        socks = []
        for path in ["/large.bin", "/page", "/large.bin?chunked=1"] * 8:
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.settimeout(support.PATIENCE)
            sock.connect(server.address)
            sock.sendall(get(path) * 100)
            socks.append(sock)
        for _ in range(50):
            for sock in socks:
                assert sock.recv(65536)
        assert support.resident() - before < 16 * MIB
        # Somebody who reads is served meanwhile.
        assert ask(server, "/page", Range="bytes=0-9")[1] == bytes(10)


def test_others_are_served_while_much_is_sent(tmp_path):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    with rsock.PageServer(0, {"/ten": b"0123456789"}, directory=tmp_path) as server:
        with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
            sock.sendall(get("/large.bin"))
            over = threading.Event()

            def drain():
                with contextlib.suppress(OSError):
                    while not over.is_set():
                        sock.recv(MIB)

            worker = support.Worker(drain)
            with keeping(server) as connection:
                for _ in range(20):
                    connection.request("GET", "/ten")
                    assert connection.getresponse().read() == b"0123456789"
            over.set()
            worker.result()


def test_stop_ends_a_long_answer(tmp_path, concurrency):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    server = rsock.PageServer(0, directory=tmp_path, concurrency=concurrency).start()
    with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
        sock.sendall(get("/large.bin"))
        assert sock.recv(100)
        assert server.stop()
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(MIB):
                pass
    assert server.stats["active"] == 0


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(tmp_path, concurrency):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    with rsock.PageServer(0, directory=tmp_path, concurrency=concurrency) as server:
        # The first one shows what stays open for good.
        for _ in range(5):
            with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
                sock.sendall(get("/large.bin"))
                assert sock.recv(100)
            support.until(lambda: server.connections == 0)
            descriptors = support.open_descriptors()
        assert not [
            number
            for number in descriptors
            if "large.bin" in os.readlink(f"/proc/self/fd/{number}")
        ]


def test_who_says_nothing_or_reads_nothing_is_closed(tmp_path, concurrency):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    with rsock.PageServer(
        0, directory=tmp_path, idle_timeout=0.3, concurrency=concurrency
    ) as server:
        with socket.create_connection(server.address, timeout=support.PATIENCE) as silent:
            with socket.create_connection(server.address, timeout=support.PATIENCE) as deaf:
                deaf.sendall(get("/large.bin"))
                silent.sendall(b"GET / HT")
                assert silent.recv(100) == b""
                support.until(lambda: server.connections == 0)
