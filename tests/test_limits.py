"""Less memory than a call would like, and options that say less of their length than they write."""

import ctypes
import struct
import sys

import pytest
import support

LITTLE_MEMORY = """
    import resource

    large = bytearray(200 << 20)
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20), most))
    many = [b""] * 2_000_000
    calls = [
        lambda: left.recv(1 << 40),
        lambda: left.recvfrom(1 << 40),
        lambda: left.recvmsg(1 << 40),
        lambda: left.recvmsg(1, 0x7FFFFFFF),
        lambda: left.recvmsg_into([bytearray(1)], 0x7FFFFFFF),
        lambda: left.sendmsg(many),
        lambda: left.sendmsg([b""], [(1, 1, large)]),
        lambda: socket.inet_ntoa(large),
        lambda: socket.inet_ntop(socket.AF_INET, large),
        lambda: socket.gethostbyname(large),
    ]
    for call in calls:
        try:
            call()
        except (MemoryError, OSError, ValueError, TypeError):
            print("refused")
    left.close()
    right.close()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_too_little_memory_is_an_error_and_not_the_end(socket):
    assert support.python(LITTLE_MEMORY, module=socket.__name__).split() == ["refused"] * 10


ROOM_FOR_CONTROL = """
    import resource

    left, right = socket.socketpair()
    left.send(b"x")
    assert right.recvmsg(1, 0x7FFFFFFF)[0] == b"x"
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000)
    left.close()
    right.close()
"""


@pytest.mark.skipif(sys.maxsize < 2**32, reason="needs 2 GiB of addresses")
def test_room_for_control_data_takes_memory_only_when_it_is_filled(socket):
    assert support.python(ROOM_FOR_CONTROL, module=socket.__name__) == "True\n"


# Ours alone: the standard module's memory is overwritten.
@pytest.mark.parametrize("socket", ["rsock"], indirect=True)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="an option of Linux")
def test_the_filter_of_a_socket_is_not_written_behind_the_memory_for_it(socket, pair):
    # Its length counts instructions, of 8 bytes each, while the caller's counts bytes.
    so_filter, accept_all = 26, struct.pack("HBBI", 0x06, 0, 0, 0xFFFF)
    program = ctypes.create_string_buffer(accept_all * 1000)
    header = struct.pack(
        "HxxxxxxP" if struct.calcsize("P") == 8 else "HxxP", 1000, ctypes.addressof(program)
    )
    left, _ = pair
    left.setsockopt(socket.SOL_SOCKET, so_filter, header)
    assert left.getsockopt(socket.SOL_SOCKET, so_filter) == 0
    with pytest.raises(OSError, match="Invalid argument"):
        left.getsockopt(socket.SOL_SOCKET, so_filter, 1024)
