"""Bytes over a connection."""

import array
import errno
import threading

import pytest
import rsock


def test_what_one_end_sends_the_other_receives(tcp):
    client, server = tcp
    assert client.send(b"hello") == 5
    assert server.recv(100) == b"hello"
    assert server.send(memoryview(b"world")) == 5
    assert client.recv(100) == b"world"


def test_recv_gives_no_more_than_asked_for(pair):
    left, right = pair
    left.sendall(b"abcdef")
    assert right.recv(2) == b"ab"
    assert right.recv(1) == b"c"
    assert right.recv(100) == b"def"


def test_recv_of_no_bytes_gives_none_and_takes_none(pair):
    left, right = pair
    left.sendall(b"x")
    assert right.recv(0) == b""
    assert right.recv(1) == b"x"


def test_recv_of_no_bytes_does_not_wait_for_any(socket, pair):
    _, right = pair
    right.settimeout(0)
    assert right.recv(0) == b""
    assert right.recv_into(bytearray()) == 0
    right.close()
    assert right.recv(0) == b""
    assert right.recv_into(bytearray()) == 0
    with pytest.raises(OSError, match="Bad file descriptor"):
        right.recvfrom(0)


@pytest.mark.parametrize("size", [1, 255, 256, 1024, 4096, 8192, 65536, 1 << 20])
def test_recv_of_any_size_gives_exactly_the_bytes_sent(pair, size):
    left, right = pair
    message = bytes(range(256)) * 4
    left.sendall(message)
    received = b""
    while len(received) < len(message):
        received += right.recv(size)
    assert received == message


def test_recv_gives_nothing_once_the_other_end_is_closed(tcp):
    client, server = tcp
    server.sendall(b"last")
    server.close()
    assert client.recv(100) == b"last"
    assert client.recv(100) == b""
    assert client.recv(100) == b""


def test_peek_leaves_the_bytes_where_they_are(socket, tcp):
    client, server = tcp
    client.sendall(b"twice")
    assert server.recv(100, socket.MSG_PEEK) == b"twice"
    assert server.recv(100) == b"twice"


def test_waitall_fills_the_whole_size(socket, tcp, spawn):
    client, server = tcp
    reader = spawn(server.recv, 6, socket.MSG_WAITALL)
    client.sendall(b"abc")
    client.sendall(b"def")
    assert reader.result() == b"abcdef"


@pytest.mark.parametrize("size", [1000, 4096, 65536])
@pytest.mark.parametrize("method", ["recv", "recvfrom", "recvmsg"])
def test_bytes_that_are_thrown_away_come_as_zeros_and_not_as_what_was_in_memory(size, method):
    # The original hands out what was there, so it cannot be asked.
    with rsock.create_server(("127.0.0.1", 0)) as listener:
        with rsock.create_connection(listener.getsockname()) as client:
            server, _ = listener.accept()
            with server:
                client.sendall(b"s" * 900)
                assert server.recv(size) == b"s" * 900
                client.sendall(b"x" * 900)
                got = getattr(server, method)(size, *[0] * (method == "recvmsg"), rsock.MSG_TRUNC)
                if method != "recv":
                    got = got[0]
                assert got == bytes(900)
                client.sendall(b"y" * 5000)
                server.recv(5000, rsock.MSG_PEEK | rsock.MSG_WAITALL)
                assert server.recv(65536, rsock.MSG_TRUNC) == bytes(5000)
                client.sendall(b"z")
                assert server.recv(size) == b"z"


def test_out_of_band_data_comes_apart(socket, tcp):
    client, server = tcp
    client.send(b"!", socket.MSG_OOB)
    client.sendall(b"in band")
    assert server.recv(1, socket.MSG_OOB) == b"!"
    assert server.recv(100) == b"in band"


def test_sendall_sends_more_than_the_kernel_holds(tcp, spawn):
    client, server = tcp
    data = bytes(range(256)) * 20000

    def receive():
        received = bytearray()
        while len(received) < len(data):
            received += server.recv(100000)
        return received

    reader = spawn(receive)
    assert client.sendall(data) is None
    assert reader.result() == data


@pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")])
def test_sending_nothing_is_no_error(pair, data):
    left, _ = pair
    assert left.send(data) == 0
    assert left.sendall(data) is None


def test_send_takes_whatever_has_a_buffer(pair):
    left, right = pair
    for data in (b"ab", bytearray(b"ab"), memoryview(b"xaby")[1:3], array.array("H", [25185])):
        assert left.send(data) == 2
        assert len(right.recv(10)) == 2


