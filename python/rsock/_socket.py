"""The half of the socket class that is Python in the standard library too."""

import io
import os

# Here, and not in the package's first file: a program may reload that one after install().
import socket as standard  # noqa: F401
import sys
from errno import EAGAIN, EWOULDBLOCK

from rsock._rsock import SOCK_STREAM, SharedSocket, dup, error, timeout

_MODES = frozenset("rwb")
_RAW_MODES = ("r", "w", "rw", "rb", "wb", "rwb")
_WOULD_BLOCK = frozenset((EAGAIN, EWOULDBLOCK))

# sendfile() refuses a size that does not fit a C ssize_t, on 32 bits as well.
_SENDFILE_MOST = 2**30
_SEND_CHUNK = 8192

if hasattr(io, "text_encoding"):
    _text_encoding = io.text_encoding
else:  # Python 3.9

    def _text_encoding(encoding):
        return encoding


class _GiveupOnSendfile(Exception):
    """This file cannot go out by os.sendfile(); sending it piece by piece may do."""


def _intenum_converter(value, enum_klass):
    """Return the member with this value, or the value itself where there is none."""
    try:
        return enum_klass(value)
    except ValueError:
        return value


class _ShownArguments:
    """What `inspect` shows of the class, and of subclasses that do not say how they are made."""

    def __get__(self, instance, owner):
        for cls in owner.__mro__:
            if cls is socket:
                # Text would do for 3.13 alone.
                import inspect

                of_method = inspect.signature(SharedSocket._init)
                return of_method.replace(parameters=list(of_method.parameters.values())[1:])
            if not vars(cls).keys().isdisjoint(("__init__", "__new__")):
                break
        raise AttributeError("__signature__")


class socket(SharedSocket):
    """socket(family=AF_INET, type=SOCK_STREAM, proto=0, fileno=None) -> socket object

    Open a socket of this family and type, or take over the open descriptor `fileno`, from which
    family, type and protocol are then read unless they are given.

    A socket is a context manager that closes it. It lives until it is closed and the last file
    object that makefile() made of it is closed as well.
    """

    # What is shown to people says "socket", as it does where the standard module is used.
    __module__ = "socket"
    __slots__ = ["__weakref__"]

    # A native __init__ is a slot, which cannot show its arguments.
    __init__ = SharedSocket._init

    if sys.version_info >= (3, 13):
        # inspect binds __init__ to the class, which a native method does not let it.
        __signature__ = _ShownArguments()

    # Native as well, behind properties for the sake of what these say when they are assigned to.
    family = property(SharedSocket.family.__get__, doc="The address family.")
    type = property(SharedSocket.type.__get__, doc="The type of the socket, without flags.")

    def __repr__(self):
        """Show the class, the descriptor, and both addresses as far as there are any."""
        cls = self.__class__
        closed = self._closed
        state = " [closed]" if closed else ""
        # str() of an enum's member is a name up to Python 3.10 and a number since; format()
        # would give the number in all of them.
        parts = [
            f"<{cls.__module__}.{cls.__qualname__}{state} fd={self.fileno()}",
            f"family={self.family!s}",
            f"type={self.type!s}",
            f"proto={self.proto}",
        ]
        if not closed:
            for label, ask in (("laddr", self.getsockname), ("raddr", self.getpeername)):
                try:
                    address = ask()
                except error:
                    continue
                if address:
                    parts.append(f"{label}={address!s}")
        return ", ".join(parts) + ">"

    def dup(self):
        """Make a second socket object of the same socket, on a descriptor of its own."""
        fd = dup(self.fileno())
        try:
            twin = self.__class__(self.family, self.type, self.proto, fileno=fd)
        except BaseException:
            os.close(fd)
            raise
        twin.settimeout(self.gettimeout())
        return twin

    def makefile(self, mode="r", buffering=None, *, encoding=None, errors=None, newline=None):
        """Make a file object that reads from the socket, writes to it, or both.

        The arguments are those of open() behind the file's name; `mode` is made of the letters
        r (the default), w and b. The socket stays open until such files are closed too.
        """
        if not _MODES.issuperset(mode):
            raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
        writing = "w" in mode
        reading = "r" in mode or not writing
        binary = "b" in mode
        if buffering is None or buffering < 0:
            buffering = io.DEFAULT_BUFFER_SIZE
        if buffering == 0 and not binary:
            raise ValueError("unbuffered streams must be binary")

        raw = SocketIO(self, ("r" if reading else "") + ("w" if writing else ""))
        self._incref_socketios()
        if buffering == 0:
            return raw
        if not writing:
            buffer = io.BufferedReader(raw, buffering)
        elif not reading:
            buffer = io.BufferedWriter(raw, buffering)
        else:
            buffer = io.BufferedRWPair(raw, raw, buffering)
        if binary:
            return buffer
        text = io.TextIOWrapper(buffer, _text_encoding(encoding), errors, newline)
        text.mode = mode
        return text

    def sendfile(self, file, offset=0, count=None):
        """Send a file, opened in binary mode, to its end or `count` bytes of it.

        Return how many bytes went out; the file's position is behind them afterwards, even when
        an error ended it. The kernel copies (os.sendfile()) where it can. Only blocking stream
        sockets, with or without a timeout, can do it.
        """
        try:
            return self._sendfile_use_sendfile(file, offset, count)
        except _GiveupOnSendfile:
            return self._sendfile_use_send(file, offset, count)

    if hasattr(os, "sendfile"):

        def _sendfile_use_sendfile(self, file, offset=0, count=None):
            self._check_sendfile_params(file, offset, count)
            target = self.fileno()
            try:
                source = file.fileno()
                size = os.fstat(source).st_size
            except (AttributeError, io.UnsupportedOperation, OSError) as reason:
                raise _GiveupOnSendfile(reason) from reason
            if not size:
                return 0
            patience = self.gettimeout()
            if patience == 0:
                raise ValueError("non-blocking sockets are not supported")
            if target < 0:
                raise ValueError(f"Invalid file descriptor: {target}")

            sent = 0
            writable = None
            sendfile = os.sendfile
            most = min(count or size, _SENDFILE_MOST)
            try:
                while not count or sent < count:
                    try:
                        part = min(count - sent, most) if count else most
                        step = sendfile(target, source, offset, part)
                    except BlockingIOError:
                        writable = writable or _writable(target)
                        if not writable.select(patience):
                            raise timeout("timed out") from None
                    except OSError as reason:
                        if not sent:
                            raise _GiveupOnSendfile(reason) from reason
                        raise
                    else:
                        if not step:
                            break
                        offset += step
                        sent += step
                return sent
            finally:
                if writable:
                    writable.close()
                if sent and hasattr(file, "seek"):
                    file.seek(offset)

    else:

        def _sendfile_use_sendfile(self, file, offset=0, count=None):
            raise _GiveupOnSendfile("os.sendfile() not available on this platform")

    def _sendfile_use_send(self, file, offset=0, count=None):
        self._check_sendfile_params(file, offset, count)
        if self.gettimeout() == 0:
            raise ValueError("non-blocking sockets are not supported")
        if offset:
            file.seek(offset)
        sent = 0
        read, send = file.read, self.send
        try:
            while not count or sent < count:
                part = min(count - sent, _SEND_CHUNK) if count else _SEND_CHUNK
                piece = memoryview(read(part))
                if not piece:
                    break
                while piece:
                    try:
                        step = send(piece)
                    except BlockingIOError:
                        continue
                    sent += step
                    piece = piece[step:]
            return sent
        finally:
            if sent and hasattr(file, "seek"):
                file.seek(offset + sent)

    def _check_sendfile_params(self, file, offset, count):
        if "b" not in getattr(file, "mode", "b"):
            raise ValueError("file should be opened in binary mode")
        if not self.type & SOCK_STREAM:
            raise ValueError("only SOCK_STREAM type sockets are supported")
        if count is None:
            return
        problem = f"count must be a positive integer (got {count!r})"
        if not isinstance(count, int):
            raise TypeError(problem)
        if count <= 0:
            raise ValueError(problem)


