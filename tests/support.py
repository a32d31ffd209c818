"""Help that many tests share; nothing in here knows which module is under test."""

import contextlib
import os
import platform
import pty
import shutil
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

#: How long a test waits for something that should happen at once.
PATIENCE = 10.0

#: What lies beside the project: a corpus of HTTP, the notes of a tutorial.
SHARED = Path(os.environ.get("RSOCK_SHARED") or Path(__file__).resolve().parents[2] / "shared")

#: What a command needs before it to run in a network of its own, where it may do what it likes.
ALONE = ("unshare", "--user", "--map-root-user", "--net")

_FUTEX = {"x86_64": "202", "aarch64": "98", "riscv64": "98"}.get(platform.machine(), "")


def until(condition, limit=PATIENCE):
    """Wait until `condition()` is true: look again and again, and leave the processor in between.

    It is slept for, since before Python 3.12 `os.sched_yield()` keeps the interpreter's lock.
    """
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"waited {limit} s in vain for {condition}"
        time.sleep(0.001)


def waits_in_kernel(thread):
    """Tell whether `thread` hangs in a system call other than waiting for a lock."""
    with open(f"/proc/self/task/{thread.native_id}/syscall") as file:
        number = file.read().split()[0]
    return number not in ("running", "-1", _FUTEX)


def wait_until_blocked(thread):
    """Wait until `thread` hangs in a system call of its own."""
    until(lambda: thread.native_id is not None and waits_in_kernel(thread))


def within(limit, measure):
    """Hold the seconds that `measure()` returns against a limit that is meant as it stands.

    A machine may pause for longer than a narrow limit leaves, though hardly thrice in a row: what
    is too late is measured again, twice at most.
    """
    seconds = [measure()]
    while seconds[-1] > limit and len(seconds) < 3:
        seconds.append(measure())
    assert seconds[-1] <= limit, f"three times more than {limit} s: {seconds}"


def at_rest(pid):
    """Tell whether the main thread of a process waits: all that came to it is dealt with.

    That is so, too, when it has ended.
    """
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] in "SZ"


def open_descriptors():
    """Return the set of open descriptor numbers, without the one that is used to look."""
    numbers = {int(name) for name in os.listdir("/proc/self/fd")}
    return {number for number in numbers if os.path.exists(f"/proc/self/fd/{number}")}


def resident():
    """Return how many bytes of memory this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def threads():
    """Return the set of threads that Python started.

    A thread of the core gets an entry of its own when it asks for its name, as a logger does, and
    Python keeps that entry beyond the end of the thread.
    """
    return {thread for thread in threading.enumerate() if not thread.name.startswith("Dummy-")}


class Worker(threading.Thread):
    """A thread whose result, or whose exception, is handed over by `result()`."""

    def __init__(self, call, *args):
        super().__init__(daemon=True)
        self._call = call
        self._args = args
        self._value = None
        self._error = None
        self.start()

    def run(self):
        try:
            self._value = self._call(*self._args)
        except BaseException as error:
            self._error = error
        finally:
            del self._call, self._args

    def result(self):
        """Return what the call returned or raise what it raised."""
        self.join(PATIENCE)
        assert not self.is_alive(), "the thread did not end"
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return self._value


def reset(sock):
    """Close a connection so that the other side is told that it was cut off."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def shout(reader, writer):
    """Answer a line of an asyncio stream in capitals, and end."""
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()


def python(source, *, module=None, options=(), prefix=(), cwd=None):
    """Run `source` in a fresh interpreter and return what it printed.

    With `module`, the name `socket` is bound to it beforehand. The run must end well and print
    nothing to stderr; warnings are errors there too.
    """
    if module is not None:
        source = f"import {module} as socket\n{textwrap.dedent(source)}"
    command = [*prefix, sys.executable, "-W", "error", *options, "-c", textwrap.dedent(source)]
    path = os.pathsep.join(filter(None, [os.path.dirname(__file__), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=20,
        cwd=cwd,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{done.returncode}: {done.stderr}"
    return done.stdout


def rsock(*words, cwd, **environment):
    """Run the command `rsock`; give its status, its output and what it said on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "rsock", *words],
        cwd=cwd,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "RSOCK_LANG": "en", **environment},
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def on_a_terminal(command, *streams, **settings):
    """Run a command with a terminal for these streams; give its status and what is seen there."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", 0) as terminal:
        with open(theirs, "rb", 0) as other:
            process = subprocess.Popen(command, **dict.fromkeys(streams, other), **settings)
        with process:
            seen = b""
            with contextlib.suppress(OSError):  # how Linux says that the other end is closed
                while piece := terminal.read(65536):
                    seen += piece
    return process.returncode, seen.decode()


def may_be_alone():
    """Tell whether a network may be made here, in which every port is free."""
    if shutil.which(ALONE[0]) is None:
        return False
    return not subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode


def has_ipv6():
    """Tell whether this machine speaks IPv6 with itself."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True
