"""Guesses at what was meant: names of hosts and of constants, encodings, Python 2."""

from __future__ import annotations

import ast
import re

from rsock._learn.scene import called

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rsock._learn.scene import Scene

_PYTHON2 = re.compile(
    r"^\s*print\s+[^=(\s]|^\s*print\s*>>|\bexcept\s+[\w.() ,]+,\s*\w+\s*:|^\s*raise\s+[\w.]+\s*,"
    r"|^\s*exec\s+['\"\w]|<>|`[^`]+`|\bur['\"]|\b0\d+\b|\b\d+[lL]\b"
)


def is_python2(message: str, line: str) -> bool:
    """Tell whether a line that Python 3 does not read is Python 2."""
    if "Missing parentheses in call to 'print'" in message or "call to 'exec'" in message:
        return True
    if "multiple exception types must be parenthesized" in message or "leading zeros" in message:
        return True
    return bool(_PYTHON2.search(line))


def near(name: str, words: Sequence[str]) -> str:
    """Find the word that a name was probably meant to be."""
    import difflib

    for close in difflib.get_close_matches(name.upper(), words, 1, 0.8):
        return close
    for close in difflib.get_close_matches(name, words, 1, 0.8):
        return close
    return ""


def host(name: str) -> tuple[str, str]:
    """Tell what is wrong with the name of a host, and what may have been meant."""
    if "://" in name or "/" in name:
        return "url", name.rpartition("://")[2].partition("/")[0]
    if re.fullmatch(r"\d+(\.\d+){3}", name):
        return "number", ""
    typed = re.match(r"(w{4,}|w{1,2}|vvv|wwww?w?)[.,](?=\w)", name)
    if typed and typed.group(0) != "www.":
        return "typo", "www." + name[typed.end() :]
    if name.strip() != name:
        return "typo", name.strip()
    if "," in name or "，" in name or "。" in name:
        return "typo", re.sub("[,，。]", ".", name)
    if "." not in name and near(name.lower(), ["localhost"]):
        return "typo", "localhost"
    return "", ""


def encoding(exc: UnicodeDecodeError) -> str:
    """Guess what bytes are that are no UTF-8: GBK, or UTF-8 that was read as something else."""
    data = bytes(exc.object)
    for other in ("utf-8", "gbk"):
        if other.replace("-", "") == exc.encoding.replace("-", "").lower():
            continue
        try:
            text = data.decode(other)
        except UnicodeDecodeError:
            continue
        if re.search("[\u4e00-\u9fff]", text):
            return other.upper()
    return ""


def last_target(place: Scene, sock: Any) -> tuple[str, int] | None:
    """Find where a datagram socket sent to, or whom it is connected to."""
    try:
        return tuple(sock.getpeername()[:2])
    except OSError:
        pass
    for node in ast.walk(place.tree):
        if isinstance(node, ast.Call) and called(node) == "sendto" and len(node.args) >= 2:
            value = place.value(node.args[-1])
            if type(value) is tuple and len(value) >= 2 and place.owner(node) is sock:
                return value[0], value[1]
    return None


def closing_line(place: Scene | None) -> int | None:
    """Find the one line that may have closed the socket that this line uses."""
    if place is None:
        return None
    used = {
        node.func.value.id
        for node in ast.walk(place.tree)
        if isinstance(node, ast.Call)
        and node.lineno <= place.line <= (node.end_lineno or node.lineno)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }
    lines = {
        node.lineno
        for node in ast.walk(place.tree)
        if isinstance(node, ast.Call)
        and called(node) == "close"
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in used
    }
    return lines.pop() if len(lines) == 1 else None
