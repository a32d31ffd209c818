"""`--watch`: which call has been waiting for some seconds, on which socket, for whom, and why.

A thread looks at the frames of the other threads. A call counts as one that waits when the same
frame stands at the same place and the system has not let the thread run in between. What only
the result of a call would tell, a `send` that took a part, is seen by a method that stands in
the place of the native one while this is on.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import time

import rsock as socket
from rsock import _rsock
from rsock._learn import guesses, hints, hooks, scene
from rsock._learn.scene import called

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from rsock._learn.scene import Scene

    Told = dict[str, object]

#: The calls that wait: what they wait for.
_RECEIVING = ("recv", "recvfrom", "recv_into", "recvfrom_into", "recvmsg")
_SENDING = ("send", "sendall", "sendto", "sendmsg", "sendfile")
_CALLS = (*_RECEIVING, *_SENDING, "accept", "connect", "create_connection")

_MOST_TOLD = 50
_OUTWARDS = 6  # how many frames outwards of the innermost one a call is looked for
_METHOD = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) \S+ HTTP/1")


class Watch:
    """What is known of the calls that wait."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        #: The thread whose number for the system is that of the process.
        self.main = 0
        self._since: dict[int, tuple[object, float]] = {}
        self._seen: dict[int, object] = {}
        self._told: set[object] = set()

    def look(self, now: float, own: int) -> None:
        """Look at all threads once, and tell of those that have been waiting for long."""
        frames = sys._current_frames()
        natives = _native_ids()
        for ident, frame in frames.items():
            native = os.getpid() if ident == self.main else natives.get(ident)
            if ident == own or native is None:
                continue
            state = (id(frame), frame.f_lasti, _switches(native))
            before = self._since.get(ident)
            if before is None or before[0] != state:
                self._since[ident] = (state, now)
                continue
            if now - before[1] >= self.seconds and self._seen.get(ident) != state:
                self._seen[ident] = state
                self._tell(frame)
        for gone in self._since.keys() - frames.keys():
            del self._since[gone]
            self._seen.pop(gone, None)

    def _tell(self, frame: FrameType) -> None:
        if len(self._told) >= _MOST_TOLD:
            return
        try:
            found = _waiting(frame)
        except Exception:
            # The program goes on meanwhile: what is looked at may be gone.
            return
        if found is None:
            return
        place, call, sock = found
        # Once for a place and a socket: a server in its loop waits there all the time.
        key = (place.frame.f_code, place.line, sock.fileno())
        if key in self._told:
            return
        self._told.add(key)
        hooks.tell(lambda lang: describe(place, call, sock, self.seconds, lang))


def _native_ids() -> dict[int, int]:
    threading = sys.modules.get("threading")
    if threading is None:
        return {}
    return {
        thread.ident: thread.native_id
        for thread in list(threading._active.values())
        if thread.ident is not None and thread.native_id is not None
    }


def _switches(native: int) -> object:
    """Count how often the system has let a thread run; None where it does not tell."""
    try:
        with open(f"/proc/self/task/{native}/status", "rb") as file:
            status = file.read()
    except OSError:
        return None
    if b"\nState:\tR" in status:
        return object()  # it waits for a processor alone, where others have them all
    return tuple(re.findall(rb"ctxt_switches:\s*(\d+)", status))


def _waiting(frame: FrameType) -> tuple[Scene, str, Any] | None:
    """Find the call that a thread waits in: where it stands, its name and its socket."""
    for depth, place in enumerate(scene.at(frame)):
        if depth > _OUTWARDS:
            break
        for node in place.calls(*_CALLS):
            owner = place.owner(node)
            if isinstance(owner, _rsock.socket) and owner.fileno() >= 0:
                return _outermost(place), called(node), owner
    return None


def _outermost(place: Scene) -> Scene:
    """Find the line of the program itself that a call of the library was made for."""
    for outer in scene.at(place.frame):
        if not scene.is_foreign(outer.path):
            return outer
    return place


