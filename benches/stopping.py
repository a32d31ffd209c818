"""Time how servers end: stop() with clients connected, Ctrl+C, and the end of the interpreter.

    stopping.py [--quick] [--check] [--connections N] [--exits N]

The worst of all repetitions is shown, in milliseconds. With `--check` the exit status is 1 when
`stop()` with 1,000 connections takes more than 200 ms, Ctrl+C in `serve_forever()` more than 100 ms
to raise, or one of 200 interpreters that exit with servers running, a handler blocked in `recv` and
clients waiting does not end with status 0, an empty stderr, and within 2 s.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from time import monotonic

from serving import Load, Server, Unavailable, arguments, more_files, programs, python, said

STOP = 0.2  # seconds
INTERRUPT = 0.1
EXIT = 2.0

ROWS = [
    ("events", "HelloServer, events"),
    ("threads", "HelloServer, threads"),
    ("on_data", "TcpServer, on_data"),
    ("handler", "TcpServer, handler"),
]


def time_stop(name: str, connections: int, folder: Path) -> float:
    """Return the seconds that stop() took with so many connections."""
    with ExitStack() as stack:
        server = Server(python("ending.py", "stop", name), "hello", stack)
        Load(folder / "load", server.port, server.pid, connections, 16, "hello", stack)
        assert server.process.stdin is not None
        server.process.stdin.write("\n")
        words = said(server.process).split()
        if len(words) != 3:
            raise RuntimeError("stop() did not return")
        before, after, took = int(words[0]), int(words[1]), float(words[2])
        if before != connections or after:
            raise RuntimeError(f"{before} connections before stop(), {after} after it")
        return took


def time_interrupt(name: str, connections: int, folder: Path) -> float:
    """Return the seconds from the signal until serve_forever() raised."""
    with ExitStack() as stack:
        server = Server(python("ending.py", "interrupt", name), "hello", stack)
        Load(folder / "load", server.port, server.pid, connections, 16, "hello", stack)
        begun = monotonic()
        server.process.send_signal(signal.SIGINT)
        line = said(server.process)
        if not line:
            raise RuntimeError("serve_forever() did not raise KeyboardInterrupt")
        return float(line) - begun


def time_exit() -> float:
    """Return the seconds that an interpreter took to end."""
    done = subprocess.run(
        python("ending.py", "exit", "all", "hello"), capture_output=True, text=True, timeout=60
    )
    ended = monotonic()
    if done.returncode == 3:
        raise Unavailable(done.stderr.strip().splitlines()[-1])
    if done.returncode or done.stderr:
        raise RuntimeError(f"exit status {done.returncode}, stderr {done.stderr[-500:]!r}")
    return ended - float(done.stdout.split()[1])


def main() -> int:
    """Print the table, and tell whether the targets were met."""
    parser = arguments("Time how servers end.", quick="few repetitions")
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--exits", type=int, default=200)
    options = parser.parse_args()
    # In the background of a shell Ctrl+C is ignored, and so it would be by the servers.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    turns = 2 if options.quick else 10
    exits = min(options.exits, 20) if options.quick else options.exits
    connections = options.connections
    more_files(connections + 1_000)

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}; milliseconds, the worst of all")
    missed = []
    with programs() as folder:
        kinds = [("stop()", STOP, time_stop), ("Ctrl+C", INTERRUPT, time_interrupt)]
        for (kind, limit, function), (name, label) in product(kinds, ROWS):
            title = f"{kind}, {connections:,} connections: {label}"
            try:
                worst = max(function(name, connections, folder) for _ in range(turns))
            except Unavailable as error:
                print(f"{title:<52}not installed: {error}")
                continue
            except RuntimeError as error:
                missed.append(title)
                print(f"{title:<52}FAILED: {error}")
                continue
            line = f"{title:<52}{worst * 1000:>9.1f}"
            if worst > limit:
                missed.append(title)
                line += f"  above {limit * 1000:.0f}"
            print(line, flush=True)
    show_exits(exits, missed)
    if missed:
        print("Missed: " + "; ".join(missed))
    return 1 if missed and options.check else 0


def show_exits(count: int, missed: list[str]) -> None:
    """Let so many interpreters end, and print how many did so in order."""
    title = f"exit with servers running, {count} times"
    worst = 0.0
    good = 0
    complaint = ""
    for _ in range(count):
        try:
            took = time_exit()
        except Unavailable as error:
            print(f"{title:<52}not installed: {error}")
            return
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            complaint = str(error)
            continue
        worst = max(worst, took)
        good += took <= EXIT
    line = f"{title:<52}{worst * 1000:>9.1f}  {good} of {count} in order"
    if good < count:
        missed.append(title)
        line += f": {complaint or 'too late'}"
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
