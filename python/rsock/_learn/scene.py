"""Where something happens: the line of the program, the calls in it, and what their values are.

Nothing of the program is called to find out: names are looked up, constants are read.
"""

from __future__ import annotations

import ast
import linecache
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType
    from typing import Any

#: The text of programs that differs from what their files hold, by the names of the files.
texts: dict[str, str] = {}

#: Programs whose lines have other numbers than in their files, parsed, with those of the files.
trees: dict[str, ast.Module] = {}

#: What has no value that can be told.
UNKNOWN: Any = type("Unknown", (), {"__bool__": lambda self: False})()

# Programs of more bytes than this are not looked into.
_MOST = 1 << 20


def is_foreign(path: str) -> bool:
    """Tell whether a file is the library's, or installed, or ours, and not the program's."""
    if path.startswith("<") and path not in texts:
        return path != "<stdin>"
    library = os.path.dirname(os.__file__)
    ours = os.path.dirname(os.path.dirname(__file__))
    return path.startswith((library + os.sep, ours + os.sep)) or "site-packages" in path


class Scene:
    """One line of a program, as it runs."""

    def __init__(self, frame: FrameType, line: int) -> None:
        self.frame = frame
        self.line = line
        self.path = frame.f_code.co_filename
        self._tree: ast.Module | None = None

    @property
    def source(self) -> str:
        """The text of the program, or nothing where it cannot be had."""
        text = texts.get(self.path)
        if text is None:
            text = "".join(linecache.getlines(self.path, self.frame.f_globals))
        return text if len(text) <= _MOST else ""

    @property
    def tree(self) -> ast.Module:
        """The program, parsed; an empty one where that cannot be."""
        if self._tree is None:
            self._tree = trees.get(self.path)
        if self._tree is None:
            try:
                self._tree = ast.parse(self.source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._tree = ast.Module(body=[], type_ignores=[])
        return self._tree

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Find the calls of functions or methods with these names, on this line."""
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Call)
                and node.lineno <= self.line <= (node.end_lineno or node.lineno)
                and called(node) in names
            ):
                yield node

    def value(self, node: ast.expr | None) -> Any:
        """Tell the value of an expression, as far as it can be told without calling anything."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            for names in (self.frame.f_locals, self.frame.f_globals):
                if node.id in names:
                    return names[node.id]
            return UNKNOWN
        if isinstance(node, (ast.Tuple, ast.List)):
            parts = [self.value(part) for part in node.elts]
            if any(part is UNKNOWN for part in parts):
                return UNKNOWN
            return tuple(parts) if isinstance(node, ast.Tuple) else parts
        if isinstance(node, ast.Attribute):
            # The attributes of modules and of plain objects, but no property is asked.
            owner = self.value(node.value)
            if owner is not UNKNOWN:
                return getattr(owner, "__dict__", {}).get(node.attr, UNKNOWN)
        if isinstance(node, ast.Subscript):
            return self._item(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.value(node.left), self.value(node.right)
            if type(left) is type(right) and isinstance(left, (str, bytes, int)):
                return left + right
        if isinstance(node, ast.Call):
            return self._converted(node)
        return UNKNOWN

    def _item(self, node: ast.Subscript) -> Any:
        owner, index = self.value(node.value), self.value(node.slice)
        if type(owner) in (list, tuple, dict) and index is not UNKNOWN:
            try:
                return owner[index]
            except (LookupError, TypeError):
                pass
        return UNKNOWN

    def _converted(self, node: ast.Call) -> Any:
        name = called(node)
        if isinstance(node.func, ast.Name) and name in ("int", "str") and len(node.args) == 1:
            inner = self.value(node.args[0])
            if isinstance(inner, (int, str)):
                try:
                    return int(inner) if name == "int" else str(inner)
                except ValueError:
                    pass
        if isinstance(node.func, ast.Attribute) and name == "encode":
            inner = self.value(node.func.value)
            if isinstance(inner, str):
                return inner.encode("utf-8", "replace")
        return UNKNOWN

    def owner(self, call: ast.Call) -> Any:
        """Tell whose method a call calls."""
        return self.value(call.func.value) if isinstance(call.func, ast.Attribute) else UNKNOWN


def called(node: ast.Call) -> str:
    """Give the name of the function or method that is called."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def of(trace: TracebackType | None) -> Scene | None:
    """Find where the program itself was when something was raised."""
    found = None
    while trace is not None:
        if found is None or not is_foreign(trace.tb_frame.f_code.co_filename):
            found = trace
        trace = trace.tb_next
    return None if found is None else Scene(found.tb_frame, found.tb_lineno)


def at(frame: FrameType) -> Iterator[Scene]:
    """Go through where a thread is, from the innermost call outwards."""
    at: FrameType | None = frame
    while at is not None:
        yield Scene(at, at.f_lineno)
        at = at.f_back
