"""The command `fetch`, with the options and the exit statuses of curl."""

from __future__ import annotations

import argparse
import errno
import os
import re
import signal
import sys
import tempfile
from contextlib import ExitStack
from socket import gaierror
from typing import IO, BinaryIO, NamedTuple, NoReturn

import rsock
from rsock._progress import Bar, label
from rsock._save import NO_ROOM, Whole, write_all

_STATUSES = """\
exit status, as curl has it:
   0  all went well                       35  TLS could not begin
   1  neither http nor https              47  too many redirects, or to nowhere
   2  the command is wrong                52  the server closed without a word
   3  the URL, or a header, is wrong      55  the request could not be sent
   6  the name of the host is not known   56  the reply could not be received
   7  no connection could be made         60  the certificate is not to be trusted
   8  the reply is no HTTP                63  something is larger than allowed
  18  the body came in part only          77  --cacert names no certificates
  22  a status of 400 or more, with -f   130  Ctrl+C
  23  the output could not be written
  26  a file of -d could not be read
  28  it took too long
"""

_NO_CONNECTION = frozenset(
    (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES)
)
#: What is said of a file of certificates that is missing or holds none.
_NO_TRUST = re.compile("certificates? in .* (?:cannot be read|should hold)")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say which options there are."""
    parser.epilog = _STATUSES
    add = parser.add_argument
    add("url", metavar="URL", help="what to fetch; http:// where no scheme is given")
    add("-o", "--output", metavar="FILE", help="save to a file, which appears when it is whole")
    add(
        "-O",
        "--remote-name",
        action="store_true",
        help="save to a file in this folder, under the last part of the URL's path",
    )
    add("-i", "--include", action="store_true", help="print the head too, in front of the body")
    add("-I", "--head", action="store_true", help="ask for the head only, and print it")
    add("-X", "--request", metavar="METHOD", help="the method (GET; POST with -d; HEAD with -I)")
    add(
        "-H",
        "--header",
        metavar="'NAME: VALUE'",
        action="append",
        default=[],
        help="send this header; it takes the place of one that is sent anyway; 'NAME:' leaves "
        "it out, and 'NAME;' sends it empty",
    )
    add(
        "-d",
        "--data",
        action="append",
        default=[],
        help="send this as a form does; several are joined by &, @FILE is what a file holds",
    )
    add("-u", "--user", metavar="NAME:PASSWORD", help="log in by Basic authentication")
    add(
        "-L",
        "--location",
        action="store_true",
        help="follow redirects, which is done anyway; accepted for the sake of habit",
    )
    add(
        "--max-redirs",
        metavar="N",
        type=int,
        default=20,
        help="follow that many redirects (20); 0 gives the redirect itself",
    )
    add("-f", "--fail", action="store_true", help="print no body, and fail, from status 400 on")
    add(
        "--connect-to",
        metavar="HOST:PORT:HOST2:PORT2",
        action="append",
        default=[],
        help="connect to the second where the URL says the first; may be given several times",
    )
    add("-x", "--proxy", metavar="URL", help="go through this proxy; '' for none")
    add(
        "-m",
        "--timeout",
        "--max-time",
        metavar="SECONDS",
        type=float,
        help="how long all of it may take (without it, as long as something comes each minute)",
    )
    add(
        "--max-body",
        metavar="BYTES",
        type=int,
        help="how long the body may be (any length, since it is not kept in memory)",
    )
    add("--cacert", metavar="FILE", help="trust these certificates instead of the system's")
    add("-k", "--insecure", action="store_true", help="trust any certificate")
    add("-s", "--silent", action="store_true", help="show no bar and no errors")
    add("-v", "--verbose", action="store_true", help="show the requests and the heads, on stderr")
    add(
        "--compressed",
        action="store_true",
        help="ask for compressed pages, which is done anyway; accepted for the sake of habit",
    )
    add("--raw", action="store_true", help="leave a compressed body as it comes")


class _Failed(Exception):
    """A reason to end, with the status for it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)  # as a shell reports it


