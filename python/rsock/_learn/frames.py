"""Tracebacks without the frames that stand between a script and what it called."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_DEPTH = 64  # how many exceptions of a chain are looked at


def cut(raised: BaseException | None) -> None:
    """Take the frames of this folder out of the tracebacks of an exception and its causes."""
    try:
        _cut(raised)
    except Exception:
        return  # a class of the program's own may be strange; its traceback is shown as it is


def _cut(raised: BaseException | None) -> None:
    seen: list[BaseException] = []
    waiting = [raised]
    while waiting and len(seen) < _DEPTH:
        found = waiting.pop()
        if found is None or any(found is known for known in seen):
            continue
        seen.append(found)
        put(found, _without_ours(found.__traceback__))
        waiting += [found.__cause__, found.__context__, *members(found)]


def put(raised: BaseException, trace: TracebackType | None) -> None:
    """Give an exception this traceback, also one whose class lets nobody set its attributes."""
    BaseException.with_traceback(raised, trace)


def members(raised: BaseException) -> list[BaseException]:
    """Give the exceptions of a group; what else is called `exceptions` by a program, is none."""
    found = attribute(raised, "exceptions")
    if not isinstance(found, (list, tuple)):
        return []
    return [each for each in found if isinstance(each, BaseException)]


def attribute(raised: BaseException, name: str) -> object:
    """Give an attribute of an exception; None where it has none, or its class fails to tell."""
    try:
        return getattr(raised, name, None)
    except Exception:
        return None


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    first = trace
    while first is not None and _is_ours(first):
        first = first.tb_next
    if first is None:
        return trace  # there is nothing else to show
    place = first
    while place.tb_next is not None:
        if _is_ours(place.tb_next):
            place.tb_next = place.tb_next.tb_next
        else:
            place = place.tb_next
    return first


def _is_ours(trace: TracebackType) -> bool:
    return trace.tb_frame.f_code.co_filename.startswith(_HERE)
