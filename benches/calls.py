"""Time each call of a socket module beside the standard one, in one process.

    calls.py [--module rsock] [--turns N] [--check] [WORD ...]

Both ends of every connection are of the module under test, and one thread does both, so that
nothing ever waits for another thread. WORDs choose the rows whose name holds all of them. With
`--check` the exit status is 1 when a target is missed. `--module socket` holds the standard module
against itself: what is not 1.00 then is noise.

The column `floor` is the share of the standard module's time that the same system calls take in a
bare loop in C, where there is a compiler. No module can be below it. Where it leaves no room for a
row's target, as for TCP with a timeout, the row is asked to come near the floor instead.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import shutil
import socket as stock
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat
from math import exp, log
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

from harness import Loop, Outcome, compare, quiet

MEAN_TARGET = 0.80  # the geometric mean of all rows
ROW_TARGET = 1.00  # each row
TIMEOUT_TARGET = 0.65  # each row of a socket that has a timeout
NOISE = 0.02  # allowed on top of a row's target
NEAR = 1.15  # how near to the floor a row must come whose target lies below that

SMALL = b"x" * 64
LARGE = b"x" * 16_384
LINES = b"Header-Name: a value of the usual length\r\n" * 8

Setup = Callable[[Any, ExitStack], Loop]
Timeout = Optional[float]


def pair(mod: Any, stack: ExitStack, timeout: Timeout) -> Any:
    """Make a connected pair of Unix sockets."""
    ends = mod.socketpair()
    for end in ends:
        stack.enter_context(end).settimeout(timeout)
    return ends


def tcp(mod: Any, stack: ExitStack, timeout: Timeout) -> Any:
    """Make a connected pair of TCP sockets that send at once."""
    with mod.create_server(("127.0.0.1", 0)) as listener:
        near = stack.enter_context(mod.create_connection(listener.getsockname()))
        far = stack.enter_context(listener.accept()[0])
    for end in (near, far):
        end.setsockopt(mod.IPPROTO_TCP, mod.TCP_NODELAY, 1)
        end.settimeout(timeout)
    return near, far


def udp(mod: Any, stack: ExitStack, timeout: Timeout) -> Any:
    """Make two UDP sockets."""
    ends = []
    for _ in range(2):
        end = stack.enter_context(mod.socket(mod.AF_INET, mod.SOCK_DGRAM))
        end.bind(("127.0.0.1", 0))
        end.settimeout(timeout)
        ends.append(end)
    return ends


def ping(connect: Callable[..., Any], size: int = 64, timeout: Timeout = None) -> Setup:
    """Time a send of 64 bytes and the recv of them into a buffer of a size."""

    def setup(mod: Any, stack: ExitStack) -> Loop:
        near, far = connect(mod, stack, timeout)

        def loop(count: int) -> None:
            for _ in repeat(None, count):
                near.send(SMALL)
                far.recv(size)

        return loop

    return setup


def sendall(timeout: Timeout = None) -> Setup:
    """Time a sendall and the recv of it."""

    def setup(mod: Any, stack: ExitStack) -> Loop:
        near, far = pair(mod, stack, timeout)

        def loop(count: int) -> None:
            for _ in repeat(None, count):
                near.sendall(SMALL)
                far.recv(64)

        return loop

    return setup


def recv_into(timeout: Timeout = None) -> Setup:
    """Time a send of 64 bytes and the recv_into of them."""

    def setup(mod: Any, stack: ExitStack) -> Loop:
        near, far = pair(mod, stack, timeout)
        buffer = bytearray(64)

        def loop(count: int) -> None:
            for _ in repeat(None, count):
                near.send(SMALL)
                far.recv_into(buffer)

        return loop

    return setup


def bulk(mod: Any, stack: ExitStack) -> Loop:
    """Time a sendall of 16 KiB and the recv of it, over TCP."""
    near, far = tcp(mod, stack, None)

    def loop(count: int) -> None:
        for _ in repeat(None, count):
            near.sendall(LARGE)
            left = len(LARGE)
            while left:
                left -= len(far.recv(65_536))

    return loop


def datagram(timeout: Timeout = None) -> Setup:
    """Time a sendto and the recvfrom of it."""

    def setup(mod: Any, stack: ExitStack) -> Loop:
        near, far = udp(mod, stack, timeout)
        address = far.getsockname()

        def loop(count: int) -> None:
            for _ in repeat(None, count):
                near.sendto(SMALL, address)
                far.recvfrom(64)

        return loop

    return setup


def connection(timeout: Timeout = None) -> Setup:
    """Time a connect, the accept of it and the close of both ends."""

    def setup(mod: Any, stack: ExitStack) -> Loop:
        listener = stack.enter_context(mod.create_server(("127.0.0.1", 0)))
        listener.settimeout(timeout)
        address = listener.getsockname()

        def loop(count: int) -> None:
            for _ in repeat(None, count):
                client = mod.socket()
                client.settimeout(timeout)
                client.connect(address)
                listener.accept()[0].close()
                client.close()

        return loop

    return setup


def create(mod: Any, _stack: ExitStack) -> Loop:
    """Time the making and the closing of a socket."""

    def loop(count: int) -> None:
        for _ in repeat(None, count):
            mod.socket().close()

    return loop


def numeric(mod: Any, _stack: ExitStack) -> Loop:
    """Time the reading of a numeric address by getaddrinfo."""

    def loop(count: int) -> None:
        for _ in repeat(None, count):
            mod.getaddrinfo("127.0.0.1", 80)

    return loop


def sockname(mod: Any, stack: ExitStack) -> Loop:
    """Time getsockname of a TCP socket."""
    near, _ = tcp(mod, stack, None)

    def loop(count: int) -> None:
        for _ in repeat(None, count):
            near.getsockname()

    return loop


def option(mod: Any, stack: ExitStack) -> Loop:
    """Time the reading of an option."""
    near, _ = tcp(mod, stack, None)

    def loop(count: int) -> None:
        for _ in repeat(None, count):
            near.getsockopt(mod.SOL_SOCKET, mod.SO_REUSEADDR)

    return loop


def lines(mod: Any, stack: ExitStack) -> Loop:
    """Time the reading of a head of eight lines from a file of a socket."""
    near, far = pair(mod, stack, None)
    file = stack.enter_context(far.makefile("rb"))

    def loop(count: int) -> None:
        for _ in repeat(None, count):
            near.sendall(LINES)
            for _ in repeat(None, 8):
                file.readline()

    return loop


def pton(mod: Any, _stack: ExitStack) -> Loop:
    """Time the packing of an address."""

    def loop(count: int) -> None:
        for _ in repeat(None, count):
            mod.inet_pton(mod.AF_INET, "127.0.0.1")

    return loop


class Row(NamedTuple):
    """One line of the table."""

    name: str
    setup: Setup
    target: float = ROW_TARGET
    floor: Callable[..., Any] | None = None  # what connects the ends for the ping in C


ROWS = [
    Row("send + recv, 64 B, Unix", ping(pair), ROW_TARGET, pair),
    Row("send + recv, 64 B, Unix, timeout", ping(pair, timeout=5), TIMEOUT_TARGET, pair),
    Row("send + recv, 64 B, TCP", ping(tcp), ROW_TARGET, tcp),
    Row("send + recv, 64 B, TCP, timeout", ping(tcp, timeout=5), TIMEOUT_TARGET, tcp),
    Row("send + recv(65536), 64 B, Unix", ping(pair, size=65_536), ROW_TARGET, pair),
    Row("send + recv(65536), 64 B, Unix, timeout", ping(pair, 65_536, 5), TIMEOUT_TARGET, pair),
    Row("sendall + recv, 64 B, Unix", sendall(), ROW_TARGET, pair),
    Row("sendall + recv, 64 B, Unix, timeout", sendall(timeout=5), TIMEOUT_TARGET, pair),
    Row("send + recv_into, 64 B, Unix", recv_into(), ROW_TARGET, pair),
    Row("send + recv_into, 64 B, Unix, timeout", recv_into(timeout=5), TIMEOUT_TARGET, pair),
    Row("sendall + recv, 16 KiB, TCP", bulk),
    Row("sendto + recvfrom, 64 B, UDP", datagram(), ROW_TARGET, udp),
    Row("sendto + recvfrom, 64 B, UDP, timeout", datagram(timeout=5), TIMEOUT_TARGET, udp),
    Row("connect + accept + close, TCP", connection()),
    Row("socket() + close()", create),
    Row("getaddrinfo, numeric host", numeric),
    Row("getsockname, TCP", sockname),
    Row("getsockopt", option),
    Row("makefile, 8 lines read", lines),
    Row("inet_pton", pton),
]


@contextmanager
def compiled() -> Iterator[Any | None]:
    """Give the pings in C, or None where they cannot be built."""
    compiler = shutil.which("cc")
    if compiler is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "floor.so"
        source = Path(__file__).with_name("floor.c")
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
        built = subprocess.run(command, check=False).returncode == 0
        yield ctypes.CDLL(str(library)) if built else None


def time_floor(row: Row, library: Any, turns: int) -> float | None:
    """Return the share of the standard module's time that its system calls take in C."""
    if library is None or row.floor is None:
        return None
    name = "ping_datagram" if row.floor is udp else "ping"
    function = getattr(library, name)
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long]
    with ExitStack() as stack:
        near, far = row.floor(stock, stack, None)

        def loop(count: int) -> None:
            if function(near.fileno(), far.fileno(), count):
                raise OSError(f"{name} did not move all of its bytes")

        return compare(row.setup(stock, stack), loop, turns).ratio


