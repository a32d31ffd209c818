"""Fetching pages: what comes back, and how it is shown."""

import gzip
import json
import zlib

import peers
import pytest
import rsock

HELLO = peers.reply(b"hello", "200 OK", "Content-Type: text/plain")


def test_the_lesson_works_as_it_is_taught(peer, tmp_path):
    server = peer(peers.reply(b"<html>hello</html>", "200 OK", "Content-Type: text/html"))
    page = rsock.fetch(server.url())
    assert (page.status, page.reason, page.version, page.ok) == (200, "OK", "1.1", True)
    assert page.head.startswith("HTTP/1.1 200 OK\r\nContent-Length: 18\r\n")
    assert page.head.rstrip().endswith("Content-Type: text/html")
    assert page.html == page.text == "<html>hello</html>"
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == page.body == b"<html>hello</html>"
    assert page.url == server.url()
    assert page.history == []


def test_headers_keep_their_order_and_repeats_under_names_in_any_case(peer):
    fields = [("Set-Cookie", "a=1"), ("X-One", "1"), ("set-cookie", "b=2"), ("x-one", "2")]
    lines = [f"{name}: {value}" for name, value in fields]
    page = rsock.fetch(peer(peers.reply(b"", "200 OK", *lines)).url())
    headers = page.headers
    assert list(headers.items()) == [("Content-Length", "0"), *fields]
    assert list(headers) == ["Content-Length", "Set-Cookie", "X-One"]
    assert len(headers) == 3
    assert headers["X-ONE"] == "1, 2"
    assert headers["SET-COOKIE"] == "a=1"
    assert headers.get_all("Set-COOKIE") == ["a=1", "b=2"]
    assert headers.get_all("other") == []
    assert headers.get("other") is None
    assert "x-ONE" in headers
    assert "other" not in headers
    assert list(headers.values()) == ["0", "a=1", "1", "b=2", "2"]
    with pytest.raises(KeyError):
        headers["other"]
    assert headers == rsock.Headers([("content-length", "0"), *fields])


def test_every_byte_is_kept_if_asked_for(peer):
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"
    server = peer(sent)
    page = rsock.fetch(server.url(), keep_raw=True)
    assert page.raw == sent
    assert page.body == b"hello"
    assert page.trailers["x"] == "y"
    assert rsock.fetch(server.url()).raw is None


def test_an_interim_reply_is_not_the_reply(peer):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    page = rsock.fetch(peer(b"HTTP/1.1 100 Continue\r\n\r\n" + early + HELLO).url())
    assert (page.status, page.body) == (200, b"hello")
    assert "link" not in page.headers


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_status_without_a_body_has_none(peer, status):
    def script(wire):
        wire.head()
        wire.send(f"HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n".encode())
        wire.wait()

    assert rsock.fetch(peer(script).url()).body == b""


def test_head_has_no_body_whatever_is_said_of_it(peer):
    def script(wire):
        wire.head()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        wire.wait()

    page = rsock.fetch(peer(script).url(), method="HEAD")
    assert (page.body, page.headers["content-length"]) == (b"", "5")


def test_an_old_server_ends_the_body_by_closing(peer):
    page = rsock.fetch(peer(b"HTTP/1.0 200 OK\r\n\r\nhello").url())
    assert (page.version, page.body) == ("1.0", b"hello")


def test_a_status_of_an_error_is_an_answer(peer):
    page = rsock.fetch(peer(peers.reply(b"gone", "404 Not Found")).url())
    assert (page.status, page.reason, page.body, page.ok) == (404, "Not Found", b"gone", False)


def brotli(text):
    """Write a brotli stream of few bytes that are not compressed, and its end."""
    # WBITS 16, not last, one nibble group of MLEN-1, uncompressed; then an empty last block.
    assert 0 < len(text) <= 1 << 16
    bits = 0b0 | 0b0 << 1 | 0b00 << 2 | (len(text) - 1) << 4 | 1 << 20
    return bits.to_bytes(3, "little") + text + b"\x03"


