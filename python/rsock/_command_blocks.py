"""The command `blocks`: the programs of a page of notes, what each is, and what is wrong in it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from rsock._columns import pad, width
from rsock._learn import notes
from rsock._learn._blocks import Block

_HEADS = {
    "zh": ("编号", "行", "内容", "Python"),
    "en": ("block", "lines", "what it is", "Python"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say which options there are."""
    add = parser.add_argument
    add("file", metavar="FILE", help="notes: Markdown, or a plain page; - for standard input")
    add("--json", action="store_true", help="give all that is known, with the code, as JSON")


def run(options: argparse.Namespace) -> int:
    """List the blocks of a file of notes."""
    from rsock._learn.hints import language

    lang = language()
    try:
        if options.file == "-":
            text = notes.decode(sys.stdin.buffer.read(notes.MOST))
        else:
            text = notes.load(options.file)
    except OSError as error:
        print(f"{options._program}: {error.strerror}: {options.file}", file=sys.stderr)
        return 1
    except notes.NotesError as error:
        print(f"{options._program}: {error.zh if lang == 'zh' else error.en}", file=sys.stderr)
        return 1
    blocks = notes.read(text, options.file)
    if options.json:
        print(json.dumps([_row(each) for each in blocks], ensure_ascii=False, indent=1))
        return 0
    if not blocks:
        none = "没有找到代码块" if lang == "zh" else "no blocks of code were found"
        print(f"{options._program}: {options.file}: {none}", file=sys.stderr)
        return 1
    if sys.stdout.isatty():
        _draw(blocks, lang)
    else:
        _list(blocks, lang)
    return 0


def _row(block: Block) -> dict[str, Any]:
    return {
        "number": block.number,
        "lines": [block.first, block.last],
        "parts": [list(each) for each in block.parts],
        "kind": block.kind,
        "role": block.role,
        "title": block.title(),
        "proto": block.proto,
        "host": block.host,
        "port": block.port,
        "dialect": block.dialect if block.kind in ("script", "fragment") else None,
        "language": block.language,
        "defects": [
            {"line": each.line, "key": each.key, "zh": each.zh, "en": each.en}
            for each in block.defects
        ],
        "code": block.code,
    }


def _cells(block: Block, lang: str) -> tuple[str, str, str, str]:
    ranges = ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in block.parts)
    python = block.dialect if block.kind in ("script", "fragment") else "-"
    return str(block.number), ranges, block.title(lang), python


def _list(blocks: list[Block], lang: str) -> None:
    rows = [_HEADS[lang], *(_cells(each, lang) for each in blocks)]
    widths = [max(map(width, column)) for column in zip(*rows)]
    for row, block in zip(rows, [None, *blocks]):
        print("  ".join(map(pad, row, widths)).rstrip())
        for defect in block.defects if block is not None else ():
            print(f"{' ' * (widths[0] + 2)}! {defect.say(lang)}")


def _draw(blocks: list[Block], lang: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for head in _HEADS[lang]:
        table.add_column(head)
    for block in blocks:
        number, ranges, title, python = _cells(block, lang)
        style = {"server": "green", "client": "cyan", "fetch": "blue"}.get(block.role, "dim")
        what = Text(title, style=style)
        for defect in block.defects:
            what.append("\n! " + defect.say(lang), style="yellow")
        table.add_row(Text(number, style="bold"), ranges, what, python)
    Console().print(table)
