"""Say what a program is on the network: server or client, over what, on which port."""

from __future__ import annotations

import ast
import re

from rsock._learn import python2
from rsock._learn.scene import called

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Role:
    """What a program is: "server", "client", "fetch" or "", its protocol, its port, its host."""

    __slots__ = ("host", "name", "port", "proto", "web")

    def __init__(
        self,
        name: str = "",
        proto: str = "",
        port: int | None = None,
        host: str = "",
        web: bool = False,
    ) -> None:
        self.name = name
        self.proto = proto
        self.port = port
        self.host = host
        self.web = web


#: Classes and functions that make a server, and the protocol that each speaks.
_SERVERS = {
    "TCPServer": "tcp",
    "ThreadingTCPServer": "tcp",
    "ForkingTCPServer": "tcp",
    "UDPServer": "udp",
    "ThreadingUDPServer": "udp",
    "ForkingUDPServer": "udp",
    "HTTPServer": "http",
    "ThreadingHTTPServer": "http",
    "create_server": "tcp",
    "start_server": "tcp",
    "make_server": "http",
    "PageServer": "http",
    "EchoServer": "tcp",
    "HelloServer": "tcp",
}
_CLIENTS = {
    "create_connection": "tcp",
    "open_connection": "tcp",
    "HTTPConnection": "http",
    "SMTP": "tcp",
    "FTP": "tcp",
    "POP3": "tcp",
    "IMAP4": "tcp",
    "Telnet": "tcp",
}
_FETCHES = frozenset(("urlopen", "urlretrieve", "fetch", "build_opener"))
_PORTS = {"SMTP": 25, "FTP": 21, "POP3": 110, "IMAP4": 143, "Telnet": 23, "HTTPConnection": 80}
_URL = re.compile(r"(https?)://([^/:?#\s]+)(?::(\d+))?")


def of(code: str, dialect: str = "3") -> Role:
    """Look at a program, by its syntax tree, and say what it is."""
    tree = python2.tree(code, dialect)
    return of_tree(tree) if tree is not None else Role()


def dialect(code: str) -> str:
    """Give "3" or "2", whichever compiles first; "3" also where neither does."""
    return "2" if python2.is_python2(code) else "3"


def title(role: Role, lang: str = "en") -> str:
    """Say a role in words, as in "TCP server on 9999"."""
    proto = "HTTP" if role.web and role.name != "fetch" else role.proto.upper()
    if lang == "zh":
        if role.name == "fetch":
            return f"抓取 {role.host or '网页'}"
        word = {"server": "服务器", "client": "客户端"}.get(role.name, "")
        port = f"，端口 {role.port}" if role.port else ""
        return f"{proto} {word}{port}" if word else "程序"
    if role.name == "fetch":
        return f"fetch of {role.host}" if role.host else "fetch"
    if not role.name:
        return "program"
    between = "on" if role.name == "server" else "to"
    return f"{proto} {role.name}" + (f" {between} {role.port}" if role.port else "")


