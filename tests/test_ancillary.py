"""Messages of many parts, and what travels beside the bytes."""

import array
import os
import struct

import pytest
import support


def rights(socket, *numbers):
    """Make the ancillary item that sends descriptors."""
    return (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers))


def received(items):
    """Return the numbers of the descriptors in ancillary items."""
    numbers = array.array("i")
    for _, _, data in items:
        numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    return list(numbers)


@pytest.fixture
def null():
    number = os.open(os.devnull, os.O_RDONLY)
    yield number
    os.close(number)


def test_sendmsg_joins_the_buffers_of_any_iterable(pair):
    left, right = pair
    assert left.sendmsg([b"ab", bytearray(b"cd"), memoryview(b"ef")]) == 6
    assert right.recv(10) == b"abcdef"
    assert left.sendmsg(part for part in (b"ab", b"cd")) == 4
    assert right.recv(10) == b"abcd"
    assert left.sendmsg((array.array("B", b"xy"), b"")) == 2
    assert right.recv(10) == b"xy"


def test_recvmsg_gives_data_items_flags_and_address(pair):
    left, right = pair
    left.sendall(b"abc")
    assert right.recvmsg(10) == (b"abc", [], 0, None)


def test_recvmsg_of_a_datagram_names_the_sender(socket, udp):
    one, two = udp
    assert one.sendmsg([b"ab", b"cd"], [], 0, two.getsockname()) == 4
    assert two.recvmsg(10) == (b"abcd", [], 0, one.getsockname())


def test_a_datagram_that_was_cut_says_so(socket, udp):
    one, two = udp
    one.sendto(b"abcdef", two.getsockname())
    data, _, flags, _ = two.recvmsg(3)
    assert data == b"abc"
    assert flags & socket.MSG_TRUNC


def test_recvmsg_into_fills_the_buffers_in_turn(pair):
    left, right = pair
    left.sendall(b"abcdefgh")
    one, two, three = bytearray(3), array.array("B", bytes(2)), bytearray(5)
    assert right.recvmsg_into(buffer for buffer in (one, two, three)) == (8, [], 0, None)
    assert (one, two.tobytes(), three) == (b"abc", b"de", b"fgh\0\0")


def test_recvmsg_into_peeks(socket, pair):
    left, right = pair
    left.sendall(b"abc")
    buffer = bytearray(3)
    assert right.recvmsg_into([buffer], 0, socket.MSG_PEEK) == (3, [], 0, None)
    assert right.recv(10) == b"abc" == buffer


@pytest.mark.parametrize("into", [False, True], ids=["recvmsg", "recvmsg_into"])
def test_descriptors_travel_beside_the_bytes(socket, pair, null, into):
    left, right = pair
    assert left.sendmsg([b"x"], [rights(socket, null, null)]) == 1
    room = socket.CMSG_SPACE(2 * 4)
    if into:
        count, items, flags, _ = right.recvmsg_into([bytearray(1)], room)
        assert count == 1
    else:
        data, items, flags, _ = right.recvmsg(1, room)
        assert data == b"x"
    assert [item[:2] for item in items] == [(socket.SOL_SOCKET, socket.SCM_RIGHTS)]
    assert not flags & socket.MSG_CTRUNC
    numbers = received(items)
    assert len(numbers) == 2
    for number in numbers:
        assert os.path.samestat(os.fstat(number), os.fstat(null))
        os.close(number)


def test_items_may_come_from_a_generator(socket, pair, null):
    left, right = pair
    left.sendmsg([b"x"], (item for item in [rights(socket, null)]))
    (number,) = received(right.recvmsg(1, socket.CMSG_SPACE(4))[1])
    os.close(number)


