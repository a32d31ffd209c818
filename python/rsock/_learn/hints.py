"""What an exception means and what to do about it, in a line or two: `explain`.

A matcher looks at one kind of exception, and at the place it comes from where there is a
traceback, and answers with a key of the table of words and what is known of the case. The
exception stays as it is.
"""

from __future__ import annotations

import os
import re

from rsock._learn import frames, scene
from rsock._learn.words import ROWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    Found = Optional[tuple[str, dict[str, Any]]]

#: The two languages.
LANGUAGES = ("zh", "en")

_LOOSE = re.compile("(?<=[，。：；（？]) | (?=[，。：；）？])")
_DEPTH = 8  # how many exceptions of a chain, or of a group, are looked at


def language() -> str:
    """Tell which language hints are in: by RSOCK_LANG, or else by the locale's variables."""
    chosen = os.environ.get("RSOCK_LANG", "").lower()
    if not chosen:
        for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
            chosen = os.environ.get(name, "").lower()
            if chosen:
                break
    return "zh" if chosen.startswith("zh") else "en"


def say(key: str, lang: str | None = None, **details: object) -> str:
    """Write a row of the table, with what is known of the case."""
    row = ROWS[key]
    zh = (lang or language()) == "zh"
    worded = _Details(_worded(details, zh))
    text = (row[0] if zh else row[1]).format_map(worded)
    written = re.sub(" {2,}", " ", text).strip()
    # Between a word and a Chinese mark stands no space.
    return _LOOSE.sub("", written) if zh else written


class _Details(dict):  # type: ignore[type-arg]
    """What is known of a case; what is not, leaves nothing behind."""

    def __missing__(self, key: str) -> str:
        return ""


def explain(exc: BaseException, *, lang: str | None = None) -> str | None:
    """Tell in a line or two what an exception of a network program means, and what to do.

    In Chinese ("zh") or English ("en"); without `lang` the environment decides: RSOCK_LANG, or
    else the locale. None where there is nothing to say. The exception is left as it is.
    """
    if not isinstance(exc, BaseException):
        raise TypeError(f"exc must be an exception, not {type(exc).__name__}")
    if lang is not None and lang not in LANGUAGES:
        raise ValueError(f"lang must be 'zh' or 'en', not {lang!r}")
    lang = lang or language()
    found = find(exc)
    if found is None:
        return None
    key, details = found
    return say(key, lang, **details)


def _worded(details: dict[str, Any], zh: bool) -> dict[str, Any]:
    """Put what is known into the words of a language."""
    # What is None is not known.
    words = {key: value for key, value in details.items() if value is not None}
    if "port" in words:
        words["port"] = f" {words['port']} " if zh else f" {words['port']}"
        words["to"] = f" to port{words['port']}"
    if "where" in words:
        words["where"] = f" {words['where']} " if zh else words["where"]
    if "at" in words:
        words["where"] = f" {words['at']} " if zh else f" on {words['at']}"
    if "from" in words:
        words["where"] = f"（{words['from']}）" if zh else f" from {words['from']}"
    if "host" in words:
        words["host"] = f" {words['host']!r} " if zh else f" {words['host']!r}"
    if "bound" in words:
        words["bound"] = f" {words['bound']!r} " if zh else repr(words["bound"])
    elif "bound" in details:
        words["bound"] = "这" if zh else "That"
    if "seconds" in words:
        seconds = words["seconds"]
        words["seconds"] = f"{seconds:g} 秒内" if zh else f" ({seconds:g} s)"
    elif "seconds" in details and zh:
        words["seconds"] = "规定的时间内"
    if "line" in words and words.get("closing"):
        line = words["line"]
        words["line"] = f"（第 {line} 行的 close）" if zh else f" (by the close on line {line})"
    if "holder" in words:
        pid, name = words["holder"]
        words["holder"] = f"（{name}，PID {pid}）" if zh else f" ({name}, process {pid})"
    if words.get("guess"):
        guess = words["guess"]
        words["guess"] = f"，可能是 {guess}" if zh else f", perhaps they are {guess}"
    return words


def find(exc: BaseException) -> Found:
    """Find the row for an exception; else for those of its group, its reason or its cause."""
    waiting = [exc]
    for _ in range(_DEPTH):
        if not waiting:
            break
        looked_at = waiting.pop(0)
        found = _match(looked_at)
        if found is not None:
            return found
        waiting += frames.members(looked_at)[:_DEPTH]
        inner = frames.attribute(looked_at, "reason"), frames.attribute(looked_at, "__cause__")
        waiting += [each for each in inner if isinstance(each, BaseException)]
    return None


def _match(exc: BaseException) -> Found:
    # A hint must never be in the way of the exception itself.
    try:
        place = scene.of(exc.__traceback__)
        from rsock._learn import matchers

        for kind, matcher in matchers.TABLE:
            if isinstance(exc, kind):
                found = matcher(exc, place)
                if found is not None:
                    return found
    except Exception:
        return None
    return None
