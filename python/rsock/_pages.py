"""The server of pages: a site in memory or in a directory, served natively by HTTP/1.1."""

import os

from rsock._server_base import _bytes, _zone
from rsock._servers import _StreamServer


def _headers(path, headers):
    """Read the headers of a page: a mapping, or pairs, in which a name may come twice."""
    pairs = headers.items() if hasattr(headers, "items") else headers
    read = []
    for name, value in pairs:
        if not isinstance(name, str):
            raise TypeError(f"a header's name must be str, not {type(name).__name__}")
        read.append((name, _bytes(value, f"the header {name} of the page {path!r}")))
    return read


def _row(path, page):
    """Write down a page for the native half: path, status, headers, and a body or a file."""
    where, status, headers = _bytes(path, "the path of a page"), 200, []
    if isinstance(page, tuple):
        if len(page) != 3:
            raise ValueError(f"the page {path!r} must be (status, headers, body)")
        status, headers, page = page
        status, headers = int(status), _headers(path, headers)
        if not 200 <= status < 600:
            raise ValueError(f"the page {path!r} must have a status from 200 to 599, not {status}")
    if isinstance(page, os.PathLike):
        return where, status, headers, None, os.fsencode(os.path.abspath(page))
    return where, status, headers, _bytes(page, f"the page {path!r}"), None


def _rows(pages, what):
    if not hasattr(pages, "items"):
        raise TypeError(f"{what} must be a dict of paths and pages, not {type(pages).__name__}")
    return [_row(path, page) for path, page in pages.items()]


def _redirect(path, location):
    if not isinstance(location, str):
        raise TypeError(f"the redirect of {path!r} must be str, not {type(location).__name__}")
    return _bytes(path, "the path of a redirect"), location


class PageServer(_StreamServer):
    """A server of pages, for lessons and tests: HTTP/1.1, native, and a site of your own.

        with rsock.PageServer(("127.0.0.1", 0), {"/": "<h1>Hello!</h1>"}) as server:
            print(server.url)                   # http://127.0.0.1:40311/

    `pages` says what there is: a dict of paths and pages. A page is text (sent as UTF-8), bytes, a
    `pathlib.Path` of a file that is read anew each time, or `(status, headers, body)`. Its
    Content-Type comes from the path's ending, or from what the page looks like; text that is not
    UTF-8 is left to name its charset itself. A path is plain text, not percent-encoded; with a
    query, it is for requests with just that query.
    `hosts` gives single hosts pages of their own: `{"www.sina.com.cn": {"/": ...}}`; whoever is
    asked for by another name has `pages`. `redirects={"/old": "/new"}` sends clients on, by a 302.

    `directory` is where everything else is looked for: files, and `index.html` where the path
    ends with a slash. No path and no symbolic link leads out of it, there are no listings, and
    what is neither file nor directory is refused.

    It answers GET and HEAD, and knows Range, If-Range, ETag, Last-Modified, keep-alive and
    pipelining. Text is compressed by gzip for clients that take it, unless `gzip=False`. With
    `chunked=True`, or for a request with `?chunked=1`, bodies go in chunks.
    Files are sent in parts as the client takes them, and are never held as a whole.

    Limits: `max_request_head` bytes of a request's head, and `max_body` bytes of its body, which
    is passed over. `log=True` prints a line for each client and each request. For the other
    arguments see `HelloServer`. `stats` counts requests as messages, and bad ones as errors.
    """

    def __init__(
        self,
        address,
        pages=None,
        *,
        directory=None,
        hosts=None,
        redirects=None,
        chunked=False,
        gzip=True,
        log=None,
        concurrency="events",
        event_threads=1,
        max_connections=16384,
        idle_timeout=60.0,
        max_request_head=64 << 10,
        max_body=1 << 20,
        max_pending=1 << 20,
        backlog=128,
        reuse_port=False,
        dualstack=False,
    ):
        if pages is None and directory is None and not hosts and not redirects:
            raise TypeError("PageServer needs pages, a directory, hosts or redirects")
        for name, table in (("hosts", hosts), ("redirects", redirects)):
            if not (table is None or hasattr(table, "items")):
                raise TypeError(f"{name} must be a dict, not {type(table).__name__}")
        site = (
            [] if pages is None else _rows(pages, "pages"),
            [(host, _rows(its, f"the host {host!r}")) for host, its in (hosts or {}).items()],
            [_redirect(*pair) for pair in (redirects or {}).items()],
            None if directory is None else os.fsencode(directory),
        )
        service = (
            "pages",
            site,
            bool(chunked),
            bool(gzip),
            max_request_head,
            max_body,
            max_pending,
        )
        super().__init__(
            address,
            service,
            log=log,
            concurrency=concurrency,
            event_threads=event_threads,
            max_connections=max_connections,
            idle_timeout=idle_timeout,
            max_pending=max_pending,
            backlog=backlog,
            reuse_port=reuse_port,
            dualstack=dualstack,
        )

    @property
    def url(self):
        """The address of the site, with its slash; None at the path of a Unix socket."""
        address = self.address
        if not isinstance(address, tuple):
            return None
        # Who listens everywhere is reached here, too.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])
        if ":" in host:
            # As RFC 6874 wants the zone of a link-local address.
            zone = _zone(address)
            host = f"[{host}%25{zone}]" if zone else f"[{host}]"
        return f"http://{host}:{address[1]}/"
