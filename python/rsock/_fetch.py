"""Fetch pages: the arguments and what they mean. The work is native, in `HttpCore`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Union

from rsock import _core, _request, _rsock
from rsock._response import Response
from rsock._save import Sink, Whole, sink_of

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath
    from typing_extensions import Self, TypeAlias, TypeGuard

    from rsock._progress import Bar
    from rsock._request import _Data, _HeadersArgument, _Rules

    _Progress: TypeAlias = Union[bool, Callable[[int, Union[int, None]], object], None]
    _To: TypeAlias = Union[StrOrBytesPath, BinaryIO, None]


class _DefaultMethod(str):
    """GET where nobody said so: with a body it becomes POST."""

    __slots__ = ()


class _DefaultSize(int):
    """A limit of memory that nobody set: what goes to a file has no need of it."""

    __slots__ = ()


class _Unset:
    """Stands for an argument that was not given."""

    def __repr__(self) -> str:
        return "..."


_GET = _DefaultMethod("GET")
_MAX_BODY = _DefaultSize(64 << 20)
_UNSET = _Unset()


def fetch(
    url: str,
    *,
    method: str = _GET,
    headers: _HeadersArgument | None = None,
    data: _Data | None = None,
    json: Any = _UNSET,
    timeout: float | None = 30.0,
    read_timeout: float | None = None,
    redirects: int = 20,
    max_body: int | None = _MAX_BODY,
    max_head: int = 256 << 10,
    decode: bool = True,
    verify: bool | StrOrBytesPath = True,
    connect_to: _Rules | None = None,
    proxies: Mapping[str, str] | None = None,
    auth: tuple[str | bytes, str | bytes] | None = None,
    keep_raw: bool = False,
    progress: _Progress = None,
    to: _To = None,
    downgrade: bool = False,
) -> Response:
    """Ask a server for a page, and return what it answers.

        page = rsock.fetch("http://www.sina.com.cn/")
        print(page.status, page.reason)      # 200 OK
        print(page.head)                     # the header block as text, as it came
        page.save("sina.html")

    A URL without a scheme is one of http. `headers` is a mapping or pairs, of str or bytes; they
    replace those that are sent anyway (User-Agent, Accept, Accept-Encoding, Host), and None for a
    value leaves one out. `data` is the body of the request: bytes, text (as UTF-8) or a mapping (as
    a form sends it); `json` is anything to be sent as JSON. With a body the method is POST, if none
    is given. `auth` is a name and a password.

    `timeout` is how many seconds all of it may take, redirects included, and `read_timeout` how
    long the server may be silent; None for ever. `redirects` is how many are followed; 0 gives
    the redirect itself back, and `downgrade=True` follows those that lead from https to http too.
    `max_body` limits the body, and `max_head` each head; beyond that, TooLargeError is raised.
    `decode=False` leaves a body compressed. `keep_raw=True` keeps every byte in `raw`.

    `verify=False` trusts any certificate, and a path names a file of those to trust instead of
    the system's. `connect_to={"www.sina.com.cn:80": "127.0.0.1:8080"}` connects to another place
    than the URL says, and the environment variable RSOCK_CONNECT_TO does so for a whole program,
    by curl's rules: HOST:PORT:OTHER-HOST:OTHER-PORT. `proxies` maps "http", "https", "all" and
    "no" as the variables `http_proxy` and so on do, which it replaces; {} is for none.

    `to` is a path or a binary file: the body is written there as it arrives and not kept, so that
    `max_body` has no limit unless you set one. A file under that path appears when it is whole.
    `progress` is called with the bytes that came and how many there will be, or None if that is
    not known; True shows a bar.

    A status like 404 is an answer as any other; see `ok`. Errors: FetchError and what is made of
    it, ConnectionError and other kinds of OSError as sockets have them, socket.gaierror for a name
    that is not known, ValueError for what cannot be sent.
    """
    core = _core.shared(verify, connect_to, proxies)
    return _run(
        core,
        url,
        method,
        _request.fields(headers),
        data=data,
        json=json,
        timeout=timeout,
        read_timeout=read_timeout,
        redirects=redirects,
        max_body=max_body,
        max_head=max_head,
        decode=decode,
        auth=auth,
        keep_raw=keep_raw,
        progress=progress,
        to=to,
        downgrade=downgrade,
    )


class HttpClient:
    """Fetch several pages with the same settings, over connections that are kept.

        with rsock.HttpClient(headers={"Accept-Language": "zh"}) as client:
            front = client.get("http://example.com/")
            about = client.get("http://example.com/about")  # over the same connection

    The arguments are those of `fetch`, and those of a call come before those of the client.
    `max_idle` is how many connections are kept while nobody uses them. It may be used by
    several threads at once.
    """

    def __init__(
        self,
        *,
        headers: _HeadersArgument | None = None,
        timeout: float | None = 30.0,
        read_timeout: float | None = None,
        redirects: int = 20,
        max_body: int | None = _MAX_BODY,
        max_head: int = 256 << 10,
        decode: bool = True,
        verify: bool | StrOrBytesPath = True,
        connect_to: _Rules | None = None,
        proxies: Mapping[str, str] | None = None,
        auth: tuple[str | bytes, str | bytes] | None = None,
        keep_raw: bool = False,
        downgrade: bool = False,
        max_idle: int = 8,
    ) -> None:
        self._headers = _request.fields(headers)
        self._settings: dict[str, Any] = {
            "timeout": timeout,
            "read_timeout": read_timeout,
            "redirects": redirects,
            "max_body": max_body,
            "max_head": max_head,
            "decode": decode,
            "auth": auth,
            "keep_raw": keep_raw,
            "downgrade": downgrade,
        }
        self._core = _core.make(verify, connect_to, proxies, max_idle)

    def fetch(
        self,
        url: str,
        *,
        method: str = _GET,
        headers: _HeadersArgument | None = None,
        data: _Data | None = None,
        json: Any = _UNSET,
        timeout: float | _Unset | None = _UNSET,
        read_timeout: float | _Unset | None = _UNSET,
        redirects: int | _Unset = _UNSET,
        max_body: int | _Unset | None = _UNSET,
        max_head: int | _Unset = _UNSET,
        decode: bool | _Unset = _UNSET,
        auth: tuple[str | bytes, str | bytes] | _Unset | None = _UNSET,
        keep_raw: bool | _Unset = _UNSET,
        progress: _Progress = None,
        to: _To = None,
        downgrade: bool | _Unset = _UNSET,
    ) -> Response:
        """Ask for a page as the function `fetch` does; what is not given is as the client has it.

        Headers are added to the client's, and replace those of the same name.
        """
        if self._core.closed:
            raise RuntimeError("this client is closed: make a new one")
        settings = self._settings.copy()
        for name, value in (
            ("timeout", timeout),
            ("read_timeout", read_timeout),
            ("redirects", redirects),
            ("max_body", max_body),
            ("max_head", max_head),
            ("decode", decode),
            ("auth", auth),
            ("keep_raw", keep_raw),
            ("downgrade", downgrade),
        ):
            if value is not _UNSET:
                settings[name] = value
        given = _request.fields(headers)
        if auth is _UNSET and any(name.lower() == b"authorization" for name, _ in given):
            settings["auth"] = None  # the client's, which would come before the header
        return _run(
            self._core,
            url,
            method,
            _request.merge(self._headers, given),
            data=data,
            json=json,
            progress=progress,
            to=to,
            **settings,
        )

    def get(self, url: str, **settings: Any) -> Response:
        """Fetch with the method GET."""
        return self.fetch(url, method="GET", **settings)

    def head(self, url: str, **settings: Any) -> Response:
        """Fetch with the method HEAD: the head alone, without the body."""
        return self.fetch(url, method="HEAD", **settings)

    def post(self, url: str, data: _Data | None = None, **settings: Any) -> Response:
        """Fetch with the method POST."""
        return self.fetch(url, method="POST", data=data, **settings)

    @property
    def idle(self) -> int:
        """How many connections are kept for the next request."""
        return self._core.idle

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return self._core.closed

    def close(self) -> None:
        """Close the connections that are kept; it may be called twice."""
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._core.closed else f"{self.idle} idle connections"
        return f"<HttpClient, {state}>"


def _run(
    core: _rsock.HttpCore,
    url: str,
    method: str,
    headers: _request.Fields,
    *,
    data: _Data | None,
    json: Any,
    timeout: float | None,
    read_timeout: float | None,
    redirects: int,
    max_body: int | None,
    max_head: int,
    decode: bool,
    auth: tuple[str | bytes, str | bytes] | None,
    keep_raw: bool,
    progress: _Progress,
    to: _To,
    downgrade: bool,
) -> Response:
    body: bytes | None = None
    if data is not None or json is not _UNSET:
        body, kind = _request.body(data, json, _UNSET)
        if kind is not None and not any(name.lower() == b"content-type" for name, _ in headers):
            headers = [*headers, (b"Content-Type", kind)]
        if method is _GET:
            method = "POST"
    if auth is not None:
        headers = _request.merge(headers, [(b"Authorization", _request.authorization(auth))])
    if to is not None and max_body is _MAX_BODY:
        max_body = None
    if progress is not None and not isinstance(progress, bool) and not callable(progress):
        raise TypeError(f"progress must be callable or a bool, not {type(progress).__name__}")
    if not isinstance(url, str):
        raise TypeError(f"url must be str, not {type(url).__name__}")

    def exchange(sink: Sink | None, tell: Callable[[int, int | None], object] | None) -> Response:
        kept = sink is None
        try:
            fetched = core.fetch(
                method,
                url,
                headers,
                body,
                timeout,
                read_timeout,
                redirects,
                max_body,
                max_head,
                decode,
                keep_raw,
                downgrade,
                sink,
                tell,
            )
        except OSError as error:
            # Of whatever class it is, it has what came of the reply.
            came = getattr(error, "response", None)
            if isinstance(came, _rsock.Fetched):
                error.response = Response(came, kept)  # type: ignore[attr-defined]
            raise
        return Response(fetched, kept)

    if to is None and not progress:
        return exchange(None, None)
    if progress is True:
        from rsock._progress import Bar, label

        bar = Bar(label(url, to if _is_path(to) else None))
        return _with_bar(bar, lambda: _into(to, exchange, bar))
    return _into(to, exchange, progress or None)


_Exchange = Callable[
    [Union[Sink, None], Union[Callable[[int, Union[int, None]], object], None]], Response
]


def _into(
    to: _To, exchange: _Exchange, tell: Callable[[int, int | None], object] | None
) -> Response:
    """Let the body go where it is wanted."""
    if to is None:
        return exchange(None, tell)
    if _is_path(to):
        with Whole(to) as file:
            response = exchange(file.fd, tell)
        response.saved = to
        return response
    return exchange(sink_of(to), tell)


def _with_bar(bar: Bar, run: Callable[[], Response]) -> Response:
    try:
        response = run()
    except BaseException:
        bar.close(failed=True)
        raise
    bar.close()
    return response


def _is_path(to: _To) -> TypeGuard[StrOrBytesPath]:
    return isinstance(to, (str, bytes, os.PathLike))
