"""A page without fences: its lines of code are found, and the parts of a program put together."""

from __future__ import annotations

import ast
import html
import keyword
import re

from rsock._learn import _blocks, _prompts, python2, roles
from rsock._learn._blocks import Block
from rsock._learn._lexer import COMMENT, INDENT, NAME, NUMBER, OP, OTHER, SPACE, STRING, tokens
from rsock._learn._names import bound
from rsock._learn.scene import called

#: The most lines of a page that are looked at.
MOST_LINES = 100_000
#: The most characters that are tried as Python, those included that are tried anew.
MOST_TRIED = 200_000


class _Part:
    """Lines of a page that are code: where they begin, and their text."""

    __slots__ = ("dialect", "first", "lines", "tree")

    def __init__(self, first: int, lines: list[str]) -> None:
        self.first = first
        self.lines = lines
        code = "\n".join(lines)
        self.dialect = roles.dialect(code)
        self.tree = python2.tree(code, self.dialect)

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


def blocks(text: str) -> list[Block]:
    """Give the programs of a page, each put together from its parts."""
    lines = [_cleaned(line) for line in text.split("\n")[:MOST_LINES]]
    budget = _Budget(MOST_TRIED)
    parts = [part for run in _runs(_unnumbered(lines)) for part in _parts(*run, budget)]
    found: list[Block] = []
    for program in _programs(parts):
        first = program[0].first
        code: list[str] = []
        for part in program:
            code += [""] * (part.first - first - len(code)) + part.lines
        ranges = tuple((each.first, each.last) for each in program)
        kind = None if program[0].tree is not None else "fragment"
        found.append(
            _blocks.python(len(found) + 1, first, "\n".join(code), parts=ranges, kind=kind)
        )
    return found


_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});")


def _cleaned(line: str) -> str:
    """Take from a line what a page on the web makes of code."""
    if _ENTITY.search(line):
        line = html.unescape(line)
    line = line.replace("\ufeff", "").replace("\u200b", "").rstrip()
    lead = len(line) - len(line.lstrip())
    return line[:lead].replace("\xa0", " ").replace("\u3000", "  ") + line[lead:].replace(
        "\xa0", " "
    )


_NUMBERED = re.compile(r"^\s{0,4}(\d{1,4})(?:[.:|)]|\b)(?:[ \t]|$)")


def _unnumbered(lines: list[str]) -> list[str]:
    """Take the numbers from in front of lines, where three lines or more count on."""
    done = list(lines)
    at = 0
    while at < len(lines):
        count, match = 0, _NUMBERED.match(lines[at])
        begin = int(match[1]) if match else 0
        while match and int(match[1]) == begin + count:
            count += 1
            match = _NUMBERED.match(lines[at + count]) if at + count < len(lines) else None
        if count >= 3:
            for each in range(at, at + count):
                done[each] = _NUMBERED.sub("", lines[each], count=1)
        at += max(count, 1)
    return done


_BEGINS = frozenset(keyword.kwlist) | {"print", "exec"}
_WORDS = re.compile(r"^[A-Za-z]+(?:[ ,'][A-Za-z'-]+){2,}[.:!?]?$")


def _is_code(line: str) -> bool:
    """Tell whether a line may be one of code; comments and parts of statements are, too."""
    stripped = line.strip()
    if not stripped or _prompts.has_prompts(line):
        return bool(stripped)
    if stripped.startswith("#"):
        return not re.match(r"#{2,6} ", stripped)
    found = [each for each in tokens(stripped) if each.kind not in (SPACE, INDENT)]
    straight = _blocks.straightened(stripped)
    if any(each.kind == OTHER and each.text not in "\"'!?$\\" for each in found):
        found = [each for each in tokens(straight) if each.kind not in (SPACE, INDENT)]
        if any(each.kind == OTHER for each in found):
            return False
    found = [each for each in found if each.kind != COMMENT]
    if not found or any(each.kind == NAME and not each.text.isascii() for each in found):
        return False
    first = found[0].text
    if _WORDS.match(stripped):
        return first in ("import", "from") and " import " in f" {stripped} "
    if first in ("import", "from"):
        return len(found) > 1
    if first in _BEGINS or first == "@":
        if first in ("print", "exec", "return", "yield", "raise", "del", "global", "assert"):
            return True
        if len(found) == 1:
            return line != stripped and first in ("pass", "break", "continue")
        return stripped.endswith(":") or ":" in stripped or first in ("not", "lambda", "@", "await")
    if first in ")]}":
        return True
    operators = {each.text for each in found if each.kind == OP}
    if found[0].kind in (STRING, NUMBER):
        return len(found) > 1 and bool(operators & set("%.,:)]}"))
    if found[0].kind != NAME:
        return first in ("(", "[", "{", "-", "*", "`", "...")
    assigns = {"=", "+=", "-=", "*=", "/=", "|=", "%="}
    if operators & assigns:
        return (
            all(each.kind in (NAME, OP, STRING, NUMBER) for each in found)
            and len(found) > 1
            and found[1].kind != NAME
        )
    return (
        len(found) > 1
        and found[1].text in (".", "(", "[", ",", ";")
        and bool(operators & set("()[]"))
    )


