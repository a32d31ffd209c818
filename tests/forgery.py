"""Datagrams with a sender of one's choice, and a look at all that goes over the loopback device.

Both need privileges, which a process has in a network namespace of its own. Run as a program, this
switches the loopback device there on, and becomes the command that it is given.
"""

import contextlib
import fcntl
import os
import socket
import struct
import sys

GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1  # of netdevice(7)
IPV4 = 0x0800  # of packet(7)


def switch_on():
    """Switch the loopback device on, which a new namespace has switched off."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh22x", b"lo", 0)
        [flags] = struct.unpack_from("h", fcntl.ioctl(sock, GET_FLAGS, request), 16)
        if not flags & UP:
            fcntl.ioctl(sock, SET_FLAGS, struct.pack("16sh22x", b"lo", flags | UP))


class Network:
    """The loopback device, with everything that may be done to it."""

    def __init__(self, stack):
        switch_on()
        self._raw = stack.enter_context(
            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        )
        self._tap = stack.enter_context(
            socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV4))
        )
        self._tap.setblocking(False)

    def forge(self, source, target, data):
        """Send a datagram that says it comes from `source`."""
        datagram = struct.pack("!HHHH", source[1], target[1], 8 + len(data), 0) + data
        ends = socket.inet_aton(source[0]), socket.inet_aton(target[0])
        head = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, socket.IPPROTO_UDP, 0, *ends
        )
        self._raw.sendto(head + datagram, target)

    def sent(self):
        """Return which datagrams went since this was asked last: from which port, to whom."""
        ways = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self._tap.recv(65536)
                if packet[9] == socket.IPPROTO_UDP:
                    ports = struct.unpack_from("!HH", packet, 4 * (packet[0] & 15))
                    ways.add((ports[0], (socket.inet_ntoa(packet[16:20]), ports[1])))
        return ways


@contextlib.contextmanager
def network():
    """Give the loopback device."""
    with contextlib.ExitStack() as stack:
        yield Network(stack)


if __name__ == "__main__":
    switch_on()
    os.execv(sys.argv[1], sys.argv[1:])
