"""A program that a play has started: its process, its pipes, and what it said as it was stopped."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import NamedTuple

from rsock._learn.screen import Screen, Voice

_PLAYED = os.path.join(os.path.dirname(__file__), "played.py")
#: How much is kept of what a program says on stderr, to look for a reason in.
KEPT = 1 << 16


class Part(NamedTuple):
    """What is to be run, and how."""

    name: str
    #: What follows `rsock run`.
    words: list[str]
    #: The port to use in place of the script's own: "auto" for a free one, if that is taken.
    port: str | None = None
    #: What it reads; None if that is the input of the play.
    input: bytes | None = b""


class Actor:
    """A program that runs, or has run."""

    def __init__(self, part: Part, screen: Screen, ports: dict[int, int]) -> None:
        self.name = part.name
        self.stopping = False
        #: The end of what it said on stderr, and what it said there since it is being stopped.
        self.tail = b""
        self.held = b""
        orders = json.dumps({"words": part.words, "port": part.port, "ports": ports})
        report, reports = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, _PLAYED, orders, str(reports)],
                stdin=subprocess.DEVNULL if part.input == b"" else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=[reports],
                start_new_session=True,
            )
        except BaseException:
            os.close(report)
            raise
        finally:
            os.close(reports)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdin = self._process.stdin
        self.to_read = part.input or b""
        self.follows = part.input is None
        self.voices = {
            self._process.stdout.fileno(): Voice(screen, part.name, False),
            self._process.stderr.fileno(): Voice(screen, part.name, True),
        }
        self.error = self._process.stderr.fileno()
        self.report = report
        #: Which ports it was given in place of those that it asked for.
        self.mapped: dict[int, int] = {}
        #: How many of its sockets are being bound, of those whose port it has yet to tell.
        self.binding = 0
        self._half = b""
        self.pid = self._process.pid

    @property
    def status(self) -> int | None:
        """Return how it ended, as subprocess has it; None while it runs."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send a signal to it and to all of its group, as a terminal does."""
        if self.status is None:
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                pass  # it is about to end

    def close(self) -> None:
        """Let go of its pipes."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    pass
        os.close(self.report)

    def heed(self, report: bytes) -> None:
        """Take what it reports of its ports: an empty line before, and a pair behind each bind."""
        *lines, self._half = (self._half + report).split(b"\n")
        for line in lines:
            if not line:
                self.binding += 1
                continue
            self.binding -= 1
            port, other = map(int, line.split())
            if port != other:
                self.mapped[port] = other


#: A traceback that ends in Ctrl+C, with the line that Python may put in front of it.
_INTERRUPT = re.compile(
    rb"(?:^(?:Exception ignored |Process |Exception in ).*\n)?"
    rb"^Traceback \(most recent call last\):\n"
    rb"(?:^[ \t].*\n|^\n)*"
    rb"^KeyboardInterrupt\b.*(?:\n|\Z)"
    rb"(?!\n(?:During handling|The above exception))",
    re.MULTILINE,
)
#: What is said to people who have pressed it, which nobody has.
_ADVICE = re.compile(
    rb"^(?:Hint: |\xe6\x8f\x90\xe7\xa4\xba\xef\xbc\x9a).*Ctrl\+C.*\n?", re.MULTILINE
)
_FRAME = re.compile(rb'^  File "([^"]+)", line (\d+)', re.MULTILINE)


def without_interrupts(said: bytes) -> bytes:
    """Return what a program said as it was stopped, without what that alone is the reason of."""
    return _ADVICE.sub(b"", _INTERRUPT.sub(b"", said))


def where(said: bytes) -> int | None:
    """Return the line of its script in which a program was when it was stopped."""
    frames = _FRAME.findall(said)
    lines = [int(line) for name, line in frames if name == frames[0][0]]
    return lines[-1] if lines else None
