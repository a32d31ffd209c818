"""A bar that shows how far a download is: in a terminal or a notebook, else a line at the end."""

from __future__ import annotations

import html
import os
import shutil
import sys
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from rsock._columns import cut, pad, width

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")

#: Seconds between two pictures: the eye needs no more, and the download waits for each.
_PACE = 0.1


def size(number: float) -> str:
    """Write a number of bytes as people read it."""
    unit = 0
    while number >= 1024 and unit < len(_UNITS) - 1:
        number /= 1024
        unit += 1
    return f"{number:.0f} {_UNITS[unit]}" if unit == 0 else f"{number:.1f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """Write a number of seconds as a clock does."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def label(url: str, path: StrOrBytesPath | None) -> str:
    """Name a download: by its file, or by the end of its URL, without what is nobody's business."""
    if path is not None:
        return os.path.basename(os.fsdecode(path))
    plain = url.partition("?")[0].partition("#")[0].rstrip("/")
    return plain.rpartition("/")[2].rpartition("@")[2]


class Bar:
    """Show how far a download is; called with the bytes that came and, if known, all there are."""

    def __init__(self, label: str, file: TextIO | None = None) -> None:
        # The label is of a URL, and must not move the cursor of a terminal.
        self._label = "".join(char if char.isprintable() else "?" for char in label)
        self._file = file
        self._notebook = _notebook() if file is None else None
        self._begun = monotonic()
        self._last = -_PACE
        self._done = 0
        self._total: int | None = None
        self._shown = 0

    def __call__(self, done: int, total: int | None) -> None:
        self._done, self._total = done, total
        now = monotonic()
        if now - self._last >= _PACE:
            self._last = now
            self._draw()

    def close(self, failed: bool = False) -> None:
        """Show the end of it, and leave the line."""
        took = monotonic() - self._begun
        if self._notebook is not None:
            self._draw(failed)
            return
        file = self._stream()
        if file is None:
            return
        if self._terminal(file):
            self._draw()
            file.write("\n")
        elif not failed:
            file.write(f"{self._label}: {size(self._done)} in {took:.1f} s\n")
        file.flush()

    def _stream(self) -> TextIO | None:
        return self._file if self._file is not None else sys.stderr

    @staticmethod
    def _terminal(file: TextIO) -> bool:
        return bool(getattr(file, "isatty", bool)())

    def _numbers(self) -> str:
        took = max(monotonic() - self._begun, 1e-6)
        speed = self._done / took
        text = size(self._done)
        if self._total is not None:
            text += f" of {size(self._total)}"
        text += f", {size(speed)}/s"
        if self._total is not None and speed > 0 and self._done < self._total:
            text += f", {duration((self._total - self._done) / speed)} left"
        return text

    def _draw(self, failed: bool = False) -> None:
        if self._notebook is not None:
            self._notebook.update(_Picture(self._picture(failed), self._numbers()))
            return
        file = self._stream()
        if file is None or not self._terminal(file):
            return
        columns = shutil.get_terminal_size().columns
        line = self._line(columns - 1)
        file.write("\r" + pad(line, self._shown))
        file.flush()
        self._shown = width(line)

    def _line(self, columns: int) -> str:
        numbers = self._numbers()
        room = columns - len(numbers) - 2
        if not self._total:
            return f"{cut(self._label, room)}  {numbers}"[:columns]
        part = min(self._done / self._total, 1.0)
        bar = max(min(30, room - 20), 0)
        if not bar:
            return f"{part:4.0%}  {numbers}"[:columns]
        name = cut(self._label, room - bar - 9)
        filled = int(part * bar)
        return f"{name} {part:4.0%} [{'#' * filled}{' ' * (bar - filled)}] {numbers}"[:columns]

    def _picture(self, failed: bool) -> str:
        # An element without a value is one whose end is not known.
        value = ""
        if self._total:
            value = f' value="{min(self._done, self._total)}" max="{self._total}"'
        elif failed or self._done:
            value = f' value="{0 if failed else 1}" max="1"'
        note = " (not finished)" if failed else ""
        return (
            f"<div><code>{html.escape(self._label)}</code> <progress{value}></progress> "
            f"{html.escape(self._numbers())}{note}</div>"
        )


class _Picture:
    # What IPython asks of an object that it shows.
    def __init__(self, picture: str, text: str) -> None:
        self._picture, self._text = picture, text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return self._picture


def _notebook() -> Any:
    """Give the handle of a new output in a notebook's cell, or None where there is none."""
    shell = sys.modules.get("IPython")
    if shell is None:
        return None
    running = shell.get_ipython()
    if running is None or getattr(running, "kernel", None) is None:
        return None  # in a terminal, where a line is enough
    display = import_module("IPython.display").display

    return display(_Picture("", ""), display_id=True)
