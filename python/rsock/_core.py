"""The native half of fetching, made for some settings, and shared where that can be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rsock import _request, _rsock

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath

    from rsock._request import _Rules

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
    if not isinstance(verify, bool):
        verify = os.fsdecode(verify)
    return _rsock.HttpCore(
        verify, _request.rules(connect_to), _request.proxy_map(proxies), max_idle
    )


def shared(
    verify: bool | StrOrBytesPath,
    connect_to: _Rules | None,
    proxies: Mapping[str, str] | None,
) -> _rsock.HttpCore:
    """Give one that keeps no connections, the same for the same settings."""
    if not isinstance(verify, bool):
        # What a file holds may be something else the next time.
        return make(verify, connect_to, proxies, 0)
    rules, map_ = _request.rules(connect_to), _request.proxy_map(proxies)
    key = (verify, tuple(rules), None if map_ is None else tuple(map_.items()))
    core = _shared.get(key)
    if core is None:
        core = _rsock.HttpCore(verify, rules, map_, 0)
        if len(_shared) >= _MOST:
            _shared.clear()
        _shared[key] = core
    return core
