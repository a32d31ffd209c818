"""The command line: `python -m rsock COMMAND ...`, a table of commands and what they share."""

from __future__ import annotations

import os
import sys

# A command that runs a program takes no longer to begin than it must: what only other commands
# need is imported for them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any, NoReturn

#: The commands: where each is, and what it does. A file has `arguments` and `run` for argparse, or
#: a `main` that reads its words by itself.
_COMMANDS = {
    "run": ("_command_run", "run a script, a module or a block of notes on rsock"),
    "blocks": ("_command_blocks", "list the programs of a page of notes"),
    "play": ("_command_play", "run a server and its clients, and show what both say"),
    "fetch": ("_command_fetch", "fetch a page and print it, or save it"),
}
#: Those that read their words by themselves, and whose exit is the affair of what they run.
_PLAIN = ("run",)

#: What a shell reports of a program that Ctrl+C has ended.
_INTERRUPTED = 130
#: What curl says where its output cannot be written.
_NOT_WRITTEN = 23


def _load(file: str) -> Any:
    return __import__(f"rsock.{file}", None, None, ("",))


def _program() -> str:
    name = os.path.basename(sys.argv[0])
    return "python -m rsock" if name in ("__main__.py", "-m") else name


def _parser(asked: str | None) -> argparse.ArgumentParser:
    """Make what reads a command; only the one that is asked for says which options it has."""
    import argparse

    import rsock

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            """Say in one line what is wrong with the command."""
            self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    program = _program()
    parser = Parser(prog=program, description="Sockets, servers and pages from the command line.")
    parser.add_argument("--version", action="version", version=f"rsock {rsock.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for word, (file, summary) in _COMMANDS.items():
        described = commands.add_parser(
            word,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if word == asked:
            module = _load(file)
            module.arguments(described)
            described.set_defaults(_run=module.run, _program=described.prog)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the status to exit with; what goes wrong is one line on stderr."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words and words[0] in _PLAIN:
        module = _load(_COMMANDS[words[0]][0])
        plain: int = module.main(words[1:], f"{_program()} {words[0]}")
        return plain
    # No option in front of the command has an argument of its own.
    asked = next((word for word in words if not word.startswith("-")), None)
    options = _parser(asked).parse_args(words)
    status: int = 0
    try:
        status = options._run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # of which whoever read has seen enough
            from rsock._save import NO_ROOM

            # An error of a command's own says which file it was.
            if error.filename is not None or error.errno not in NO_ROOM:
                raise
            if status != _NOT_WRITTEN:  # else the command has said so by itself
                print(f"{options._program}: the output: {error.strerror}", file=sys.stderr)
        # Python flushes once more as it ends, into nothing now, so that it does not complain.
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, sys.stdout.fileno())
        finally:
            os.close(nothing)
        return _NOT_WRITTEN
    return status
