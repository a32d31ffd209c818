"""Find the way among the tokens of a program: statements, brackets, what stands before a dot."""

from __future__ import annotations

from rsock._learn._lexer import COMMENT, INDENT, NAME, NEWLINE, SPACE, STRING, tokens
from rsock._learn._python2_words import KEYWORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rsock._learn._lexer import Token

_OPEN, _CLOSE = "([{", ")]}"


class Way:
    """The tokens of a program, and steps between those that mean something."""

    def __init__(self, code: str) -> None:
        self.found = tokens(code)
        self.marks = [at for at, each in enumerate(self.found) if _means(each)]
        self.order = {at: number for number, at in enumerate(self.marks)}

    def _next(self, at: int, steps: int = 1) -> int:
        """Give the place of the meaningful token after `at`, or -1."""
        number = self.order[at] + steps
        return self.marks[number] if 0 <= number < len(self.marks) else -1

    def _word(self, at: int) -> str:
        """Give the text of a token that is no string; of none, nothing."""
        return self.found[at].text if at >= 0 and self.found[at].kind != STRING else ""

    def _ends(self, at: int) -> bool:
        """Tell whether a statement ends at this token, of which there may be none."""
        return at < 0 or self.found[at].kind == NEWLINE or self._word(at) == ";"

    def _last(self, at: int) -> int:
        """Give the last meaningful token of the statement that `at` is in."""
        while True:
            after = self._next(at)
            if self._ends(after) and (after < 0 or self.found[after].depth == 0):
                return at
            at = after

    def _close(self, at: int) -> int:
        """Give the bracket that closes the one at `at`."""
        depth = self.found[at].depth
        while True:
            after = self._next(at)
            if after < 0:
                return at
            at = after
            if self._word(at) in _CLOSE and self.found[at].depth == depth and self._word(at):
                return at

    def _open(self, at: int) -> int:
        """Give the bracket that the one at `at` closes."""
        depth = self.found[at].depth
        while True:
            before = self._next(at, -1)
            if before < 0:
                return at
            at = before
            if self._word(at) and self._word(at) in _OPEN and self.found[at].depth == depth:
                return at

    def _begin(self, dot: int) -> int:
        """Give the first token of what stands in front of a dot: `a.b(c)[d]` of `a.b(c)[d].e`."""
        at = self._next(dot, -1)
        while True:
            word = self._word(at)
            if word and word in _CLOSE:
                at = self._open(at)
                before = self._next(at, -1)
                if before < 0 or self._word(at) == "{":
                    return at
                name = self.found[before].kind == NAME and self._word(before) not in KEYWORDS
                if name or self.found[before].kind == STRING or self._word(before) in (")", "]"):
                    at = before
                    continue
                return at
            if word == "`":
                at = self._next(at, -1)
                while self._word(at) != "`":
                    at = self._next(at, -1)
                return at
            before = self._next(at, -1)
            if self.found[at].kind == STRING:
                while before >= 0 and self.found[before].kind == STRING:
                    at, before = before, self._next(before, -1)
                return at
            if before >= 0 and self._word(before) == ".":
                at = self._next(before, -1)
                continue
            return at

    def _commas(self, first: int, last: int) -> list[int]:
        """Give the commas between two tokens that are in no bracket opened between them."""
        depth = self.found[first].depth
        found, at = [], first
        while at != last:
            if self._word(at) == "," and self.found[at].depth == depth:
                found.append(at)
            at = self._next(at)
        return found + [at] * (self._word(at) == ",")

    def _future(self) -> set[str]:
        found: set[str] = set()
        for at in self.marks:
            if self._word(at) == "__future__":
                last = self._last(at)
                while at != last:
                    at = self._next(at)
                    found.add(self._word(at))
        return found

    def _suite(self, colon: int) -> int:
        """Give the place behind the suite that a colon begins."""
        line = colon
        while line > 0 and self.found[line - 1].kind != NEWLINE:
            line -= 1
        width = _width(self.found[line])
        at = colon
        while at < len(self.found) and self.found[at].kind != NEWLINE:
            at += 1
        while at + 1 < len(self.found):
            begin = at + 1
            at = begin
            while at < len(self.found) and self.found[at].kind != NEWLINE:
                at += 1
            empty = all(each.kind in (SPACE, INDENT, COMMENT) for each in self.found[begin:at])
            if not empty and _width(self.found[begin]) <= width:
                return begin
        return at


def _means(each: Token) -> bool:
    return each.kind not in (SPACE, COMMENT, INDENT)


def _width(each: Token) -> int:
    return len(each.text.rpartition("\f")[2].expandtabs(8)) if each.kind == INDENT else 0