def run(options: argparse.Namespace) -> int:
    """Fetch, print or save, and return the exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Whoever ends it so wants no rest of a download to stay, either.
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _leave)
    try:
        _fetch(options)
    except BrokenPipeError as error:
        # An error of the output comes with what was to be written, or is Python's own.
        if getattr(error, "response", error) is not None:
            raise
        failed = _Failed(55, _sentence(error))
    except _Failed as error:
        failed = error
    except (OSError, ValueError, RuntimeError) as error:
        failed = _Failed(_status(error, options.url), _sentence(error))
    else:
        return 0
    if not options.silent:
        print(f"{options._program}: {failed}", file=sys.stderr)
    return failed.status


class _Kind(NamedTuple):
    kind: type[BaseException]
    status: int


# The first row that fits counts.
_KINDS = (
    _Kind(rsock.FetchTimeoutError, 28),
    _Kind(rsock.RedirectError, 47),
    _Kind(rsock.TooLargeError, 63),
    _Kind(rsock.BadReplyError, 8),
    _Kind(rsock.FetchError, 56),
    _Kind(gaierror, 6),
    _Kind(TimeoutError, 28),
    _Kind(ConnectionRefusedError, 7),
    _Kind(ConnectionError, 56),
    _Kind(ValueError, 3),
)


def _status(error: BaseException, url: str) -> int:
    if isinstance(error, rsock.TlsError):
        if _NO_TRUST.search(str(error)):
            return 77
        return 60 if "certificate" in str(error).lower() else 35
    if isinstance(error, rsock.IncompleteReplyError):
        return 18 if error.response is not None else 52
    if isinstance(error, ValueError) and _foreign(url):
        return 1
    for kind, status in _KINDS:
        if isinstance(error, kind):
            return status
    if isinstance(error, OSError) and error.filename is None and error.errno not in NO_ROOM:
        return 7 if error.errno in _NO_CONNECTION else 56
    return 23


def _foreign(url: str) -> bool:
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    return scheme is not None and scheme[1].lower() not in ("http", "https")


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, rsock.FetchError):
        text = error.strerror
        if not hasattr(error, "url"):  # those of the core say with whom
            text += f": {error.filename if error.filename is not None else 'the output'}"
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())


def _fetch(options: argparse.Namespace) -> None:
    path = _path(options)
    method = options.request or ("HEAD" if options.head else "POST" if options.data else "GET")
    headers = [_header(line) for line in options.header]
    named = {name.lower() for name, _ in headers}
    if options.data and "content-type" not in named:
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    with ExitStack() as stack:
        # Where the output depends on the head, the body waits in a file without a name.
        held = options.include or options.head or options.fail
        output: BinaryIO | IO[bytes] | Whole
        output = sys.stdout.buffer if path is None else Whole(path)
        bar = None
        if not options.silent and sys.stderr.isatty() and (path or not sys.stdout.isatty()):
            bar = Bar(label(options.url, path), sys.stderr)
            stack.callback(bar.close)
        if isinstance(output, Whole):
            stack.enter_context(output)
            unheld: BinaryIO | IO[bytes] = stack.enter_context(
                open(output.fd, "wb", buffering=0, closefd=False)
            )
        else:
            unheld = output
        target = stack.enter_context(tempfile.TemporaryFile()) if held else unheld
        page = rsock.fetch(
            options.url,
            method=method,
            headers=headers,
            data=b"&".join(map(_data, options.data)) if options.data else None,
            timeout=options.timeout,
            read_timeout=60.0,
            redirects=options.max_redirs,
            max_body=options.max_body,
            decode=not options.raw,
            verify=False if options.insecure else options.cacert or True,
            connect_to=options.connect_to,
            proxies=None
            if options.proxy is None
            else {"all": options.proxy}
            if options.proxy
            else {},
            auth=_user(options.user),
            progress=bar,
            to=target,  # type: ignore[arg-type]  # IO[bytes] is what open() gives
        )
        if options.verbose:
            _show(page)
        if options.fail and not page.ok:
            raise _Failed(22, f"the server answers {page.status} {page.reason}".rstrip())
        if held:
            if options.include or options.head:
                write_all(unheld, _heads(page, options.head))
            target.seek(0)
            while piece := target.read(1 << 20):
                write_all(unheld, piece)
        unheld.flush()


def _path(options: argparse.Namespace) -> str | None:
    if options.output is not None:
        return None if options.output == "-" else str(options.output)
    if not options.remote_name:
        return None
    plain = options.url.partition("?")[0].partition("#")[0]
    path = re.sub("^[^/]*://", "", plain).partition("/")[2]
    name = path.rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name:
        raise _Failed(23, "the URL names no file: say -o FILE")
    return name


def _header(line: str) -> tuple[str, str | None]:
    name, colon, value = line.partition(":")
    if not colon and line.endswith(";"):
        return line[:-1], ""
    if not colon:
        raise _Failed(2, f"{line!r} is no header: write 'NAME: VALUE'")
    return name, value.strip() or None


def _data(text: str) -> bytes:
    if not text.startswith("@"):
        return os.fsencode(text)
    try:
        with open(0 if text == "@-" else text[1:], "rb", closefd=text != "@-") as file:
            return file.read().translate(None, b"\r\n\0")  # as curl leaves them out
    except OSError as error:
        raise _Failed(26, f"{error.strerror}: {text}") from error


def _user(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    name, _, password = text.partition(":")
    return name, password


def _heads(page: rsock.Response, every: bool) -> bytes:
    """Give the head of the reply; with `every`, those of the redirects in front of it."""
    pages = [*page.history, page] if every else [page]
    return b"".join(each.head.encode("latin-1") for each in pages)


def _show(page: rsock.Response) -> None:
    for each in (*page.history, page):
        request = each.request.partition(b"\r\n\r\n")[0].decode("latin-1")
        for mark, text in ((">", request), ("<", each.head.rstrip())):
            for line in text.splitlines():
                print(mark, _printable(line), file=sys.stderr)
            print(mark, file=sys.stderr)


def _printable(line: str) -> str:
    # What a server sends must not move the cursor of a terminal.
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
