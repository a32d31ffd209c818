"""Python's sockets on a Rust core: everything that `socket` has, under the same names.

Say ``import rsock as socket`` or ``from rsock import *`` where a program says the same of
``socket``, or call ``rsock.install()`` before other modules are imported, and they run on it too.

What is a class of enums, an exception or a marker is the standard module's own object, so that
values of one module are values of the other. The rest is rsock's: the calls live in the native
module, and the functions below are those that the standard library, too, writes in Python.
"""

import os as _os
import sys as _sys
from socket import (
    _GLOBAL_DEFAULT_TIMEOUT,
    AF_INET,
    AF_INET6,
    SOCK_STREAM,
)

from rsock import _rsock
from rsock._rsock import (
    CMSG_LEN,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SO_REUSEADDR,
    SOL_SOCKET,
    BadReplyError,  # noqa: F401
    Connection,  # noqa: F401
    FetchError,  # noqa: F401
    FetchTimeoutError,  # noqa: F401
    IncompleteReadError,  # noqa: F401
    IncompleteReplyError,  # noqa: F401
    LimitOverrunError,  # noqa: F401
    RedirectError,  # noqa: F401
    TcpClient,  # noqa: F401
    TlsError,  # noqa: F401
    TooLargeError,  # noqa: F401
    UdpClient,  # noqa: F401
    dup,
    error,
    getaddrinfo,
    gethostbyaddr,
    gethostname,
    has_ipv6,
)
from rsock._socket import SocketIO, _GiveupOnSendfile, _intenum_converter, socket  # noqa: F401
from rsock._socket import standard as _standard


def _take_names(names):
    """Fill the module with what the running Python's `socket` has: all of it, and no more.

    The standard module decides which names there are, since they depend on the version and on
    the headers that it was built with; the native module says what they mean. Only the members
    of enums stay the standard ones, where the native module has the bare number; and what this
    module has already, stays.
    """
    standard, native = vars(_standard), vars(_rsock)
    taken = {**standard, **{name: native[name] for name in _rsock._own}}
    taken.update(names)
    names.update(taken)


_take_names(globals())

__version__ = _rsock.__version__

# In the standard module this name leads to its native half; so it does here, though a file of
# ours bears it as well.
_socket = _rsock

__all__ = list(_standard.__all__)

_LOCALHOST = "127.0.0.1"
_LOCALHOST_V6 = "::1"

_HERE = ("", "0.0.0.0") if _sys.version_info < (3, 10) else ("", "0.0.0.0", "::")


def fromfd(fd, family, type, proto=0):
    """Make a socket object of a duplicate of this descriptor, which stays open by itself."""
    return socket(family, type, proto, dup(fd))


if hasattr(_rsock.socket, "sendmsg"):

    def send_fds(sock, buffers, fds, flags=0, address=None):
        """Send descriptors, beside some bytes, over an AF_UNIX socket; return the bytes sent.

        `flags` and `address` are accepted and left unused, as they are in the standard module.
        """
        from array import array

        rights = (SOL_SOCKET, _rsock.SCM_RIGHTS, array("i", fds))
        return sock.sendmsg(buffers, [rights])


