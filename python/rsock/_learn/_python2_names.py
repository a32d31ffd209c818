"""What a translated program calls, and the builtins of Python 2."""

from __future__ import annotations

import builtins
import functools
import math
import re
import sys
import threading
from collections.abc import Iterable
from typing import Any, Callable, cast

from rsock._learn import python2
from rsock._learn._python2_files import File, opener
from rsock._learn._python2_strings import Strings, Unicode


class _Infix(Unicode):
    """An operator between two others: `a /x/ b` calls a function with a and b.

    It is a string, of the narrower kind, so that the strings to its left ask it first.
    """

    __slots__ = ("call",)
    call: Callable[[Any, Any], Any]

    def __new__(cls, call: Callable[[Any, Any], Any]) -> _Infix:  # noqa: PYI034
        made = str.__new__(cls)
        made.call = call
        return made

    def __rtruediv__(self, left: Any) -> _Left:
        return _Left(self.call, left)

    def __rmod__(self, left: Any) -> Any:
        return _Left(self.call, left)


class _Left:
    __slots__ = ("call", "left")

    def __init__(self, call: Callable[[Any, Any], Any], left: Any) -> None:
        self.call = call
        self.left = left

    def __truediv__(self, right: Any) -> Any:
        return self.call(self.left, right)

    def __mod__(self, right: Any) -> Any:
        return self.call(self.left, right)


class _By:
    __slots__ = ("right",)

    def __init__(self, right: Any) -> None:
        self.right = right

    def __rtruediv__(self, left: Any) -> Any:
        return _divide(left, self.right)