def time_row(row: Row, mod: Any, turns: int) -> Outcome:
    """Time one row on both modules."""
    with ExitStack() as stack:
        return compare(row.setup(stock, stack), row.setup(mod, stack), turns)


def main() -> int:
    """Print the table, and tell whether the targets were met."""
    parser = argparse.ArgumentParser(description="Time each call beside the standard module.")
    parser.add_argument("--module", default="rsock", help="the module under test")
    parser.add_argument("--turns", type=int, default=400, help="blocks of each side in a row")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    parser.add_argument("words", nargs="*", metavar="WORD", help="rows to run; all without one")
    options = parser.parse_args()
    mod = importlib.import_module(options.module)
    rows = [row for row in ROWS if all(word in row.name for word in options.words)]

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}; microseconds for one repetition, and the share of socket's time")
    print(f"{'':<42}{'socket':>10}{options.module:>10}{'ratio':>8}{'floor':>8}")
    missed = []
    ratios = []
    with quiet(), compiled() as library:
        for row in rows:
            outcome = time_row(row, mod, options.turns)
            floor = time_floor(row, library, options.turns // 4)
            target = max(row.target, NEAR * floor) if floor else row.target
            ratios.append(outcome.ratio)
            line = f"{row.name:<42}{outcome.stock / 1000:>10.3f}{outcome.tested / 1000:>10.3f}"
            line += f"{outcome.ratio:>8.3f}{f'{floor:.3f}' if floor else '':>8}"
            if outcome.ratio > target + NOISE:
                missed.append(row.name)
                line += f"  above {target:.2f}"
            print(line.rstrip(), flush=True)
    if not ratios:
        print("No row has such a name.")
        return 2
    mean = exp(sum(map(log, ratios)) / len(ratios))
    if len(rows) == len(ROWS) and mean > MEAN_TARGET:
        missed.append(f"geometric mean at most {MEAN_TARGET:.2f}")
    print(f"{'geometric mean':<62}{mean:>8.3f}")
    if missed:
        print("Missed: " + "; ".join(missed))
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
