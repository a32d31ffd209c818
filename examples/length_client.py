"""Put the length of each message in front of it, so that none runs into the next.

Run it as `python length_client.py`: it brings its own server.
"""

from __future__ import annotations

import rsock


def send(client: rsock.TcpClient, message: bytes) -> None:
    """Send the length, in four bytes with the most significant first, and the message."""
    client.sendall(len(message).to_bytes(4, "big") + message)


def receive(client: rsock.TcpClient) -> bytes:
    """Receive one message, in however many pieces it arrives."""
    length = int.from_bytes(client.recv_exactly(4), "big")
    return client.recv_exactly(length)


def main() -> None:
    """Send all messages at once, and then collect the answers."""
    messages = [b"Michael", "迈克尔".encode(), b"", b"two\nlines"]
    with rsock.HelloServer(0, greeting=None, framing="length") as server:
        with rsock.TcpClient(server.address) as client:
            for message in messages:
                send(client, message)
            for _ in messages:
                print(repr(receive(client).decode()))


if __name__ == "__main__":
    main()
