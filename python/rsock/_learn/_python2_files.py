"""Files of Python 2: they give strings, and count in bytes."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Iterator
from typing import Any, Callable

from rsock._learn._python2_strings import Strings


class File:
    """A binary file that gives and takes strings."""

    def __init__(self, raw: Any, strings: Strings) -> None:
        self._raw = raw
        self._strings = strings

    def read(self, size: int | None = -1) -> Any:
        # A reply of HTTP takes no negative number before Python 3.10.
        data = self._raw.read() if size is None or size < 0 else self._raw.read(size)
        return self._strings.up(data or b"")

    def readline(self, size: int = -1) -> Any:
        return self._strings.up(self._raw.readline(size))

    def readlines(self, hint: int = -1) -> list[Any]:
        return [self._strings.up(line) for line in self._raw.readlines(hint)]

    xreadlines = readlines

    def write(self, text: Any) -> None:
        left = memoryview(self._strings.down(text))
        while left:  # an unbuffered file may take a part only
            left = left[self._raw.write(left) :]

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__

    def __enter__(self) -> File:  # noqa: PYI034  # Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._raw.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def opener(strings: Strings) -> Callable[..., File]:
    """Give Python 2's `open`."""

    @functools.wraps(builtins.open, assigned=("__name__", "__doc__"), updated=())
    def call(name: Any, mode: str = "r", buffering: int = -1) -> File:
        plain = mode.replace("b", "").replace("U", "").replace("t", "")
        if not plain.strip("+"):
            plain = "r" + plain
        buffer = -1 if buffering == 1 else buffering  # lines are for text only
        path = strings.text(name) if isinstance(name, str) else name
        return File(builtins.open(path, plain + "b", buffer), strings)

    return call
