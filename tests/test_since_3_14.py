"""What Python 3.14 says and takes otherwise than the Pythons before it."""

import gc
import socket as stock
import sys

import pytest

if sys.version_info < (3, 14):
    pytest.skip("of Python 3.14 and later", allow_module_level=True)


class Index:
    """Good for an integer, and none."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value

    def __repr__(self):
        return f"Index({self.value})"


class Parts:
    """A sequence, though it is registered as none."""

    def __init__(self, *parts):
        self.parts = parts

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, index):
        return self.parts[index]

    def __repr__(self):
        return f"Parts{self.parts}"


def outcome(call, *args):
    """Return what the call gives, or the class and the text of what it raises."""
    try:
        return call(*args)
    except Exception as error:
        return type(error), str(error)


NUMBERS = (
    *(0, 1, 2**16, 2**32, 2**64, 2**70, -1, -(2**40), -(2**70), True, 1.5, "1", None),
    *map(Index, (1, -1, 2**16, 2**32, 2**70)),
)


@pytest.mark.parametrize("name", ["htons", "ntohs", "htonl", "ntohl", "if_indextoname"])
@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_a_number_is_taken_or_refused_as_by_the_original(socket, name, number):
    expected = outcome(getattr(stock, name), number)
    assert outcome(getattr(socket, name), number) == expected


@pytest.mark.parametrize(
    "seconds",
    ["1", b"1", [], Index("x"), Index(-1), Index(2**70), 2**40, -(2**70), 1e11, -1e11, 2e9, -2e9],
    ids=repr,
)
def test_a_timeout_is_taken_or_refused_as_by_the_original(socket, seconds):
    with stock.socket() as original, socket.socket() as sock:
        assert outcome(sock.settimeout, seconds) == outcome(original.settimeout, seconds)
        assert sock.gettimeout() == original.gettimeout()


@pytest.mark.parametrize("name", ["no such one", b"no such one", "x" * 100, ""], ids=repr)
def test_an_unknown_interface_gives_the_number_of_the_error(socket, name):
    with pytest.raises(OSError, match="No such device") as caught:
        socket.if_nametoindex(name)
    assert caught.value.errno == 19


@pytest.mark.parametrize(
    "item",
    [
        *(None, 1, b"abc", "abc", bytearray(b"abc"), {}, (), (1,), [], [1, 2], (1, 2, 3, 4)),
        *([1, 99, b""], Parts(1, 99, b""), Parts(1), range(3)),
    ],
    ids=repr,
)
def test_an_ancillary_item_is_taken_or_refused_as_by_the_original(socket, pair, item):
    left, _ = pair
    with stock.socket(stock.AF_UNIX) as original:
        expected = outcome(original.sendmsg, [b"x"], [item])
    got = outcome(left.sendmsg, [b"x"], [item])
    if isinstance(expected, tuple) and issubclass(expected[0], OSError):
        assert issubclass(got[0], OSError)
    else:
        assert got == expected


@pytest.mark.parametrize(
    "address",
    [
        *(0, 1, -1, 2**70, True, Index(3), 1.5, None, "x", (), (1,), (1, 2), (1, 2**70), (1, "x")),
        *((1, 2, 3), ("x",), [1, 2], (Index(1), Index(2))),
        *(
            (device, *rest)
            for device in ("00:11:22:33:44:FF", "nonsense")
            for rest in (
                *((), (1,), (1, 2), (1, 2, 1), (1, 2, 1, 1), (-1, -1, -1), (2**70, 2**70, 2**70)),
                *(("x",), (1, "x"), (1, 2, "x"), (Index(1), Index(2), Index(1)), (1.5,)),
            )
        ),
    ],
    ids=repr,
)
@pytest.mark.parametrize("protocol", range(5))
def test_a_bluetooth_address_is_taken_or_refused_as_by_the_original(socket, protocol, address):
    if not hasattr(stock, "AF_BLUETOOTH"):
        pytest.skip("this Python has no AF_BLUETOOTH")

    def bind(module):
        # The family is only said: the descriptor's own refuses what could be read.
        near, far = module.socketpair(module.AF_UNIX, module.SOCK_DGRAM)
        kind = (module.AF_BLUETOOTH, module.SOCK_DGRAM, protocol)
        with far, module.socket(*kind, fileno=near.detach()) as sock:
            return outcome(sock.bind, address)

    assert bind(socket) == bind(stock)


def test_a_warning_from_an_unclosed_socket_that_is_an_error_says_whence_it_came(socket):
    reports = []
    sys.unraisablehook, before = reports.append, sys.unraisablehook
    try:
        sock = socket.socket()
        shown = repr(sock)
        del sock
        gc.collect()
        texts = [report.err_msg for report in reports]
    finally:
        reports.clear()
        sys.unraisablehook = before
    assert texts == [f"Exception ignored while finalizing socket {shown}"]
