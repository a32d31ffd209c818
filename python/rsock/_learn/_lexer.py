"""Read Python 2 or 3 as tokens, on every interpreter alike.

The `tokenize` of newer versions refuses what only Python 2 knows, such as 0777 or 10L, so the
tokens are found here. Their texts, put together, are the source again.
"""

from __future__ import annotations

import re

NAME, NUMBER, STRING, OP, COMMENT, NEWLINE, SPACE, INDENT, OTHER = (
    "name",
    "number",
    "string",
    "op",
    "comment",
    "newline",
    "space",
    "indent",
    "other",
)

_TEXT = (
    r"(?i:[bu]?r?|r[bf]|f|fr)"
    r"(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\""
    r"|'(?:[^'\\\r\n]|\\\r\n|\\.)*'|\"(?:[^\"\\\r\n]|\\\r\n|\\.)*\")"
)
_COUNT = (
    r"0[xX][0-9a-fA-F_]+[lL]?|0[bB][01_]+[lL]?|0[oO][0-7_]+[lL]?"
    r"|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?[jJlL]?"
)
_SIGNS = (
    r"\*\*=|//=|>>=|<<=|\.\.\.|<>|->|:=|[-+*/%&|^=!<>]=|\*\*|//|<<|>>"
    r"|[-+*/%&|^~<>()\[\]{},:.`=@;]"
)
_PATTERN = re.compile(
    "|".join(
        f"(?P<{kind}>{pattern})"
        for kind, pattern in (
            (COMMENT, r"#[^\r\n]*"),
            (STRING, _TEXT),
            (NUMBER, _COUNT),
            (NAME, r"[^\W\d]\w*"),
            (NEWLINE, r"\r\n|\r|\n"),
            (SPACE, r"(?:[ \t\f]|\\\r?\n)+"),
            (OP, _SIGNS),
        )
    ),
    re.DOTALL,
)


class Token:
    """A piece of the source: its kind, its text, its line, and how deep in brackets it stands."""

    __slots__ = ("depth", "kind", "line", "text")

    def __init__(self, kind: str, text: str, line: int, depth: int) -> None:
        self.kind = kind
        self.text = text
        self.line = line
        self.depth = depth

    def __repr__(self) -> str:
        return f"Token({self.kind}, {self.text!r}, line {self.line})"


def tokens(code: str) -> list[Token]:
    """Cut `code` into tokens; what is no Python at all comes as single characters, OTHER.

    A line's leading space is an INDENT where a statement begins there. An opening bracket and its
    closing one have the depth of what is outside of them.
    """
    found: list[Token] = []
    at, line, depth = 0, 1, 0
    fresh = True  # nothing of a statement was on this line yet
    while at < len(code):
        match = _PATTERN.match(code, at)
        kind, text = (match.lastgroup or OTHER, match[0]) if match else (OTHER, code[at])
        if kind == SPACE and fresh and depth == 0 and "\n" not in text:
            kind = INDENT
        if kind == NEWLINE and depth > 0:
            kind = SPACE
        if kind == OP and text in ")]}":
            depth = max(0, depth - 1)
        found.append(Token(kind, text, line, depth))
        if kind == OP and text in "([{":
            depth += 1
        fresh = kind == NEWLINE or (fresh and kind == INDENT)
        at += len(text)
        line += len(re.findall(r"\r\n|\r|\n", text))
    return found
