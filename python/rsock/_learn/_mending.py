"""A program under repair: its lines, its tokens, its tree, and what is to change."""

from __future__ import annotations

import ast
import re

from rsock._learn import python2
from rsock._learn._lexer import COMMENT, INDENT, NEWLINE, SPACE, tokens
from rsock._learn._names import bound as bound_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rsock._learn._lexer import Token

    #: A line, a key, a sentence in Chinese and in English, and whether it is a warning only.
    Found = tuple[int, str, str, str, bool]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class Program:
    """The lines of a program, and the number that each has in its file."""

    def __init__(self, code: str, dialect: str, first: int) -> None:
        self.dialect = dialect
        self.lines = _LINE.findall(code)
        self.numbers = list(range(first, first + len(self.lines)))
        self._first, self._size = first, len(self.lines)
        self._edits: list[tuple[Token, str]] = []
        self._read()

    def _read(self) -> None:
        code = self.code()
        self.tokens = tokens(code)
        self.tree = python2.tree(code, self.dialect)

    def code(self) -> str:
        return "".join(self.lines)

    def original(self) -> range:
        """Give the numbers that the lines had at first."""
        return range(self._first, self._first + self._size)

    def number(self, line: int) -> int:
        """Give the number in the file of a line of the program as it is now."""
        return self.numbers[line - 1] if line <= len(self.numbers) else line

    def meaning(self) -> list[Token]:
        """Give the tokens that are no white space and no comment."""
        return [each for each in self.tokens if each.kind not in (SPACE, COMMENT, INDENT)]

    def change(self, token: Token, text: str) -> None:
        """Note that a token is to become `text`; `apply` does it."""
        self._edits.append((token, text))

    def apply(self) -> None:
        """Do what was noted."""
        if not self._edits:
            return
        for token, text in self._edits:
            token.text = text
        self._edits.clear()
        self.lines = _LINE.findall("".join(each.text for each in self.tokens))
        self._read()

    def newline(self) -> str:
        """Give what ends the lines of this program."""
        return next((each.text for each in self.tokens if each.kind == NEWLINE), "\n")

    def insert(self, statement: str) -> None:
        """Put a statement in front of the program: behind its docstring and first imports."""
        at = 0
        if self.tree is not None:
            body = self.tree.body
            skip = 1 if body and _is_docstring(body[0]) else 0
            while skip < len(body) and isinstance(body[skip], (ast.Import, ast.ImportFrom)):
                skip += 1
            at = (body[skip - 1].end_lineno or 0) if skip else _top(body[0]) - 1 if body else 0
            if 0 < at <= len(self.lines) and not self.lines[at - 1].endswith(("\n", "\r")):
                self.lines[at - 1] += self.newline()
        self.lines.insert(at, statement + self.newline())
        self.numbers.insert(at, 0)
        self._read()

    def move(self, first: int, last: int, to: int) -> None:
        """Move lines to above line `to`, which is above them, with an empty line behind."""
        lines, numbers = self.lines[first - 1 : last], self.numbers[first - 1 : last]
        del self.lines[first - 1 : last], self.numbers[first - 1 : last]
        if not lines[-1].endswith(("\n", "\r")):
            lines[-1] += self.newline()
        indent = [self.newline()]
        self.lines[to - 1 : to - 1] = lines + indent
        self.numbers[to - 1 : to - 1] = [*numbers, 0]
        self._read()


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _top(node: ast.stmt) -> int:
    """Give the first line of a statement, decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def names(node: ast.AST) -> Iterator[str]:
    """Give the names that a node uses, at any depth."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
            yield each.id


_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _used_now(node: ast.AST) -> set[str]:
    """Give the names that running a statement uses at once: not those inside of functions."""
    found: set[str] = set()
    waiting: list[ast.AST] = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += [*each.args.defaults, *(d for d in each.args.kw_defaults if d is not None)]
            waiting += getattr(each, "decorator_list", [])
            continue
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
            found.add(each.id)
        waiting += ast.iter_child_nodes(each)
    return found


def _late(body: list[ast.stmt]) -> tuple[ast.stmt, list[ast.stmt]] | None:
    """Find a statement that uses what is defined below it, and all that has to go above it."""
    defined = {each.name: at for at, each in enumerate(body) if isinstance(each, _INNER)}
    bound: set[str] = set()
    for at, statement in enumerate(body):
        if isinstance(statement, _INNER):
            bound.add(statement.name)
            reach = {statement.name} if isinstance(statement, ast.ClassDef) else set()
        else:
            reach = set()
        wanted = _used_now(statement) - bound
        # What is called here may call what stands further below.
        done: set[str] = set(reach)
        waiting = list(_used_now(statement))
        while waiting:
            name = waiting.pop()
            if name in done or name not in defined:
                continue
            done.add(name)
            inner = set(names(body[defined[name]]))
            waiting += inner
            wanted |= {each for each in inner if each not in bound}
        late = sorted(defined[name] for name in wanted & set(defined) if defined[name] > at)
        if late and not isinstance(statement, _INNER):
            return statement, [body[each] for each in late]
        bound |= bound_in(statement)
    return None


def move_functions(program: Program) -> list[Found]:
    """Move functions above the first statement that needs them, where they stand below it."""
    found: list[Found] = []
    for _ in range(50):
        late = _late(program.tree.body) if program.tree is not None else None
        if late is None:
            break
        statement, functions = late
        function = functions[0]
        first, to = (
            _with_comments(program, _top(function)),
            _with_comments(program, _top(statement)),
        )
        line, use = program.number(function.lineno), program.number(statement.lineno)
        name = getattr(function, "name", "")
        program.move(first, function.end_lineno or function.lineno, to)
        found.append(
            (
                line,
                "order",
                f"{name} 定义在使用它的语句（第 {use} 行）之后，应移到前面",
                f"{name} is defined below line {use}, which uses it: it belongs above",
                False,
            )
        )
    return found


def _with_comments(program: Program, line: int) -> int:
    """Give the first of the comment lines that stand directly above a line."""
    while line > 1 and program.lines[line - 2].startswith("#"):
        text = program.lines[line - 2]
        if line <= 3 and (text.startswith("#!") or "coding" in text):
            break
        line -= 1
    return line
