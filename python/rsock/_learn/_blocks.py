"""A block of notes, and what can be said of it without running it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from rsock._learn import _check, python2, repairs, roles
from rsock._learn._lexer import OTHER, tokens
from rsock._learn._names import PYTHON2_BUILTINS, known
from rsock._learn.repairs import Repair


@dataclass(frozen=True)
class Block:
    """A block of code: where it stands in its file, and what it is."""

    number: int
    first: int
    last: int
    code: str
    #: "script", "fragment", "transcript" or "other"
    kind: str
    #: "server", "client", "fetch" or ""
    role: str = ""
    #: "tcp", "udp" or ""
    proto: str = ""
    port: int | None = None
    dialect: str = "3"
    defects: tuple[Repair, ...] = ()
    #: The lines of the file that it was put together from.
    parts: tuple[tuple[int, int], ...] = ()
    host: str = ""
    web: bool = False
    #: What the notes say the block is written in, as in "python".
    language: str = ""

    def title(self, lang: str = "en") -> str:
        """Say what it is in words, as in "TCP server on 9999"."""
        if self.kind == "transcript":
            return "终端记录" if lang == "zh" else "transcript"
        if self.kind == "other":
            return self.language or ("其他" if lang == "zh" else "other")
        title = roles.title(roles.Role(self.role, self.proto, self.port, self.host, self.web), lang)
        if self.kind == "fragment":
            return f"片段（{title}）" if lang == "zh" else f"fragment ({title})"
        return title


def python(
    number: int,
    first: int,
    code: str,
    parts: tuple[tuple[int, int], ...] = (),
    kind: str | None = None,
    language: str = "",
) -> Block:
    """Make the block of code that is Python, or was meant to be."""
    last = first + code.count("\n")
    dialect = roles.dialect(code)
    role = roles.of(code, dialect)
    found = [*repairs.repair(code, "", first).repairs, *strange(code, first)]
    return Block(
        number=number,
        first=first,
        last=last,
        code=code,
        kind=kind or ("fragment" if is_fragment(code, dialect) else "script"),
        role=role.name,
        proto=role.proto,
        port=role.port,
        dialect=dialect,
        defects=tuple(sorted(found, key=lambda each: each.line)),
        parts=parts or ((first, last),),
        host=role.host,
        web=role.web,
        language=language,
    )


_FULL_WIDTH = {
    "，": ",",
    "。": ".",
    "：": ":",
    "；": ";",
    "（": "(",
    "）": ")",
    "【": "[",
    "】": "]",
    "｛": "{",
    "｝": "}",
    "＝": "=",
    "！": "!",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "\u3000": " ",
    "\xa0": " ",
    "–": "-",
    "—": "-",
    "−": "-",
}


def strange(code: str, first: int) -> list[Repair]:
    """Find characters outside of strings and comments that no Python has, such as ，and （."""
    found: list[Repair] = []
    if _check.is_python3(code) or python2.is_python2(code):
        return found
    seen = set()
    for each in tokens(code):
        right = _FULL_WIDTH.get(each.text)
        if each.kind == OTHER and right is not None and (each.line, each.text) not in seen:
            seen.add((each.line, each.text))
            found.append(
                Repair(
                    first + each.line - 1,
                    "character",
                    f"“{each.text}”（U+{ord(each.text):04X}）不是 Python 的符号，应写成 {right!r}",
                    f"U+{ord(each.text):04X} ({each.text}) is no Python: write {right!r}",
                )
            )
    return found


def straightened(code: str) -> str:
    """Write what typesetting made of a program as the program was."""
    return re.sub("[" + "".join(_FULL_WIDTH) + "]", lambda each: _FULL_WIDTH[each[0]], code)


#: Names that a program may use without a definition: modules that it forgot to import are a
#: defect of a program, other names make it a part of one.
_FORGOTTEN = frozenset(
    ["socket", "threading", "time", "random", "sys", "os", "struct", "select", "json", "thread"]
)


def free_names(tree: ast.Module) -> set[str]:
    """Give the names that a program uses and binds nowhere."""
    used = {
        each.id
        for each in ast.walk(tree)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }
    return {
        each
        for each in used - known(tree)
        if not each.startswith("_py2_") and each not in PYTHON2_BUILTINS
    }


def is_fragment(code: str, dialect: str) -> bool:
    """Tell whether code is a part of a program: sockets that it uses come from elsewhere."""
    tree = python2.tree(code, dialect)
    if tree is None:
        return False
    if any(
        isinstance(each, ast.ImportFrom) and any(name.name == "*" for name in each.names)
        for each in ast.walk(tree)
    ):
        return False
    from rsock._learn import _slips

    missing = free_names(tree) - _FORGOTTEN
    errors = {each for each in missing if _slips._ERROR.fullmatch(each)}
    only_definitions = bool(tree.body) and all(
        isinstance(each, (ast.FunctionDef, ast.ClassDef)) for each in tree.body
    )
    return bool(missing - errors) or only_definitions or not tree.body
