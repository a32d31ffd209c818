"""The command `play`: a server and its clients, in one window."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from typing import TYPE_CHECKING, NamedTuple

from rsock._learn import named, play
from rsock._learn.actor import Part
from rsock._learn.hints import language
from rsock._learn.notes import NotesError

if TYPE_CHECKING:
    from rsock._learn._blocks import Block

_STATUSES = """\
A script may have arguments: write both as one, as in 'client.py 127.0.0.1 9999'. Of notes, in
Markdown or as a plain page, all pairs are played, or those that blocks are named of: notes.md:2,
or notes.md:2 notes.md:3 for these two.

exit status:
   0  every client ended with 0, and the server ran until it was stopped, or ended with 0
   1  a client failed or took too long; the server failed, or did not listen
   2  the command is wrong, or a file cannot be read
  23  the output could not be written
 129, 130, 143  the terminal was closed, Ctrl+C, or SIGTERM
"""

#: What scripts of notes read, which are not written to be left alone.
_LINES = "hello\n你好\n\n"
_ASKS = re.compile(r"\b(?:raw_)?input\s*\(|\bsys\s*\.\s*stdin\b|\bfileinput\b")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say which options there are."""
    parser.epilog = _STATUSES
    add = parser.add_argument
    add("what", metavar="FILE", nargs="+", help="a server and its clients; or notes that have both")
    add(
        "--timeout",
        metavar="SECONDS",
        type=float,
        help="how long a server may take until it listens, and each client in all (60)",
    )
    add(
        "--grace",
        metavar="SECONDS",
        type=float,
        default=2.0,
        help="how long a program may take to end after Ctrl+C, before it is made to (2)",
    )
    add(
        "--input",
        metavar="TEXT|FILE",
        help="what the scripts read that ask; \\n in the text ends a line",
    )
    add(
        "--port",
        metavar="auto|N",
        help="if the script's port is taken, use a free one: or use this one in any case",
    )
    add("--together", action="store_true", help="run the clients at the same time")
    add("--fix", action="store_true", help="repair what is known to be broken, and say so")
    add("--offline", action="store_true", help="answer for all outside names, from this machine")
    # Written out: an argument of its own would take the first file that follows.
    for option, tier in (("--py2", "auto"), ("--py2=text", "text"), ("--py2=bytes", "bytes")):
        add(
            option,
            dest="py2",
            action="store_const",
            const=tier,
            help="run as Python 2: --py2=text with strings of text, --py2=bytes of bytes"
            if tier == "auto"
            else argparse.SUPPRESS,
        )
    add("--lang", choices=("zh", "en"), help="speak Chinese or English")


class _Wrong(Exception):
    """The command is wrong."""


class _Named(NamedTuple):
    """What was named: a script with its arguments, or a block of notes."""

    path: str
    number: int | None
    arguments: list[str]


def run(options: argparse.Namespace) -> int:
    """Play, and return the exit status."""
    if options.lang:
        os.environ["RSOCK_LANG"] = options.lang
    chinese = language() == "zh"
    try:
        _check(options)
        scenes = _scenes(options, chinese)
    except NotesError as error:
        print(f"{options._program}: {error.zh if chinese else error.en}", file=sys.stderr)
        return 2
    except (_Wrong, OSError, UnicodeDecodeError) as error:
        print(f"{options._program}: {error}", file=sys.stderr)
        return 2
    ways = play.Ways(
        timeout=60.0 if options.timeout is None else options.timeout,
        patient=options.timeout is not None,
        grace=options.grace,
        together=options.together,
        lenient=options.fix,
        offline=options.offline,
        chinese=chinese,
    )
    return play.play(scenes, ways)


def _check(options: argparse.Namespace) -> None:
    for name in ("timeout", "grace"):
        seconds = getattr(options, name)
        if seconds is not None and not 0 < seconds <= 86400:
            raise _Wrong(f"--{name} takes a number of seconds, up to a day")
    port = options.port
    if port is not None and port != "auto" and not (port.isdecimal() and 0 < int(port) < 65536):
        raise _Wrong(f"--port takes auto, or a number up to 65535, not {port!r}")


