"""What a command line names: a file, or a block of one, as in notes.md:2.

It is asked for before a program starts, so nothing is imported here that takes time.
"""

from __future__ import annotations

import os

#: How the names of files end that are Markdown, and of those that are Python, whatever they hold.
MARKDOWN = (".md", ".markdown", ".mkd")
PYTHON = (".py", ".pyw", ".py3", ".py2")

_DIGITS = 6  # of the number of a block


def split(spec: str) -> tuple[str, int | None]:
    """Give the file that is named, and the number of its block; None for the file itself.

    The digits may be those of a Chinese input method. A file whose name ends so is meant itself.
    """
    path, _, number = spec.rpartition(":")
    if (
        path
        and number.isdecimal()
        and len(number) <= _DIGITS
        and not os.path.exists(spec)
        and os.path.exists(path)
    ):
        return path, int(number)
    return spec, None
