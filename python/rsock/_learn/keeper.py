"""Two processes in place of one, so that whatever was started ends, whichever of them is killed.

The front is the process that a shell knows. It starts the back, which does the work in a session
of its own, and then does nothing but hand signals on to it, through a pipe: the lifeline. Who kills
the front closes the lifeline, and the back ends all that it has started. Who kills the back makes
orphans of what it has started, and these are given to the front, which asked for them.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from types import FrameType
from typing import Callable

#: What a signal is called on the lifeline, and the status that a shell expects after it.
SIGNALS = {signal.SIGINT: b"I", signal.SIGTERM: b"T", signal.SIGHUP: b"H"}
#: How many of them the front hands on before it takes things into its own hands.
_PATIENCE = 3
_PR_SET_CHILD_SUBREAPER = 36  # of prctl(2)


def guarded(work: Callable[[int], int]) -> int:
    """Call `work(lifeline)` in the back, and return the status that it returns.

    The lifeline can be read when the front has been given a signal, and is at its end when the
    front is no more.
    """
    _adopt(True)
    others = set(children())
    lifeline, handle = os.pipe()
    os.set_blocking(handle, False)
    sys.stdout.flush()
    sys.stderr.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    back = os.fork()
    if not back:
        os.close(handle)
        _behind(work, lifeline, before)
    os.close(lifeline)
    heard: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        heard.append(number)
        try:
            if len(heard) > _PATIENCE:
                os.kill(back, signal.SIGKILL)
            os.write(handle, SIGNALS[signal.Signals(number)])
        except OSError:
            pass  # it has ended, or has heard enough

    # Who was told to ignore one of them, as by nohup, does.
    kept = {
        number: signal.signal(number, hand_on)
        for number in SIGNALS
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN
    }
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        _, status = os.waitpid(back, 0)
        sweep(others)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        os.close(handle)
        _adopt(False)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def _behind(work: Callable[[int], int], lifeline: int, mask: set[signal.Signals | int]) -> None:
    """Be the back, and end with it: whatever called `guarded` goes on in the front only."""
    status = 1
    try:
        os.setsid()
        _adopt(True)  # who asks for that asks for himself only
        for number in SIGNALS:
            # A function, and not SIG_IGN, which programs that are started would inherit.
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = work(lifeline)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sweep()
        finally:
            os._exit(status)


def _adopt(wanted: bool) -> None:
    """Ask for the orphans among what this process has started, as far as the system can do that."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def children() -> list[int]:
    """Return the processes whose parent is this one."""
    mine = str(os.getpid())
    return [pid for pid, fields in processes() if fields[1] == mine]


def processes() -> list[tuple[int, list[str]]]:
    """Return each process and what proc(5) says of it, from its state on."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    found.append((int(name), file.read().rpartition(")")[2].split()))
            except OSError:
                continue  # it has ended meanwhile
    return found


def sweep(spared: set[int] = frozenset(), limit: float = 5.0) -> None:  # type: ignore[assignment]
    """Kill all that this process has started or been given, and what these have started."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        left = [pid for pid in children() if pid not in spared]
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError, PermissionError):
                continue
        time.sleep(0.002)
