"""Messages with edges, and who sent them."""

import errno

import pytest


def test_a_datagram_carries_its_sender(udp):
    one, two = udp
    assert one.sendto(b"hello", two.getsockname()) == 5
    assert two.recvfrom(100) == (b"hello", one.getsockname())


def test_recvfrom_into_fills_a_buffer_and_names_the_sender(udp):
    one, two = udp
    one.sendto(b"hello", two.getsockname())
    buffer = bytearray(b".......")
    assert two.recvfrom_into(buffer) == (5, one.getsockname())
    assert buffer == b"hello.."
    one.sendto(b"hello", two.getsockname())
    assert two.recvfrom_into(buffer, nbytes=2, flags=0) == (2, one.getsockname())


def test_a_datagram_that_is_too_long_is_cut_and_its_rest_lost(udp):
    one, two = udp
    one.sendto(b"abcdef", two.getsockname())
    one.sendto(b"next", two.getsockname())
    assert two.recv(3) == b"abc"
    assert two.recv(10) == b"next"


def test_trunc_tells_the_true_length_to_recv_into(socket, udp):
    one, two = udp
    one.sendto(b"abcdef", two.getsockname())
    assert two.recv_into(bytearray(3), 0, socket.MSG_TRUNC) == 6


def test_an_empty_datagram_is_a_datagram(udp):
    one, two = udp
    one.sendto(b"", two.getsockname())
    assert two.recvfrom(10) == (b"", one.getsockname())


def test_asking_for_nothing_takes_no_datagram_and_does_not_wait(udp):
    one, two = udp
    assert two.recv(0) == b""
    assert two.recv_into(bytearray()) == 0
    one.sendto(b"still there", two.getsockname())
    assert two.recv(0) == b""
    assert two.recv_into(bytearray(), 0) == 0
    assert two.recv(100) == b"still there"


def test_recvfrom_takes_a_datagram_even_for_nothing(udp):
    one, two = udp
    for data in (b"one", b"two", b"three"):
        one.sendto(data, two.getsockname())
    assert two.recvfrom(0) == (b"", one.getsockname())
    assert two.recvfrom_into(bytearray()) == (0, one.getsockname())
    assert two.recv(100) == b"three"


def test_sendto_takes_flags_in_the_middle(socket, udp):
    one, two = udp
    one.sendto(b"x", socket.MSG_DONTWAIT, two.getsockname())
    assert two.recv(10) == b"x"


def test_a_connected_socket_hears_its_peer_only(socket, udp):
    one, two = udp
    two.connect(one.getsockname())
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"stranger", two.getsockname())
    one.sendto(b"peer", two.getsockname())
    assert two.recv(100) == b"peer"
    two.send(b"back")
    assert one.recvfrom(100) == (b"back", two.getsockname())


def test_a_refusal_comes_back_at_the_next_call(socket, udp):
    one, two = udp
    one.connect(two.getsockname())
    two.close()
    one.send(b"x")
    with pytest.raises(ConnectionRefusedError):
        one.recv(1)


def test_a_message_too_long_for_udp_is_refused(udp):
    one, two = udp
    with pytest.raises(OSError, match="Message too long") as caught:
        one.sendto(bytes(70000), two.getsockname())
    assert caught.value.errno == errno.EMSGSIZE


@pytest.mark.parametrize("size", [1, 512, 1024, 1025, 9000, 65507])
def test_a_datagram_of_any_size_arrives_whole(udp, size):
    one, two = udp
    data = bytes(number % 251 for number in range(size))
    one.sendto(data, two.getsockname())
    assert two.recv(65536) == data