def of_tree(tree: ast.Module) -> Role:
    known = _Known(tree)
    calls = [(called(each), each) for each in ast.walk(tree) if isinstance(each, ast.Call)]
    words = {name for name, _ in calls}
    strings = [
        each.value if isinstance(each.value, str) else each.value.decode("latin-1")
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, (str, bytes))
    ]
    kinds = {
        each.attr if isinstance(each, ast.Attribute) else each.id
        for each in ast.walk(tree)
        if isinstance(each, (ast.Attribute, ast.Name))
    }
    datagrams = bool(kinds & {"SOCK_DGRAM", "SOCKET_DGRAM"})
    replies = any(re.match(r"HTTP/1\.[01] ", each) for each in strings)
    asks = any(re.match(r"(GET|POST|HEAD) \S+ HTTP/1\.", each) for each in strings)
    for name, call in calls:
        if name in _SERVERS:
            host, port = known.address(call.args)
            if not port:
                host, port = known.address([each.value for each in call.keywords])
            proto = _SERVERS[name]
            web = proto == "http" or (replies and not datagrams)
            return Role("server", "tcp" if web else proto, port, host, web)
    bind = next((call for name, call in calls if name == "bind"), None)
    if bind is not None and "accept" in words:
        return Role("server", "tcp", *_turned(known.address(bind.args)), replies)
    for name, call in calls:
        if name in ("connect", "connect_ex") and isinstance(call.func, ast.Attribute):
            host, port = known.address(call.args)
            if not datagrams or "listen" in words:
                return _client(host, port, asks)
    if (
        bind is not None
        and datagrams
        and words & {"recvfrom", "recv", "recvfrom_into", "recv_into"}
    ):
        host, port = known.address(bind.args)
        if port or "sendto" not in words:
            return Role("server", "udp", port, host)
    if bind is not None and "listen" in words:
        return Role("server", "tcp", *_turned(known.address(bind.args)), replies)
    if datagrams:
        for name, call in calls:
            if name in ("sendto", "connect"):
                host, port = known.address(call.args[-1:])
                return Role("client", "udp", port, host)
    for name, call in calls:
        if name in _CLIENTS:
            host, port = known.address(call.args)
            return _client(host, port or _PORTS.get(name), _CLIENTS[name] == "http" or asks)
    if words & _FETCHES:
        found = next(filter(None, map(_URL.match, strings)), None)
        if found is not None:
            return _client(found[2], int(found[3] or (443 if found[1] == "https" else 80)), True)
    return Role()


def _turned(found: tuple[str, int | None]) -> tuple[int | None, str]:
    return found[1], found[0]


def _client(host: str, port: int | None, web: bool) -> Role:
    own = host in ("", "localhost", "::1") or host.startswith("127.")
    if (web or port in (80, 443)) and not own:
        return Role("fetch", "tcp", port, host, True)
    return Role("client", "tcp", port, host, web)


class _Known:
    """What the names of a program stand for, where that is written down."""

    def __init__(self, tree: ast.Module) -> None:
        self._values: dict[str, ast.expr] = {}
        for each in ast.walk(tree):
            for name, value in _bound(each):
                self._values.setdefault(name, value)

    def address(self, args: list[Any]) -> tuple[str, int | None]:
        """Find a host and a port among arguments: a tuple of both, or one after the other."""
        for each in args:
            found = self._pair(each)
            if found is not None:
                return found
        values = [self.value(each) for each in args]
        host = next((each for each in values if isinstance(each, str)), "")
        return host, next((each for each in values if _is_port(each)), None)

    def _pair(self, node: ast.expr) -> tuple[str, int | None] | None:
        value = self.value(node)
        if isinstance(value, tuple) and len(value) >= 2:
            host = value[0] if isinstance(value[0], str) else ""
            return host, value[1] if _is_port(value[1]) else None
        return None

    def value(self, node: ast.expr | None, steps: int = 8) -> Any:
        """Work out a value, or None; names are followed a few steps."""
        if node is None or steps == 0:
            return None
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, (ast.Tuple, ast.List)):
            return tuple(self.value(each, steps - 1) for each in node.elts)
        if isinstance(node, ast.Name):
            return self.value(self._values.get(node.id), steps - 1)
        if isinstance(node, ast.Attribute):
            return self.value(self._values.get(node.attr), steps - 1)
        if isinstance(node, ast.Call) and called(node) in ("int", "str") and node.args:
            inner = self.value(node.args[0], steps - 1)
            return int(inner) if isinstance(inner, str) and inner.isdigit() else inner
        if isinstance(node, ast.IfExp):
            return self.value(node.orelse, steps - 1) or self.value(node.body, steps - 1)
        if isinstance(node, ast.BoolOp):
            return self.value(node.values[-1], steps - 1)
        return None


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536


def _bound(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Give the names that a node binds, each with its value."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _pairs(node.target, node.value)
    elif isinstance(node, ast.keyword) and node.arg is not None:
        yield node.arg, node.value
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        named = [*node.args.posonlyargs, *node.args.args]
        if node.args.defaults:
            for each, value in zip(named[-len(node.args.defaults) :], node.args.defaults):
                yield each.arg, value
        for each, default in zip(node.args.kwonlyargs, node.args.kw_defaults):
            if default is not None:
                yield each.arg, default


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Attribute):
        yield target.attr, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts):
            yield from _pairs(one, other)
