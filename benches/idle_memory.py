"""Measure what an idle connection costs a server in memory, and what a hostile one does.

    idle_memory.py [--quick] [--check] [--connections N]

The first table: the resident size of the server's process before the connections and after, for
each connection: when they were opened and greeted, when each has exchanged messages of 16 bytes as
well, and what is kept when all are closed again. The kernel's own memory for a connection is not
in it.

The second table: what one client adds that sends without ever ending its line, and one that sends
without ever receiving, until the server takes no more, or 1 GiB was sent.

With `--check` the exit status is 1 when rsock takes more than 2 KiB for an idle connection, or a
client makes it grow beyond its limits.
"""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from serving import Load, Server, Unavailable, arguments, more_files, programs, python

TARGET = 2048  # bytes for a connection
LIMIT = 1 << 20  # the servers' default for a message, and for what waits to be sent
SLACK = 1 << 20  # for what the process itself takes meanwhile
PIECE = b"x" * (1 << 18)
FLOOD = 1 << 30


class Cost(NamedTuple):
    """What connections cost a process."""

    opened: float  # bytes for a connection
    talked: float
    kept: float  # once closed


def idle(
    command: list[str], protocol: str, connections: int, folder: Path, stack: ExitStack
) -> Cost:
    """Open connections, let them talk, and close them."""
    server = Server(command, protocol, stack)
    before = server.resident()
    with ExitStack() as closing:
        load = Load(folder / "load", server.port, server.pid, connections, 16, protocol, closing)
        opened = server.resident()
        load.turn(0.5, 0.5)
        talked = server.resident()
    after = settled(server)
    return Cost(
        (opened - before) / connections,
        (talked - before) / connections,
        (after - before) / connections,
    )


def settled(server: Server) -> int:
    """Return the size of a process once it stays the same for some tenths of a second."""
    sizes = [server.resident()]
    until = monotonic() + 5
    while monotonic() < until and (len(sizes) < 4 or len(set(sizes[-4:])) > 1):
        sleep(0.1)
        sizes.append(server.resident())
    return sizes[-1]


def flood(command: list[str], protocol: str, reads: bool, stack: ExitStack) -> tuple[int, int]:
    """Send until the server takes no more; return what was sent, and what its process grew by."""
    server = Server(command, protocol, stack)
    before = server.resident()
    largest = sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as client:
        client.settimeout(1)
        try:
            while sent < FLOOD:
                sent += client.send(PIECE)
                if not sent & 0x3FFFFF:
                    largest = max(largest, server.resident())
                if reads:
                    client.setblocking(False)
                    try:
                        client.recv(1 << 20)
                    except BlockingIOError:
                        pass
                    client.settimeout(1)
        except (socket.timeout, OSError):
            pass
        largest = max(largest, server.resident())
    return sent, largest - before


def show_idle(folder: Path, connections: int) -> list[str]:
    """Print the table of idle connections, and return the targets that were missed."""
    rows = [
        ("rsock.HelloServer", python("ours.py", "events"), "hello"),
        ("rsock.EchoServer", python("ours.py", "events"), "echo"),
        ("rsock.TcpServer, on_data", python("ours.py", "on_data"), "hello"),
        ("uvloop", python("peers.py", "uvloop"), "hello"),
        ("asyncio", python("peers.py", "asyncio"), "hello"),
        ("gevent", python("peers.py", "gevent"), "hello"),
        ("floor", [str(folder / "floor")], "hello"),
    ]
    title = f"{connections:,} connections, bytes each"
    print(f"{title:<38}{'opened':>9}{'talked':>9}{'kept':>9}")
    missed = []
    for name, command, protocol in rows:
        with ExitStack() as stack:
            try:
                cost = idle(command, protocol, connections, folder, stack)
            except Unavailable as error:
                print(f"{name:<38}not installed: {error}")
                continue
        line = f"{name:<38}{cost.opened:>9,.0f}{cost.talked:>9,.0f}{cost.kept:>9,.0f}"
        if name.startswith("rsock") and max(cost.opened, cost.talked) > TARGET:
            missed.append(name)
            line += f"  above {TARGET:,}"
        print(line, flush=True)
    return missed


def show_floods() -> list[str]:
    """Print the table of hostile clients, and return the limits that were passed."""
    rows = [
        ("a line without end", python("ours.py", "lines"), "hello", True),
        ("never receives, HelloServer", python("ours.py", "events"), "hello", False),
        ("never receives, EchoServer", python("ours.py", "events"), "echo", False),
        ("never receives, on_data", python("ours.py", "on_data"), "echo", False),
    ]
    print(f"\n{'one client, KiB':<38}{'sent':>12}{'growth':>9}{'limit':>9}")
    missed = []
    for name, command, protocol, reads in rows:
        with ExitStack() as stack:
            try:
                sent, growth = flood(command, protocol, reads, stack)
            except Unavailable as error:
                print(f"{name:<38}not installed: {error}")
                continue
        line = f"{name:<38}{sent >> 10:>12,}{growth >> 10:>9,}{LIMIT >> 10:>9,}"
        if growth > LIMIT + SLACK:
            missed.append(name)
            line += "  above the limit"
        print(line, flush=True)
    return missed


def main() -> int:
    """Print both tables, and tell whether the targets were met."""
    parser = arguments(
        "Measure the memory of idle connections.", quick="a tenth of the connections"
    )
    parser.add_argument("--connections", type=int, default=10_000)
    options = parser.parse_args()
    connections = options.connections // 10 if options.quick else options.connections
    connections = min(connections, more_files(connections + 1_000) - 100)

    with programs() as folder:
        missed = show_idle(folder, connections) + show_floods()
    if missed:
        print("Missed: " + "; ".join(missed))
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
