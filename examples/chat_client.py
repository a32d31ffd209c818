"""Chat by chat_server.py or chat_threads.py: `python chat_client.py [PORT]`.

Two things have to be waited for, the keyboard and the others: a thread for one of them.
"""

from __future__ import annotations

import socket
import sys
import threading


def listen(client: socket.socket) -> None:
    """Print what the others say."""
    with client.makefile(encoding="utf-8") as lines:
        for line in lines:
            print(line, end="", flush=True)


def main(port: int) -> None:
    """Send what is typed, until the end of the input (Ctrl+D) or the word "bye"."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        listener = threading.Thread(target=listen, args=(client,), daemon=True)
        listener.start()
        for line in sys.stdin:
            if line.strip() == "bye":
                break
            client.sendall(line.encode())
        client.shutdown(socket.SHUT_WR)  # "that was all"; what is on its way still comes
        listener.join(5)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
