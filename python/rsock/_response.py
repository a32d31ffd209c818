"""What came back: the reply to a request, as an object."""

from __future__ import annotations

import html as _html
import json as _json
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, NamedTuple

from rsock._save import Whole

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath

    from rsock._rsock import Fetched

#: How much of a body a notebook shows.
_PREVIEW = 4096


class Headers(Mapping[str, str]):
    """The fields of a head, in the order in which they came, under names in any case.

        page.headers["content-type"]            # 'text/html'
        page.headers.get_all("Set-Cookie")      # ['a=1', 'b=2']
        list(page.headers.items())              # every field, repeated ones too

    A name that came several times gives its values with ", " between them, which is what they mean
    in HTTP; of Set-Cookie, the one field of which that is not true, it gives the first.
    """

    __slots__ = ("_fields", "_named")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = list(fields)
        self._named: dict[str, list[str]] = {}
        for name, value in self._fields:
            self._named.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        values = self._named.get(name.lower())
        if values is None:
            raise KeyError(name)
        return values[0] if name.lower() == "set-cookie" else ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        seen = set()
        for name, _ in self._fields:
            if name.lower() not in seen:
                seen.add(name.lower())
                yield name

    def __len__(self) -> int:
        return len(self._named)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._named

    def get_all(self, name: str) -> list[str]:
        """Return all values that came under a name, in order; none gives an empty list."""
        return list(self._named.get(name.lower(), ()))

    def items(self) -> ItemsView[str, str]:
        """Show every field as a pair, in order, with repeats."""
        return _Fields(self)

    def values(self) -> ValuesView[str]:
        """Show every value, in order, with repeats."""
        return _Values(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return self._lowered() == other._lowered()
        if isinstance(other, Mapping):
            return dict(self._folded()) == {str(k).lower(): v for k, v in other.items()}
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def _lowered(self) -> list[tuple[str, str]]:
        return [(name.lower(), value) for name, value in self._fields]

    def _folded(self) -> Iterator[tuple[str, str]]:
        return ((name.lower(), self[name]) for name in self)

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"


class _Fields(ItemsView[str, str]):
    __slots__ = ()
    _mapping: Headers

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._mapping._fields)

    def __len__(self) -> int:
        return len(self._mapping._fields)

    def __contains__(self, item: object) -> bool:
        return item in self._mapping._fields


class _Values(ValuesView[str]):
    __slots__ = ()
    _mapping: Headers

    def __iter__(self) -> Iterator[str]:
        return iter([value for _, value in self._mapping._fields])

    def __len__(self) -> int:
        return len(self._mapping._fields)


class Timings(NamedTuple):
    """After how many seconds each step was done, counted from the beginning, as curl counts.

    A step that was not needed is None: there is no TLS for http, and neither look-up nor connect
    on a connection that was kept. After redirects the times are those of the last request.
    """

    lookup: float | None
    connect: float | None
    tls: float | None
    first_byte: float | None
    total: float | None


