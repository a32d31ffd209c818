"""Run the interpreters' own tests with rsock in the place of `socket`, and judge the outcome.

    suite.py --tool FOLDER [OPTION ...]

The options go to the conformance tool's run_suite.py in FOLDER; the interpreters that hold the
build are in the environment variable CONFORMANCE_PYTHONS, as the tool wants it. Prints a line for
each test module that has a gap, and a last one. The exit status is the tool's (1 is a gap, 2 a run
that proves nothing), and 1 as well when a test passed on what belongs to the standard module: the
gap alone would not tell a thin wrapper from a module of our own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CORE = "rsock._rsock"


def borrowed(facts: dict[str, Any] | None) -> list[str]:
    """Say what a test module's run took from the standard socket."""
    if facts is None:
        return []  # the run did not reach its end, and counts as a gap
    found = []
    if facts["core"] != CORE:
        found.append(f"the core is {facts['core']}")
    if facts["derives_from_stock"]:
        found.append("the class derives from the standard one")
    if facts["instances"]["inside"]:
        found.append(f"{facts['instances']['inside']} standard sockets were made inside")
    return found


def judge(line: dict[str, Any]) -> bool:
    """Print what is wrong with a test module's run, if anything is; tell whether it is good."""
    name = f"Python {line['python']}: {line['module']}"
    if line["gap"]:
        print(f"{name} has a gap of {line['gap']}")
        for test in line.get("gap_ids", []):
            print(f"    {test}")
    wrong = borrowed(line.get("facts"))
    if "guard" in line:
        wrong.append(f"the run proves nothing: {line['guard']}")
    for each in wrong:
        print(f"{name}: {each}")
    return not line["gap"] and not wrong


def main() -> int:
    """Run the tool and pass on its verdict and ours."""
    parser = argparse.ArgumentParser(description="Run the interpreters' own tests on rsock.")
    parser.add_argument("--tool", type=Path, required=True, help="the conformance tool's folder")
    known, options = parser.parse_known_args()
    command = [sys.executable, str(known.tool / "run_suite.py"), "--replacement", "rsock", *options]
    good = True
    total: dict[str, Any] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tool:
        assert tool.stdout is not None
        for text in tool.stdout:
            line = json.loads(text)
            if "total" in line:
                total = line["total"]
            else:
                good = judge(line) and good
    if not total:
        print("The conformance tool came to no end.")
        return tool.returncode or 2
    pythons = ", ".join(sorted(total["by_python"], key=lambda version: int(version[2:])))
    print(
        f"{total['stock_passes'] - total['gap']} of {total['stock_passes']} tests that pass on"
        f" socket pass on rsock, on Python {pythons}: a gap of {total['gap']}"
    )
    return tool.returncode or int(not good)


if __name__ == "__main__":
    sys.exit(main())
