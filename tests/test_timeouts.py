"""How long a call may wait, and what it raises then."""

import errno
import math
import os
import threading
import time

import pytest
import support

SHORT = 0.05


@pytest.fixture
def elapsed():
    """Measure the time since the test began."""
    start = time.monotonic()
    return lambda: time.monotonic() - start


@pytest.fixture
def full(pair):
    """Give a socket whose peer does not read and whose buffer is full."""
    left, _ = pair
    left.setblocking(False)
    for chunk in (bytes(65536), b"x"):
        with pytest.raises(BlockingIOError):
            while True:
                left.send(chunk)
    return left


READS = {
    "recv": lambda sock: sock.recv(1),
    "recv large": lambda sock: sock.recv(100000),
    "recv_into": lambda sock: sock.recv_into(bytearray(1)),
    "recvfrom": lambda sock: sock.recvfrom(1),
    "recvfrom_into": lambda sock: sock.recvfrom_into(bytearray(1)),
    "recvmsg": lambda sock: sock.recvmsg(1),
    "recvmsg_into": lambda sock: sock.recvmsg_into([bytearray(1)]),
    "read of a file": lambda sock: sock.makefile("rb", 0).read(1),
}
WRITES = {
    "send": lambda sock: sock.send(b"x"),
    "sendall": lambda sock: sock.sendall(b"x"),
    "sendmsg": lambda sock: sock.sendmsg([b"x"]),
}
reads = pytest.mark.parametrize("read", READS.values(), ids=READS)
writes = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


def check_timed_out(socket, caught, elapsed):
    assert caught.value.args == ("timed out",)
    assert caught.value.errno is None
    assert type(caught.value) is socket.timeout
    assert SHORT <= elapsed() < support.PATIENCE


@reads
def test_a_read_with_nothing_to_read_times_out(socket, pair, elapsed, read):
    left, _ = pair
    left.settimeout(SHORT)
    with pytest.raises(socket.timeout) as caught:
        read(left)
    check_timed_out(socket, caught, elapsed)


@writes
def test_a_write_with_no_room_times_out(socket, full, write):
    start = time.monotonic()
    full.settimeout(SHORT)
    with pytest.raises(socket.timeout) as caught:
        write(full)
    check_timed_out(socket, caught, lambda: time.monotonic() - start)


def test_sendto_with_no_room_times_out(socket, tmp_path):
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
    ):
        to.bind(str(tmp_path / "to"))
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                sock.sendto(b"x", to.getsockname())
        start = time.monotonic()
        sock.settimeout(SHORT)
        with pytest.raises(socket.timeout) as caught:
            sock.sendto(b"x", to.getsockname())
        check_timed_out(socket, caught, lambda: time.monotonic() - start)


def test_accept_with_no_client_times_out(socket, listener, elapsed):
    listener.settimeout(SHORT)
    with pytest.raises(socket.timeout) as caught:
        listener.accept()
    check_timed_out(socket, caught, elapsed)


