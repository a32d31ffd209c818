"""Strings of Python 2: text for the program, bytes for everything below it."""

from __future__ import annotations

import codecs
import functools
from typing import Any, Callable

#: Codecs from bytes to bytes, which Python 2 had among the encodings.
_BINARY = frozenset(("hex", "base64", "zlib", "bz2", "uu", "quopri", "rot13", "rot_13"))


class Unicode(str):
    """Text that was made as text, in the tier where other strings hold bytes."""

    __slots__ = ()

    def __add__(self, other: str) -> Unicode:
        return Unicode(str.__add__(self, other))

    def __radd__(self, other: str) -> Unicode:
        return Unicode(str.__add__(other, self))


class Strings:
    """The two ways between a string of the program and bytes."""

    def __init__(self, tier: str) -> None:
        self.tier = tier
        self.coding, self.errors = (
            ("latin-1", "strict") if tier == "bytes" else ("utf-8", "surrogateescape")
        )

    def down(self, value: Any) -> Any:
        """Give the bytes of a string; what is no string stays what it is."""
        if not isinstance(value, str):
            return value
        if self.tier == "bytes" and not isinstance(value, Unicode):
            try:
                return value.encode("latin-1")
            except UnicodeEncodeError:
                pass  # text after all, as a library returns it
        return value.encode("utf-8", "surrogateescape")

    def up(self, value: Any) -> Any:
        """Give the string that bytes are, in tuples and lists too."""
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value).decode(self.coding, self.errors)
        if type(value) in (tuple, list):
            return type(value)(map(self.up, value))
        return value

    def text(self, value: str) -> str:
        """Give the text that a string stands for, as a library wants it."""
        if self.tier == "text" or isinstance(value, Unicode) or value.isascii():
            return value
        data: bytes = self.down(value)
        return data.decode("utf-8", "surrogateescape")

    def bytely(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let a function of bytes take and give strings."""

        @functools.wraps(function, assigned=("__name__", "__doc__"), updated=())
        def call(*args: Any, **named: Any) -> Any:
            given = [self.down(each) for each in args]
            return self.up(function(*given, **{k: self.down(v) for k, v in named.items()}))

        return call

    def decode(self, value: Any, *args: Any, **named: Any) -> Any:
        """Do what `str.decode` did; objects of other classes have a `decode` of their own."""
        if not isinstance(value, str):
            done = value.decode(*args, **named)
            return self.up(done) if isinstance(done, bytes) else done
        return self._decode(value, *args, **named)

    def _decode(self, value: Any, encoding: str = "ascii", errors: str = "strict") -> Any:
        name = encoding.lower().replace("-", "_")
        if name in ("string_escape", "unicode_escape"):
            return self.down(value).decode("unicode_escape")
        data = self.down(value)
        if name.replace("_codec", "") in _BINARY:
            return self._binary(codecs.decode, data, name)
        if name == "ascii" and isinstance(value, Unicode):
            return value
        done = data.decode(encoding, errors)
        return Unicode(done) if self.tier == "bytes" else done

    def encode(self, value: Any, *args: Any, **named: Any) -> Any:
        """Do what `encode` did, of strings and of text; other classes have one of their own."""
        if not isinstance(value, str):
            return self.up(value.encode(*args, **named))
        return self._encode(value, *args, **named)

    def _encode(self, value: Any, encoding: str = "ascii", errors: str = "strict") -> Any:
        name = encoding.lower().replace("-", "_")
        if name.replace("_codec", "") in _BINARY:
            return self._binary(codecs.encode, self.down(value), name)
        if name in ("string_escape", "unicode_escape"):
            return value.encode("unicode_escape").decode("ascii")
        return self.up(self.text(value).encode(encoding, errors))

    def _binary(self, way: Callable[..., Any], data: bytes, name: str) -> Any:
        if name.startswith("rot"):
            return way(self.up(data), name)
        return self.up(way(data, name))

    def repr(self, value: Any) -> str:
        """Write a value as Python 2 does."""
        if isinstance(value, Unicode):
            return "u" + ascii(str(value))
        if isinstance(value, str):
            return repr(value) if value.isascii() else repr(self.down(value))[1:]
        if isinstance(value, float):
            return repr(value)
        if type(value) is list:
            return "[" + ", ".join(map(self.repr, value)) + "]"
        if type(value) is tuple:
            inner = ", ".join(map(self.repr, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if type(value) is dict:
            return (
                "{" + ", ".join(f"{self.repr(k)}: {self.repr(v)}" for k, v in value.items()) + "}"
            )
        if type(value) is set:
            return "set([" + ", ".join(map(self.repr, value)) + "])"
        return repr(self.up(value)) if isinstance(value, bytes) else repr(value)

    def str(self, value: Any = "") -> Any:
        """Make a string of a value as Python 2 does."""
        if isinstance(value, str):
            return value
        if isinstance(value, bytes):
            return self.up(value)
        if type(value) is float:
            text = f"{value:.12g}"
            return text if not text.lstrip("-").isdigit() else text + ".0"
        if type(value) in (list, tuple, dict, set):
            return self.repr(value)
        return str(value)
