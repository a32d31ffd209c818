"""What is known to be broken in the programs of tutorials, found and mended.

Each repair is a function in `_REPAIRS` that looks at a program and gives the places where it is
wrong, with what belongs there. Nothing else of the program changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from rsock._learn import python2
from rsock._learn._mending import Program, move_functions
from rsock._learn._missing import missing_imports
from rsock._learn._slips import SLIPS


@dataclass(frozen=True)
class Repair:
    """One thing that is wrong, mended or only noticed (`warning`): its line, and what it is."""

    line: int
    key: str
    zh: str
    en: str
    warning: bool = False

    def say(self, lang: str = "en") -> str:
        """Say it in one line, with its line number."""
        if lang == "zh":
            return f"第 {self.line} 行：{self.zh}"
        return f"line {self.line}: {self.en}"


class Repaired:
    """A program after its repairs.

    `numbers` has the number that each line had before, in the file; 0 for a line that is new.
    """

    __slots__ = ("_before", "code", "name", "numbers", "repairs")

    def __init__(
        self,
        before: str,
        code: str,
        name: str,
        repairs: tuple[Repair, ...],
        numbers: tuple[int, ...],
    ) -> None:
        self._before = before
        self.code = code
        self.name = name
        self.repairs = repairs
        self.numbers = numbers

    def diff(self) -> str:
        """Give what was changed as a unified diff; nothing where nothing was."""
        import difflib

        parts: list[str] = []
        before, after = (text.splitlines(keepends=True) for text in (self._before, self.code))
        for line in difflib.unified_diff(before, after, self.name, f"{self.name} (repaired)"):
            whole = line.endswith(("\n", "\r"))
            parts.append(line if whole else line + "\n\\ No newline at end of file\n")
        return "".join(parts)


def repair(code: str, name: str = "<code>", first: int = 1) -> Repaired:
    """Mend what is known to be broken in `code`, whose first line has the number `first`.

    A program that is neither Python 3 nor Python 2 is mended where its words alone tell what is
    wrong.
    """
    dialect = "2" if python2.is_python2(code) else "3"
    program = Program(code, dialect, first)
    found: list[Repair] = []
    for look in SLIPS:
        found += [Repair(*each) for each in look(program)]
        program.apply()
    imports = missing_imports(program)
    found += [Repair(*each) for each in move_functions(program)]
    for line, key, zh, en, statement in imports:
        program.insert(statement)
        found.append(Repair(line, key, zh, en))
    changed = program.code()
    if changed != code and program.tree is not None and not _compiles(changed, dialect):
        return Repaired(code, code, name, (), tuple(program.original()))  # never make it worse
    found.sort(key=lambda each: each.line)
    return Repaired(code, changed, name, tuple(found), tuple(program.numbers))


def _compiles(code: str, dialect: str) -> bool:
    return python2.tree(code, dialect) is not None
