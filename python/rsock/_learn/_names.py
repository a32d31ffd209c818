"""Names: those that a program binds, that Python 2 had, and of modules that programs forget."""

from __future__ import annotations

import ast
import builtins

#: Modules that learners' programs use, and forget to import.
MODULES = frozenset(
    [
        "argparse",
        "asyncio",
        "base64",
        "collections",
        "datetime",
        "errno",
        "hashlib",
        "http",
        "io",
        "json",
        "logging",
        "math",
        "multiprocessing",
        "os",
        "pickle",
        "queue",
        "random",
        "re",
        "select",
        "selectors",
        "signal",
        "socket",
        "socketserver",
        "ssl",
        "string",
        "struct",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "traceback",
        "urllib",
        "uuid",
        "zlib",
    ]
)
#: Parts of these that are modules of their own, which importing the whole does not load.
_PARTS = {
    "http": frozenset(["client", "cookiejar", "cookies", "server"]),
    "logging": frozenset(["config", "handlers"]),
    "multiprocessing": frozenset(["connection", "managers", "shared_memory"]),
    "urllib": frozenset(["error", "parse", "request", "response", "robotparser"]),
}
#: Modules that Python 2 had.
PYTHON2_MODULES = frozenset(
    [
        "SocketServer",
        "Queue",
        "urllib2",
        "urlparse",
        "thread",
        "StringIO",
        "cStringIO",
        "Tkinter",
        "tkMessageBox",
        "ConfigParser",
        "cPickle",
        "BaseHTTPServer",
        "SimpleHTTPServer",
        "CGIHTTPServer",
        "httplib",
        "HTMLParser",
        "Cookie",
        "commands",
        "__builtin__",
        "dummy_thread",
    ]
)
#: Names that Python 2 had, and that are hardly names of anything else.
PYTHON2_NAMES = frozenset(
    [
        "raw_input",
        "unicode",
        "xrange",
        "unichr",
        "long",
        "basestring",
        "execfile",
        "file",
        "reload",
        "cmp",
        "reduce",
        "apply",
    ]
)
#: What a program in Python 2 need not define.
PYTHON2_BUILTINS = PYTHON2_NAMES | {"buffer", "intern", "StandardError", "__file__", "__name__"}


def to_import(module: str, attribute: str) -> str:
    """Give what is to be imported for `module.attribute`: the module, or that part of it."""
    return f"{module}.{attribute}" if attribute in _PARTS.get(module, ()) else module


def bound(tree: ast.AST) -> set[str]:
    """Give all names that anything in a program, or in a part of one, binds."""
    found: set[str] = set()
    for each in ast.walk(tree):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            found.add(each.id)
        elif isinstance(each, ast.arg):
            found.add(each.arg)
        elif isinstance(each, ast.alias):
            found.add((each.asname or each.name).partition(".")[0])
        elif isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or (
            isinstance(each, ast.ExceptHandler) and each.name
        ):
            found.add(str(each.name))
        elif isinstance(each, (ast.Global, ast.Nonlocal)):
            found.update(each.names)
    return found


def known(tree: ast.Module) -> set[str]:
    """Give all names that a program binds, and those of the builtins."""
    return bound(tree) | set(dir(builtins))
