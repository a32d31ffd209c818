"""Files that appear under their names whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import stat
from types import TracebackType
from typing import IO, TYPE_CHECKING, BinaryIO, Callable, Union, cast

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath
    from typing_extensions import Self

#: What writing fails with where there is no room, or no way to get there.
NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO))
#: What the core writes a body to: a descriptor, or a function.
Sink = Union[int, Callable[[bytes], object]]


class Whole:
    """Write a file beside the one that is wanted, and put it in its place at the end.

    Whoever looks finds what was there before, or all of the new content; where the writing fails,
    and where Ctrl+C ends it, nothing is left behind. A new file has the mode that the umask gives,
    one that is replaced keeps its own. What is no regular file (a pipe, /dev/null) is written to
    as it is.
    """

    def __init__(self, path: StrOrBytesPath) -> None:
        # A link stays one, and what it leads to is replaced.
        self._target = os.path.realpath(os.fsdecode(path))
        self._beside: str | None = None
        self.fd = -1

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        try:
            mode = os.stat(self._target).st_mode
        except FileNotFoundError:
            mode = 0
        if mode and not stat.S_ISREG(mode):
            self.fd = os.open(self._target, os.O_WRONLY | os.O_CLOEXEC)
            return self
        folder = os.path.dirname(self._target)
        self._beside = os.path.join(folder, f".rsock-{os.urandom(8).hex()}.part")
        try:
            self.fd = os.open(self._beside, flags | os.O_EXCL, 0o666)
            if mode:
                os.fchmod(self.fd, stat.S_IMODE(mode))
        except BaseException as error:
            if isinstance(error, OSError) and error.filename == self._beside:
                error.filename = self._target  # the name that the caller knows
            self._discard()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            fd, self.fd = self.fd, -1
            os.close(fd)  # which may be the first to say that the disk is full
            if kind is None and self._beside is not None:
                os.replace(self._beside, self._target)
                self._beside = None
        finally:
            self._discard()

    def _discard(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
        beside, self._beside = self._beside, None
        if beside is not None:
            try:
                os.unlink(beside)
            except FileNotFoundError:
                pass

    def write(self, data: bytes) -> None:
        """Write all of it."""
        left = memoryview(data)
        while left:
            left = left[os.write(self.fd, left) :]


def sink_of(file: object) -> Sink:
    """Find how the core can write to a file object: to its descriptor, or by its `write`.

    The descriptor is taken only of files that are known to do nothing else with what is written.
    """
    if isinstance(file, io.TextIOBase):
        raise TypeError("to must be a path or a binary file: open it in a mode with 'b'")
    if isinstance(file, io.BufferedWriter) and type(file) is io.BufferedWriter:
        raw: object = file.raw
        file.flush()
    else:
        raw = file
    if isinstance(raw, io.FileIO) and type(raw) is io.FileIO:
        if not raw.writable():
            raise io.UnsupportedOperation("the file is not open for writing")
        return raw.fileno()
    write = getattr(file, "write", None)
    if not callable(write):
        raise TypeError(f"to must be a path or a binary file, not {type(file).__name__}")
    if isinstance(file, io.RawIOBase):
        return lambda data: write_all(file, data)
    return cast(Callable[[bytes], object], write)


def write_all(file: io.RawIOBase | BinaryIO | IO[bytes], data: bytes) -> None:
    """Write all of it: an unbuffered file may take less than it is given."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) or 0 :]
