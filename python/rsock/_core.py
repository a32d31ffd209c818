"""The native half of fetching, made for some settings, and shared where that can be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rsock import _request, _rsock

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath

    from rsock._request import _Rule, _Rules

# What serves the calls of `fetch`, by their settings. It keeps no connections, only what took time
# to make: whom to trust.
_shared: dict[object, _rsock.HttpCore] = {}
_MOST = 8


def make(
    verify: bool | StrOrBytesPath,
    connect_to: _Rules | None,
    proxies: Mapping[str, str] | None,
    max_idle: int,
) -> _rsock.HttpCore:
    """Make one that keeps connections."""
    return _rsock.HttpCore(*_read(verify, connect_to, proxies), max_idle)


def shared(
    verify: bool | StrOrBytesPath,
    connect_to: _Rules | None,
    proxies: Mapping[str, str] | None,
) -> _rsock.HttpCore:
    """Give one that keeps no connections, the same for the same settings."""
    settings = _read(verify, connect_to, proxies)
    known, rules, by = settings
    if not isinstance(known, bool):
        # What a file holds may be something else the next time.
        return _rsock.HttpCore(*settings, 0)
    key = (known, tuple(rules), None if by is None else tuple(by.items()))
    core = _shared.get(key)
    if core is None:
        core = _rsock.HttpCore(*settings, 0)
        if len(_shared) >= _MOST:
            _shared.clear()
        _shared[key] = core
    return core


def _read(
    verify: bool | StrOrBytesPath,
    connect_to: _Rules | None,
    proxies: Mapping[str, str] | None,
) -> tuple[bool | str, list[_Rule], dict[str, str] | None]:
    known = verify if isinstance(verify, bool) else os.fsdecode(verify)
    return known, _request.rules(connect_to), _request.proxy_map(proxies)
