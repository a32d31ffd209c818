"""Time the start of a program: `rsock run` on an empty script beside `python` on it.

    start_up.py [--turns N] [--check]

The processes take turns, so that noise hits both alike; the fastest and the middle one of a kind
are given. With `--check` the exit status is 1 when `rsock run` takes more than 60 ms longer than
`python`, by the middle ones.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from statistics import median
from time import perf_counter_ns

from harness import in_turn, quiet

TARGET = 60.0


def run(command: list[str]) -> float:
    """Run a command; return the milliseconds that it took."""
    begun = perf_counter_ns()
    subprocess.run(command, check=True)
    return (perf_counter_ns() - begun) / 1e6


def main() -> int:
    """Print both figures for each way to start, and tell whether the target was met."""
    parser = argparse.ArgumentParser(description="Time the start of an empty script.")
    parser.add_argument("--turns", type=int, default=30, help="processes of each kind")
    parser.add_argument("--check", action="store_true", help="fail when the target is missed")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "empty.py")
        with open(script, "w"):
            pass
        commands = {
            "python": [sys.executable, script],
            "python -m rsock run": [sys.executable, "-m", "rsock", "run", script],
        }
        program = os.path.join(os.path.dirname(sys.executable), "rsock")
        if os.path.exists(program):
            commands["rsock run"] = [program, "run", script]
        times: dict[str, list[float]] = {name: [] for name in commands}
        with quiet():
            for command in commands.values():
                run(command)  # writes what is compiled, and warms the file system's cache
            for order in in_turn(commands, options.turns):
                for name in order:
                    times[name].append(run(commands[name]))

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}; milliseconds, {options.turns} processes of each kind")
    print(f"{'':<22}{'fastest':>10}{'middle':>10}{'more':>10}")
    missed = False
    for name, taken in times.items():
        more = median(taken) - median(times["python"])
        missed = missed or more > TARGET
        print(f"{name:<22}{min(taken):>10.2f}{median(taken):>10.2f}{more:>10.2f}")
    if missed:
        print(f"Missed: the start takes more than {TARGET:.0f} ms longer than that of python")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
