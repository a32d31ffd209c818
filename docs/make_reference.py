"""Make docs/reference.md out of the docstrings: `python docs/make_reference.py`.

With `--check` it writes nothing, and its exit status is 1 where the page is out of date.
"""

from __future__ import annotations

import inspect
import re
import socket
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rsock
from rsock import _server_base

PAGE = Path(__file__).resolve().parent / "reference.md"

HEAD = """\
# Reference

**English** · [简体中文](reference.zh-CN.md)

What rsock has beyond `socket`, as `help()` shows it. Everything that `socket` has is there under
the same name: [Python's documentation](https://docs.python.org/3/library/socket.html) describes it.
The types of all arguments are in the stubs, which editors and type checkers read.

This page is made from the docstrings by `docs/make_reference.py`; change those.
"""

#: Sections, and the names in each. `_Server` stands for what all servers have.
SECTIONS = {
    "Servers": ["_Server", "HelloServer", "EchoServer", "TcpServer", "UdpServer", "PageServer"],
    "Connections of a server": ["Connection"],
    "Clients": ["TcpClient", "UdpClient"],
    "Pages": ["fetch", "HttpClient", "Response", "Headers"],
    "Errors": [
        "FetchError",
        "BadReplyError",
        "IncompleteReplyError",
        "TooLargeError",
        "RedirectError",
        "TlsError",
        "FetchTimeoutError",
        "IncompleteReadError",
        "LimitOverrunError",
    ],
    "In the place of socket": ["install", "uninstall"],
    "Hints": ["explain"],
}

#: What IPython calls.
HOOKS = {"load_ipython_extension", "unload_ipython_extension"}

#: What nobody makes by calling the class.
GIVEN = ["Connection", "Headers", "Response"]


def own_names() -> set[str]:
    """Give the names that rsock has and `socket` has not."""
    names = {name for name in dir(rsock) if not name.startswith("_") and not hasattr(socket, name)}
    return {name for name in names - HOOKS if not inspect.ismodule(getattr(rsock, name))}


def signature_of(thing: Any) -> str:
    """Write the arguments of a function or class, without their types; empty if nobody knows."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    plain = [
        parameter.replace(annotation=parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))


def folded(call: str) -> str:
    """Break a long line between its arguments, and not within the text of a default."""
    call = re.sub("'[^']*'", lambda text: text[0].replace(" ", "\0"), call)
    lines = textwrap.wrap(call, 96, subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")


def text_of(thing: Any, name: str) -> str:
    """Give the docstring, which everything has that people may use."""
    doc = inspect.getdoc(thing)
    if not doc:
        raise SystemExit(f"{name} has no docstring")
    # What looks like a tag of HTML would vanish, but in an indented program.
    return re.sub(r"^(?!    ).*", lambda line: line[0].replace("<", r"\<"), doc, flags=re.M)


def members_of(cls: type) -> Iterator[tuple[str, Any]]:
    """Give what a class has of its own and people may use, in the order of its source."""
    every = [home for home in cls.__mro__ if home.__module__.startswith("rsock")]
    # What all servers have stands in one place.
    homes = [home for home in every if home is not _server_base._Server or home is cls]
    inherited = vars(_server_base._Server) if len(homes) < len(every) else {}
    seen = set()
    for home in homes:
        members = list(vars(home).items())
        native = any(inspect.ismethoddescriptor(member) for _, member in members)
        if native:  # those of a native class have no order of their own
            members.sort(key=lambda item: item[0])
        for name, member in members:
            # An attribute without a docstring of its own stands in that of its class.
            told = callable(member) or (inspect.isdatadescriptor(member) and member.__doc__)
            if name.startswith("_") or name in seen or name in inherited or not told:
                continue
            seen.add(name)
            yield name, member


def entries_of(name: str) -> Iterator[str]:
    """Describe a name: a heading and a docstring, and so for each of its members."""
    if name == "_Server":
        thing: Any = _server_base._Server
        yield "### What all servers have"
    else:
        thing = getattr(rsock, name)
        thing = thing._class() if hasattr(type(thing), "_class") else thing
        what = "" if inspect.isclass(thing) else "()"
        yield f"### {name}{what}"
        if name not in GIVEN and not (inspect.isclass(thing) and issubclass(thing, Exception)):
            yield f"```\n{folded(f'rsock.{name}{signature_of(thing)}')}\n```"
        yield text_of(thing, name)
    if inspect.isclass(thing):
        for member_name, member in members_of(thing):
            title = f"{member_name}{signature_of(member)}" if callable(member) else member_name
            yield f"#### `{title}`"
            yield text_of(member, f"{name}.{member_name}")


def page() -> str:
    """Write the whole page."""
    names = own_names()
    contents = [
        f"- {title}: " + ", ".join(f"[{name}](#{name.lower()})" for name in there)
        for title, members in SECTIONS.items()
        if (there := [name for name in members if name in names])
    ]
    parts = [HEAD.rstrip(), "\n".join(contents)]
    for title, members in SECTIONS.items():
        there = [name for name in members if name in names or name == "_Server"]
        names -= set(there)
        if there:
            parts.append(f"## {title}")
            for name in there:
                parts += entries_of(name)
    if names:
        raise SystemExit(f"no section of docs/make_reference.py has: {', '.join(sorted(names))}")
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or check it."""
    made = page()
    if arguments == ["--check"]:
        return int(PAGE.read_text(encoding="utf-8") != made)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
