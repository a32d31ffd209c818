"""The modules of Python 2, made of those of Python 3 when they are imported."""

from __future__ import annotations

import importlib
import string as letters
import sys
from types import ModuleType
from typing import Any, Callable

from rsock._learn._python2_files import File
from rsock._learn._python2_strings import Strings


class Shim(ModuleType):
    """A module that is another one, some names aside; what is set, is set there."""

    def __init__(self, name: str, real: ModuleType | None, own: dict[str, Any]) -> None:
        super().__init__(name)
        self.__dict__["_real"] = real
        self.__dict__.update(own)
        public = [each for each in own if not each.startswith("_")]
        if real is not None:
            public += getattr(real, "__all__", None) or [
                each for each in dir(real) if not each.startswith("_")
            ]
        self.__dict__["__all__"] = list(dict.fromkeys(public))

    def __getattr__(self, name: str) -> Any:
        real = self.__dict__["_real"]
        if real is None or (name == "__path__" and not hasattr(real, name)):
            raise AttributeError(f"'module' object has no attribute '{name}'")
        try:
            return getattr(real, name)
        except AttributeError:
            if name.startswith("__"):
                raise
            raise AttributeError(f"'module' object has no attribute '{name}'") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__dict__["_real"] is not None and name not in self.__dict__:
            setattr(self.__dict__["_real"], name, value)
        else:
            self.__dict__[name] = value


#: Modules that have another name today, and need nothing else.
_MOVED = {
    "Queue": "queue",
    "copy_reg": "copyreg",
    "Cookie": "http.cookies",
    "cookielib": "http.cookiejar",
    "HTMLParser": "html.parser",
    "htmlentitydefs": "html.entities",
    "urlparse": "urllib.parse",
    "xmlrpclib": "xmlrpc.client",
    "robotparser": "urllib.robotparser",
    "Tkinter": "tkinter",
    "tkMessageBox": "tkinter.messagebox",
    "ScrolledText": "tkinter.scrolledtext",
    "repr": "reprlib",
    "UserDict": "collections",
    "exceptions": "builtins",
}

#: Functions of bytes that a program gives strings to.
_BYTELY = {
    "base64": "b64encode b64decode b32encode b32decode b16encode b16decode urlsafe_b64encode "
    "urlsafe_b64decode standard_b64encode standard_b64decode",
    "binascii": "hexlify unhexlify a2b_hex b2a_hex a2b_base64 b2a_base64 crc32 adler32 crc_hqx",
    "bz2": "compress decompress",
    "fcntl": "ioctl",
    "hmac": "compare_digest",
    "marshal": "dumps loads",
    "os": "read write urandom",
    "struct": "pack unpack unpack_from pack_into",
    "zlib": "compress decompress crc32 adler32",
}


