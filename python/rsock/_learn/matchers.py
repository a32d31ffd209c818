"""Which exception is which row of the table of words."""

from __future__ import annotations

import ast
import errno
import os
import re
import sys

import rsock as socket
from rsock import _rsock
from rsock._learn import _names, guesses
from rsock._learn.scene import called

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from rsock._learn.scene import Scene

    Found = Optional[tuple[str, dict[str, Any]]]
    Matcher = Callable[[Any, Optional[Scene]], Found]

_SENDING = ("send", "sendall", "sendto", "sendmsg")
_RECEIVING = ("recv", "recvfrom", "recv_into", "recvfrom_into", "recvmsg")
_CONNECTING = ("connect", "connect_ex", "create_connection", "open_connection")
_BINDING = (
    "bind", "create_server", "start_server", "TCPServer", "UDPServer", "ThreadingTCPServer",
    "ThreadingUDPServer", "HTTPServer", "ThreadingHTTPServer", "make_server", "listen",
)  # fmt: skip
_NAMING = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "HTTPConnection")

# An address in the text of an error, as asyncio and create_server() have it.
_IN_TEXT = re.compile(r"\('([^']*)', (\d+)")


def _address(place: Scene | None, *names: str) -> tuple[str | None, int | None]:
    """Find the host and the port that a call on this line was given."""
    if place is None:
        return None, None
    for call in place.calls(*names):
        values = [place.value(part) for part in call.args]
        values += [place.value(word.value) for word in call.keywords]
        for value in values:
            if (
                type(value) is tuple
                and len(value) >= 2
                and isinstance(value[0], str)
                and isinstance(value[1], (int, str))
            ):
                port = value[1] if isinstance(value[1], int) else None
                return value[0], port
        if len(values) >= 2 and isinstance(values[0], str) and isinstance(values[1], int):
            return values[0], values[1]
        if called(call) in _NAMING and values and isinstance(values[0], str):
            return values[0], None
    return None, None


def _socket(place: Scene | None, *names: str) -> Any:
    """Find the socket whose method this line calls; None where there is none."""
    if place is not None:
        for call in place.calls(*names):
            owner = place.owner(call)
            if hasattr(type(owner), "getsockname") and hasattr(type(owner), "fileno"):
                return owner
    return None


def _where(host: str | None, port: int | None) -> str:
    host = host or "127.0.0.1"
    return host if port is None else f"{host}:{port}"


def _is_datagram(sock: Any) -> bool:
    return sock is not None and bool(sock.type & 0xF == socket.SOCK_DGRAM)


def _in_use(exc: OSError, place: Scene | None) -> Found:
    if exc.errno != errno.EADDRINUSE:
        return None
    host, port = _address(place, *_BINDING)
    if port is None:
        text = _IN_TEXT.search(str(exc))
        if text:
            host, port = text.group(1), int(text.group(2))
    if not port:
        return "in_use", {}
    sock = _socket(place, "bind")
    holder = None
    try:
        numbers = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)
        holder = _rsock._port_holder(str(numbers[0][4][0]), port, _is_datagram(sock))
    except (OSError, ValueError):
        pass
    if holder is None:
        return "in_use", {"port": port}
    pid, name = holder
    if pid == os.getpid():
        return "in_use.self", {"port": port}
    return "in_use.held", {"port": port, "pid": pid, "name": name}


def _refused(exc: OSError, place: Scene | None) -> Found:
    if exc.errno != errno.ECONNREFUSED:
        return None
    host, port = _address(place, *_CONNECTING)
    if port is None:
        text = _IN_TEXT.search(str(exc))
        if text:
            host, port = text.group(1), int(text.group(2))
    sock = _socket(place, *_RECEIVING, *_SENDING)
    if _is_datagram(sock):
        try:
            host, port = sock.getpeername()[:2]
        except OSError:
            pass
        return "refused.datagram", {"at": _where(host, port) if port else None}
    return "refused", {"at": _where(host, port) if port is not None else None}


def _gone(exc: OSError, place: Scene | None) -> Found:
    if (
        isinstance(exc, BrokenPipeError)
        and place is not None
        and any(place.calls("print", "write"))
    ):
        return None  # the reader of the output has gone, and no socket is at fault
    return "gone", {}