def _named(word: str) -> _Named:
    path, number = named.split(word)
    if os.path.exists(path):
        return _Named(path, number, [])
    try:
        parts = shlex.split(word)
    except ValueError:
        parts = []
    if not parts or not os.path.exists(parts[0]):
        raise _Wrong(f"there is no file {word!r}")
    return _Named(parts[0], None, parts[1:])


def _scenes(options: argparse.Namespace, chinese: bool) -> list[play.Scene]:
    given = [_named(word) for word in options.what]
    if len(given) == 1:
        if given[0].path.lower().endswith(named.PYTHON):
            raise _Wrong("a server needs a client: name both, or notes that have both")
        return _of_notes(options, given[0], chinese)
    names: list[str] = []
    parts = []
    for each in given:
        if each.number is None and each.path.lower().endswith((*named.MARKDOWN, ".txt")):
            raise _Wrong(f"which block of {each.path}? Name it as in {each.path}:1")
        base = os.path.basename(each.path)
        name = base if each.number is None else f"{base}:{each.number}"
        names.append(name)
        if names.count(name) > 1:
            name = f"{name} ({names.count(name)})"
        spec = each.path if each.number is None else f"{each.path}:{each.number}"
        parts.append(_part(options, name, spec, each.arguments, _text(each), notes=False))
    return [play.Scene("", parts[0], parts[1:])]


def _text(what: _Named) -> str:
    with open(what.path, "rb") as file:
        text = file.read().decode("utf-8", "replace")
    if what.number is None:
        return text
    blocks = {block.number: block for block in _blocks(what.path)}
    if what.number not in blocks:
        raise _Wrong(f"{what.path} has no block {what.number}")
    return str(blocks[what.number].code)


def _part(
    options: argparse.Namespace,
    name: str,
    spec: str,
    words: list[str],
    text: str,
    *,
    notes: bool,
) -> Part:
    run = []
    if options.py2:
        run.append(f"--py2={options.py2}")
    if options.fix:
        run.append("--fix")
    if options.offline:
        run.append("--offline")
    given: bytes | None = b""
    if _ASKS.search(text):
        if options.input is not None:
            given = _input(options.input)
        else:
            given = _LINES.encode() if notes else None
    return Part(name, [*run, "--", spec, *words], options.port, given)


def _input(text: str) -> bytes:
    if os.path.isfile(text):
        with open(text, "rb") as file:
            return file.read()
    text = text.replace("\\n", "\n")
    return (text if text.endswith("\n") else text + "\n").encode("utf-8", "surrogateescape")


def _blocks(path: str) -> list[Block]:
    from rsock._learn import notes

    return notes.read(notes.load(path), path)


def _of_notes(options: argparse.Namespace, what: _Named, chinese: bool) -> list[play.Scene]:
    """Make a scene of each pair of notes, or of the one that a block was named of."""
    from rsock._learn import pairs

    scenes = []
    for pair in pairs.find(_blocks(what.path)):
        both = ([pair.server] if pair.server else []) + list(pair.clients)
        if not pair.clients or what.number not in (None, *(block.number for block in both)):
            continue
        parts = {
            block.number: _part(
                options,
                f"{block.number} {'server' if block is pair.server else 'client'}",
                f"{what.path}:{block.number}",
                [],
                block.code,
                notes=True,
            )
            for block in both
        }
        scenes.append(
            play.Scene(
                _title(both, chinese),
                parts[pair.server.number] if pair.server else None,
                [parts[block.number] for block in pair.clients],
                _silent(pair.server),
            )
        )
    if not scenes:
        raise _Wrong(f"no server with a client was found in {what.path}")
    return scenes


def _title(blocks: list[Block], chinese: bool) -> str:
    described = []
    for block in blocks:
        lines = f"{block.first}-{block.last}"
        where = f"（第 {lines} 行）" if chinese else f" (lines {lines})"
        described.append(block.title("zh" if chinese else "en") + where)
    return " + ".join(described)


def _silent(server: Block | None) -> bool:
    """Tell whether a server takes datagrams and answers none of them."""
    return (
        server is not None
        and server.proto == "udp"
        and not re.search(r"^[^#\n]*\.\s*send", server.code, re.MULTILINE)
    )