@pytest.fixture
def crowded(socket):
    """Give the address of a Unix listener whose queue is full."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("")
        server.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(server.getsockname())
            yield server.getsockname()


def test_connect_that_gets_no_answer_times_out_or_says_try_again(socket, listener):
    # The queue of a listener that nobody accepts from is full after a few; from then on TCP drops
    # the requests, and a connect waits.
    listener.listen(0)
    clients = [socket.socket() for _ in range(4)]
    try:
        start = time.monotonic()
        with pytest.raises(socket.timeout) as caught:
            for client in clients:
                start = time.monotonic()
                client.settimeout(SHORT)
                client.connect(listener.getsockname())
        check_timed_out(socket, caught, lambda: time.monotonic() - start)
    finally:
        for client in clients:
            client.close()


def test_connect_ex_that_times_out_gives_eagain(socket, listener):
    listener.listen(0)
    clients = [socket.socket() for _ in range(4)]
    try:
        codes = []
        for client in clients:
            client.settimeout(SHORT)
            codes.append(client.connect_ex(listener.getsockname()))
    finally:
        for client in clients:
            client.close()
    assert codes[0] == 0
    assert codes[-1] == errno.EAGAIN


def test_connect_to_a_full_unix_queue_does_not_block_a_socket_with_a_timeout(socket, crowded):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SHORT)
        with pytest.raises(BlockingIOError):
            client.connect(crowded)


def test_sendall_has_one_deadline_over_all_its_chunks(socket, pair, spawn):
    left, right = pair
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    left.settimeout(0.3)
    enough = threading.Event()

    # The reader takes a byte at a time: each single chunk is in time, all of them never.
    def read():
        total = 0
        while not enough.is_set():
            total += len(right.recv(1))
        return total

    reader = spawn(read)
    start = time.monotonic()
    try:
        with pytest.raises(socket.timeout, match="timed out"):
            left.sendall(bytes(1 << 27))
        assert 0.3 <= time.monotonic() - start < support.PATIENCE
    finally:
        enough.set()
        left.close()
    assert reader.result() > 16384


@reads
def test_a_socket_with_a_timeout_reads_what_comes_in_time(pair, spawn, read):
    left, right = pair
    left.settimeout(support.PATIENCE)
    reader = spawn(read, left)
    support.wait_until_blocked(reader)
    right.sendall(b"x")
    assert reader.result() in (
        b"x",
        1,
        (b"x", None),
        (1, None),
        (b"x", [], 0, None),
        (1, [], 0, None),
    )


@reads
def test_a_non_blocking_read_says_that_it_would_block(pair, read):
    left, _ = pair
    left.setblocking(False)
    if read is READS["read of a file"]:
        assert read(left) is None
    else:
        with pytest.raises(BlockingIOError) as caught:
            read(left)
        assert caught.value.errno == errno.EAGAIN
        assert caught.value.strerror == "Resource temporarily unavailable"


@writes
def test_a_non_blocking_write_says_that_it_would_block(full, write):
    with pytest.raises(BlockingIOError) as caught:
        write(full)
    assert caught.value.errno == errno.EAGAIN


def test_a_non_blocking_accept_says_that_it_would_block(listener):
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_non_blocking_connect_is_in_progress(socket, listener):
    with socket.socket() as client:
        client.setblocking(False)
        with pytest.raises(BlockingIOError) as caught:
            client.connect(listener.getsockname())
        assert caught.value.errno == errno.EINPROGRESS
        server, _ = listener.accept()
        with server:
            assert client.getpeername() == listener.getsockname()
    with socket.socket() as client:
        client.setblocking(False)
        assert client.connect_ex(listener.getsockname()) == errno.EINPROGRESS


def test_dontwait_makes_one_call_non_blocking(socket, pair):
    left, _ = pair
    with pytest.raises(BlockingIOError):
        left.recv(1, socket.MSG_DONTWAIT)
    assert left.getblocking()


@pytest.mark.parametrize(
    ("given", "timeout", "blocking"),
    [(None, None, True), (0, 0.0, False), (0.0, 0.0, False), (2, 2.0, True), (0.25, 0.25, True)],
)
def test_settimeout_says_back_what_it_was_given(pair, given, timeout, blocking):
    left, _ = pair
    left.settimeout(given)
    assert left.gettimeout() == left.timeout == timeout
    assert type(left.gettimeout()) is type(timeout)
    assert left.getblocking() is blocking


@pytest.mark.parametrize(("given", "timeout"), [(1e-12, 1e-9), (1.5e-9, 2e-9), (1e-9, 1e-9)])
def test_a_timeout_is_rounded_up_to_the_nanosecond(pair, given, timeout):
    left, _ = pair
    left.settimeout(given)
    assert math.isclose(left.gettimeout(), timeout, rel_tol=1e-12)


@pytest.mark.parametrize("given", [1.0, 5, True])
def test_a_timeout_is_a_float_whatever_number_it_was(pair, given):
    left, _ = pair
    left.settimeout(given)
    assert (left.gettimeout(), type(left.gettimeout())) == (float(given), float)


def test_setblocking_is_settimeout_of_nothing_or_zero(pair):
    left, _ = pair
    left.setblocking(False)
    assert (left.gettimeout(), left.getblocking()) == (0.0, False)
    left.setblocking(True)
    assert (left.gettimeout(), left.getblocking()) == (None, True)


@pytest.mark.parametrize("timeout", [0, 5])
def test_the_descriptor_is_non_blocking_while_there_is_a_timeout(pair, timeout):
    left, _ = pair
    left.settimeout(timeout)
    assert not os.get_blocking(left.fileno())
    left.settimeout(None)
    assert os.get_blocking(left.fileno())


def test_a_socket_opened_non_blocking_has_a_timeout_of_zero(socket):
    with socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        assert sock.gettimeout() == 0.0
        assert sock.type == socket.SOCK_STREAM


def test_a_very_long_timeout_is_kept_and_waited_with(pair, spawn):
    left, right = pair
    left.settimeout(10**8)
    reader = spawn(left.recv, 1)
    support.wait_until_blocked(reader)
    right.sendall(b"x")
    assert reader.result() == b"x"


class TestDefault:
    @pytest.fixture(autouse=True)
    def restored(self, socket):
        assert socket.getdefaulttimeout() is None
        yield
        socket.setdefaulttimeout(None)

    def test_new_sockets_have_it(self, socket):
        socket.setdefaulttimeout(5)
        assert socket.getdefaulttimeout() == 5.0
        left, right = socket.socketpair()
        with socket.socket() as sock, left, right:
            assert (sock.gettimeout(), left.gettimeout()) == (5.0, 5.0)
        with socket.socket(fileno=socket.socket().detach()) as sock:
            assert sock.gettimeout() == 5.0

    def test_sockets_that_exist_keep_theirs(self, socket, pair):
        socket.setdefaulttimeout(5)
        assert pair[0].gettimeout() is None

    def test_zero_makes_new_sockets_non_blocking(self, socket):
        socket.setdefaulttimeout(0)
        with socket.socket() as sock:
            assert not sock.getblocking()

    def test_create_connection_overrides_it(self, socket, listener):
        socket.setdefaulttimeout(5)
        with socket.create_connection(listener.getsockname()) as client:
            assert client.gettimeout() == 5.0
        with socket.create_connection(listener.getsockname(), timeout=7) as client:
            assert client.gettimeout() == 7.0
        with socket.create_connection(listener.getsockname(), timeout=None) as client:
            assert client.gettimeout() is None
