"""Notes as programs: the code blocks of a Markdown file or of a plain page, and where they stand.

`read` gives the blocks of a text; `find` gives the program that a command line names, as in
"script.py", "notes.md:2" or "-".
"""

from __future__ import annotations

import codecs
import re
import sys

from rsock._learn import named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rsock._learn._blocks import Block

#: The most bytes that a file of notes or a script may have.
MOST = 8 << 20


class NotesError(Exception):
    """What is wrong with the name of a program, in Chinese and in English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


class Source:
    """A program to run: the file it is from, its code, and the line that the code begins on."""

    __slots__ = ("block", "code", "first", "name")

    def __init__(self, name: str, code: str, first: int = 1, block: Block | None = None) -> None:
        self.name = name
        self.code = code
        self.first = first
        self.block = block


def lines(text: str) -> list[str]:
    """Cut a text at its line ends, which are those that editors count."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read(text: str, name: str = "") -> list[Block]:
    """Give the blocks of code of a text: of Markdown where it has any, else of a plain page."""
    from rsock._learn import _markdown, _plain

    text = "\n".join(lines(text.removeprefix("\ufeff")))
    if _markdown.has_fences(text) or name.lower().endswith((*named.MARKDOWN, ".rst")):
        found = _markdown.blocks(text)
        if found:
            return found
    return _plain.blocks(text)


def load(path: str) -> str:
    """Read a file as text, whatever it is encoded in."""
    with open(path, "rb") as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise NotesError(f"{path} 太大：超过 {MOST} 字节", f"{path} is larger than {MOST} bytes")
    return decode(data)


_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)


def decode(data: bytes) -> str:
    """Give the text that bytes are: by a mark, by what its first lines say, as UTF-8 or as GBK."""
    for mark, coding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(coding, "replace")
    said = _COOKIE.search(b"\n".join(data.splitlines()[:2]))
    tried = [said[1].decode("ascii")] if said else []
    for coding in [*tried, "utf-8", "gb18030"]:
        try:
            return data.decode(coding)
        except (LookupError, UnicodeError):
            continue
    return data.decode("utf-8", "surrogateescape")


def find(spec: str) -> Source:
    """Give the program that `spec` names: a script, a block of notes, or "-" for standard input.

    Raises `NotesError` where there is no such block, OSError where there is no such file.
    """
    if spec == "-":
        return Source("<stdin>", decode(sys.stdin.buffer.read(MOST)))
    path, number = named.split(spec)
    if number is not None:
        return _block(path, number)
    return choose(spec, load(spec))


def choose(path: str, text: str) -> Source:
    """Give the program that a text is, or the one that a page has; else raise `NotesError`."""
    if _is_script(path, text):
        return Source(path, text)
    blocks = read(text, path)
    if not blocks and not path.lower().endswith(named.MARKDOWN):
        return Source(path, text)
    scripts = [each for each in blocks if each.kind == "script"]
    if len(scripts) == 1:
        return _source(path, scripts[0])
    raise NotesError(
        f"{path} 有 {len(scripts)} 个程序：请写 {path}:编号（rsock blocks {path} 会列出）",
        f"{path} has {len(scripts)} programs: say {path}:NUMBER (rsock blocks {path} lists them)",
    )


def _is_script(path: str, text: str) -> bool:
    if path.lower().endswith(named.PYTHON):
        return True
    if path.lower().endswith(named.MARKDOWN):
        return False
    from rsock._learn import _check, python2

    return _check.is_python3(text) or python2.is_python2(text)


def _block(path: str, number: int) -> Source:
    blocks = read(load(path), path)
    for each in blocks:
        if each.number == number:
            if each.kind in ("script", "fragment"):
                return _source(path, each)
            raise NotesError(
                f"{path}:{number} 不是程序（第 {each.first} 行）",
                f"{path}:{number} is no program (line {each.first})",
            )
    raise NotesError(
        f"{path} 没有第 {number} 块：共有 {len(blocks)} 块",
        f"{path} has no block {number}: it has {len(blocks)}",
    )


def _source(path: str, block: Block) -> Source:
    return Source(path, block.code, block.first, block)
