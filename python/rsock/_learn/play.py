"""Play servers and clients: each scene has a server, which is stopped when its clients are done."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from rsock._learn import keeper, listening, offline
from rsock._learn.actor import Actor, Part, where
from rsock._learn.screen import Screen
from rsock._learn.stage import Ended, Stage

#: How long to wait for what is known not to come.
SILENT = 3.0
#: What is kept for writing out what was said, when somebody reads slowly or not at all.
_LAST_WORDS = 2.0


class Scene(NamedTuple):
    """A server and its clients; or clients alone, whose servers are elsewhere."""

    title: str
    server: Part | None
    clients: list[Part]
    #: The server never answers, as its text shows: its clients wait in vain.
    silent: bool = False


class Ways(NamedTuple):
    """How to play."""

    timeout: float
    #: Whether the timeout was asked for, and is not to be shortened.
    patient: bool
    grace: float
    together: bool
    #: Whether a client that waits for a silent server is what was expected.
    lenient: bool
    #: Whether to answer for all outside names.
    offline: bool
    chinese: bool


_TEXTS = {
    "early": (
        "{name} 还没有开始监听就结束了（退出码 {status}）。",
        "{name} ended with status {status} before it listened.",
    ),
    "never": (
        (
            "{name} 在 {limit:g} 秒内没有开始监听：服务器要先 bind，TCP 还要 listen。"
            "可以用 --timeout 多等一会儿。"
        ),
        (
            "{name} did not listen within {limit:g} s: a server has to bind, and to listen if it "
            "is for TCP. --timeout waits longer."
        ),
    ),
    "taken": (
        "端口已被占用：停掉占用它的程序，或加上 --port auto 换一个空闲端口。",
        "The port is taken: stop the program that has it, or let --port auto choose a free one.",
    ),
    "died": (
        "{name} 自己结束了，退出码 {status}。",
        "{name} ended by itself, with status {status}.",
    ),
    "failed": ("{name} 的退出码是 {status}。", "{name} ended with status {status}."),
    "killed": ("{name} 被信号 {status} 终止。", "{name} was ended by signal {status}."),
    "asked": (
        "{name} 要求输入，但没有可读的内容：用 --input 给它。",
        "{name} asks for input, and there is none: give it some with --input.",
    ),
    "timeout": (
        "{name} 在 {limit:g} 秒内没有结束，已被停止{line}。",
        "{name} did not end within {limit:g} s and was stopped{line}.",
    ),
    "line": ("（停在第 {line} 行）", " (it was in line {line})"),
    "silent": (
        (
            "提示：{server} 从不回复，{name} 的 recv 会一直等下去。UDP 不保证送达也不报错："
            "给 socket 设置 settimeout(秒)，并让服务器用 sendto 回复。"
        ),
        (
            "Hint: {server} never answers, so {name} would wait in recv for ever. UDP neither "
            "promises delivery nor reports loss: use settimeout, and have the server reply with "
            "sendto."
        ),
    ),
    "stubborn": (
        "{name} 不理会 Ctrl+C，已被强行终止。",
        "{name} did not heed Ctrl+C, and was killed.",
    ),
    "moved": (
        "端口 {port} 已换成 {other}。",
        "Port {port} was changed to {other}.",
    ),
    "end": ("结束：{list}", "end: {list}"),
    "stopped": ("已停止（Ctrl+C）", "stopped (Ctrl+C)"),
    "forced": ("被强行终止", "killed"),
    "status": ("退出码 {status}", "status {status}"),
    "over": ("超时", "timeout"),
}


class Play:
    """All scenes, one after the other."""

    def __init__(self, scenes: list[Scene], ways: Ways, lifeline: int) -> None:
        self._scenes = scenes
        self._ways = ways
        names = [
            part.name
            for scene in scenes
            for part in ([scene.server] if scene.server else []) + scene.clients
        ]
        self._screen = Screen(list(dict.fromkeys(names)))
        self._stage = Stage(self._screen, lifeline, ways.grace)
        self._ports: dict[int, int] = {}
        #: How each program of the scene ended, to be said at its end.
        self._ends: list[str] = []

    def run(self) -> int:
        """Play, and return the status: 0 where all went well."""
        status = 0
        hurried = False
        try:
            for scene in self._scenes:
                status = self._play(scene) or status
        except Ended as ended:
            status = ended.status
            hurried = True
        try:
            self._finish_writing(_LAST_WORDS if hurried else self._ways.timeout)
        except Ended as ended:
            status = status or ended.status
        return status

    def _finish_writing(self, limit: float) -> None:
        """Wait for a reader, as long as the front lives and nobody stops it."""
        writer = self._screen.writer
        self._stage.until(lambda: writer.idle, limit, 0.01)
        writer.finish(1.0 if writer.idle else 0.0)

    def _play(self, scene: Scene) -> int:
        if scene.title:
            self._screen.remark(scene.title)
        self._ports = {}
        self._ends = []
        server: Actor | None = None
        try:
            status = 0
            if scene.server is not None:
                server = self._stage.start(scene.server, {})
                status = self._await_server(server)
            if not status:
                status = self._clients(scene, server)
                if server is not None and server.status is None:
                    self._stage.settle(server)
            if server is not None:
                status = self._stop(server, status)
        except Ended:
            self._hurry(server)
            raise
        finally:
            self._stage.clear()
        if self._ends:
            between = "，" if self._ways.chinese else ", "
            self._screen.remark(self._text("end", list=between.join(self._ends)))
        return status

    def _hurry(self, server: Actor | None) -> None:
        """Stop what runs as Ctrl+C does, until the next signal."""
        try:
            for actor in self._stage.running():
                if actor is not server:
                    self._stage.stop(actor)
            if server is not None:
                self._stage.stop(server)
        except Ended:
            pass

    def _await_server(self, server: Actor) -> int:
        limit = self._ways.timeout
        rounds = 0

        def up() -> bool:
            nonlocal rounds
            rounds += 1
            # The whole session is looked through less often: that takes longer.
            pids = listening.session(server.pid) if rounds % 5 == 0 else [server.pid]
            if server.status is not None:
                return True
            # In this order: where a socket is seen, it is known that it was to be reported.
            return listening.waiting(pids) and self._stage.knows_ports(server)

        if self._stage.until(up, limit, 0.01) and server.status is None:
            for port, other in server.mapped.items():
                self._moved(port, other)
            return 0
        if server.status is None:
            self._problem("never", name=server.name, limit=limit)
            return 1
        self._stage.finish(server)
        self._problem("early", name=server.name, status=server.status)
        if b"Address already in use" in server.tail:
            self._problem("taken")
        return 1

    def _moved(self, port: int, other: int) -> None:
        self._ports[port] = other
        self._screen.remark(self._text("moved", port=port, other=other))

    def _clients(self, scene: Scene, server: Actor | None) -> int:
        status = 0
        groups = [scene.clients] if self._ways.together else [[part] for part in scene.clients]
        limit = self._ways.timeout
        if scene.silent and not self._ways.patient:
            limit = min(limit, SILENT)
        for group in groups:
            actors = [self._stage.start(part, self._ports) for part in group]
            end = time.monotonic() + limit
            for actor in actors:
                self._stage.until(
                    lambda actor=actor: actor.status is not None,  # type: ignore[misc]
                    max(0.0, end - time.monotonic()),
                )
                status = self._ended(actor, limit, scene, server) or status
        return status

    def _ended(self, actor: Actor, limit: float, scene: Scene, server: Actor | None) -> int:
        if actor.status is None:
            self._stage.stop(actor)
            line = where(actor.held)
            self._problem(
                "timeout",
                name=actor.name,
                limit=limit,
                line=self._text("line", line=line) if line else "",
            )
            self._ends.append(f"{actor.name} {self._text('over')}")
            if scene.silent and server is not None:
                self._problem("silent", name=actor.name, server=server.name)
                return 0 if self._ways.lenient else 1
            return 1
        self._stage.finish(actor)
        status = actor.status
        self._ends.append(f"{actor.name} {self._text('status', status=status)}")
        if not status:
            return 0
        if status < 0:
            self._problem("killed", name=actor.name, status=-status)
        else:
            self._problem("failed", name=actor.name, status=status)
        if b"EOFError: EOF when reading a line" in actor.tail:
            self._problem("asked", name=actor.name)
        return 1

    def _stop(self, server: Actor, status: int) -> int:
        if server.status is None:
            gentle = self._stage.stop(server)
            if not gentle:
                self._problem("stubborn", name=server.name)
            how = self._text("stopped" if gentle else "forced")
            self._ends.insert(0, f"{server.name} {how}")
            return status
        self._stage.finish(server)
        ended = server.status
        self._ends.insert(0, f"{server.name} {self._text('status', status=ended)}")
        if ended and not status:
            self._problem("died", name=server.name, status=ended)
        return status or (1 if ended else 0)

    def _text(self, key: str, **values: object) -> str:
        return _TEXTS[key][0 if self._ways.chinese else 1].format(**values)

    def _problem(self, key: str, **values: object) -> None:
        self._screen.problem(f"rsock play: {self._text(key, **values)}")


def play(scenes: list[Scene], ways: Ways) -> int:
    """Play these scenes and return the status; nothing that was started is left."""

    def work(lifeline: int) -> int:
        if ways.offline:
            # Here, for all: a server of pages in the script's own process would look as if the
            # script listened already.
            os.environ[offline.PAGES] = str(offline.serve())
        return Play(scenes, ways, lifeline).run()

    return keeper.guarded(work)
