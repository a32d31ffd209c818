"""The command line: `python -m rsock COMMAND ...`, a table of commands and what they share."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import Callable, NamedTuple, NoReturn

import rsock
from rsock import _command_fetch


class _Command(NamedTuple):
    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


_COMMANDS = {
    "fetch": _Command(
        "fetch a page and print it, or save it", _command_fetch.arguments, _command_fetch.run
    ),
}

#: What a shell reports of a program that Ctrl+C has ended.
_INTERRUPTED = 130
#: What curl says where its output cannot be written.
_NOT_WRITTEN = 23


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong with the command."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    name = os.path.basename(sys.argv[0])
    program = "python -m rsock" if name in ("__main__.py", "-m") else name
    parser = _Parser(prog=program, description="Sockets, servers and pages from the command line.")
    parser.add_argument("--version", action="version", version=f"rsock {rsock.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for word, command in _COMMANDS.items():
        described = commands.add_parser(
            word,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(described)
        described.set_defaults(_run=command.run, _program=described.prog)
    return parser


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)  # as a shell reports it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the status to exit with; what goes wrong is one line on stderr."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Whoever ends it so wants no rest of a download to stay, either.
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _leave)
    try:
        status: int = options._run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python flushes once more as it ends, into
        # nothing now, so that it does not complain.
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, sys.stdout.fileno())
        finally:
            os.close(nothing)
        return _NOT_WRITTEN
    return status