def describe(place: Scene, call: str, sock: Any, seconds: float, lang: str) -> str:
    """Write what is known about a call that waits."""
    zh = lang == "zh"
    datagram = sock.type & 0xF == socket.SOCK_DGRAM
    peer = _peer(sock) or (guesses.last_target(place, sock) if datagram else None)
    where = _shown(peer) if peer else ""
    own = _shown(_asked(sock.getsockname))
    if call == "accept":
        who = "任何客户端" if zh else "anybody"
    elif where:
        who = where
    else:
        who = "任何人" if zh else "anybody"
    file = os.path.basename(place.path)
    head = (
        f"{file} 第 {place.line} 行的 {call} 已经等了 {seconds:g} 秒，"
        f"在 {own or '没有地址的 socket'} 上等 {who}。"
        if zh
        else f"{call} on line {place.line} of {file} has been waiting for {seconds:g} s, on "
        f"{own or 'a socket without an address'}, for {who}. "
    )
    key, details = _why(place, call, sock, peer if datagram else None, datagram)
    return head + hints.say(key, lang, **details)


def _asked(ask: Any) -> Any:
    try:
        return ask()
    except OSError:
        return None


def _peer(sock: Any) -> Any:
    return _asked(sock.getpeername) or None


def _shown(address: Any) -> str:
    if isinstance(address, tuple) and len(address) >= 2:
        return f"{address[0]}:{address[1]}"
    return os.fsdecode(address) if address else ""


def _why(place: Scene, call: str, sock: Any, target: Any, datagram: bool) -> tuple[str, Told]:
    """Find out why it may be that a call waits: a row of the words, and what belongs in it."""
    if call == "accept":
        return "waits.accept", {"port": _port(_asked(sock.getsockname))}
    if call in ("connect", "create_connection"):
        return "waits.connect", {}
    if call in _SENDING:
        return "waits.send", {}
    if datagram:
        if target is None:
            return "waits.datagram", {"port": _port(_asked(sock.getsockname))}
        holder = _holder(target, True)
        if holder is None and _is_here(target[0]):
            return "waits.nobody", {"where": _shown(target)}
        return "waits.reply", {"where": _shown(target), "holder": holder}
    sent = _last_sent(place, sock)
    if sent is not None and _METHOD.match(sent):
        if b"\r\n\r\n" not in sent and b"\n\n" not in sent:
            return "waits.blank_line", {}
        if b"connection: close" not in sent.lower():
            return "waits.keep_alive", {}
    return "waits.stream", {}


def _port(address: Any) -> Any:
    return address[1] if isinstance(address, tuple) and len(address) >= 2 else None


def _is_here(host: str) -> bool:
    return host in ("localhost", "0.0.0.0", "") or host.startswith("127.")


def _holder(target: tuple[str, int], datagram: bool) -> tuple[int, str] | None:
    host = "127.0.0.1" if target[0] in ("localhost", "", "0.0.0.0") else target[0]
    try:
        return _rsock._port_holder(host, target[1], datagram)
    except ValueError:
        return None


def _last_sent(place: Scene, sock: Any) -> bytes | None:
    """Tell what the program sent last on a socket, in the lines above, where it says so plainly."""
    best: tuple[int, bytes] | None = None
    for node in ast.walk(place.tree):
        if not isinstance(node, ast.Call) or called(node) not in ("send", "sendall"):
            continue
        if node.lineno > place.line or not node.args or place.owner(node) is not sock:
            continue
        value = place.value(node.args[0])
        if isinstance(value, (bytes, bytearray)) and (best is None or node.lineno >= best[0]):
            best = node.lineno, bytes(value)
    return best[1] if best else None


def _count_sent() -> None:
    """Have `send` tell when it took a part only."""
    native = socket.socket.send
    told: set[int] = set()

    def send(self: Any, /, *arguments: Any) -> int:
        sent: int = native(self, *arguments)
        total = memoryview(arguments[0]).nbytes
        if sent < total and id(self) not in told and len(told) < _MOST_TOLD:
            told.add(id(self))
            hooks.tell(lambda lang: hints.say("short_send", lang, sent=sent, total=total))
        return sent

    send.__doc__ = native.__doc__
    socket.socket.send = send  # type: ignore[method-assign]


def begin(seconds: float) -> None:
    """Watch from now on, in a thread that does not keep the program from ending."""
    import _thread

    _count_sent()
    watch = Watch(seconds)
    interval = min(0.5, seconds / 4)

    def look() -> None:
        own = _thread.get_ident()
        while True:
            time.sleep(interval)
            try:
                watch.look(time.monotonic(), own)
            except Exception:
                continue  # a thread that ended meanwhile, say; the others go on

    def look_here() -> None:
        watch.main = _thread.get_ident()
        _thread.start_new_thread(look, ())

    look_here()
    os.register_at_fork(after_in_child=look_here)