if hasattr(_rsock.socket, "recvmsg"):

    def recv_fds(sock, bufsize, maxfds, flags=0):
        """Receive up to `bufsize` bytes and `maxfds` descriptors from an AF_UNIX socket.

        Return the bytes, the list of descriptors, the flags of the message and the address.
        A descriptor that arrived cut in the middle is left out. `flags` is accepted and left
        unused, as it is in the standard module.
        """
        from array import array

        fds = array("i")
        data, ancillary, flags, address = sock.recvmsg(bufsize, CMSG_LEN(maxfds * fds.itemsize))
        for level, kind, rights in ancillary:
            if level == SOL_SOCKET and kind == _rsock.SCM_RIGHTS:
                fds.frombytes(rights[: len(rights) // fds.itemsize * fds.itemsize])
        return data, list(fds), flags, address


def _fallback_socketpair(family=AF_INET, type=SOCK_STREAM, proto=0):
    """Make a connected pair over the loopback, for systems that have no socketpair()."""
    if family == AF_INET:
        host = _LOCALHOST
    elif family == AF_INET6:
        host = _LOCALHOST_V6
    else:
        raise ValueError("Only AF_INET and AF_INET6 socket address families are supported")
    if type != SOCK_STREAM:
        raise ValueError("Only SOCK_STREAM socket type is supported")
    if proto != 0:
        raise ValueError("Only protocol zero is supported")

    opened = []
    try:
        listener = socket(family, type, proto)
        opened.append(listener)
        listener.bind((host, 0))
        listener.listen()
        near = socket(family, type, proto)
        opened.append(near)
        # One thread plays both ends: the connection is under way before it is accepted.
        near.setblocking(False)
        try:
            near.connect(listener.getsockname()[:2])
        except (BlockingIOError, InterruptedError):
            pass
        near.setblocking(True)
        far, _ = listener.accept()
        opened.append(far)
        # Anyone on this machine could have been first to connect.
        if far.getsockname() != near.getpeername() or near.getsockname() != far.getpeername():
            raise ConnectionError("Unexpected peer connection")
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    listener.close()
    return far, near


if hasattr(_rsock, "socketpair"):

    def socketpair(family=None, type=SOCK_STREAM, proto=0):
        """Make two sockets that are connected to each other, of AF_UNIX unless told otherwise."""
        if family is None:
            family = _standard.AF_UNIX
        one, other = _rsock.socketpair(family, type, proto)
        return (
            socket(family, type, proto, one.detach()),
            socket(family, type, proto, other.detach()),
        )

else:
    socketpair = _fallback_socketpair


def getfqdn(name=""):
    """Find the full name, domain included, of a host, or of this one when no name is given.

    The first name with a dot that the resolver knows is taken, its own name for the host coming
    before the aliases; a name that it does not know comes back as it is.
    """
    name = name.strip()
    if name in _HERE:
        name = gethostname()
    try:
        official, aliases, _ = gethostbyaddr(name)
    except error:
        return name
    for candidate in (official, *aliases):
        if "." in candidate:
            return candidate
    return official


def _connect(address, timeout, source_address, all_errors):
    host, port = address
    failures = []
    try:
        for family, kind, proto, _, target in getaddrinfo(host, port, 0, SOCK_STREAM):
            sock = None
            try:
                sock = socket(family, kind, proto)
                if timeout is not _GLOBAL_DEFAULT_TIMEOUT:
                    sock.settimeout(timeout)
                if source_address:
                    sock.bind(source_address)
                sock.connect(target)
                return sock
            except BaseException as failure:
                if sock is not None:
                    sock.close()
                if not isinstance(failure, error):
                    raise
                if not all_errors:
                    failures.clear()
                failures.append(failure)
        if not failures:
            raise error("getaddrinfo returns an empty list")
        if all_errors:
            raise ExceptionGroup("create_connection failed", failures)  # noqa: F821
        raise failures[0]
    finally:
        # Each failure's traceback holds this frame, which holds the list.
        failures.clear()


if _sys.version_info >= (3, 11):

    def create_connection(
        address, timeout=_GLOBAL_DEFAULT_TIMEOUT, source_address=None, *, all_errors=False
    ):
        """Connect to a (host, port) over the first of its addresses that answers.

        Without a `timeout` the default one applies. `source_address`, a (host, port), is what
        the socket is bound to beforehand. If no address answers, the last one's error is raised;
        with `all_errors` an ExceptionGroup of them all.
        """
        return _connect(address, timeout, source_address, all_errors)

else:

    def create_connection(address, timeout=_GLOBAL_DEFAULT_TIMEOUT, source_address=None):
        """Connect to a (host, port) over the first of its addresses that answers.

        Without a `timeout` the default one applies. `source_address`, a (host, port), is what
        the socket is bound to beforehand. If no address answers, the last one's error is raised.
        """
        return _connect(address, timeout, source_address, False)


def has_dualstack_ipv6():
    """Tell whether one AF_INET6 socket can serve IPv4 clients as well."""
    if not has_ipv6:
        return False
    try:
        with socket(AF_INET6, SOCK_STREAM) as sock:
            sock.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0)
            # DragonFly BSD takes the call and leaves the option as it was.
            return sock.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY) == 0
    except error:
        return False


def create_server(address, *, family=AF_INET, backlog=None, reuse_port=False, dualstack_ipv6=False):
    """Make a stream socket that listens on this address.

    `backlog` is what listen() is given, `reuse_port` lets several servers share the port. With
    `dualstack_ipv6` an AF_INET6 server takes IPv4 clients too; without it, it never does.
    """
    if reuse_port and not hasattr(_rsock, "SO_REUSEPORT"):
        raise ValueError("SO_REUSEPORT not supported on this platform")
    if dualstack_ipv6:
        if not has_dualstack_ipv6():
            raise ValueError("dualstack_ipv6 not supported on this platform")
        if family != AF_INET6:
            raise ValueError("dualstack_ipv6 requires AF_INET6 family")

    sock = socket(family, SOCK_STREAM)
    try:
        if _os.name not in ("nt", "cygwin"):
            # Elsewhere the option lets a second server take over an address in use.
            try:
                sock.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            except error:
                pass  # bind() will tell, if it matters
        # Linux from 6.12.9 on refuses it for families that have no ports.
        if reuse_port and family in (AF_INET, AF_INET6):
            sock.setsockopt(SOL_SOCKET, _rsock.SO_REUSEPORT, 1)
        if has_ipv6 and family == AF_INET6:
            sock.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0 if dualstack_ipv6 else 1)
        try:
            sock.bind(address)
        except error as failure:
            text = f"{failure.strerror} (while attempting to bind on address {address!r})"
            raise error(failure.errno, text) from None
        if backlog is None:
            sock.listen()
        else:
            sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