class TestRecvInto:
    def test_it_fills_the_front_of_the_buffer_and_says_how_much(self, pair):
        left, right = pair
        left.sendall(b"abc")
        buffer = bytearray(b"......")
        assert right.recv_into(buffer) == 3
        assert buffer == b"abc..."

    def test_it_takes_no_more_than_nbytes(self, pair):
        left, right = pair
        left.sendall(b"abc")
        buffer = bytearray(b"......")
        assert right.recv_into(buffer, 2) == 2
        assert buffer == b"ab...."
        assert right.recv(10) == b"c"

    def test_no_nbytes_mean_the_whole_buffer(self, pair):
        left, right = pair
        left.sendall(b"abc")
        buffer = bytearray(6)
        assert right.recv_into(buffer, 0) == 3

    def test_it_fills_a_part_of_a_buffer_through_a_memoryview(self, pair):
        left, right = pair
        left.sendall(b"abc")
        buffer = bytearray(b"......")
        assert right.recv_into(memoryview(buffer)[2:4]) == 2
        assert buffer == b"..ab.."

    def test_it_takes_keywords(self, socket, pair):
        left, right = pair
        left.sendall(b"abc")
        buffer = bytearray(6)
        assert right.recv_into(buffer=buffer, nbytes=2, flags=socket.MSG_PEEK) == 2
        assert right.recv(10) == b"abc"


def test_recvfrom_of_a_connected_stream_knows_no_address(tcp):
    client, server = tcp
    client.sendall(b"abc")
    assert server.recvfrom(2) == (b"ab", None)
    assert server.recvfrom_into(bytearray(2)) == (1, None)


def test_shutdown_ends_one_direction(socket, tcp):
    client, server = tcp
    client.shutdown(socket.SHUT_WR)
    assert server.recv(1) == b""
    server.sendall(b"still")
    assert client.recv(10) == b"still"
    with pytest.raises(BrokenPipeError) as caught:
        client.send(b"x")
    assert caught.value.errno == errno.EPIPE


def test_both_ends_know_both_addresses(tcp):
    client, server = tcp
    assert client.getsockname() == server.getpeername()
    assert client.getpeername() == server.getsockname()
    assert client.getsockname()[0] == "127.0.0.1"


def test_connect_ex_gives_zero_or_the_errno(socket, listener):
    with socket.socket() as client:
        assert client.connect_ex(listener.getsockname()) == 0
        assert client.connect_ex(listener.getsockname()) == errno.EISCONN
    with socket.socket() as reserved, socket.socket() as client:
        reserved.bind(("127.0.0.1", 0))
        assert client.connect_ex(reserved.getsockname()) == errno.ECONNREFUSED
    with socket.socket() as client:
        client.close()
        assert client.connect_ex(("127.0.0.1", 1)) == errno.EBADF


def test_a_name_is_looked_up_for_connect(socket, listener):
    with socket.socket() as client:
        client.connect(("localhost", listener.getsockname()[1]))
        assert client.getpeername() == listener.getsockname()


@pytest.mark.parametrize("host", ["127.0.0.1", b"127.0.0.1", bytearray(b"127.0.0.1")])
def test_a_host_may_be_text_or_bytes(socket, host):
    with socket.socket() as sock:
        sock.bind((host, 0))
        assert sock.getsockname()[0] == "127.0.0.1"


def test_the_empty_host_is_any_address(socket):
    with socket.socket() as sock:
        sock.bind(("", 0))
        assert sock.getsockname()[0] == "0.0.0.0"


def test_many_threads_share_sockets_and_no_byte_is_lost(socket, spawn):
    messages, size = 200, 100
    pairs = [socket.socketpair() for _ in range(4)]
    start = threading.Event()

    def send(sock):
        start.wait()
        for _ in range(messages):
            sock.sendall(bytes(size))

    def receive(sock):
        total = 0
        start.wait()
        while data := sock.recv(77):
            total += len(data)
        return total

    try:
        senders = [spawn(send, left) for left, _ in pairs for _ in range(4)]
        readers = [spawn(receive, right) for _, right in pairs for _ in range(4)]
        start.set()
        for sender in senders:
            sender.result()
        for left, _ in pairs:
            left.shutdown(socket.SHUT_WR)
        total = sum(reader.result() for reader in readers)
    finally:
        for sock in (sock for both in pairs for sock in both):
            sock.close()
    assert total == len(senders) * messages * size


def test_many_threads_make_and_drop_sockets_at_once(socket, listener, spawn):
    clients, rounds = 6, 30

    def serve():
        for _ in range(clients * rounds):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(connection.recv(1))

    def ask(letter):
        for _ in range(rounds):
            with socket.create_connection(listener.getsockname()) as client:
                client.sendall(letter)
                assert client.recv(1) == letter

    server = spawn(serve)
    askers = [spawn(ask, bytes([number])) for number in range(clients)]
    for worker in [*askers, server]:
        worker.result()
