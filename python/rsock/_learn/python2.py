"""Python 2 as Python 3: the same program by tokens, every line where it was.

`translate` writes the program anew; what it then calls, and what the names of Python 2 stand for,
`environment` gives. Strings are text over UTF-8, in which bytes that are no UTF-8 survive (the
tier "text"), or have a character for each byte, as Python 2 counts them (the tier "bytes").
"""

from __future__ import annotations

import functools
import re

from rsock._learn import _check
from rsock._learn._lexer import INDENT, NAME, NEWLINE, NUMBER, OP, STRING, tokens
from rsock._learn._python2_literals import narrow, number
from rsock._learn._python2_way import Way
from rsock._learn._python2_words import CALLS, METHODS, NAMES, RENAMED, SPECIAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from typing import Any, Literal

    Tier = Literal["text", "bytes"]

_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def is_python2(code: str) -> bool:
    """Tell whether `code` is Python 2 and not Python 3."""
    return not _check.is_python3(code) and _check.is_python3(translate(code, "text"))


def tier(code: str) -> Tier:
    """Say which tier suits a program: "bytes" where it counts bytes, else "text"."""
    words = {each.text for each in tokens(code) if each.kind == NAME}
    counts = {"struct", "zlib", "binascii", "getsize", "recv_into", "ctypes", "fcntl"}
    binary = any(
        each.kind == STRING and each.text.lstrip("urURbB").strip("'\"") in _BINARY_MODES
        for each in tokens(code)
        if words & {"open", "file"}
    )
    return "bytes" if binary or words & counts else "text"


_BINARY_MODES = frozenset(("rb", "wb", "ab", "rb+", "wb+", "r+b", "w+b", "ab+", "a+b"))


def environment(tier: Tier = "text") -> dict[str, Any]:
    """Give the names that a translated program finds among its builtins, `__import__` included."""
    from rsock._learn import _python2_world

    return _python2_world.names(tier)


def prepare(tier: Tier = "text") -> None:
    """Let the standard streams carry what the strings of a Python 2 program hold."""
    from rsock._learn import _python2_world

    _python2_world.streams(tier)


@functools.lru_cache(maxsize=_check.KEPT)
def translate(code: str, tier: Tier = "text") -> str:
    """Write Python 2 code as Python 3 code that `environment` completes; lines stay lines."""
    return _Translation(code, tier).text()


def tree(code: str, dialect: str) -> ast.Module | None:
    """Give the syntax tree of Python 3 ("3") or 2 ("2"), or None where it is none."""
    return _check.tree(translate(code) if dialect == "2" else code)