# Ours alone: the standard module crashes here before Python 3.14.
@pytest.mark.parametrize("socket", ["rsock"], indirect=True)
def test_a_list_that_changes_while_it_is_read_does_no_harm(socket, pair, null):
    left, right = pair
    items = []

    class Meddler:
        def __index__(self):
            items.clear()
            return socket.SOL_SOCKET

    items += [(Meddler(), socket.SCM_RIGHTS, array.array("i", [null]))] * 3
    try:
        left.sendmsg([b"x"], items)
    except (OSError, TypeError):
        return
    for number in received(right.recvmsg(1, socket.CMSG_SPACE(12))[1]):
        os.close(number)


def test_without_room_the_descriptors_are_dropped_and_it_shows(socket, pair, null):
    left, right = pair
    left.sendmsg([b"x"], [rights(socket, null)])
    before = support.open_descriptors()
    data, items, flags, _ = right.recvmsg(10)
    assert (data, items) == (b"x", [])
    assert flags & socket.MSG_CTRUNC
    assert support.open_descriptors() == before


@pytest.mark.parametrize("room", range(1, 24))
def test_too_little_room_cuts_an_item_short_and_shows_it(socket, pair, null, room):
    left, right = pair
    left.sendmsg([b"x"], [rights(socket, null, null)])
    _, items, flags, _ = right.recvmsg(1, room)
    for number in (numbers := received(items)):
        os.close(number)
    # A header is 16 bytes, and a number 4.
    assert len(numbers) == max(0, min(2, (room - socket.CMSG_LEN(0)) // 4))
    assert bool(flags & socket.MSG_CTRUNC) is (len(numbers) < 2)


def test_credentials_travel_too(socket, pair):
    left, right = pair
    right.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    left.sendall(b"x")
    size = struct.calcsize("3i")
    _, items, _, _ = right.recvmsg(1, socket.CMSG_SPACE(size))
    assert items == [
        (
            socket.SOL_SOCKET,
            socket.SCM_CREDENTIALS,
            struct.pack("3i", os.getpid(), os.getuid(), os.getgid()),
        )
    ]


def test_two_kinds_of_items_come_in_one_message(socket, pair, null):
    left, right = pair
    right.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    left.sendmsg([b"x"], [rights(socket, null)])
    _, items, _, _ = right.recvmsg(1, socket.CMSG_SPACE(4) + socket.CMSG_SPACE(12))
    assert {item[1] for item in items} == {socket.SCM_RIGHTS, socket.SCM_CREDENTIALS}
    for number in received(item for item in items if item[1] == socket.SCM_RIGHTS):
        os.close(number)


def test_the_hop_limit_of_ipv6_is_an_item(socket):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"this machine has no IPv6 loopback: {error}")
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        item = (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, struct.pack("i", 7))
        sock.sendmsg([b"x"], [item], 0, sock.getsockname())
        assert sock.recvmsg(1, socket.CMSG_SPACE(4))[:2] == (b"x", [item])


def test_an_item_may_be_anything_with_three_numbered_parts(socket, pair, null):
    class Item:
        parts = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", null))

        def __len__(self):
            return 3

        def __getitem__(self, index):
            return self.parts[index]

    left, right = pair
    left.sendmsg([b"x"], [Item()])
    ((_, _, numbers),) = right.recvmsg(1, socket.CMSG_SPACE(4))[1]
    os.close(struct.unpack("i", numbers)[0])


def test_send_fds_and_recv_fds_pass_descriptors(socket, pair, null):
    left, right = pair
    assert socket.send_fds(left, [b"ab", b"cd"], [null, null]) == 4
    data, numbers, flags, address = socket.recv_fds(right, 10, 2)
    assert (data, len(numbers), address) == (b"abcd", 2, None)
    assert not flags & socket.MSG_CTRUNC
    for number in numbers:
        assert os.path.samestat(os.fstat(number), os.fstat(null))
        os.close(number)


def test_cmsg_sizes_are_those_of_the_kernel(socket):
    word = struct.calcsize("P")
    header = word + 8
    for size in range(40):
        assert socket.CMSG_LEN(size) == header + size
        assert socket.CMSG_SPACE(size) == header + -(-size // word) * word
