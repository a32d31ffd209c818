"""The code blocks of Markdown, read by markdown-it-py."""

from __future__ import annotations

import re

from rsock._learn import _blocks, _check, _prompts, python2
from rsock._learn._blocks import Block

_PYTHON = frozenset(
    ("", "python", "py", "python3", "python2", "py3", "py2", "python3.x", "ipython", "pycon")
)
_CONSOLE = frozenset(
    [
        "ascii",
        "console",
        "text",
        "txt",
        "shell",
        "sh",
        "bash",
        "cmd",
        "bat",
        "powershell",
        "output",
        "plain",
        "plaintext",
        "terminal",
        "shell-session",
        "none",
    ]
)
_FENCE = re.compile(r"^[ \t>\-*+\d.)]*(?:```|~~~)", re.MULTILINE)


def has_fences(text: str) -> bool:
    """Tell whether a text has a fence of Markdown."""
    return _FENCE.search(text) is not None


def blocks(text: str) -> list[Block]:
    """Give the fenced blocks of a text, and the indented ones that are Python."""
    from markdown_it import MarkdownIt

    found: list[Block] = []
    lines = text.split("\n")
    # What stands in front of the text of a page, between lines of ---, is none of it.
    offset = _front(lines)
    parser = MarkdownIt("commonmark")
    for token in parser.parse("\n".join(lines[offset:])):
        if token.type not in ("fence", "code_block") or token.map is None:
            continue
        first = token.map[0] + offset + (2 if token.type == "fence" else 1)
        code = token.content[:-1] if token.content.endswith("\n") else token.content
        language = re.split(r"[\s,{:]", token.info.strip().lower().lstrip("{."))[0].rstrip("}")
        if not code.strip():
            continue
        if token.type == "code_block":
            # Indented text is code only where it is Python; list items hold much that is none.
            code, skipped = _trimmed(code)
            first += skipped
            if _kind(code, "") != "python":
                continue
        found.append(_block(len(found) + 1, first, code, language))
    return _with_transcripts(found)


def _front(lines: list[str]) -> int:
    if lines and lines[0].strip() == "---":
        for at, line in enumerate(lines[1:200], 1):
            if line.strip() in ("---", "..."):
                return at + 1
    return 0


def _trimmed(code: str) -> tuple[str, int]:
    lines = code.split("\n")
    skipped = 0
    while len(lines) > 1 and not lines[0].strip():
        lines.pop(0)
        skipped += 1
    return "\n".join(lines).rstrip("\n"), skipped


def _block(number: int, first: int, code: str, language: str) -> Block:
    last = first + code.count("\n")
    if _prompts.has_prompts(code):
        return _blocks.python(number, first, _prompts.strip(code), language=language)
    kind = _kind(code, language)
    if kind == "python":
        return _blocks.python(number, first, code, language=language)
    return Block(number, first, last, code, kind, language=language, parts=((first, last),))


def _kind(code: str, language: str) -> str:
    if is_transcript(code):
        return "transcript"
    if language in _PYTHON - {""}:
        return "python"
    if language and language not in _CONSOLE:
        return "other"
    if _check.is_python3(code) or python2.is_python2(code):
        return (
            "python" if _looks_python(code) else "transcript" if language in _CONSOLE else "other"
        )
    if not language and _blocks.strange(code, 1) and _looks_python(code):
        return "python"
    return "transcript" if language in _CONSOLE else "other"


_TYPICAL = re.compile(
    r"^\s*(?:import \w|from [\w.]+ import |def \w+\s*\(|class \w+|for .+ in .+:|while .+:|with .+:"
    r"|print\b|[\w.,() \[\]]+\s*[-+*/]?=[^=]|[\w.]+\(.*\)?\s*$|@\w)",
    re.MULTILINE,
)


def _looks_python(code: str) -> bool:
    return _TYPICAL.search(code) is not None


_COMMAND = re.compile(
    r"^[│|\s]*(?:[^$%#>'\"(=]{0,80}[$%#>])\s*(?:sudo\s+)?"
    r"(?:python[\d.]*|py|\./\S+|nc|telnet|curl|netstat|ls|cat)(?:\s|$)"
)
_BOXES = re.compile("[┌┐└┘├┤│─]")


def is_transcript(code: str) -> bool:
    """Tell whether a block shows a terminal."""
    if _BOXES.search(code):
        return True
    lines = [line for line in code.split("\n") if line.strip()]
    return any(_COMMAND.match(line) for line in lines[:3])


_SAID = re.compile(r"\b(UDP|TCP)\b.*?\b(?:on|port|端口)\s*[:：]?\s*(\d{2,5})")


def _with_transcripts(found: list[Block]) -> list[Block]:
    """Say of each transcript what it is a transcript of: what it prints, or what stands above."""
    from dataclasses import replace

    done: list[Block] = []
    server: Block | None = None
    for each in found:
        if each.role == "server":
            server = each
        if each.kind == "transcript":
            said = _SAID.search(each.code)
            if said:
                each = replace(each, proto=said[1].lower(), port=int(said[2]))
            elif server is not None:
                each = replace(each, proto=server.proto, port=server.port)
        done.append(each)
    return done
