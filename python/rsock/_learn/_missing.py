"""Imports that a program forgot."""

from __future__ import annotations

import ast

from rsock._learn._names import MODULES, known, to_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rsock._learn._mending import Program

#: Modules that a program may have forgotten, where it uses `module.name`.
_MODULES = MODULES | {"thread", "Queue", "SocketServer", "urllib2", "StringIO"}
#: Names of modules that are used bare.
_NAMES = {
    "Thread": "threading",
    "Lock": "threading",
    "sleep": "time",
    "ctime": "time",
    "strftime": "time",
    "randint": "random",
    "choice": "random",
    "datetime": "datetime",
    "argv": "sys",
    "start_new_thread": "_thread",
    "Queue": "queue",
}
_PYTHON2 = {"_thread": "thread", "queue": "Queue"}
_SOCKET_PREFIXES = ("AF_", "SOCK_", "SOL_", "SO_", "IPPROTO_", "INADDR_", "SHUT_")


def missing_imports(program: Program) -> list[tuple[int, str, str, str, str]]:
    """Give the line where each is missed first, a key, two sentences, and the statement."""
    tree = program.tree
    if tree is None:
        return []
    bound = known(tree)
    stars = {
        each.module
        for each in ast.walk(tree)
        if isinstance(each, ast.ImportFrom) and any(name.name == "*" for name in each.names)
    }
    modules: dict[str, int] = {}
    bare: dict[str, int] = {}
    owners = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owners.add(id(node.value))
            name = node.value.id
            if name in _MODULES and name not in bound:
                if name == "socket" and "socket" in stars:
                    continue
                if name == "datetime" and node.attr in ("now", "today", "strptime", "utcnow"):
                    bare.setdefault("datetime", node.lineno)
                    continue
                modules.setdefault(to_import(name, node.attr), node.lineno)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name) or id(node) in owners or node.id in bound:
            continue
        if node.id.startswith(_SOCKET_PREFIXES) or node.id in _NAMES or node.id == "socket":
            bare.setdefault(node.id, node.lineno)
    found: list[tuple[int, str]] = [(line, f"import {name}") for name, line in modules.items()]
    sockets = {
        name: line
        for name, line in bare.items()
        if name == "socket" or name.startswith(_SOCKET_PREFIXES)
    }
    if sockets and "socket" not in stars:
        line = min(sockets.values())
        if "socket" in bound or "socket" in modules:
            words = sorted(name for name in sockets if name != "socket")
            if words:
                found.append((line, f"from socket import {', '.join(words)}"))
        else:
            found.append((line, "from socket import *"))
    for name, line in bare.items():
        module = _NAMES.get(name)
        if module is None or _from_star(module, stars):
            continue
        if program.dialect == "2":
            module = _PYTHON2.get(module, module)
        found.append((line, f"from {module} import {name}"))
    found.sort(key=lambda each: each[0])
    return [
        (
            program.number(line),
            "import",
            f"缺少 {statement}",
            f"'{statement}' is missing",
            statement,
        )
        for line, statement in found
    ]


def _from_star(module: str, stars: set[str | None]) -> bool:
    return bool(stars & {module, _PYTHON2.get(module, module)})
