"""A server in the background of a main thread that sleeps or computes, as it is told.

    busy.py SERVER CPU hello

Prints the port; then each line on the input, "sleep" or "compute", holds until the next one. The
threads of the server stay on the processor that the process was started on, and the main thread
goes to CPU (-1: wherever), so that the two meet in the interpreter only.
"""

from __future__ import annotations

import os
import select
import sys
import threading

import ours
import peers


def compute() -> None:
    """Keep the interpreter busy for some hundredths of a second."""
    value = 1
    for _ in range(300_000):
        value = value * 3 % 1_000_003


def main() -> int:
    """Serve until killed."""
    name, cpu, protocol = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if name == "tutorial":
        threading.Thread(target=peers.threads, args=[protocol], daemon=True).start()
    else:
        try:
            server = ours.SERVERS[name](protocol)
        except (AttributeError, ImportError) as error:
            print(error, file=sys.stderr)
            return peers.MISSING
        server.start()
        peers.announce(server.address[1])
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})
    while word := sys.stdin.readline().strip():
        while word == "compute" and not select.select([sys.stdin], [], [], 0)[0]:
            compute()
    return 0


if __name__ == "__main__":
    sys.exit(main())