class Modules:
    """What `import` gives a Python 2 program."""

    def __init__(self, strings: Strings, builtins: dict[str, Any]) -> None:
        self._strings = strings
        self._builtins = builtins
        self._made: dict[str, ModuleType] = {}

    def find(self, name: str, from_: bool) -> ModuleType | None:
        """Give the module that `import name` binds, or None where it is the one of Python 3."""
        if name in self._made:
            return self._made[name]
        if name == "os.path" and not from_:
            return self.find("os", from_)
        made = self._make(name)
        if made is not None:
            self._made[name] = made
        return made

    def _make(self, name: str) -> ModuleType | None:
        if name in _MOVED:
            return importlib.import_module(_MOVED[name])
        own = getattr(self, "_import_" + name, None)
        if own is not None:
            real, names = own()
        elif name in _BYTELY:
            real, names = importlib.import_module(name), {}
        else:
            return None
        for word in _BYTELY.get(name, "").split():
            if hasattr(real, word) and word not in names:
                names[word] = self._strings.bytely(getattr(real, word))
        return Shim(name, real, names)

    # One method a module: the module behind it, and the names that are its own.

    def _import_socket(self) -> tuple[ModuleType, dict[str, Any]]:
        from rsock._learn import _python2_socket

        real = importlib.import_module("socket")
        return real, _python2_socket.names(real, self._strings)

    def _import_SocketServer(self) -> tuple[ModuleType, dict[str, Any]]:
        from rsock._learn import _python2_servers

        real = importlib.import_module("socketserver")
        return real, _python2_servers.names(self.find("socket", False), self._strings)

    def _import_BaseHTTPServer(self) -> tuple[ModuleType, dict[str, Any]]:
        from rsock._learn import _python2_servers

        real = importlib.import_module("http.server")
        return real, _python2_servers.http_names(self._strings)

    _import_SimpleHTTPServer = _import_BaseHTTPServer
    _import_CGIHTTPServer = _import_BaseHTTPServer

    def _import_thread(self) -> tuple[ModuleType, dict[str, Any]]:
        real = importlib.import_module("_thread")
        return real, {"start_new": real.start_new_thread, "allocate": real.allocate_lock}

    def _import_struct(self) -> tuple[ModuleType, dict[str, Any]]:
        import struct

        strings = self._strings

        class Struct(struct.Struct):
            pack = strings.bytely(struct.Struct.pack)
            unpack = strings.bytely(struct.Struct.unpack)
            unpack_from = strings.bytely(struct.Struct.unpack_from)

        return struct, {"Struct": Struct}

    def _import_sys(self) -> tuple[ModuleType, dict[str, Any]]:
        return sys, {
            "maxint": sys.maxsize,
            "setdefaultencoding": lambda encoding: None,
            "getdefaultencoding": lambda: "ascii",
            "exc_clear": lambda: None,
        }

    def _import_os(self) -> tuple[ModuleType, dict[str, Any]]:
        import errno
        import os

        def popen(command: str, mode: str = "r", size: int = -1) -> Any:
            return os.popen(command, mode)

        return os, {"getcwdu": os.getcwd, "errno": errno, "popen": popen}

    def _import_string(self) -> tuple[ModuleType, dict[str, Any]]:
        def of(method: str) -> Callable[..., Any]:
            return lambda text, *args: getattr(text, method)(*args)

        plain = "lower upper swapcase capitalize split rsplit strip lstrip rstrip find rfind index"
        names = {
            word: of(word)
            for word in f"{plain} rindex count replace ljust rjust center zfill".split()
        }
        names["splitfields"] = names["split"]
        return letters, {
            **names,
            "letters": letters.ascii_letters,
            "lowercase": letters.ascii_lowercase,
            "uppercase": letters.ascii_uppercase,
            "join": lambda words, between=" ": between.join(words),
            "joinfields": lambda words, between=" ": between.join(words),
            "atoi": lambda text, base=10: int(text, base),
            "atol": lambda text, base=10: int(text, base),
            "atof": float,
            "maketrans": str.maketrans,
        }

    def _import_time(self) -> tuple[ModuleType, dict[str, Any]]:
        import time

        return time, {"clock": time.process_time}

    def _import_threading(self) -> tuple[ModuleType, dict[str, Any]]:
        import threading

        return threading, {
            "currentThread": threading.current_thread,
            "activeCount": threading.active_count,
            "_sleep": importlib.import_module("time").sleep,
        }

    def _import_itertools(self) -> tuple[ModuleType, dict[str, Any]]:
        import itertools

        return itertools, {
            "izip": zip,
            "imap": map,
            "ifilter": filter,
            "ifilterfalse": itertools.filterfalse,
            "izip_longest": itertools.zip_longest,
        }

    def _import_StringIO(self) -> tuple[ModuleType, dict[str, Any]]:
        import io

        class StringIO(io.StringIO):
            def __init__(self, text: str = "") -> None:
                super().__init__(text, newline="")

            @property
            def len(self) -> int:
                return len(self.getvalue())

        return io, {"StringIO": StringIO}

    _import_cStringIO = _import_StringIO

    def _import_cPickle(self) -> tuple[ModuleType, dict[str, Any]]:
        import pickle

        strings = self._strings

        def dumps(value: Any, protocol: int = 0) -> Any:
            return strings.up(pickle.dumps(value, protocol))

        def loads(text: Any) -> Any:
            return pickle.loads(strings.down(text), encoding=strings.coding, errors=strings.errors)

        def dump(value: Any, file: Any, protocol: int = 0) -> None:
            file.write(dumps(value, protocol))

        def load(file: Any) -> Any:
            return pickle.load(file._raw if isinstance(file, File) else file)

        return pickle, {"dumps": dumps, "loads": loads, "dump": dump, "load": load}

    _import_pickle = _import_cPickle

    def _import_commands(self) -> tuple[ModuleType, dict[str, Any]]:
        import subprocess

        return subprocess, {}

    def _import_subprocess(self) -> tuple[ModuleType, dict[str, Any]]:
        import subprocess

        strings = self._strings

        class Popen(subprocess.Popen):  # type: ignore[type-arg]
            def __init__(self, *args: Any, **named: Any) -> None:
                super().__init__(*args, **named)
                for name in ("stdin", "stdout", "stderr"):
                    stream: Any = getattr(self, name)
                    if stream is not None and not named.get("universal_newlines"):
                        setattr(self, name, File(stream, strings))

            def communicate(self, input: Any = None, timeout: Any = None) -> Any:
                for name in ("stdin", "stdout", "stderr"):
                    stream: Any = getattr(self, name)
                    setattr(self, name, stream._raw if isinstance(stream, File) else stream)
                return strings.up(super().communicate(strings.down(input), timeout))

        def call(*args: Any, **named: Any) -> int:
            return Popen(*args, **named).wait()

        def check_output(*args: Any, **named: Any) -> Any:
            return strings.up(subprocess.check_output(*args, **named))

        return subprocess, {"Popen": Popen, "call": call, "check_output": check_output}

    def _import_hashlib(self) -> tuple[ModuleType, dict[str, Any]]:
        import hashlib

        return hashlib, {
            word: self._hash(getattr(hashlib, word))
            for word in ("new", "md5", "sha1", "sha224", "sha256", "sha384", "sha512")
        }

    def _hash(self, make: Callable[..., Any]) -> Callable[..., Any]:
        strings = self._strings

        class Hash:
            def __init__(self, *args: Any) -> None:
                named = make.__name__ == "new"
                self._real = make(*args[:named], *map(strings.down, args[named:]))

            def update(self, text: Any) -> None:
                self._real.update(strings.down(text))

            def digest(self) -> Any:
                return strings.up(self._real.digest())

            def __getattr__(self, name: str) -> Any:
                return getattr(self._real, name)

        return Hash

    def _import_md5(self) -> tuple[ModuleType, dict[str, Any]]:
        import hashlib

        made = self._hash(hashlib.md5)
        return hashlib, {"new": made, "md5": made}

    def _import_ConfigParser(self) -> tuple[ModuleType, dict[str, Any]]:
        import configparser

        plain = configparser.RawConfigParser
        return configparser, {
            "SafeConfigParser": configparser.ConfigParser,
            "RawConfigParser": plain,
        }

    def _import_urllib(self) -> tuple[ModuleType, dict[str, Any]]:
        parse = importlib.import_module("urllib.parse")
        request = importlib.import_module("urllib.request")
        moved = "quote quote_plus unquote unquote_plus urlencode splitport splithost splittype"
        return request, {
            **{word: getattr(parse, word) for word in moved.split() if hasattr(parse, word)},
            "urlopen": self._opened(request.urlopen),
        }

    def _import_urllib2(self) -> tuple[ModuleType, dict[str, Any]]:
        request = importlib.import_module("urllib.request")
        error = importlib.import_module("urllib.error")
        strings = self._strings

        class Request(request.Request):  # type: ignore[misc, name-defined]
            def __init__(self, url: str, data: Any = None, *args: Any, **named: Any) -> None:
                super().__init__(url, strings.down(data), *args, **named)

        return request, {
            "Request": Request,
            "urlopen": self._opened(request.urlopen),
            "HTTPError": error.HTTPError,
            "URLError": error.URLError,
            "quote": importlib.import_module("urllib.parse").quote,
        }

    def _opened(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def urlopen(url: Any, data: Any = None, *args: Any, **named: Any) -> Any:
            return File(call(url, self._strings.down(data), *args, **named), self._strings)

        return urlopen

    def _import_httplib(self) -> tuple[ModuleType, dict[str, Any]]:
        client = importlib.import_module("http.client")
        strings = self._strings

        class HTTPConnection(client.HTTPConnection):  # type: ignore[misc, name-defined]
            def request(self, method: str, url: str, body: Any = None, headers: Any = None) -> None:
                super().request(method, url, strings.down(body), headers or {})

            def send(self, data: Any) -> None:
                super().send(strings.down(data))

            def getresponse(self, *_: Any) -> Any:
                return File(super().getresponse(), strings)

        return client, {"HTTPConnection": HTTPConnection}

    def _import___builtin__(self) -> tuple[ModuleType, dict[str, Any]]:
        return importlib.import_module("builtins"), self._builtins
