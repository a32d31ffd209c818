"""Everything that a client can use up has a bound, and the other clients are served beyond it."""

import contextlib
import gc
import os
import select
import socket
import time

import pytest
import rsock
import support

MIB = 1 << 20


def connected(server):
    return socket.create_connection(server.address, timeout=support.PATIENCE)


def test_further_clients_are_turned_away_and_counted(concurrency):
    with rsock.HelloServer(0, max_connections=2, concurrency=concurrency) as server:
        with connected(server) as one, connected(server) as other:
            assert one.recv(100) == other.recv(100) == b"Welcome!"
            for count in 1, 2, 3:
                with connected(server) as more:
                    assert more.recv(100) == b""
                assert server.stats["refused"] == count
            assert server.connections == 2
            one.sendall(b"x")
            assert one.recv(100) == b"Hello, x!"
            one.sendall(b"exit")
            assert one.recv(100) == b""
            support.until(lambda: server.connections == 1)
            with connected(server) as more:
                assert more.recv(100) == b"Welcome!"
        assert server.stats["accepted"] == 3


def test_who_says_nothing_is_closed_and_who_drips_is_kept(concurrency):
    with rsock.EchoServer(0, idle_timeout=0.5, concurrency=concurrency) as server:
        with connected(server) as silent, connected(server) as drip:
            begin = time.monotonic()
            drops = 0
            while not select.select([silent], [], [], 0.02)[0]:
                drip.sendall(b".")
                assert drip.recv(1) == b"."
                drops += 1
            assert time.monotonic() - begin >= 0.45
            assert silent.recv(1) == b""
            assert drops > 3
            drip.sendall(b".")
            assert drip.recv(1) == b"."


def test_without_an_idle_timeout_nobody_is_closed_for_silence(concurrency):
    with rsock.EchoServer(0, idle_timeout=None, concurrency=concurrency) as server:
        with connected(server) as client:
            assert not select.select([client], [], [], 0.1)[0]
            client.sendall(b"x")
            assert client.recv(1) == b"x"


@pytest.mark.parametrize(
    ("framing", "fits", "too_long"),
    [
        ("line", b"x" * 10 + b"\n", b"x" * 11 + b"\n"),
        ("line", b"x" * 10 + b"\r\n", b"x" * 11 + b"\r\n"),
        ("line", b"x" * 10 + b"\n", b"x" * 12),
        ("length", b"\0\0\0\x0a" + b"x" * 10, b"\0\0\0\x0b"),
        ("length", b"\0\0\0\0", b"\xff\xff\xff\xff"),
    ],
)
def test_a_message_that_is_too_long_ends_the_connection(concurrency, framing, fits, too_long):
    with rsock.EchoServer(0, framing=framing, max_message=10, concurrency=concurrency) as server:
        with connected(server) as client, connected(server) as other:
            client.sendall(fits)
            answer = fits.replace(b"\r", b"")
            assert client.recv(100) == answer
            client.sendall(too_long)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(100) == b""
            other.sendall(fits)
            assert other.recv(100) == answer
        assert server.stats["errors"] >= 1


def test_a_stream_without_an_end_of_line_costs_no_more_than_a_message(concurrency):
    with rsock.EchoServer(0, framing="line", concurrency=concurrency) as server:
        with connected(server) as client:
            chunk = b"x" * MIB
            gc.collect()
            before = support.resident()
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                for _ in range(64):
                    client.sendall(chunk)
            assert support.resident() - before < 8 * MIB
        with connected(server) as client:
            client.sendall(b"short\n")
            assert client.recv(100) == b"short\n"


@pytest.mark.parametrize("framing", ["recv", "line"])
def test_a_client_that_never_reads_costs_no_more_than_its_bound(concurrency, framing):
    with rsock.EchoServer(0, framing=framing, concurrency=concurrency) as server:
        with connected(server) as client:
            line = (b"x" * 1023 + b"\n") * 64
            client.setblocking(False)
            gc.collect()
            before, sent = support.resident(), 0
            # Until for a while nothing more is taken.
            while sent < 64 * MIB and select.select([], [client], [], 0.3)[1]:
                with contextlib.suppress(BlockingIOError):
                    sent += client.send(line)
            assert sent < 64 * MIB
            assert support.resident() - before < 8 * MIB
            counts = server.stats
            assert counts["bytes_in"] - counts["bytes_out"] < 2 * MIB
            with connected(server) as other:
                other.sendall(b"x\n")
                assert other.recv(100) == b"x\n"


def test_who_reads_late_gets_everything(spawn, concurrency):
    data = os.urandom(8 * MIB)
    with rsock.EchoServer(0, max_pending=1000, concurrency=concurrency) as server:
        with connected(server) as client:
            sender = spawn(client.sendall, data)
            support.until(lambda: server.stats["bytes_in"] > 0)
            got = bytearray()
            while len(got) < len(data):
                got += client.recv(MIB)
            sender.result()
            assert got == data


def test_ten_thousand_messages_at_once_are_all_answered(spawn, concurrency):
    with rsock.HelloServer(
        0, greeting=None, framing="line", max_pending=4096, concurrency=concurrency
    ) as server:
        with connected(server) as client:
            sender = spawn(client.sendall, b"x\n" * 10_000)
            with client.makefile("rb") as file:
                assert all(file.readline() == b"Hello, x!\n" for _ in range(10_000))
            sender.result()
        assert server.stats["messages"] == 10_000