def _runs(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Give the stretches of lines that may be code; empty lines within them belong to them."""
    found: list[tuple[int, list[str]]] = []
    at = 0
    while at < len(lines):
        if not _is_code(lines[at]):
            at += 1
            continue
        end = last = at
        quotes = _opens(lines[at])
        while end + 1 < len(lines) and end - last < 3:
            end += 1
            if quotes or _is_code(lines[end]):
                last = end
                quotes ^= _opens(lines[end])
            elif lines[end].strip():
                break
        found.append((at + 1, lines[at : last + 1]))
        at = last + 1
    return found


def _opens(line: str) -> bool:
    """Tell whether a text of many lines begins, or ends, in this line."""
    bare = re.sub(r"#.*", "", line)
    return (bare.count('"""') + bare.count("'''")) % 2 == 1


class _Budget:
    """How many characters may still be tried; a page that is no program uses them up."""

    def __init__(self, left: int) -> None:
        self.left = left


def _parts(first: int, lines: list[str], budget: _Budget) -> list[_Part]:
    """Cut a stretch of lines into parts that are Python, each as long as can be."""
    if any(map(_prompts.has_prompts, lines)):
        lines = _prompts.strip("\n".join(lines)).split("\n")
    found: list[_Part] = []
    at = 0
    while at < len(lines):
        end = len(lines) if lines[at].strip() else at
        while end > at and budget.left > 0:
            budget.left -= sum(map(len, lines[at:end]))
            part = _part(first + at, lines[at:end])
            if isinstance(part, _Part):
                found.append(part)
                break
            # What is wrong in line `part` is not in a shorter one, and is in each longer one.
            end = min(end - 1, at + part - 1)
        at = max(end, at + 1)
    if not found and _is_meant(lines):
        # No part of it compiles: a block with a slip, which is shown with what is wrong in it.
        found.append(_Part(first, _dedented(lines)))
    return found


def _is_meant(lines: list[str]) -> bool:
    return sum(bool(re.search(r"[=(]|^\s*(import|def|while|for)\b", line)) for line in lines) >= 2


def _dedented(lines: list[str]) -> list[str]:
    import textwrap

    return textwrap.dedent("\n".join(lines)).split("\n")


def _part(first: int, lines: list[str]) -> _Part | int:
    """Give the part that lines are, or the line that keeps them from being one."""
    lines = list(lines)
    while lines and not lines[-1].strip():
        lines.pop()
    furthest = 1
    plain = _dedented(lines)
    straight = _dedented([_blocks.straightened(line) for line in lines])
    for each in [plain] if plain == straight else [plain, straight]:
        part = _Part(first, each)
        if part.tree is None:
            furthest = max(furthest, _wrong_line("\n".join(each)))
            continue
        idle = next((node for node in part.tree.body if not _does(node)), None)
        if idle is None and part.tree.body:
            return part
        furthest = max(furthest, idle.lineno if idle is not None else 1)
    return furthest


def _wrong_line(code: str) -> int:
    """Give the line of the first mistake in code that is neither Python 3 nor Python 2."""
    try:
        ast.parse(python2.translate(code))
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, RecursionError, MemoryError):
        return 1
    return code.count("\n") + 1


def _does(statement: ast.stmt) -> bool:
    """Tell whether a statement does something: a word of a text alone is no program."""
    if isinstance(statement, ast.Expr):
        if isinstance(statement.value, ast.Constant):
            return isinstance(statement.value.value, str)
        return any(
            isinstance(each, (ast.Call, ast.Await, ast.Yield)) for each in ast.walk(statement)
        )
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None
    return not isinstance(statement, (ast.Pass, ast.Break, ast.Continue))


def _programs(parts: list[_Part]) -> list[list[_Part]]:
    """Put the parts of each program together, in the order of the page."""
    found: list[list[_Part]] = []
    for part in parts:
        if not found:
            found.append([part])
        elif _repeats(found[-1], part):
            continue
        elif _continues(found[-1], part):
            found[-1].append(part)
        else:
            found.append([part])
    return found


def _plain_lines(lines: list[str]) -> list[str]:
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def _repeats(program: list[_Part], part: _Part) -> bool:
    """Tell whether a part only shows again what the program has."""
    own = _plain_lines([line for each in program for line in each.lines])
    shown = _plain_lines(part.lines)
    if _makes_sockets(part) and any(map(_ends_program, program)):
        return False
    return any(own[at : at + len(shown)] == shown for at in range(len(own)))


def _ends_program(part: _Part) -> bool:
    """Tell whether a part closes a socket, or serves for ever."""
    return part.tree is not None and any(
        isinstance(each, ast.Call) and called(each) in ("close", "accept", "recvfrom")
        for statement in part.tree.body
        for each in ast.walk(statement)
    )


def _continues(program: list[_Part], part: _Part) -> bool:
    if part.tree is None:
        return False
    made = [_makes_sockets(each) for each in program]
    if any(made) and (_makes_sockets(part) or _imports(part)):
        # The program is about its own socket, and this one makes another.
        return False
    before = set().union(*(_binds(each) for each in program))
    free = _blocks.free_names(part.tree)
    wanted = set().union(
        *(_blocks.free_names(each.tree) for each in program if each.tree is not None)
    )
    only_imports = all(
        isinstance(statement, (ast.Import, ast.ImportFrom))
        for each in program
        if each.tree is not None
        for statement in each.tree.body
    )
    defined = _binds(part)
    return (
        bool(free & before)
        or bool(defined & wanted)
        or only_imports
        or (
            not _imports(part)
            and (
                bool(defined)
                and all(
                    isinstance(each, (ast.FunctionDef, ast.ClassDef)) for each in part.tree.body
                )
            )
        )
    )


def _imports(part: _Part) -> bool:
    return part.tree is not None and any(
        isinstance(each, (ast.Import, ast.ImportFrom)) for each in part.tree.body
    )


def _makes_sockets(part: _Part) -> bool:
    """Tell whether a part makes a socket for the program, and not only in a function."""
    if part.tree is None:
        return False
    return any(
        isinstance(each, ast.Call) and called(each) in ("socket", "create_connection")
        for statement in part.tree.body
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef))
        for each in ast.walk(statement)
    )


def _binds(part: _Part) -> set[str]:
    return set() if part.tree is None else bound(part.tree)
