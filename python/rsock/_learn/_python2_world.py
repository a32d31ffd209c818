"""The world that a Python 2 program wakes up in: builtins, modules and standard streams."""

from __future__ import annotations

import builtins
import codecs
import sys
import warnings
from typing import Any

from rsock._learn import _python2_names
from rsock._learn._python2_modules import Modules
from rsock._learn._python2_strings import Strings


def names(tier: str) -> dict[str, Any]:
    """Give all names that a translated program needs beside the builtins of Python 3."""
    strings = Strings(tier)
    found = _python2_names.names(strings)
    modules = Modules(strings, found)

    def __import__(
        name: str,
        space: dict[str, Any] | None = None,
        local: dict[str, Any] | None = None,
        wanted: Any = (),
        level: int = 0,
    ) -> Any:
        if level == 0 or (level == -1 and name):
            made = modules.find(name, bool(wanted))
            if made is not None:
                return made
        return builtins.__import__(name, space, local, wanted, max(level, 0))

    found["__import__"] = __import__
    return found


def _rest(error: UnicodeError) -> tuple[bytes, int]:
    """Write as UTF-8 what is no byte: a text among strings of bytes."""
    assert isinstance(error, UnicodeEncodeError)
    part = error.object[error.start : error.end]
    return part.encode("utf-8", "surrogateescape"), error.end


def streams(tier: str) -> None:
    """Let the standard streams carry every string; warnings about old names stay silent."""
    codecs.register_error("rsock.python2", _rest)
    coding, errors = (
        ("latin-1", "rsock.python2") if tier == "bytes" else ("utf-8", "surrogateescape")
    )
    for stream in (sys.stdin, sys.stdout):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                encoding=coding,
                errors="strict" if tier == "bytes" and stream is sys.stdin else errors,
            )
    if hasattr(sys.stderr, "reconfigure") and tier == "text":
        sys.stderr.reconfigure(errors="surrogateescape")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="__main__")
