"""Time the import of a socket module beside the standard one, in fresh processes.

    import_time.py [--module rsock] [--turns N] [--check]

The processes take turns, so that noise hits both modules alike, and the fastest of a kind counts.
Two figures are given for each module: how long the import statement took, by the process's own
clock, and how long the whole process took, from its start to its end, with what an empty one needs
beside it. With `--check` the exit status is 1 when the import takes more than 1.5 times that of
`socket`. `--module socket` holds the standard module against itself: what is not 1.00 then
is noise.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from time import perf_counter_ns

from harness import in_turn, quiet

TARGET = 1.5
NOISE = 0.02

# `time` is built in, so that its import costs the same next to nothing in both.
PROGRAM = """
from time import perf_counter_ns as now
begun = now()
import {module}
print(now() - begun)
"""


def run(program: str) -> tuple[int, int]:
    """Run a program in a new interpreter; return what it printed and the nanoseconds it took."""
    begun = perf_counter_ns()
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    return int(done.stdout), perf_counter_ns() - begun


def main() -> int:
    """Print both figures for each module, and tell whether the target was met."""
    parser = argparse.ArgumentParser(description="Time the import beside the standard module.")
    parser.add_argument("--module", default="rsock", help="the module under test")
    parser.add_argument("--turns", type=int, default=60, help="processes of each kind")
    parser.add_argument("--check", action="store_true", help="fail when the target is missed")
    options = parser.parse_args()

    programs = {
        "nothing": "print(0)",
        "socket": PROGRAM.format(module="socket"),
        "tested": PROGRAM.format(module=options.module),
    }
    inside: dict[str, list[int]] = {name: [] for name in programs}
    whole: dict[str, list[int]] = {name: [] for name in programs}
    with quiet():
        for program in programs.values():
            run(program)  # writes what is compiled, and warms the file system's cache
        for order in in_turn(programs, options.turns):
            for name in order:
                own, total = run(programs[name])
                inside[name].append(own)
                whole[name].append(total)

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}; milliseconds, the fastest of {options.turns} processes")
    print(f"{'':<20}{'nothing':>10}{'socket':>10}{options.module:>10}{'ratio':>8}")
    before, after = (min(inside[name]) / 1e6 for name in ("socket", "tested"))
    ratio = after / before
    print(f"{'import statement':<20}{'':>10}{before:>10.2f}{after:>10.2f}{ratio:>8.3f}")
    empty, before, after = (min(whole[name]) / 1e6 for name in programs)
    print(f"{'whole process':<20}{empty:>10.2f}{before:>10.2f}{after:>10.2f}{after / before:>8.3f}")
    missed = ratio > TARGET + NOISE
    if missed:
        print(f"Missed: the import takes more than {TARGET} times that of socket")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