def _divide(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    return left / right


class _Printer:
    """The statement `print`: a comma at its end leaves a space to the next one."""

    def __init__(self, strings: Strings) -> None:
        self._strings = strings
        self._pending = threading.local()

    def __call__(self, *values: Any, comma: bool = False) -> None:
        self.to(sys.stdout, *values, comma=comma)

    def to(self, file: Any, *values: Any, comma: bool = False) -> None:
        if file is None:
            file = sys.stdout
        if file is None:
            return
        parts = [self._strings.str(each) for each in values]
        text = " ".join(parts)
        for at in range(len(parts) - 1):
            if parts[at][-1:] in ("\n", "\t", "\r"):  # no space behind white space
                text = _spaced(parts)
                break
        pending = getattr(self._pending, "file", None) is file
        if pending and values:
            text = " " + text
        self._pending.file = None
        last = parts[-1][-1:] if parts else ""
        if comma:
            if last not in ("\n", "\t", "\r"):
                self._pending.file = file
        else:
            text += "\n"
        file.write(text)

    def end(self) -> None:
        """End the line that a comma left open, as Python 2 does when a program ends."""
        file = getattr(self._pending, "file", None)
        self._pending.file = None
        if file is not None and not getattr(file, "closed", False):
            file.write("\n")

    def forget(self) -> None:
        """Forget the space that is owed, as reading a line does."""
        self._pending.file = None


def _spaced(parts: list[str]) -> str:
    text = ""
    for at, part in enumerate(parts):
        text += part
        if at < len(parts) - 1 and part[-1:] not in ("\n", "\t", "\r"):
            text += " "
    return text


_CONVERSION = re.compile(
    r"%(?:\((?P<key>[^)]*)\))?[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlL]?(?P<kind>.)"
)


def _remainder(strings: Strings, left: Any, right: Any) -> Any:
    if not isinstance(left, str):
        return left % right
    if isinstance(right, dict) and "%(" in left:
        kinds = {each["key"]: each["kind"] for each in _CONVERSION.finditer(left)}
        right = {
            key: _converted(strings, kinds[key], value) if key in kinds else value
            for key, value in right.items()
        }
    else:
        values = right if isinstance(right, tuple) else (right,)
        found = [each for each in _CONVERSION.finditer(left) if each["kind"] != "%"]
        if len(found) == len(values) and not any("*" in each[0] for each in found):
            right = tuple(
                _converted(strings, each["kind"], value) for each, value in zip(found, values)
            )
    done = left.replace("%r", "%s") % right if "%r" in left else left % right
    if isinstance(left, Unicode):
        return Unicode(done)
    return done


def _converted(strings: Strings, kind: str, value: Any) -> Any:
    if kind == "s":
        return strings.str(value)
    if kind == "r":
        return strings.repr(value)
    if kind in "di" and isinstance(value, float):
        return int(value)
    if kind == "c" and isinstance(value, int):
        return strings.up(bytes((value & 255,)))
    return value


def _listed(name: str) -> Callable[[Any], Any]:
    view: Any = {"keys": type({}.keys()), "values": type({}.values()), "items": type({}.items())}[
        name
    ]

    def call(owner: Any) -> Any:
        found = getattr(owner, name)()
        return list(found) if isinstance(found, view) else found

    return call


def _iterated(name: str) -> Callable[[Any], Any]:
    def call(owner: Any) -> Any:
        own = getattr(owner, "iter" + name, None)
        return own() if own is not None else iter(getattr(owner, name)())

    return call


def _has_key(owner: Any, key: Any) -> Any:
    own = getattr(owner, "has_key", None)
    return own(key) if own is not None else key in owner


def _next(owner: Any) -> Any:
    own = getattr(owner, "next", None)
    return own() if own is not None else next(owner)


def _sort(owner: Any, *args: Any, **named: Any) -> Any:
    if isinstance(owner, list):
        owner[:] = _sorted(owner, *args, **named)
        return None
    return owner.sort(*args, **named)


def _sorted(
    values: Iterable[Any], cmp: Any = None, key: Any = None, reverse: bool = False
) -> list[Any]:
    if cmp is not None:
        by = functools.cmp_to_key(cmp)
        first = key
        key = by if first is None else lambda value: by(first(value))
    return sorted(values, key=key, reverse=reverse)


def _cmp(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _args(error: Any) -> Any:
    return error.args if isinstance(error, BaseException) else error


def _message(error: Any) -> Any:
    if isinstance(error, BaseException) and not hasattr(error, "message"):
        return error.args[0] if len(error.args) == 1 else ""
    return error.message


def _raise(kind: Any, value: Any = None, trace: Any = None) -> BaseException:
    error: Any
    if isinstance(kind, type):
        if isinstance(value, kind):
            error = value
        elif value is None:
            error = kind()
        else:
            error = kind(*value) if isinstance(value, tuple) else kind(value)
    else:
        error = kind
    return cast(BaseException, error if trace is None else error.with_traceback(trace))


def _round(number: float, digits: int = 0) -> float:
    scale = 10.0**digits
    return math.copysign(math.floor(abs(number) * scale + 0.5) / scale, number)


def _tostring(strings: Strings, owner: Any) -> Any:
    own = getattr(owner, "tostring", None)
    return own() if own is not None else strings.up(owner.tobytes())


def _fromstring(strings: Strings, owner: Any, *args: Any) -> Any:
    own = getattr(owner, "fromstring", None)
    return own(*args) if own is not None else owner.frombytes(*map(strings.down, args))


def _code(tier: str, source: Any) -> Any:
    if not isinstance(source, str):
        return source
    return compile(python2.translate(source, tier), "<string>", "exec")


def names(strings: Strings) -> dict[str, Any]:
    """Give the names of Python 2's builtins, and those that a translation uses."""
    printer = _Printer(strings)
    tier = strings.tier

    def raw_input(prompt: Any = "") -> str:
        printer.forget()
        line: str = builtins.input(strings.str(prompt))
        return line

    def evaluated(source: Any, *spaces: Any) -> Any:
        if isinstance(source, str):
            source = python2.translate(source.strip(), tier)
        if not spaces:
            frame = sys._getframe(1)
            spaces = (frame.f_globals, frame.f_locals)
        return eval(source, *spaces)

    def asked(prompt: Any = "") -> Any:
        frame = sys._getframe(1)
        return evaluated(raw_input(prompt), frame.f_globals, frame.f_locals)

    def execfile(path: str, *spaces: Any) -> None:
        if not spaces:
            frame = sys._getframe(1)
            spaces = (frame.f_globals, frame.f_locals)
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            exec(_code(tier, file.read()), *spaces)

    def character(number: int) -> Any:
        return strings.up(bytes((number,))) if not -1 < number < 128 else chr(number)

    def number(text: Any) -> int:
        return (0xDC00 <= ord(text) <= 0xDCFF and ord(text) - 0xDC00) or ord(text)

    def unicode(value: Any = "", *coding: Any, **named: Any) -> Any:
        if coding or named:
            return strings.decode(value, *coding, **named)
        text = strings.str(value)
        return Unicode(text) if tier == "bytes" else text

    def listed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> list[Any]:
            if function is builtins.map and args[0] is None:
                return list(builtins.zip(*args[1:])) if len(args) > 2 else list(args[1])
            return list(function(*args))

        return call

    def filtered(test: Any, values: Any) -> Any:
        kept = list(builtins.filter(test, values))
        if isinstance(values, str):
            return "".join(kept)
        return tuple(kept) if isinstance(values, tuple) else kept

    opened = opener(strings)
    found: dict[str, Any] = {
        "_py2_print": printer,
        "_py2_print_to": printer.to,
        "_py2_end": printer.end,
        "_py2_div": _Infix(_divide),
        "_py2_mod": _Infix(functools.partial(_remainder, strings)),
        "_py2_by": _By,
        "_py2_str": strings.str,
        "_py2_repr": strings.repr,
        "_py2_decode": strings.decode,
        "_py2_encode": strings.encode,
        "_py2_unicode": Unicode,
        "_py2_text": unicode,
        "_py2_open": opened,
        "_py2_has_key": _has_key,
        "_py2_next": _next,
        "_py2_sort": _sort,
        "_py2_args": _args,
        "_py2_message": _message,
        "_py2_raise": _raise,
        "_py2_code": functools.partial(_code, tier),
        "_py2_tostring": functools.partial(_tostring, strings),
        "_py2_fromstring": functools.partial(_fromstring, strings),
        "raw_input": raw_input,
        "input": asked,
        "eval": evaluated,
        "execfile": execfile,
        "xrange": range,
        "range": listed(range),
        "map": listed(map),
        "zip": listed(zip),
        "filter": filtered,
        "reduce": functools.reduce,
        "sorted": _sorted,
        "cmp": _cmp,
        "repr": strings.repr,
        "round": _round,
        "chr": character,
        "ord": number,
        "unichr": (lambda n: Unicode(chr(n))) if tier == "bytes" else chr,
        "unicode": Unicode if tier == "bytes" else str,
        "basestring": str,
        "bytes": str,
        "long": int,
        "buffer": memoryview,
        "open": opened,
        "file": File,
        "intern": sys.intern,
        "apply": lambda call, args=(), named=None: call(*args, **(named or {})),
        "callable": callable,
        "reload": lambda module: module,
        "StandardError": Exception,
    }
    for word in ("keys", "values", "items"):
        found["_py2_" + word] = _listed(word)
        found["_py2_iter" + word] = _iterated(word)
    return found
