"""Greet clients and answer them, a thread for each, until Ctrl+C: `python tcp_server.py [PORT]`.

What it asks of its clients stands in tcp_client.py.
"""

from __future__ import annotations

import socket
import sys
import threading


def talk(connection: socket.socket, address: tuple[str, int]) -> None:
    """Answer one client until it says "exit", or is gone."""
    print("{}:{} has come".format(*address))
    with connection:  # closes it, however this ends
        try:
            connection.sendall(b"Welcome!")
            while True:
                data = connection.recv(1024)
                if not data or data == b"exit":
                    break
                connection.sendall(b"Hello, " + data + b"!")
        except ConnectionError as error:  # this client was cut off; the others were not
            print(error)
        print("{}:{} has left".format(*address))


def main(port: int) -> None:
    """Let clients in for ever; port 0 stands for one that is free."""
    # create_server() is socket(), SO_REUSEADDR, bind() and listen() in one.
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("Waiting on port", listener.getsockname()[1], flush=True)
        while True:
            connection, address = listener.accept()
            # A daemon thread does not keep the program from ending.
            threading.Thread(target=talk, args=(connection, address), daemon=True).start()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
    except KeyboardInterrupt:
        print("Bye.")
