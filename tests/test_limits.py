"""Less memory than a call would like, and options that say less of their length than they write."""

import ctypes
import struct
import sys

import pytest


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
