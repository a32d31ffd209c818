"""The chat of chat_server.py, made of plain sockets and threads: `python chat_threads.py [PORT]`.

Each client has a thread that waits for its lines. All threads share the list of who is there, so
that a lock has to guard it. Talk by `python chat_client.py PORT`.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading

names: dict[socket.socket, str] = {}
lock = threading.Lock()


def tell_others(speaker: socket.socket, text: str) -> None:
    """Send a line to all but one, and wait for nobody."""
    line = f"{text}\n".encode()
    with lock:
        for client in names:
            if client is not speaker:
                try:
                    all_of_it = client.send(line, socket.MSG_DONTWAIT) == len(line)
                except OSError:
                    all_of_it = False
                if not all_of_it:  # it is gone, or has not read for long: its thread shall end
                    with contextlib.suppress(OSError):
                        client.shutdown(socket.SHUT_RDWR)


def talk(client: socket.socket) -> None:
    """Take the name, and hand on what is said until the client is gone."""
    # makefile() collects what comes until a line is whole, or as long as a line may be.
    with client, client.makefile(encoding="utf-8", errors="replace") as lines:
        with contextlib.suppress(OSError):  # the connection was cut off
            client.sendall(b"What is your name?\n")
            name = lines.readline(100).rstrip("\n")
            with lock:
                names[client] = name
                client.sendall(f"* {len(names)} in the room\n".encode())
            tell_others(client, f"* {name} has come")
            for line in iter(lambda: lines.readline(1000), ""):
                tell_others(client, f"{name}: {line.rstrip()}")
        with lock:
            left = names.pop(client, None)
        if left is not None:
            tell_others(client, f"* {left} has left")


def main(port: int) -> None:
    """Let clients in for ever; port 0 stands for one that is free."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("Waiting on port", listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=talk, args=(client,), daemon=True).start()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
    except KeyboardInterrupt:
        print("Bye.")