RAW = zlib.compressobj(9, zlib.DEFLATED, -15)
CODINGS = {
    "gzip": gzip.compress(b"hello"),
    "x-gzip": gzip.compress(b"hello"),
    "GZip": gzip.compress(b"hello"),
    "deflate": zlib.compress(b"hello"),
    "deflate ": RAW.compress(b"hello") + RAW.flush(),
    "br": brotli(b"hello"),
    "identity": b"hello",
    "deflate, gzip": gzip.compress(zlib.compress(b"hello")),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_compressed_page_is_read(peer, coding):
    data = CODINGS[coding]
    server = peer(peers.reply(data, "200 OK", f"Content-Encoding: {coding}"))
    assert rsock.fetch(server.url()).body == b"hello"
    assert rsock.fetch(server.url(), decode=False).body == data
    offered = [peers.field(head, "accept-encoding") for head in server.requests]
    assert offered == ["gzip, deflate, br", None]


def test_several_gzips_in_a_row_are_one_page(peer):
    data = gzip.compress(b"hel") + gzip.compress(b"lo")
    server = peer(peers.reply(data, "200 OK", "Content-Encoding: gzip"))
    assert rsock.fetch(server.url()).body == b"hello"


@pytest.mark.parametrize(
    ("kind", "body", "text", "encoding"),
    [
        ("text/plain; charset=utf-8", "迈克尔".encode(), "迈克尔", "utf-8"),
        ("text/plain; charset=GBK", "迈克尔".encode("gbk"), "迈克尔", "gb18030"),
        ("text/plain; charset=gb2312", "镕".encode("gbk"), "镕", "gb18030"),
        ("text/html", b'<meta charset="gbk">' + "迈".encode("gbk"), '<meta charset="gbk">迈', None),
        ("text/plain; charset=nonsense", "迈克尔".encode(), "迈克尔", "utf-8"),
        ("text/plain; charset=utf-8", b"\xff\xfe\xfa", "", None),
        ("text/plain; charset=utf-8", b"a\xffb", "a\ufffdb", "utf-8"),
        ("text/plain", b"", "", None),
        ("text/plain", b"\xef\xbb\xbfhello", "hello", "utf-8"),
    ],
)
def test_text_is_read_in_its_charset_and_never_fails(peer, kind, body, text, encoding):
    page = rsock.fetch(peer(peers.reply(body, "200 OK", f"Content-Type: {kind}")).url())
    assert isinstance(page.text, str)
    if text or not body:
        assert page.text == text
    if encoding is not None:
        assert page.encoding.lower() == encoding


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-32"])
def test_json_is_read_in_any_unicode(peer, charset):
    data = {"name": "迈克尔", "list": [1, 2.5, None, True]}
    body = json.dumps(data, ensure_ascii=False).encode(charset)
    page = rsock.fetch(peer(peers.reply(body, "200 OK", "Content-Type: application/json")).url())
    assert page.json() == data
    assert page.html is None


def test_what_is_no_json_is_a_value_error(peer):
    with pytest.raises(ValueError, match="Expecting value"):
        rsock.fetch(peer(HELLO).url()).json()


@pytest.mark.parametrize(
    ("kind", "body", "page"),
    [
        ("text/html; charset=utf-8", b"x", True),
        ("application/xhtml+xml", b"x", True),
        ("text/plain", b"<html>", False),
        (None, b"  <!DOCTYPE html><p>", True),
        (None, b"hello", False),
    ],
)
def test_html_is_the_text_of_a_page(peer, kind, body, page):
    fields = [] if kind is None else [f"Content-Type: {kind}"]
    came = rsock.fetch(peer(peers.reply(body, "200 OK", *fields)).url())
    assert came.html == (came.text if page else None)


def test_timings_say_when_each_step_was_done(peer):
    timings = rsock.fetch(peer(HELLO).url(host="localhost")).timings
    assert timings.tls is None
    steps = [timings.lookup, timings.connect, timings.first_byte, timings.total]
    assert steps == sorted(steps)
    assert steps[0] >= 0
    assert 0 < steps[1] < steps[2]
    assert steps[3] < 5


def test_on_a_connection_that_was_kept_some_steps_are_left_out(peer):
    with rsock.HttpClient() as client:
        server = peer(peers.site({"/": HELLO}))
        client.get(server.url())
        timings = client.get(server.url()).timings
    assert (timings.lookup, timings.connect, timings.tls) == (None, None, None)
    assert 0 < timings.first_byte <= timings.total


def test_a_representation_says_what_it_is(peer):
    server = peer(peers.reply(b"hello", "404 Not Found", "Content-Type: text/plain"))
    page = rsock.fetch(server.url())
    expected = f"<Response 404 Not Found, 5 bytes, text/plain, from '{server.url()}'>"
    assert repr(page) == expected


EVIL = b"""<script>alert(1)</script><img src=x onerror=alert(1)>"'&</pre></details>"""


def test_a_notebook_shows_a_page_as_text(peer):
    fields = ["Content-Type: text/html", "X: </pre><script>alert(2)</script>"]
    server = peer(peers.reply(EVIL, "200 <b>OK</b>", *fields))
    shown = rsock.fetch(server.url('/<"x">?<script>'))._repr_html_()
    for part in ("<script", "<img", "<b>OK", '"x"'):
        assert part not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "&lt;script&gt;alert(2)" in shown
    assert shown.count("<pre") == shown.count("</pre>") == 2


@pytest.mark.parametrize("kind", ["image/png", "image/svg+xml", "application/octet-stream"])
def test_a_notebook_loads_nothing(peer, kind):
    body = EVIL + bytes(range(256))
    page = rsock.fetch(peer(peers.reply(body, "200 OK", f"Content-Type: {kind}")).url())
    shown = page._repr_html_()
    assert "<img" not in shown
    assert "<svg" not in shown


def test_a_long_page_is_shown_in_part(peer):
    page = rsock.fetch(
        peer(peers.reply(b"x" * 100_000, "200 OK", "Content-Type: text/plain")).url()
    )
    assert len(page._repr_html_()) < 10_000
