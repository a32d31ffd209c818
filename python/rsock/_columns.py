"""How much room text takes in a terminal, where a Chinese character is as wide as two others."""

from __future__ import annotations

import unicodedata


def width(text: str) -> int:
    """Give the number of columns that a text takes."""
    return sum(map(_columns, text))


def cut(text: str, room: int) -> str:
    """Give as much of the beginning of a text as there is room for."""
    for place, char in enumerate(text):
        room -= _columns(char)
        if room < 0:
            return text[:place]
    return text


def pad(text: str, room: int) -> str:
    """Put spaces behind a text that is shorter than its room."""
    return text + " " * (room - width(text))


def _columns(char: str) -> int:
    return 1 + (unicodedata.east_asian_width(char) in "WF")