# A native accept() makes its socket of the class that stands here at the time.
_rsock._bind(globals())


class _Later:
    # Stands for one of rsock's own classes until it is used, and loads its file only then. A
    # __getattr__ of the module would do so as well, and would make every other name of the module
    # slower: the interpreter does not specialise look-ups in a module that has one.
    __slots__ = ("_file", "_name")

    def __init__(self, file, name):
        self._file = file
        self._name = name

    def _class(self):
        file = __import__(f"{__name__}.{self._file}", None, None, ("",))
        names = globals()
        for name, home in _LATER.items():
            if home == self._file and type(names[name]) in (_Later, _LaterFunction):
                names[name] = getattr(file, name)
        return getattr(file, self._name)

    def __call__(self, *args, **kwargs):
        return self._class()(*args, **kwargs)

    def __mro_entries__(self, bases):
        return (self._class(),)

    def __instancecheck__(self, instance):
        return isinstance(instance, self._class())

    def __subclasscheck__(self, cls):
        return issubclass(cls, self._class())

    def __getattr__(self, name):
        return getattr(self._class(), name)

    def __or__(self, other):
        return self._class() | other

    def __ror__(self, other):
        return other | self._class()

    def __repr__(self):
        return repr(self._class())

    @property
    def __class__(self):
        return type

    @property
    def __doc__(self):
        return self._class().__doc__


class _LaterFunction(_Later):
    # The same for a function, which help() and signatures are told of.
    __slots__ = ()

    @property
    def __class__(self):
        return type(_LaterFunction._class)

    @property
    def __wrapped__(self):
        return self._class()

    def __get__(self, instance, owner=None):
        return self if instance is None else self._class().__get__(instance, owner)


# What is loaded later, and from which file.
_LATER = {
    "EchoServer": "_servers",
    "Headers": "_response",
    "HelloServer": "_servers",
    "HttpClient": "_fetch",
    "PageServer": "_pages",
    "Response": "_response",
    "TcpServer": "_servers",
    "UdpServer": "_servers",
    "explain": "_learn.hints",
    "fetch": "_fetch",
}
for _name, _file in _LATER.items():
    globals()[_name] = (_LaterFunction if _name.islower() else _Later)(_file, _name)
del _name, _file


def install():
    """Put rsock in the place of `socket` for every module that is imported from now on.

    Call it first of all: a module that is loaded already keeps the `socket` that it has. TLS
    keeps working, before and after. A second call changes nothing.
    """
    from rsock import _install

    _install.install()


def uninstall():
    """Put back the module that install() found in the place of `socket`.

    Modules that were imported in the meantime keep rsock, which goes on working for them. Where
    rsock does not stand in that place, nothing changes.
    """
    from rsock import _install

    _install.uninstall()


def load_ipython_extension(shell):
    """Have hints follow the tracebacks of a notebook: what `%load_ext rsock` does."""
    from rsock._learn import hooks

    hooks.load_ipython_extension(shell)


def unload_ipython_extension(shell):
    """Take the hints out of a notebook: what `%unload_ext rsock` does."""
    from rsock._learn import hooks

    hooks.unload_ipython_extension(shell)


class _Watch:
    """Have two modules loaded with care, and no others: see rsock._install.

    It stands in front of the other finders for good, since they can be loaded again, by reload()
    or once they were taken out of `sys.modules`.
    """

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        """Find the spec of a module that has to know of rsock."""
        if fullname not in _WATCHED:
            return None
        from rsock import _install

        return _install.find(cls, fullname, path, target)


_WATCHED = ("ssl", "multiprocessing.reduction")


_sys.meta_path[:] = [
    _Watch,
    *(finder for finder in _sys.meta_path if getattr(finder, "__module__", None) != __name__),
]

if "multiprocessing.reduction" in _sys.modules:
    from rsock import _install as _loaded

    _loaded.teach(_sys.modules["multiprocessing.reduction"])
