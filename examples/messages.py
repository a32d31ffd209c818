"""Show how messages run into each other, and how a length in front of each keeps them apart.

Run it as `python messages.py`: it holds both ends of a connection.
"""

from __future__ import annotations

import socket
import struct

LENGTH = struct.Struct("!I")  # four bytes, the most significant first
LONGEST = 1_000_000


def send_message(sock: socket.socket, message: bytes) -> None:
    """Send the length and the message."""
    sock.sendall(LENGTH.pack(len(message)) + message)


def receive_exactly(sock: socket.socket, count: int) -> bytes:
    """Receive so many bytes, in however many pieces they come."""
    data = bytearray()
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError(f"the connection ended after {len(data)} of {count} bytes")
        data += piece
    return bytes(data)


def receive_message(sock: socket.socket) -> bytes:
    """Receive the length, and then as much as it says."""
    (length,) = LENGTH.unpack(receive_exactly(sock, LENGTH.size))
    if length > LONGEST:  # never take a number from the network as it is
        raise ValueError(f"a message of {length} bytes is too long")
    return receive_exactly(sock, length)


def main() -> None:
    """Send three messages in both ways."""
    messages = [b"Tom", "小明".encode(), b"Ann"]
    left, right = socket.socketpair()
    with left, right:
        for message in messages:
            left.send(message)
        print("without lengths:", right.recv(1024).decode())
        for message in messages:
            send_message(left, message)
        print("with lengths:", *(receive_message(right).decode() for _ in messages), sep="\n  ")


if __name__ == "__main__":
    main()
