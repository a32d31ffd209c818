"""Hold the servers of rsock against a bare loop in C and against their peers.

    servers.py [WORD ...] [--quick] [--check] [--tables hello|echo|shared|udp ...]
               [--connections N ...] [--sizes N ...] [--turns N] [--window S]

Every server runs in a process of its own, on one processor; a client in C, on another, keeps one
message under way on each connection. All servers of a table are up at the same time, and the load
runs on them in turn, a fraction of a second on each, so that noise hits all alike. What disturbs a
turn can only make it slower, so the best counts: for rate, that of the best slice of a turn, of
some milliseconds (load.h says which); for cost, that of the best turn. The times of answers are the
medians over the turns. WORDs choose the rows whose name holds one of them; the floor and what the
targets compare with run all the same.

For each third of the turns all of them are started anew: where the memory of a process happens to
lie makes a difference of up to a tenth for large messages, which no number of turns evens out.

In the table `shared` nobody is bound to a processor. There the threads of a program meet those of
the others and, in Python, wait for the interpreter's lock on more than one processor, as they do
where they are used. That is no disturbance but what they cost, so the median counts, not the best.

The columns: answers per second, and that as a share of the floor's; seconds of processor that the
server used for 100,000 answers, all its threads and the kernel's work for it included, and that in
terms of the floor's; the 50th and 99th percentile of the times of answers, in milliseconds. The row
`floor, again` is the same program as `floor`, in another process: what is not 1.00 there is noise.
`floor, threads` is what a thread for each connection costs in C.
While the two differ by more than 2 % they are started and asked again, up to four times as often.
Where they differ by more than 5 % even then, in rate or in cost, that is not judged.

A row whose server is not installed says so. With `--check` the exit status is 1 when a target is
missed, or could not be judged.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from math import inf
from pathlib import Path
from statistics import median
from typing import NamedTuple

from harness import in_turn
from serving import (
    LOAD_CPU,
    SERVER_CPU,
    Load,
    Server,
    Turn,
    Unavailable,
    arguments,
    more_files,
    programs,
    python,
)

NOISE = 0.02  # allowed on top of a target
NOISY = 0.05  # between the two floors, beyond which nothing is judged
STARTS = 3  # of all servers
LONGER = 4  # times as many starts, at most, until the two floors agree


class Target(NamedTuple):
    """What a row has to reach, in terms of another."""

    against: str
    rate: float  # at least
    cost: float | None = None  # at most
    connections: int = 0  # from so many on
    shared: bool = False  # only where the processors are shared


class Row(NamedTuple):
    """A server, and what is asked of it."""

    name: str
    command: list[str]  # a program's path, or the name of one in C here, and its words
    targets: tuple[Target, ...] = ()
    limit: int = 10_000  # the most connections that it is tried with
    sizes: int = 1 << 30  # the largest message


FLOOR = "floor"
AGAIN = "floor, again"
NATIVE = (Target(FLOOR, 0.95, 1.10),)
THREADS_FLOOR = "floor, threads"
TUTORIAL = "threads on socket (tutorial)"
THREADS_LIMIT = 1_000


def thread_rows() -> list[Row]:
    """List the servers that have a thread for each connection."""
    rows = [
        Row(
            "rsock, threads",
            python("ours.py", "threads"),
            (
                Target(TUTORIAL, 1.0),
                Target(TUTORIAL, 3.0, connections=200, shared=True),
                Target(THREADS_FLOOR, 0.95, 1.10),
            ),
        ),
        Row(THREADS_FLOOR, ["threads_floor"]),
        Row("rsock, handler", python("ours.py", "handler"), (Target(TUTORIAL, 1.0),)),
        Row(TUTORIAL, python("peers.py", "threads")),
    ]
    return [row._replace(limit=THREADS_LIMIT) for row in rows]


def tcp_rows() -> list[Row]:
    """List the servers for streams."""
    return [
        Row("rsock, events", python("ours.py", "events"), NATIVE),
        Row("rsock, on_data", python("ours.py", "on_data"), (Target("uvloop", 1.0, 1.0),)),
        *thread_rows(),
        Row("uvloop", python("peers.py", "uvloop")),
        Row("asyncio", python("peers.py", "asyncio")),
        Row("gevent", python("peers.py", "gevent")),
    ]


def udp_rows() -> list[Row]:
    """List the servers for datagrams."""
    return [
        Row("rsock, reply", python("ours.py", "reply"), (Target(FLOOR, 1.0),)),
        Row("rsock, handler", python("ours.py", "udp_handler"), (Target("uvloop", 1.0),)),
        Row("uvloop", python("peers.py", "uvloop")),
        Row("asyncio", python("peers.py", "asyncio")),
        Row("gevent", python("peers.py", "gevent")),
        Row("recvfrom on socket (tutorial)", python("peers.py", "datagrams"), sizes=1024),
    ]


class Table(NamedTuple):
    """What one protocol is tried with."""

    name: str
    title: str
    protocol: str
    floor: str
    load: str
    rows: list[Row]
    connections: list[int]
    sizes: list[int]
    shared: bool = False  # all processors, by all


CONNECTIONS = [10, 200, 1_000, 10_000]
SIZES = [16, 1024, 65536]
HELLO = Table("hello", "Hello, TCP", "hello", "floor", "load", tcp_rows(), CONNECTIONS, SIZES)
TABLES = [
    HELLO,
    HELLO._replace(name="echo", title="Echo, TCP", protocol="echo"),
    HELLO._replace(
        name="shared",
        title="Hello, shared processors",
        rows=thread_rows(),
        connections=[10, 200, 1_000],
        sizes=[16],
        shared=True,
    ),
    Table(
        "udp", "Hello, UDP", "udp", "udp_floor", "udp_load", udp_rows(), [1, 10, 100], [16, 1024]
    ),
]


class Result(NamedTuple):
    """What came of some turns."""

    rate: float
    cost: float
    p50: float
    p99: float
    lost: int

    @classmethod
    def of(cls, turns: list[Turn], shared: bool) -> Result:
        """Take the best rate and cost, or the usual ones, and the medians of the times."""
        costs = [turn.cost for turn in turns]
        return cls(
            median(turn.mean for turn in turns) if shared else max(turn.rate for turn in turns),
            median(costs) if shared else min(costs),
            median(turn.p50 for turn in turns),
            median(turn.p99 for turn in turns),
            sum(turn.lost for turn in turns),
        )


class Cell(NamedTuple):
    """One table with one number of connections and one size."""

    table: Table
    connections: int
    size: int


class Noise(NamedTuple):
    """By how much two results of one thing differ."""

    rate: float
    cost: float

    @classmethod
    def between(cls, one: Result, other: Result) -> Noise:
        """Compare two results."""
        return cls(abs(other.rate / one.rate - 1), abs(other.cost / one.cost - 1))


class Trial:
    """The turns of all servers of one cell so far."""

    def __init__(self, cell: Cell, rows: list[Row], folder: Path) -> None:
        """Begin without any."""
        self.cell = cell
        floor = [cell.table.floor]
        self.rows = [Row(FLOOR, floor), *rows, Row(AGAIN, floor)]
        self.folder = folder
        self.taken = 0  # turns
        self.turns: dict[str, list[Turn]] = {row.name: [] for row in self.rows}
        self.failures: dict[str, str] = {}

    def start(self, stack: ExitStack) -> dict[str, Load]:
        """Start all servers that have not failed so far, each with its load."""
        table, connections, size = self.cell
        server_cpu, load_cpu = (None, None) if table.shared else (SERVER_CPU, LOAD_CPU)
        loads = {}
        for row in self.rows:
            if row.name in self.failures:
                continue
            try:
                command = [str(self.folder / row.command[0]), *row.command[1:]]
                server = Server(command, table.protocol, stack, server_cpu)
                loads[row.name] = Load(
                    self.folder / table.load,
                    server.port,
                    server.pid,
                    connections,
                    size,
                    table.protocol,
                    stack,
                    load_cpu,
                )
            except Unavailable as error:
                self.failures[row.name] = f"not installed: {error}"
            except RuntimeError as error:
                self.failures[row.name] = f"FAILED: {error}"
        return loads

    def run(self, turns: int, window: float) -> None:
        """Start all servers, and run the load on each in turn."""
        # A window has room for some twenty rounds over all connections. In a few, answers that
        # were ready when it began would make up too much of the rate.
        window += self.cell.connections * (2e-4 + self.cell.size / 1e8)
        with ExitStack() as stack:
            loads = self.start(stack)
            for order in in_turn(loads, turns, self.taken):
                for name in order:
                    try:
                        self.turns[name].append(loads[name].turn(window / 2, window))
                    except RuntimeError as error:
                        self.failures[name] = f"FAILED: {error}"
                        del loads[name]
        self.taken += turns

    def result(self, name: str) -> Result | str:
        """Return what came of it; a text says why there is no result."""
        failure = self.failures.get(name)
        return failure or Result.of(self.turns[name], self.cell.table.shared)

    def agree(self) -> bool:
        """Tell whether the two floors came to the same."""
        floor, again = self.result(FLOOR), self.result(AGAIN)
        if isinstance(floor, str) or isinstance(again, str):
            return True
        return max(Noise.between(floor, again)) <= NOISE


def measure(
    cell: Cell, rows: list[Row], folder: Path, turns: int, window: float
) -> dict[str, Result | str]:
    """Ask all servers, in so many turns for each start, until the floors agree."""
    trial = Trial(cell, rows, folder)
    for start in range(STARTS * LONGER):
        if start >= STARTS and trial.agree():
            break
        trial.run(turns, window)
    return {row.name: trial.result(row.name) for row in trial.rows}


def missed(row: Row, cell: Cell, results: dict[str, Result | str], between: Noise) -> list[str]:
    """Say which targets a row misses; what is lost in noise is not judged."""
    mine = results[row.name]
    if isinstance(mine, str):
        return [mine] if mine.startswith("FAILED") else []
    complaints = []
    for target in row.targets:
        other = results.get(target.against)
        if not isinstance(other, Result) or cell.connections < target.connections:
            continue
        if target.shared and not cell.table.shared:
            continue
        rate, cost = mine.rate / other.rate, mine.cost / other.cost
        if rate < target.rate - NOISE and between.rate <= NOISY:
            complaints.append(f"rate {rate:.2f} < {target.rate:.2f} of {target.against}")
        if target.cost and cost > target.cost + NOISE and between.cost <= NOISY:
            complaints.append(f"cost {cost:.2f} > {target.cost:.2f} of {target.against}")
    return complaints


def show(cell: Cell, rows: list[Row], results: dict[str, Result | str]) -> list[str]:
    """Print a table, and return the targets that were missed."""
    table, connections, size = cell
    what = "under way" if table.protocol == "udp" else "connections"
    title = f"{table.title}, {connections:,} {what}, {size:,} B"
    print(f"\n{title:<38}{'rate':>10}{'ratio':>7}{'cost':>8}{'ratio':>7}{'p50':>9}{'p99':>9}")
    floor = results[FLOOR]
    if isinstance(floor, str):
        print(f"{FLOOR:<38}{floor}")
        return [f"{title}: {FLOOR}: {floor}"]
    again = results[AGAIN]
    complaints = []
    if isinstance(again, Result):
        between = Noise.between(floor, again)
    else:
        between = Noise(inf, inf)
        complaints.append(f"{title}: {AGAIN}: {again}")
    known = {row.name: row for row in rows}
    for name, result in results.items():
        row = known.get(name)
        wrong = missed(row, cell, results, between) if row else []
        complaints += [f"{title}: {name}: {text}" for text in wrong]
        if isinstance(result, str):
            print(f"{name:<38}{result}")
            continue
        line = f"{name:<38}{result.rate:>10,.0f}{result.rate / floor.rate:>7.2f}"
        line += f"{result.cost:>8.3f}{result.cost / floor.cost:>7.2f}"
        line += f"{result.p50:>9.3f}{result.p99:>9.3f}"
        if result.lost:
            line += f"  {result.lost:,} lost"
        if wrong:
            line += "  missed: " + "; ".join(wrong)
        print(line, flush=True)
    for kind, value in zip(between._fields, between):
        if NOISY < value < inf:
            text = f"the two floors differ by {value:.0%} in {kind}, which is not judged"
            print(text)
            complaints.append(f"{title}: {text}")
    return complaints


def main() -> int:
    """Print the tables, and tell whether the targets were met."""
    parser = arguments(
        "Hold rsock's servers against their peers.", quick="few connections, few short turns"
    )
    parser.add_argument("--turns", type=int, help="of each server, rounded up to 3, 6, 9, ...")
    parser.add_argument("--window", type=float, default=0.25, help="seconds of a turn, at least")
    parser.add_argument("--tables", nargs="+", choices=[table.name for table in TABLES])
    parser.add_argument("--connections", type=int, nargs="+", help="how many at once")
    parser.add_argument("--sizes", type=int, nargs="+", help="bytes of a message")
    parser.add_argument("words", nargs="*", metavar="WORD", help="rows to run; all without one")
    options = parser.parse_args()
    turns = -(-(options.turns or (3 if options.quick else 9)) // STARTS)
    window = 0.1 if options.quick else options.window

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}; {turns * STARTS} turns or more")
    files = more_files()
    complaints = []
    with programs() as folder:
        for table in TABLES:
            if options.tables and table.name not in options.tables:
                continue
            quick = table.connections[:2], table.sizes[:1]
            counts, sizes = quick if options.quick else (table.connections, table.sizes)
            for size in options.sizes or sizes:
                for connections in options.connections or counts:
                    if table.protocol != "udp" and connections + 100 > files:
                        print(f"\n{table.title}, {connections:,}: too few descriptors ({files:,})")
                        continue
                    rows = [row for row in table.rows if chosen(row, table.rows, options.words)]
                    rows = [r for r in rows if connections <= r.limit and size <= r.sizes]
                    cell = Cell(table, connections, size)
                    results = measure(cell, rows, folder, turns, window)
                    complaints += show(cell, rows, results)
    print("\nMissed:" if complaints else "\nNo target was missed by what is installed.")
    for complaint in complaints:
        print(f"  {complaint}")
    return 1 if complaints and options.check else 0


def chosen(row: Row, rows: list[Row], words: list[str]) -> bool:
    """Tell whether a row is asked for, or needed by one that is."""
    if not words or any(word in row.name for word in words):
        return True
    return any(
        target.against == row.name
        for other in rows
        if any(word in other.name for word in words)
        for target in other.targets
    )


if __name__ == "__main__":
    sys.exit(main())
