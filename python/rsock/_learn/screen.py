"""What people see of a play: each line under the name of who said it.

On a terminal names have colours, which rich makes; in a pipe a line is `name | line`. Everything is
written by a thread of its own, so that a reader who does not read stops neither time nor signals.
What waits to be written has a bound, and while that is reached nothing more is taken from programs.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections import deque
from typing import TextIO

#: How many bytes may wait to be written.
_ROOM = 1 << 20
#: How long a line may become before it is shown in pieces.
_LONGEST = 1 << 16
#: After how many seconds the beginning of a line is shown, though its end has not come.
MOMENT = 0.5

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


class Writer:
    """Writes to descriptors in a thread, in the order of what it was given."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._size = 0
        self._change = threading.Condition()
        self._over = False
        self.broken: OSError | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Tell whether so much waits that no more should come."""
        return self._size > _ROOM

    @property
    def idle(self) -> bool:
        """Tell whether all is written."""
        return not self._size

    def write(self, fd: int, data: bytes) -> None:
        """Have these bytes written as soon as it is their turn."""
        with self._change:
            self._waiting.append((fd, data))
            self._size += len(data)
            self._change.notify()

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._waiting:
                    if self._over:
                        return
                    self._change.wait()
                fd, data = self._waiting[0]
            rest = memoryview(data)
            # When nobody is there any more to read, programs still are to be heard out.
            while rest and self.broken is None:
                try:
                    rest = rest[os.write(fd, rest) :]
                except BlockingIOError:
                    time.sleep(0.01)  # somebody else made the terminal so
                except OSError as error:
                    self.broken = error
            with self._change:
                self._waiting.popleft()
                self._size -= len(data)

    def finish(self, limit: float) -> None:
        """Wait until all is written, but no longer than `limit` seconds."""
        with self._change:
            self._over = True
            self._change.notify()
        self._thread.join(limit)


class Voice:
    """One stream of one program: bytes in, lines under its name out."""

    def __init__(self, screen: Screen, name: str, error: bool) -> None:
        self._screen = screen
        self._before, self._after = screen.dress(name, error)
        self._rest = b""
        self._since = 0.0

    def say(self, data: bytes) -> None:
        """Show the lines that these bytes make whole."""
        whole, newline, rest = data.rpartition(b"\n")
        if newline:
            self._show((self._rest + whole).split(b"\n"))
            self._rest = rest
            self._since = time.monotonic()
        else:
            if not self._rest:
                self._since = time.monotonic()
            self._rest += rest
        while len(self._rest) >= _LONGEST:
            self._show([self._rest[:_LONGEST]])
            self._rest = self._rest[_LONGEST:]

    def flush(self, now: float | None = None) -> None:
        """Show what there is of a line; with `now`, if it has been waiting for a moment."""
        if self._rest and (now is None or now - self._since >= MOMENT):
            self._show([self._rest])
            self._rest = b""

    def _show(self, lines: list[bytes]) -> None:
        screen = self._screen
        before, after = self._before, self._after
        screen.put("".join([f"{before}{screen.readable(line)}{after}\n" for line in lines]))


class Screen:
    """Where the lines go: descriptor 1 for what programs say, 2 for what went wrong."""

    def __init__(self, names: list[str]) -> None:
        self.writer = Writer()
        self._width = max(map(len, names), default=0)
        self._names = names
        self._terminal = _colourful(sys.stdout)
        self._encoding = sys.stdout.encoding or "utf-8"

    def dress(self, name: str, error: bool = False) -> tuple[str, str]:
        """Return what stands before and after each line of a program."""
        padded = f"{name:<{self._width}}"
        if not self._terminal:
            return f"{padded} | ", ""
        at = self._names.index(name) if name in self._names else 0
        before = self._paint(f"{padded} |", f"bold {_COLOURS[at % len(_COLOURS)]}") + " "
        if not error:
            return before, ""
        start, _, end = self._paint("\0", "red").partition("\0")
        return before + start, end

    def _paint(self, text: str, style: str) -> str:
        from rich.console import Console
        from rich.text import Text

        # Not on the terminal itself, which may be gone: what it takes is asked of the environment.
        painted = io.StringIO()
        console = Console(file=painted, force_terminal=True, highlight=False, soft_wrap=True)
        console.print(Text(text, style=style), end="")
        return painted.getvalue()

    def readable(self, line: bytes) -> str:
        """Return a line as text; bytes that are not UTF-8 appear as escapes."""
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("utf-8", "backslashreplace")
        if self._terminal:
            # Nothing that a program prints may move the cursor over what others have printed.
            text = text[:-1] if text.endswith("\r") else text
            if not text.isprintable():
                text = "".join(
                    char if char.isprintable() or char in "\t\u3000" else f"\\x{ord(char):02x}"
                    for char in text
                )
        return text

    def put(self, text: str) -> None:
        """Show lines that are dressed already."""
        self.writer.write(1, text.encode(self._encoding, "backslashreplace"))

    def remark(self, text: str) -> None:
        """Say something about the play."""
        line = f"== {text}"
        self.put((self._paint(line, "dim") if self._terminal else line) + "\n")

    def problem(self, text: str) -> None:
        """Say what went wrong."""
        line = text
        if self._terminal and _colourful(sys.stderr):
            line = self._paint(text, "bold red")
        self.writer.write(2, (line + "\n").encode(self._encoding, "backslashreplace"))


def _colourful(stream: TextIO) -> bool:
    return stream.isatty()