def _name(exc: OSError, place: Scene | None) -> Found:
    host, _ = _address(place, *_CONNECTING, *_BINDING, *_NAMING, *_SENDING)
    if exc.errno == socket.EAI_SERVICE:
        return None
    if host is None:
        return "unknown_host", {}
    variant, better = guesses.host(host)
    if variant:
        return f"unknown_host.{variant}", {"host": host, "better": better}
    if exc.errno == socket.EAI_AGAIN:
        return "unknown_host.network", {"host": host}
    return "unknown_host", {"host": host}


def _not_ready(exc: OSError, place: Scene | None) -> Found:
    return "not_ready", {}


def _not_connected(exc: OSError, place: Scene | None) -> Found:
    if exc.errno not in (errno.ENOTCONN, errno.EDESTADDRREQ):
        return None
    sock = _socket(place, *_SENDING, *_RECEIVING, "getpeername", "shutdown")
    if sock is not None and sock.fileno() >= 0:
        try:
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return "not_connected.listener", {}
        except (OSError, AttributeError):
            pass
    return "not_connected", {}


def _permission(exc: OSError, place: Scene | None) -> Found:
    if place is not None and any(place.calls(*_SENDING, "connect")):
        return "no_permission.broadcast", {}
    _, port = _address(place, *_BINDING)
    if port is None:
        text = _IN_TEXT.search(str(exc))
        port = int(text.group(2)) if text else None
    if port is not None and 0 < port < 1024:
        return "no_permission", {"port": port}
    return None


def _timed_out(exc: OSError, place: Scene | None) -> Found:
    if not (exc.errno == errno.ETIMEDOUT or "timed out" in str(exc)):
        return None
    sock = _socket(place, *_RECEIVING, *_SENDING, "accept", "connect")
    if _is_datagram(sock) and place is not None and any(place.calls(*_RECEIVING)):
        peer = guesses.last_target(place, sock)
        return "udp_silent", {"from": _where(*peer) if peer else None}
    seconds = None
    if sock is not None and sock.fileno() >= 0:
        seconds = sock.gettimeout()
    return "timed_out", {"seconds": seconds}


def _closed(exc: OSError, place: Scene | None) -> Found:
    if exc.errno != errno.EBADF:
        return None
    if (
        place is not None
        and _socket(
            place,
            *_SENDING,
            *_RECEIVING,
            *_CONNECTING,
            *_BINDING,
            "accept",
            "getsockname",
            "getpeername",
        )
        is None
        and place.source
    ):
        return None
    line = guesses.closing_line(place)
    return "closed", {"line": line, "closing": True}


def _no_address(exc: OSError, place: Scene | None) -> Found:
    if exc.errno != errno.EADDRNOTAVAIL:
        return None
    host, _ = _address(place, *_BINDING)
    if host is None:
        text = _IN_TEXT.search(str(exc))
        host = text.group(1) if text else None
    return "not_mine", {"bound": host}


_BYTES = re.compile(
    r"(a bytes-like object is required, not|object supporting the buffer API required"
    r"|can't concat (str|bytes) to (str|bytes)|\(not \"bytes\"\) to str|not \"str\"\) to bytes"
    r"|argument should be integer or bytes-like object"
    r"|first arg must be bytes or a tuple of bytes|expected a bytes-like object, str"
    r"|expected str instance, bytes|must be str, not bytes|must be bytes, not str"
    r"|string pattern on a bytes-like|bytes pattern on a string|string argument without an encod)"
)
_SHAPE = re.compile(
    r"(exactly one argument \(\d given\)|address must be tuple|must be a pair \(host, port"
    r"|AF_INET6 address must be|cannot be interpreted as an integer|an integer is required"
    r"|integer argument expected|str, bytes or bytearray expected|takes 2 or 3 arguments)"
)
_ADDRESSED = ("connect", "connect_ex", "bind", "sendto", "create_connection", "create_server")


def _type_error(exc: TypeError, place: Scene | None) -> Found:
    text = str(exc)
    # The place of an address comes first: its parts may be text where numbers belong.
    if _BYTES.search(text):
        return "text_for_bytes", {}
    if not _SHAPE.search(text):
        return None
    call = next((called(call) for call in place.calls(*_ADDRESSED)), "") if place else ""
    if not call:
        call = next((name for name in _ADDRESSED if f"{name}()" in text), "")
    if not call:
        return None
    if call == "sendto":
        return "address_shape.sendto", {}
    return "address_shape", {"call": call}


def _range(exc: OverflowError, place: Scene | None) -> Found:
    return ("address_shape.range", {}) if "port must be 0-65535" in str(exc) else None


