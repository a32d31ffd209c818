"""Prove which keywords the calls of a socket module take.

`check_api.py` of the conformance tool loads a file of this name, and asks it for
`prove_keywords`; the tool's own copy is not always there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# A value for each keyword, harmless on a connected pair of sockets; what cannot be left out is
# named beside it. The values are made anew for each call.
REQUIRED: dict[str, list[str]] = {
    "getaddrinfo": ["host", "port"],
    "socket.recv_into": ["buffer"],
    "socket.recvfrom_into": ["buffer"],
    "socket.sendmsg_afalg": ["op"],
}


def values(name: str) -> dict[str, object]:
    if name == "getaddrinfo":
        return {"host": "127.0.0.1", "port": 80, "family": 0, "type": 0, "proto": 0, "flags": 0}
    if name == "socket.sendmsg_afalg":
        return {"msg": [b"x"], "op": 0, "iv": b"", "assoclen": 0, "flags": 0}
    return {"buffer": bytearray(8), "nbytes": 1, "flags": 0}


@contextmanager
def callee(mod: Any, name: str) -> Iterator[Any]:
    """Give the function, or the method of a socket that has a byte to read."""
    owner, _, method = name.rpartition(".")
    if not owner:
        yield getattr(mod, method)
        return
    ours, peer = mod.socketpair()
    with ours, peer:
        peer.send(b"x")
        if method != "sendmsg_afalg":
            yield getattr(ours, method)
            return
        # Only a socket that was told to be of AF_ALG looks at its arguments.
        with mod.socket(mod.AF_ALG, mod.SOCK_SEQPACKET, 0, fileno=os.dup(ours.fileno())) as alg:
            yield getattr(alg, method)


def takes(mod: Any, name: str, arguments: dict[str, object]) -> bool:
    """Tell whether a call gets past the reading of its arguments."""
    with callee(mod, name) as call:
        try:
            call(**arguments)
        except TypeError:
            return False
        except OSError:
            pass
    return True


def prove_keywords(mod: Any, keywords: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return those of the keywords, for each call, that the module takes."""
    proven: dict[str, list[str]] = {}
    for name, keys in keywords.items():
        all_values = values(name)
        must = REQUIRED[name]
        if takes(mod, name, {**{key: all_values[key] for key in must}, "no_such_keyword": 0}):
            raise AssertionError(f"{name} takes any keyword, so that nothing can be proven")
        proven[name] = [
            key
            for key in keys
            if takes(mod, name, {each: all_values[each] for each in (*must, key)})
        ]
    return proven
