"""What to ask, read from what people write: headers, body, and where to connect to."""

from __future__ import annotations

import base64
import json as _json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

from rsock import _rsock

if TYPE_CHECKING:
    from typing_extensions import TypeAlias

    _Text: TypeAlias = Union[str, bytes]
    _HeadersArgument: TypeAlias = Union[
        Mapping[str, Union[_Text, None]],
        Mapping[bytes, Union[_Text, None]],
        Iterable[tuple[_Text, Union[_Text, None]]],
    ]
    _Data: TypeAlias = Union[_Text, bytearray, memoryview, Mapping[str, Any]]
    _Rules: TypeAlias = Union[Mapping[str, str], Iterable[str]]
    _Rule: TypeAlias = Union[str, tuple[str, str]]

#: Names and values; with None for a value, the header is not sent, whoever wants it to be.
Fields = list[tuple[bytes, Optional[bytes]]]


def _octets(value: object, what: str) -> bytes:
    """Take bytes as they are, and text as the bytes that HTTP has for it."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return value.encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError(
                f"{what} can hold Latin-1 characters only: {value!r} has others; "
                "encode it as the server expects, and give bytes"
            ) from None
    raise TypeError(f"{what} must be str or bytes, not {type(value).__name__}")


def fields(given: _HeadersArgument | None) -> Fields:
    """Read headers, from a mapping or pairs."""
    if given is None:
        return []
    pairs: Iterable[Any] = given.items() if isinstance(given, Mapping) else given
    read: Fields = []
    for pair in pairs:
        try:
            if isinstance(pair, (str, bytes)):
                raise TypeError
            name, value = pair
        except (TypeError, ValueError):
            raise TypeError(f"headers must be pairs of a name and a value, not {pair!r}") from None
        name = _octets(name, "the name of a header")
        read.append((name, None if value is None else _octets(value, "the value of a header")))
    return read


def merge(below: Fields, above: Fields) -> Fields:
    """Lay headers over others: a name that is given replaces all that has the same one below."""
    if not above:
        return below
    named = {name.lower() for name, _ in above}
    kept = [field for field in below if field[0].lower() not in named]
    return kept + above


def body(data: _Data | None, json: object, unset: object) -> tuple[bytes | None, bytes | None]:
    """Give the bytes of a body, and the Content-Type that goes with them."""
    if json is not unset:
        if data is not None:
            raise TypeError("give either data or json, not both")
        return _json.dumps(json, separators=(",", ":")).encode(), b"application/json"
    if data is None or isinstance(data, bytes):
        return data, None
    if isinstance(data, str):
        return data.encode(), None
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data), None
    if isinstance(data, Mapping):
        from urllib.parse import urlencode

        return urlencode(data, doseq=True).encode(), b"application/x-www-form-urlencoded"
    raise TypeError(f"data must be bytes, str or a mapping, not {type(data).__name__}")


def authorization(auth: object) -> bytes:
    """Write a name and a password as Basic authentication has them."""
    if not isinstance(auth, tuple) or len(auth) != 2:
        raise TypeError("auth must be a pair of a name and a password")
    name, password = (
        part.encode() if isinstance(part, str) else _octets(part, "auth") for part in auth
    )
    if b":" in name:
        raise ValueError("the name in auth cannot hold a colon, which ends it")
    return b"Basic " + base64.b64encode(name + b":" + password)


def rules(given: _Rules | None) -> list[_Rule]:
    """Collect where to connect to: pairs of a mapping, or curl's rules; then the environment's.

    The first rule that fits counts, so that those of a call come before those of the process.
    """
    read: list[_Rule] = []
    if isinstance(given, Mapping):
        read += given.items()
    elif given is not None:
        read += [given] if isinstance(given, str) else given
    everywhere = os.environ.get(_rsock._CONNECT_TO)
    return [*read, everywhere] if everywhere else read


def proxy_map(given: Mapping[str, str] | None) -> dict[str, str] | None:
    """Read proxies, under schemes ("http", "https", "all", "no") or the variables' names."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise TypeError(f"proxies must be a mapping or None, not {type(given).__name__}")
    return {_scheme(name): value for name, value in given.items()}


def _scheme(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"proxies must map names of schemes, not {type(name).__name__}")
    scheme = name.lower()
    scheme = scheme[: -len("_proxy")] if scheme.endswith("_proxy") else scheme
    if scheme not in ("http", "https", "all", "no"):
        raise ValueError(f"proxies are for 'http', 'https', 'all' and 'no', not for {name!r}")
    return scheme