def _attribute(exc: AttributeError, place: Scene | None) -> Found:
    text = str(exc)
    if re.match(
        r"'(str' object has no attribute 'decode|bytes' object has no attribute 'encode)'", text
    ):
        return "text_for_bytes", {}
    missing = re.search(r"module '(socket|rsock)' has no attribute '(\w+)'", text)
    if missing is None:
        return None
    found = sys.modules.get("socket")
    path = getattr(found, "__file__", None) or ""
    if found is not None and not hasattr(found, "AF_INET"):
        return "no_such_name.shadow", {"path": path}
    name = missing.group(2)
    better = guesses.near(name, [word for word in dir(socket) if not word.startswith("_")])
    if better:
        return "no_such_name.near", {"name": name, "better": better}
    return "no_such_name", {"name": name}


def _decode(exc: UnicodeDecodeError, place: Scene | None) -> Found:
    if exc.reason == "unexpected end of data":
        return "cut_character", {}
    if exc.encoding.replace("_", "-").lower() not in ("utf-8", "ascii", "gbk", "gb2312"):
        return None
    return "other_encoding", {"encoding": exc.encoding, "guess": guesses.encoding(exc)}


def _to_import(module: str, place: Scene | None) -> str:
    if place is not None:
        for node in ast.walk(place.tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and (node.value.id, node.value.lineno) == (module, place.line)
            ):
                return _names.to_import(module, node.attr)
    return module


def _undefined(exc: NameError, place: Scene | None) -> Found:
    missing = re.match(r"(?:global )?name '(\w+)' is not defined", str(exc))
    if missing is None:
        return None
    name = missing.group(1)
    if name in _names.PYTHON2_NAMES:
        return "python2", {}
    if name in _names.MODULES:
        return "undefined.module", {"name": _to_import(name, place)}
    if place is not None:
        for node in ast.walk(place.tree):
            if (
                isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
                and node.name == name
                and node in place.tree.body
            ):
                return "undefined.later", {"name": name, "line": node.lineno}
        for node in ast.walk(place.tree):
            if (
                isinstance(node, ast.ExceptHandler)
                and node.name is None
                and node.lineno <= place.line <= (node.end_lineno or node.lineno)
                and name in ("e", "err", "error", "ex", "exc", "msg")
            ):
                return "undefined.error", {"name": name}
    return "undefined", {"name": name}


def _syntax(exc: SyntaxError, place: Scene | None) -> Found:
    message, line = str(exc.msg), exc.text or ""
    if re.search(r"invalid (non-printable )?character", message) and re.search(
        "[\u3001\u3002\u2018-\u201d\uff00-\uff65\u3000]", message + line
    ):
        return "full_width", {}
    return ("python2", {}) if guesses.is_python2(message, line) else None


def _module(exc: ImportError, place: Scene | None) -> Found:
    return ("python2", {}) if exc.name in _names.PYTHON2_MODULES else None


def _message(exc: Exception, place: Scene | None) -> Found:
    """Find out whether a message could not be read since its borders were not kept."""
    kind = f"{type(exc).__module__}.{type(exc).__name__}"
    known = {
        "json.decoder.JSONDecodeError": "",
        "struct.error": "requires a buffer",
        "_pickle.UnpicklingError": "truncated",
        "builtins.EOFError": "Ran out of input",
    }
    if kind not in known or known[kind] not in str(exc):
        return None
    if place is None or not re.search(r"\brecv(_into|from)?\(", place.source):
        return None
    return "borders", {}


def _interrupt(exc: KeyboardInterrupt, place: Scene | None) -> Found:
    threading = sys.modules.get("threading")
    if threading is None:
        return None
    staying = [
        thread.name
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.daemon
    ]
    return ("threads_stay", {"names": ", ".join(staying[:5])}) if staying else None


#: What is asked for which class, in this order; the first answer counts.
TABLE: list[tuple[type[BaseException], Matcher]] = [
    (socket.gaierror, _name),
    (OSError, _in_use),
    (OSError, _refused),
    (BrokenPipeError, _gone),
    (ConnectionResetError, _gone),
    (ConnectionAbortedError, _gone),
    (OSError, _timed_out),
    (BlockingIOError, _not_ready),
    (OSError, _not_connected),
    (PermissionError, _permission),
    (OSError, _closed),
    (OSError, _no_address),
    (TypeError, _type_error),
    (OverflowError, _range),
    (AttributeError, _attribute),
    (UnicodeDecodeError, _decode),
    (NameError, _undefined),
    (SyntaxError, _syntax),
    (ImportError, _module),
    (Exception, _message),
    (KeyboardInterrupt, _interrupt),
]
