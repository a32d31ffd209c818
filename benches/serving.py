"""Build, start and end what the benchmarks of servers need: C programs, servers, loads.

On Linux with two processors or more, servers run on one and loads on another, so that neither takes
time from the other and both runs of a comparison have the same of it.
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).with_name("servers")
MISSING = 3  # the exit status of a server that is not installed
PATIENCE = 60.0  # seconds that a server or a load has for one answer


class Unavailable(Exception):
    """Something is not installed; the text says what."""


class Turn(NamedTuple):
    """What a load saw in one window."""

    rate: float  # answers per second, in the best slice of the window
    mean: float  # in all of the window
    cost: float  # seconds of the server's processors for 100,000 answers
    p50: float  # milliseconds
    p99: float
    lost: int


def arguments(about: str, quick: str) -> argparse.ArgumentParser:
    """Begin with the arguments that all of these benchmarks take."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    return parser


def processors() -> tuple[int | None, int | None]:
    """Choose the processor of the servers and that of the loads, if there are two."""
    if hasattr(os, "sched_getaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) > 1:
            return allowed[-1], allowed[0]
    return None, None


SERVER_CPU, LOAD_CPU = processors()


def more_files(wanted: int = 20_000) -> int:
    """Raise the limit of open files as far as is wanted and allowed, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


@contextmanager
def programs() -> Iterator[Path]:
    """Build the C programs, and give the folder that they are in."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("There is no C compiler (cc), which the load and the floor need.")
    # What was started is ended also when this process is asked to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        for source in SOURCES.glob("*.c"):
            target = Path(folder) / source.stem
            command = [compiler, "-O2", "-pthread", "-o", str(target), str(source)]
            subprocess.run(command, check=True)
        yield Path(folder)


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process, and wait until it is gone."""
    process.kill()
    process.communicate()


def said(process: subprocess.Popen[str], patience: float = PATIENCE) -> str:
    """Return the next line of a process, or nothing if it ended or took too long."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], patience)[0]:
        return ""
    return process.stdout.readline().strip()


def pinned(command: list[str], cpu: int | None, stack: ExitStack) -> subprocess.Popen[str]:
    """Start a process on a processor."""
    before = os.sched_getaffinity(0) if cpu is not None else set()
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
    finally:
        if cpu is not None:
            os.sched_setaffinity(0, before)
    stack.callback(end, process)
    return process


class Server:
    """A server in a process of its own."""

    def __init__(
        self,
        command: list[str],
        protocol: str,
        stack: ExitStack,
        cpu: int | None = SERVER_CPU,
    ) -> None:
        """Start it, and wait for its port."""
        self.process = pinned([*command, protocol], cpu, stack)
        self.pid = self.process.pid
        line = said(self.process)
        if not line:
            self.process.kill()
            _, errors = self.process.communicate()
            last = (errors.strip() or "it did not start").splitlines()[-1]
            if self.process.returncode == MISSING:
                raise Unavailable(last)
            raise RuntimeError(last)
        self.port = int(line)

    def resident(self) -> int:
        """Return how many bytes of the process are in memory."""
        # statm would do, but is counted for each processor and summed up late.
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Rss:")) << 10


class Load:
    """A load client in a process of its own, with its connections open."""

    def __init__(
        self,
        program: Path,
        port: int,
        pid: int,
        connections: int,
        size: int,
        protocol: str,
        stack: ExitStack,
        cpu: int | None = LOAD_CPU,
    ) -> None:
        """Start it, and wait until all connections are open."""
        command = [str(program), str(port), str(connections), str(size), protocol, str(pid)]
        self.process = pinned(command, cpu, stack)
        if said(self.process) != "open":
            raise self.failure()

    def failure(self) -> RuntimeError:
        """Make an exception of what the load complained about."""
        self.process.kill()
        _, errors = self.process.communicate()
        return RuntimeError(errors.strip() or "the load was not answered in time")

    def ask(self, warm: float, window: float) -> None:
        """Begin a turn, of so many seconds."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"go {round(warm * 1000)} {round(window * 1000)}\n")

    def result(self) -> Turn:
        """Wait for the end of the turn."""
        words = said(self.process).split()
        if not words:
            raise self.failure()
        count, took, spent, p50, p99, lost, best = map(int, words)
        if not count or not took:
            raise RuntimeError("no message was answered within the window")
        mean = count / took * 1e9
        return Turn(max(best, mean), mean, spent / count / 1e4, p50 / 1e6, p99 / 1e6, lost)

    def turn(self, warm: float, window: float) -> Turn:
        """Run the load for one window."""
        self.ask(warm, window)
        return self.result()


def python(script: str, *words: str) -> list[str]:
    """Return the command of a Python server."""
    return [sys.executable, str(SOURCES / script), *words]