class Response:
    """The reply to a request.

    `status`, `reason`, `version`, `headers`; `head`, the header block as text, as it came; `body`
    without the framing of HTTP, and decoded; `text`, `encoding`, `html`, `json()`; `url`, where it
    came from in the end, and `history`, the redirects that led there; `request`, the bytes that
    were sent; `timings`; `save(path)`; and `saved`, the path that the body was written to, where
    `to=` named one, else None.
    """

    __slots__ = ("_fetched", "_headers", "_history", "_kept", "_text", "saved")

    saved: StrOrBytesPath | None

    def __init__(self, fetched: Fetched, kept: bool = True) -> None:
        self._fetched = fetched
        self._kept = kept
        self._headers: Headers | None = None
        self._history: list[Response] | None = None
        self._text: tuple[str, str] | None = None
        self.saved = None

    @property
    def status(self) -> int:
        """The number that says how it went, like 200 or 404."""
        return self._fetched.status

    @property
    def reason(self) -> str:
        """The words beside the status."""
        return self._fetched.reason

    @property
    def version(self) -> str:
        """The version of HTTP that the server speaks: "1.1" or "1.0"."""
        return self._fetched.version

    @property
    def ok(self) -> bool:
        """Whether the status is below 400: neither the request was wrong nor the server."""
        return self._fetched.status < 400

    @property
    def headers(self) -> Headers:
        """The fields of the head."""
        if self._headers is None:
            self._headers = Headers(self._fetched.headers)
        return self._headers

    @property
    def trailers(self) -> Headers:
        """The fields that came behind the body, which chunked framing allows."""
        return Headers(self._fetched.trailers)

    @property
    def head(self) -> str:
        """The status line and the fields as text, as they came."""
        return self._fetched.head.decode("latin-1")

    @property
    def raw(self) -> bytes | None:
        """Every byte as it was received, if `keep_raw` asked for it."""
        return self._fetched.raw

    @property
    def body(self) -> bytes:
        """The body, without its framing, and decoded. Empty if `to=` took it."""
        return self._fetched.body

    @property
    def text(self) -> str:
        """The body as text; what cannot be read in its encoding becomes U+FFFD."""
        return self._decoded()[0]

    @property
    def encoding(self) -> str:
        """The name of the encoding that `text` was read in.

        It is that of a byte order mark, of Content-Type, of the page's own <meta>, or a guess.
        """
        return self._decoded()[1]

    def _decoded(self) -> tuple[str, str]:
        if self._text is None:
            self._text = self._fetched.text()
        return self._text

    @property
    def html(self) -> str | None:
        """The text, if it is a page of HTML; else None."""
        return self.text if self._fetched.is_html() else None

    def _kind(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Read the body as JSON; ValueError if it is none."""
        try:
            return _json.loads(self.body)
        except UnicodeDecodeError:
            return _json.loads(self.text)

    @property
    def url(self) -> str:
        """Where the reply came from, after all redirects."""
        return self._fetched.url

    @property
    def history(self) -> list[Response]:
        """The redirects that led here, the first one first."""
        if self._history is None:
            self._history = [Response(fetched) for fetched in self._fetched.history]
        return self._history

    @property
    def timings(self) -> Timings:
        """After how many seconds each step was done."""
        return Timings(*self._fetched.timings)

    @property
    def request(self) -> bytes:
        """The request, as the bytes that were sent."""
        return self._fetched.request

    def save(self, path: StrOrBytesPath) -> None:
        """Write the body to a file, which appears whole or not at all."""
        if self.saved is not None:
            raise ValueError(f"the body is in {self.saved!r} already, and was not kept in memory")
        if not self._kept:
            raise ValueError("the body went where to= sent it, and was not kept in memory")
        with Whole(path) as file:
            file.write(self.body)

    def __repr__(self) -> str:
        kind = self.headers.get("content-type", "")
        where = f" in {self.saved!r}" if self.saved is not None else ""
        size = f", {len(self.body)} bytes" if self._kept else ""
        status = f"{self.status} {self.reason}".rstrip()
        return f"<Response {status}{size}{where}{', ' + kind if kind else ''}, from {self.url!r}>"

    def _repr_html_(self) -> str:
        """Show status, head and the beginning of the body in a notebook.

        All of it is text, escaped: nothing of the page is interpreted, loaded or run.
        """
        escape = _html.escape
        colour = "#197c32" if self.status < 300 else "#8a6100" if self.ok else "#b3261e"
        status = f"{self.status} {self.reason}".rstrip()
        parts = [
            f'<div><b style="color:{colour}">{escape(status)}</b> <code>{escape(self.url)}</code>'
        ]
        parts += [
            f"<div>after <b>{before.status}</b> from <code>{escape(before.url)}</code></div>"
            for before in self.history
        ]
        style = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:24em;overflow:auto"
        parts.append(
            f'<details open><summary>Head</summary><pre style="{style}">'
            f"{escape(self.head.rstrip())}</pre></details>"
        )
        title, preview = self._preview()
        parts.append(
            f"<details open><summary>{escape(title)}</summary>"
            f'<pre style="{style}">{escape(preview)}</pre></details></div>'
        )
        return "".join(parts)

    def _preview(self) -> tuple[str, str]:
        if self.saved is not None:
            return "Body", f"written to {self.saved!r}"
        if not self._kept:
            return "Body", "sent where to= says"
        body = self.body
        title = f"Body: {len(body)} bytes"
        kind = self._kind()
        textual = kind.startswith("text/") or kind.endswith(
            ("json", "xml", "javascript", "urlencoded")
        )
        if textual or (not kind and b"\0" not in body[:_PREVIEW]):
            text = self.text
            cut = f", the first {_PREVIEW} characters" if len(text) > _PREVIEW else ""
            return f"{title}, {self.encoding}{cut}", text[:_PREVIEW]
        lines = [body[at : at + 16].hex(" ") for at in range(0, min(len(body), 256), 16)]
        return f"{title} of {kind or 'something'}", "\n".join(lines)
