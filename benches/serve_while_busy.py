"""Time the answers of a server while the main thread of its process computes, and while it sleeps.

    serve_while_busy.py [--quick] [--check] [--connections N]

The main thread computes in pure Python, so that it holds the interpreter whenever nobody asks for
it; a server whose answers need the interpreter waits for it each time. Turns of sleeping and of
computing alternate, and the medians over the turns are shown, in milliseconds. The threads of the
server share a processor with the load, and the main thread has the other one to itself: where they
have to share one, the system's scheduler is measured with it.

With `--check` the exit status is 1 when HelloServer's 99th percentile is more than 1.5 times what
it is beside a sleeping thread.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from serving import (
    LOAD_CPU,
    SERVER_CPU,
    Load,
    Server,
    Turn,
    Unavailable,
    arguments,
    programs,
    python,
)

TARGET = 1.5

# The name in busy.py, what it is called in the table, whether the target is asked of it.
ROWS = [
    ("events", "rsock.HelloServer, events", True),
    ("threads", "rsock.HelloServer, threads", True),
    ("on_data", "rsock.TcpServer, on_data", False),
    ("handler", "rsock.TcpServer, handler", False),
    ("tutorial", "threads on socket (tutorial)", False),
]


def measure(
    name: str, connections: int, folder: Path, turns: int, window: float
) -> dict[str, list[Turn]]:
    """Run the load in turn beside a main thread that sleeps and one that computes."""
    cpu = "-1" if LOAD_CPU is None else str(LOAD_CPU)
    seen: dict[str, list[Turn]] = {"sleep": [], "compute": []}
    with ExitStack() as stack:
        server = Server(python("busy.py", name, cpu), "hello", stack)
        load = Load(
            folder / "load",
            server.port,
            server.pid,
            connections,
            16,
            "hello",
            stack,
            SERVER_CPU,
        )
        assert server.process.stdin is not None
        for turn in range(2 * turns):
            word = ("sleep", "compute")[(turn + turn // 2) % 2]
            server.process.stdin.write(word + "\n")
            seen[word].append(load.turn(window / 2, window))
    return seen


def main() -> int:
    """Print the table, and tell whether the target was met."""
    parser = arguments("Time answers beside a thread that computes.", quick="few short turns")
    parser.add_argument("--connections", type=int, default=10)
    options = parser.parse_args()
    turns, window = (3, 0.2) if options.quick else (9, 0.5)

    version = ".".join(map(str, sys.version_info[:3]))
    title = f"{options.connections} connections, 16 B"
    print(f"Python {version}; milliseconds, the median of {turns} turns of each kind")
    print(f"{'':<32}{'p50':>18}{'p99':>22}")
    print(f"{title:<32}{'sleeps':>9}{'computes':>9}{'sleeps':>13}{'computes':>9}{'ratio':>8}")
    missed = False
    with programs() as folder:
        for name, label, asked in ROWS:
            try:
                seen = measure(name, options.connections, folder, turns, window)
            except Unavailable as error:
                print(f"{label:<32}not installed: {error}")
                continue
            p50 = [median(turn.p50 for turn in seen[word]) for word in ("sleep", "compute")]
            p99 = [median(turn.p99 for turn in seen[word]) for word in ("sleep", "compute")]
            ratio = p99[1] / p99[0]
            line = f"{label:<32}{p50[0]:>9.3f}{p50[1]:>9.3f}{p99[0]:>13.3f}{p99[1]:>9.3f}"
            line += f"{ratio:>8.2f}"
            if asked and ratio > TARGET:
                missed = True
                line += f"  above {TARGET}"
            print(line, flush=True)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
