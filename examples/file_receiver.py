"""Receive files, and check that they are whole: `python file_receiver.py [PORT [FOLDER]]`.

A file comes as a line with its size, its digest (SHA-256) and its name, and then its bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import sys
from pathlib import Path

LARGEST = 1_000_000_000


def receive(connection: socket.socket, folder: Path) -> str:
    """Save one file, and say how it went."""
    with connection.makefile("rb") as stream:
        size_text, digest, name = stream.readline(1024).decode().rstrip("\n").split(" ", 2)
        size = int(size_text)
        if not 0 <= size <= LARGEST:
            raise ValueError(f"{size} bytes are too many")
        # Only the last part of the name: nobody shall write to "../../somewhere".
        target = folder / (Path(name).name or "unnamed")
        unfinished = target.with_name(f"{target.name}.part")
        seen = hashlib.sha256()
        with open(unfinished, "wb") as file:
            while size > 0:
                block = stream.read(min(size, 65536))
                if not block:
                    raise EOFError(f"{size} bytes are missing")
                seen.update(block)
                file.write(block)
                size -= len(block)
    if seen.hexdigest() != digest:
        raise ValueError("the file has changed on its way")
    unfinished.replace(target)
    return f"saved {target.name}"


def main(port: int, folder: Path) -> None:
    """Take one file after the other; port 0 stands for one that is free."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("Waiting on port", listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)  # one that says nothing must not hold up the others
                try:
                    answer = receive(connection, folder)
                except (OSError, EOFError, ValueError) as error:
                    answer = f"failed: {error}"
                print(answer, flush=True)
                with contextlib.suppress(OSError):  # it may be gone
                    connection.sendall(answer.encode())


if __name__ == "__main__":
    try:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 9999,
            Path(sys.argv[2] if len(sys.argv) > 2 else "."),
        )
    except KeyboardInterrupt:
        print("Bye.")
