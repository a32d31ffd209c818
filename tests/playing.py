"""Plays for tests: scripts in a folder, and a look at what is left of them."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import support

#: What the scripts of these tests share, in a file beside them: the server says where it is.
MEET = """
    import os, socket, sys, time

    def listening(kind=socket.SOCK_STREAM):
        sock = socket.socket(type=kind)
        sock.bind(("127.0.0.1", 0))
        with open("address.new", "w") as file:
            file.write(str(sock.getsockname()[1]))
        os.rename("address.new", "address")
        if kind == socket.SOCK_STREAM:
            sock.listen()
        return sock

    def address():
        return "127.0.0.1", int(open("address").read())

    def connected():
        return socket.create_connection(address())
"""
ECHO = """
    from meet import *
    sock = listening()
    print("listening")
    while True:
        peer, _ = sock.accept()
        print("somebody came")
        while data := peer.recv(100):
            peer.sendall(data.upper())
        peer.close()
        print("somebody went")
"""
CLIENT = """
    from meet import *
    sock = connected()
    sock.sendall(b"hello")
    print(sock.recv(100).decode())
"""


class Folder:
    """A folder with scripts, and plays of them that leave nothing behind."""

    def __init__(self, path):
        self.path = path
        self.mark = uuid.uuid4().hex
        self.write("meet", MEET)

    def write(self, name, text):
        (self.path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return f"{name}.py"

    def start(self, *words, prefix=(), by=("-m", "rsock"), **options):
        command = [*prefix, sys.executable, *by, "play", *words]
        environment = {**os.environ, "RSOCK_TEST": self.mark, "RSOCK_LANG": "en"}
        settings = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            **options,
        }
        return subprocess.Popen(command, cwd=self.path, env=environment, **settings)

    def play(self, *words, given=None, limit=20, prefix=()):
        """Play, and return the status, what was said, and what went wrong."""
        stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
        with self.start(*words, stdin=stdin, prefix=prefix) as process:
            out, err = process.communicate(given, limit)
        assert self.left() == []
        return process.returncode, out.decode(), err.decode()

    def left(self):
        """Return the processes that this folder's plays have started and that still run."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if self.mark.encode() in file.read():
                        found.append(int(pid))
        return found

    def nothing_left(self):
        support.until(lambda: self.left() == [])


@contextlib.contextmanager
def folder(path):
    """Give a folder, and see to it that nothing is left of what was played in it."""
    found = Folder(path)
    yield found
    left = found.left()
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert left == []


def said(text, name):
    """Return the lines that stand under a name."""
    found = (re.fullmatch(rf"{re.escape(name)} *\| (.*)", line) for line in text.split("\n"))
    return [match[1] for match in found if match]


def proc(pid, name):
    return Path(f"/proc/{pid}/{name}").read_text()


def read_until(process, wanted):
    """Read what a play says until it has said this."""
    text = b""
    while wanted not in text:
        part = os.read(process.stdout.fileno(), 65536)
        assert part, f"{text!r} has no {wanted!r}"
        text += part
    return text
