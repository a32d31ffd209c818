"""Whether a program waits for clients, and what it does otherwise, told by the system.

Nothing is sent and no connection is made: a server must not see anybody but its clients.
"""

from __future__ import annotations

import os

from rsock._learn.keeper import processes

_LISTENING = "0A"
_ACCEPTS = 0x10000  # a flag of unix(7) sockets
_DATAGRAMS = "0002"
#: The system calls that sleep, by machine: nanosleep, clock_nanosleep.
_SLEEPS = {"x86_64": ("35", "230"), "aarch64": ("101", "115")}.get(os.uname().machine, ())
#: Those that sleep if they wait for no descriptor, as Python does before 3.11: select, pselect6.
_SELECTS = {"x86_64": ("23", "270"), "aarch64": ("72",)}.get(os.uname().machine, ())


def session(leader: int) -> list[int]:
    """Return the processes of a session, its leader first."""
    wanted = str(leader)
    return sorted(
        (pid for pid, fields in processes() if fields[3] == wanted), key=lambda pid: pid != leader
    )


def waiting(pids: list[int]) -> bool:
    """Tell whether one of these processes waits for clients."""
    return any(_waits(pid) for pid in pids)


def _inodes(pid: int) -> set[str]:
    found = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{name}")
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except OSError:
        pass  # it has ended, or has become somebody else's
    return found


def _waits(pid: int) -> bool:
    mine = _inodes(pid)
    if not mine:
        return False
    # Read in the process's own place: it may live in another network than this one.
    for name in ("tcp", "tcp6"):
        if any(row[9] in mine and row[3] == _LISTENING for row in _rows(pid, name)):
            return True
    for row in _rows(pid, "unix"):
        # Accepts connections, or takes datagrams under a name.
        if row[6] in mine and (
            int(row[3], 16) & _ACCEPTS or (row[4] == _DATAGRAMS and len(row) > 7)
        ):
            return True
    for name in ("udp", "udp6", "raw", "raw6"):
        for row in _rows(pid, name):
            # One that is connected has somebody whom it asks: that is a client.
            if row[9] in mine and not row[2].strip("0:"):
                return True
    return False


def _rows(pid: int, name: str) -> list[list[str]]:
    try:
        with open(f"/proc/{pid}/net/{name}", encoding="utf-8", errors="replace") as file:
            return [line.split() for line in file.readlines()[1:]]
    except OSError:
        return []


def busy(pid: int) -> tuple[bool, int]:
    """Tell whether a thread of a process runs or sleeps for a time, and what it has computed.

    A thread that waits for somebody else does neither; one that waits for a disk does run.
    """
    try:
        active = any(
            _active(f"/proc/{pid}/task/{each}") for each in os.listdir(f"/proc/{pid}/task")
        )
        fields = _state(f"/proc/{pid}")
    except (OSError, IndexError, ValueError):
        return False, 0  # it has ended
    return active, int(fields[11]) + int(fields[12])


def _active(task: str) -> bool:
    if _state(task)[0] in ("R", "D"):
        return True
    try:
        with open(f"{task}/syscall", encoding="ascii") as file:
            call, *arguments = file.read().split()
    except PermissionError:
        return False
    # In no call at all: it waits for memory.
    return call in ("running", "-1", *_SLEEPS) or (call in _SELECTS and arguments[0] == "0x0")


def _state(path: str) -> list[str]:
    with open(f"{path}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()