def _writable(fd):
    # Only a socket that is full comes here: most calls of sendfile() do without.
    import selectors

    selector = getattr(selectors, "PollSelector", selectors.SelectSelector)()
    selector.register(fd, selectors.EVENT_WRITE)
    return selector


class SocketIO(io.RawIOBase):
    """The unbuffered file that makefile() puts its buffers on.

    Closing it closes the socket only when that, too, has been closed, and when no other such
    file is open.
    """

    __module__ = "socket"

    _sock = None

    def __init__(self, sock, mode):
        if mode not in _RAW_MODES:
            raise ValueError(f"invalid mode: {mode!r}")
        super().__init__()
        self._sock = sock
        self._mode = mode if "b" in mode else mode + "b"
        self._reading = "r" in mode
        self._writing = "w" in mode
        self._timeout_occurred = False

    def readinto(self, b):
        """Read into this buffer; return the number of bytes, 0 at the end of the stream.

        A non-blocking socket that has nothing to read gives None. After a timeout the file
        cannot be read any more, since its buffers may have lost a part.
        """
        # This is all of the work above the native call: a closed file has no socket.
        sock = self._sock
        if sock is None or self._timeout_occurred or not self._reading:
            self._refuse_reading()
        try:
            return sock.recv_into(b)
        except timeout:
            self._timeout_occurred = True
            raise
        except error as failure:
            if failure.errno in _WOULD_BLOCK:
                return None
            raise

    def _refuse_reading(self):
        self._checkClosed()
        self._checkReadable()
        if self._timeout_occurred:
            raise OSError("cannot read from timed out object")

    def write(self, b):
        """Write these bytes, or a first part of them; return how many.

        A non-blocking socket that can take none gives None.
        """
        sock = self._sock
        if sock is None or not self._writing:
            self._checkClosed()
            self._checkWritable()
        try:
            return sock.send(b)
        except error as failure:
            if failure.errno in _WOULD_BLOCK:
                return None
            raise

    def readable(self):
        """Tell whether the file was made for reading."""
        self._check_open()
        return self._reading

    def writable(self):
        """Tell whether the file was made for writing."""
        self._check_open()
        return self._writing

    def seekable(self):
        """Tell that a socket has no position."""
        self._check_open()
        return super().seekable()

    def _check_open(self):
        if self.closed:
            raise ValueError("I/O operation on closed socket.")

    def fileno(self):
        """Return the socket's descriptor."""
        self._checkClosed()
        return self._sock.fileno()

    @property
    def name(self):
        """The socket's descriptor, or -1 once the file is closed."""
        return -1 if self.closed else self.fileno()

    @property
    def mode(self):
        """What the file was made for: rb, wb or rwb."""
        return self._mode

    def close(self):
        """Close the file, and with it the socket if this was all that kept it open."""
        if self.closed:
            return
        super().close()
        sock, self._sock = self._sock, None
        if sock is not None:
            sock._decref_socketios()
