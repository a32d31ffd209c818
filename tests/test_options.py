"""Options of a socket, as numbers and as bytes."""

import errno
import struct

import pytest


@pytest.fixture
def sock(socket):
    with socket.socket() as sock:
        yield sock


def test_a_number_goes_down_and_comes_back(socket, sock):
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1) is None
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_structure_goes_down_and_comes_back_as_bytes(socket, sock, kind):
    linger = struct.pack("ii", 1, 5)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, kind(linger))
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == linger


def test_only_the_bytes_that_the_kernel_wrote_come_back(socket, sock):
    assert len(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1024)) == 4
    assert len(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)) == 1


def test_a_length_of_zero_means_a_number(socket, sock):
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0) == 0


def test_nothing_with_a_length_reaches_the_kernel_as_a_null_pointer(socket, sock):
    with pytest.raises(OSError, match="Bad address"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, None, 8)


def test_true_and_negative_numbers_are_numbers(socket, sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 7)
    assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 7
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, -1)
    assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) > 0


def test_tcp_options_are_kept_by_tcp(socket, sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0") == b"reno"


def test_an_option_that_is_unknown_is_named_by_its_errno(socket, sock):
    with pytest.raises(OSError, match="Protocol not available") as caught:
        sock.getsockopt(socket.SOL_SOCKET, 9999)
    assert caught.value.errno == errno.ENOPROTOOPT


def test_a_pending_error_is_read_as_an_option_once(socket, udp):
    one, two = udp
    one.connect(two.getsockname())
    two.close()
    one.send(b"x")
    assert one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
    assert one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
