"""What is to be run, from notes or after changes: repaired, translated, compiled.

Whatever is done to a program, its lines keep the numbers that they have in the file, so that
tracebacks lead there.
"""

from __future__ import annotations

import ast
import codecs
import linecache
import os
import sys

from rsock._learn import hints, python2, repairs, scene
from rsock._save import Whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from rsock._learn.notes import Source


class Program:
    """A program: its text as it runs, and the number of each of its lines in the file."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.text = source.code
        self.names: dict[str, Any] = {}
        count = len(self.text.splitlines()) + 1
        self._first = source.first
        self.numbers = list(range(self._first, self._first + count))
        self._changed = False

    def repair(self) -> repairs.Repaired:
        """Mend what is known to be broken; tell what was mended."""
        repaired = repairs.repair(self.text, self.name, self._first)
        self.numbers = list(repaired.numbers)
        self._changed = self._changed or repaired.code != self.text
        self.text = repaired.code
        return repaired

    def translate(self, tier: str | None) -> None:
        """Make Python 3 of Python 2, with the names that it needs."""
        chosen: Any = python2.tier(self.text) if tier in (None, "auto") else tier
        self.text = python2.translate(self.text, chosen)
        python2.prepare(chosen)
        self.names = python2.environment(chosen)
        self._changed = True

    def compile(self, path: str) -> CodeType:
        """Compile it under the name of its file; SyntaxError and its kin are raised as they are."""
        first = self._first
        straight = self.numbers == list(range(first, first + len(self.numbers)))
        padded = "\n" * (first - 1) + self.text
        if straight:
            scene.texts[path] = padded
        if straight and not self._changed and self._stands_in(path):
            return compile(padded, path, "exec", dont_inherit=True)
        try:
            tree = ast.parse(self.text, path)
        except SyntaxError as wrong:
            self._renumber(wrong)
            raise
        self._place(tree, path)
        if not straight:
            scene.trees[path] = tree
        return compile(tree, path, "exec", dont_inherit=True)

    def _stands_in(self, path: str) -> bool:
        """Tell whether the file has the very lines of the program, indentation and all."""
        lines = _lines(path)
        own = self.text.splitlines()
        return [line.rstrip("\n") for line in lines[self._first - 1 :][: len(own)]] == own

    def _number(self, line: int) -> int:
        """Give the number in the file; a line that is new has that of the one before it."""
        for index in range(min(line, len(self.numbers)) - 1, -1, -1):
            if self.numbers[index]:
                return self.numbers[index]
        return self._first

    def _renumber(self, wrong: SyntaxError) -> None:
        if wrong.lineno:
            wrong.lineno = self._number(wrong.lineno)
            if getattr(wrong, "end_lineno", None):
                wrong.end_lineno = wrong.lineno

    def _place(self, tree: ast.Module, path: str) -> None:
        """Give each part the line that it has in the file, and the whole of it.

        Its columns there are others; who shows a traceback marks nothing where all is marked.
        """
        lines = _lines(path)
        for node in ast.walk(tree):
            line = getattr(node, "lineno", None)
            if line is None:
                continue
            number = self._number(line)
            shown = lines[number - 1].rstrip() if number <= len(lines) else ""
            begin = len(shown) - len(shown.lstrip())
            here: Any = node
            here.lineno = here.end_lineno = number
            here.col_offset = len(shown[:begin].encode())
            here.end_col_offset = len(shown.encode())


def _lines(path: str) -> list[str]:
    # Who opens a pipe once more waits for somebody to write to it.
    return linecache.getlines(path) if os.path.isfile(path) else []


def say(repaired: repairs.Repaired) -> None:
    """Say each repair in a line, on standard error."""
    lang = hints.language()
    for each in repaired.repairs:
        if lang == "zh":
            word = "注意" if each.warning else "修复"
            line = f"{word}：{each.say('zh')}"
        else:
            line = f"{'warning' if each.warning else 'fixed'}: {each.say('en')}"
        try:
            line.encode(sys.stderr.encoding or "ascii")
        except UnicodeError:
            line = f"{'warning' if each.warning else 'fixed'}: {each.say('en')}"
        print(line, file=sys.stderr)


def save(source: Source, repaired: repairs.Repaired) -> None:
    """Write a repaired script in the place of the broken one; ValueError where that cannot be."""
    if source.block is not None or not os.path.isfile(source.name):
        raise ValueError("--write is for scripts, and changes no notes")
    with open(source.name, "rb") as file:
        before = file.read()
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    # It may be UTF-8 by chance, where its first lines say that it is something else.
    if before != mark + source.code.encode("utf-8", "surrogatepass"):
        raise ValueError(f"{source.name} is not UTF-8, and is left as it is")
    with Whole(source.name) as file:
        file.write(mark + repaired.code.encode())