class _Translation(Way):
    def __init__(self, code: str, tier: Tier) -> None:
        self.tier = tier
        super().__init__(code)
        self.before = [""] * len(self.found)
        self.after = [""] * len(self.found)
        self.texts = [each.text for each in self.found]
        head = _CODING.search("\n".join(code.splitlines()[:1])) or _CODING.search(
            "\n".join(code.splitlines()[1:2])
        )
        self.coding = head[1] if head else "utf-8"
        self.future = self._future()
        self.caught: set[str] = set()

    def text(self) -> str:
        for at in self.marks:
            if self._word(at) == "except":
                self._except(at)
        for at, each in enumerate(self.found):
            if each.kind == INDENT:
                self.texts[at] = each.text.rpartition("\f")[2].expandtabs(8)
            elif each.kind == NUMBER:
                self.texts[at] = number(each.text)
            elif each.kind == STRING:
                self._string(at)
            elif each.kind == OP:
                self._operator(at)
            elif each.kind == NAME:
                self._name(at)
        self._backticks()
        return "".join(
            before + text + after
            for before, text, after in zip(self.before, self.texts, self.after)
        )

    # What is rewritten.

    def _name(self, at: int) -> None:
        word = self.found[at].text
        before = self._word(self._next(at, -1))
        after = self._next(at)
        if before == ".":
            self._attribute(at, word)
        elif word == "print" and "print_function" not in self.future:
            if before not in ("def", "import"):
                self._print(at)
        elif word == "exec" and before not in ("def", "import"):
            self._exec(at)
        elif word == "raise":
            self._raise(at)
        elif word == "lambda":
            self._lambda(at)
        elif word == "def":
            self._def(at)
        elif word in RENAMED:
            self.texts[at] = RENAMED[word]
        elif before == "def" and word in SPECIAL:
            if self._word(self._next(self._next(after))) in (",", ")") and (
                word.startswith("__") or self._word(self._next(after)) == "self"
            ):
                self.texts[at] = SPECIAL[word]
        elif word in CALLS and before not in ("def", "class") and self._word(after) == "(":
            self.texts[at] = CALLS[word]
        elif word in self.caught:
            self._error(at)

    def _attribute(self, at: int, word: str) -> None:
        dot = self._next(at, -1)
        opening = self._next(at)
        first = self._next(dot, -1)
        if word == "message" and self._word(first) in self.caught and self._word(opening) != "(":
            if self._word(opening) != "=" and self._word(self._next(first, -1)) != ".":
                self.before[first] = "_py2_message(" + self.before[first]
                self.texts[dot], self.texts[at] = "", ")"
            return
        if word in RENAMED:
            self.texts[at] = RENAMED[word]
        if word in NAMES:
            self.texts[at] = NAMES[word]
            return
        if word not in METHODS or self._word(opening) != "(":
            return
        bare = self._next(opening) == self._close(opening)
        function, arguments = METHODS[word]
        if (bare and arguments == "some") or (not bare and arguments == "none"):
            return
        begin = self._begin(dot)
        self.before[begin] = f"{function}(" + self.before[begin]
        self.texts[dot] = self.texts[at] = ""
        self.texts[opening] = "" if bare else ", "

    def _print(self, at: int) -> None:
        last = self._last(at)
        if last == at:
            self.texts[at] = "_py2_print()"
            return
        first = self._next(at)
        self.texts[at] = "_py2_print("
        if self._word(first) == ">>":
            self.texts[at], self.texts[first] = "_py2_print_to(", ""
        if self._word(last) == ",":
            self.texts[last] = ", comma=True"
        self.after[last] += ")"

    def _exec(self, at: int) -> None:
        last = self._last(at)
        if last == at:
            return
        first = self._next(at)
        if self._word(first) == "(" and self._close(first) == last:
            commas = self._commas(self._next(first), self._next(last, -1))
            self.after[first] += "_py2_code("
            self.before[commas[0] if commas else last] += ")"
            return
        self.after[at] += "(_py2_code("
        end = first
        while end != last and not (self._word(end) == "in" and self.found[end].depth == 0):
            end = self._next(end)
        if end == last:
            self.after[last] += "))"
        else:
            self.texts[end] = "),"
            self.after[last] += ")"

    def _raise(self, at: int) -> None:
        last = self._last(at)
        if last != at and self._commas(self._next(at), last):
            self.before[self._next(at)] += "_py2_raise("
            self.after[last] += ")"

    def _groups(self, at: int, end: int) -> list[str]:
        """Name the tuples among parameters; give what each was, in the order of the names."""
        found: list[str] = []
        depth = self.found[at].depth
        while at != end and at >= 0:
            if self._word(at) == "(" and self.found[at].depth == depth:
                before = self._next(at, -1)
                close = self._close(at)
                inside = range(at + 1, close)
                text = "".join(self.texts[each] for each in inside)
                if self._word(before) in (",", "(", "lambda") and "," not in text:
                    self.texts[at] = self.texts[close] = " "  # one name in brackets is that name
                elif self._word(before) in (",", "(", "lambda"):
                    found.append(text.strip().rstrip(","))
                    for each in inside:
                        self.texts[each] = ""
                    self.texts[at], self.texts[close] = "", f" _py2_pair{len(found) - 1}"
                at = close
            at = self._next(at)
        return found

    def _lambda(self, at: int) -> None:
        depth, colon = self.found[at].depth, self._next(at)
        while not (self._word(colon) == ":" and self.found[colon].depth == depth):
            if self._ends(colon) or self.found[colon].depth < depth:
                return
            colon = self._next(colon)
        if colon == self._next(at):
            return
        groups = self._groups(self._next(at), colon)
        if not groups:
            return
        self.after[colon] += f" (lambda {', '.join(groups)}: "
        end = colon
        while True:
            after = self._next(end)
            if self._ends(after) or self.found[after].depth < depth:
                break
            if self.found[after].depth == depth and self._word(after) in (",", ":", "for", "="):
                break
            end = after
        given = ", ".join(f"*_py2_pair{number}" for number in range(len(groups)))
        self.after[end] += f")({given})"

    def _def(self, at: int) -> None:
        opening = self._next(at, 2)
        if self._word(opening) != "(":
            return
        close = self._close(opening)
        groups = self._groups(self._next(opening), close)
        first = self._next(close, 2)
        while first >= 0 and self.found[first].kind == NEWLINE:
            first = self._next(first)
        if groups and first >= 0:
            self.before[first] = (
                "".join(f"({group},) = _py2_pair{n}; " for n, group in enumerate(groups))
                + self.before[first]
            )

    def _except(self, at: int) -> None:
        colon = self._next(at)
        while colon >= 0 and not (self._word(colon) == ":" and self.found[colon].depth == 0):
            if self._ends(colon):
                return
            colon = self._next(colon)
        if colon < 0 or colon == self._next(at):
            return
        name = self._next(colon, -1)
        commas = self._commas(self._next(at), name)
        if commas:
            comma = commas[0]
            self.texts[comma] = " as"
            target = self._next(comma)
            if self._word(target) == "(":
                self._unpack(target, name, colon)
                return
        elif self._word(self._next(name, -1)) != "as":
            return
        self.caught.add(self._word(name))

    def _unpack(self, first: int, last: int, colon: int) -> None:
        """Write `except E, (a, b):` with one name, and its parts where a and b are used."""
        names: dict[str, str] = {}
        at = self._next(first)
        while at != last:
            if self.found[at].kind == NAME:
                names[self._word(at)] = f"_py2_error.args[{len(names)}]"
            self.texts[at] = ""
            at = self._next(at)
        self.texts[first], self.texts[last] = " _py2_error", ""
        for at in range(colon, self._suite(colon)):
            each = self.found[at]
            if each.kind == NAME and each.text in names and self._word(self._next(at, -1)) != ".":
                self.texts[at] = names[each.text]

    def _error(self, at: int) -> None:
        """Let a caught exception be indexed and unpacked, as those of Python 2 can be."""
        after = self._next(at)
        if self._word(after) == "[":
            self.before[at] += "_py2_args("
            self.after[at] += ")"
        elif self._ends(after) and self._word(self._next(at, -1)) == "=":
            each = self._next(at, -1)
            while not self._ends(each) and self._word(each) != ":":
                if self._word(each) == ",":
                    self.before[at] += "_py2_args("
                    self.after[at] += ")"
                    return
                each = self._next(each, -1)

    def _operator(self, at: int) -> None:
        word = self.found[at].text
        if word == "<>":
            self.texts[at] = "!="
        elif word == "%":
            self.texts[at] = "%_py2_mod%"
        elif "division" not in self.future:
            if word == "/":
                self.texts[at] = "/_py2_div/"
            elif word == "/=":
                self.texts[at] = "/=_py2_by("
                self.after[self._last(at)] += ")"

    def _backticks(self) -> None:
        inside = False
        for at in self.marks:
            if self._word(at) == "`":
                self.texts[at] = ")" if inside else "_py2_repr("
                inside = not inside

    def _string(self, at: int) -> None:
        text = self.found[at].text
        prefix = text[: len(text) - len(text.lstrip("uUbBrR"))]
        kinds = prefix.lower()
        if "f" in text[:2].lower().partition("'")[0].partition('"')[0]:
            return
        wide = "u" in kinds or ("unicode_literals" in self.future and "b" not in kinds)
        raw = "r" in kinds
        size = 3 if text[len(prefix) :].startswith(("'''", '"""')) else 1
        mark, body = text[len(prefix) :][:size], text[len(prefix) + size : -size]
        if not wide:
            body = narrow(body, raw, self.tier, self.coding)
        text = ("r" if raw else "") + mark + body + mark
        if wide and self.tier == "bytes":
            near = (self._next(at, -1), self._next(at))
            if not any(each >= 0 and self.found[each].kind == STRING for each in near):
                text = f"_py2_unicode({text})"
        self.texts[at] = text
