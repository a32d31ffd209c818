"""The command `run`: a script, a module or a block of notes, as `python` would run it.

Its options are read by hand, because the start of a program should not wait for argparse.
"""

from __future__ import annotations

import os
import sys

from rsock._learn import named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = "usage: {program} [options] (SCRIPT | NOTES.md:NUMBER | -m MODULE | -) [ARGUMENT ...]"

_HELP = """
Run a program as `python` would, with `socket` served by rsock. What goes wrong is explained after
its traceback: RSOCK_LANG=zh or en chooses the language, RSOCK_HINTS=off leaves it out.

options:
  -h, --help            show this and exit
  -m MODULE             run a module
  --py2[=text|bytes]    run as Python 2, with strings of text, of bytes, or of what suits it
  --fix                 repair what is known to be broken, and say what was repaired
  --diff                with --fix: show the repairs as a diff, and run nothing
  --write               with --fix: save the repaired script, and run nothing
  --watch[=SECONDS]     say what a call waits for, after 5 seconds or as many as given
  --offline             answer for all outside names on the ports of the web, from this machine
  --connect-to HOST:PORT:HOST2:PORT2
                        connect to the second where the first is asked for; may be repeated, and
                        RSOCK_CONNECT_TO may hold more
"""


class Options:
    """What was asked for."""

    def __init__(self) -> None:
        self.module = False
        self.py2: str | None = None
        self.fix = False
        self.diff = False
        self.write = False
        self.watch: float | None = None
        self.offline = False
        self.connect_to: list[str] = []
        self.argv: list[str] = []


class _Wrong(Exception):
    """The command is wrong."""


def _read(words: Sequence[str]) -> Options | None:
    """Read the command; None where help is asked for."""
    options = Options()
    rest = list(words)
    while rest:
        word = rest[0]
        if word == "-" or not word.startswith("-"):
            break
        rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if name in ("-h", "--help"):
            return None
        if word.startswith("-m") and not word.startswith("--"):
            options.module = True
            if word != "-m":
                rest.insert(0, word[2:])
            break
        if name == "--connect-to":
            if not equals:
                if not rest:
                    raise _Wrong("--connect-to needs HOST:PORT:HOST2:PORT2")
                value = rest.pop(0)
            options.connect_to.append(value)
        elif name == "--py2":
            options.py2 = value if equals else "auto"
            if options.py2 not in ("auto", "text", "bytes"):
                raise _Wrong("--py2 is --py2=text or --py2=bytes")
        elif name == "--watch":
            options.watch = _seconds(value) if equals else 5.0
        elif word in ("--fix", "--diff", "--write", "--offline"):
            setattr(options, word[2:], True)
        else:
            raise _Wrong(f"unknown option {word}")
    if not rest:
        raise _Wrong("no module to run" if options.module else "no script to run")
    if (options.diff or options.write) and not options.fix:
        raise _Wrong("--diff and --write go with --fix")
    if options.module and (options.fix or options.py2):
        raise _Wrong("--fix and --py2 are for scripts and notes, not for modules")
    options.argv = rest
    return options


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86400:
        raise _Wrong(f"--watch needs a number of seconds, not {text!r}")
    return seconds


def is_block(spec: str) -> bool:
    """Tell whether this names notes, or a block of them, and no script."""
    if os.path.exists(spec):
        return spec.lower().endswith(named.MARKDOWN)
    return named.split(spec)[1] is not None


def main(words: Sequence[str], program: str) -> int:
    """Run the command; what ends the program otherwise than by a status is raised."""
    try:
        options = _read(words)
    except _Wrong as wrong:
        print(f"{program}: {wrong} (see {program} --help)", file=sys.stderr)
        return 2
    if options is None:
        print(_USAGE.format(program=program))
        print(_HELP.rstrip("\n"))
        return 0
    return _run(options, program)


def _run(options: Options, program: str) -> int:
    from rsock._learn import runner

    argv = options.argv
    try:
        runner.prepare(options.watch, options.offline, options.connect_to)
    except ValueError as wrong:
        print(f"{program}: {wrong}", file=sys.stderr)
        return 2
    if options.module:
        return runner.run_module(argv)
    if options.fix or options.py2 or is_block(argv[0]):
        return _run_found(options, program)
    if argv[0] == "-":
        return runner.run_stdin(argv)
    return runner.run_file(argv)


def _run_found(options: Options, program: str) -> int:
    """Run a block of notes, or a script that is to be changed."""
    from rsock._learn import hints, notes, runner

    spec = options.argv[0]
    try:
        source = notes.find(spec)
    except notes.NotesError as wrong:
        print(f"{program}: {wrong.zh if hints.language() == 'zh' else wrong.en}", file=sys.stderr)
        return 2
    except OSError as failure:
        print(f"{program}: {spec}: {failure.strerror}", file=sys.stderr)
        return 2
    if options.diff or options.write:
        from rsock._learn import repairs, sources

        repaired = repairs.repair(source.code, source.name, source.first)
        sources.say(repaired)
        if options.diff:
            sys.stdout.write(repaired.diff())
        if options.write:
            try:
                sources.save(source, repaired)
            except (ValueError, OSError) as wrong:
                print(f"{program}: {wrong}", file=sys.stderr)
                return 2
        return 0
    return runner.run(source, options.argv, py2=options.py2, fix=options.fix)
