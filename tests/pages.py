"""The project's pages, and the programs and recorded sessions in them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: The pages that show programs, in English and Chinese.
PAGES = [
    ("README.md", "README.zh-CN.md"),
    ("docs/fetch.md", "docs/fetch.zh-CN.md"),
    ("docs/guide.md", "docs/guide.zh-CN.md"),
    ("docs/servers.md", "docs/servers.zh-CN.md"),
]

#: The pages that show none, or others in each language: those speak, and test_play_pages.py hears.
OTHERS = [
    ("docs/play.md", "docs/play.zh-CN.md"),
    ("docs/reference.md", "docs/reference.zh-CN.md"),
    ("docs/teaching.md", "docs/teaching.zh-CN.md"),
    ("examples/README.md", "examples/README.zh-CN.md"),
]

_PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FLAWED = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SESSION = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# (\w+\.py)\n")


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def programs(page):
    """Give the text of each program."""
    return _PROGRAM.findall(text_of(page))


def name_of(program):
    """Give the name of a file that a program begins with, or None: those belong together."""
    found = _NAME.match(program)
    return found[1] if found else None


def pairs(page):
    """Give each server with its client: two programs with names, one after the other."""
    named = [program for program in programs(page) if name_of(program)]
    return list(zip(named[::2], named[1::2]))


def files(page):
    """Give the programs that have names, with these; those in a fence `py` are not right."""
    every = programs(page) + _FLAWED.findall(text_of(page))
    return {name_of(program): program for program in every if name_of(program)}


def sessions(page):
    """Give each command of the recorded sessions, with the lines that it prints."""
    for session in _SESSION.findall(text_of(page)):
        for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            yield command, lines
