"""Fetching pages: what is sent, what comes back, and where it goes."""

import gzip
import inspect
import io
import json
import os
import pickle
import socket
import stat
import threading
import zlib

import peers
import pytest
import rsock
import support

HELLO = peers.reply(b"hello", "200 OK", "Content-Type: text/plain")


# What comes back.


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


# What is sent.


def sent(peer, **settings):
    """Fetch from a server of its own, and return the request and its body."""
    server = peer(lambda wire: wire.request() and wire.send(HELLO))
    page = rsock.fetch(server.url("/path?query#fragment"), **settings)
    [request] = server.requests
    assert page.request == request + server.bodies[0]
    return request, server.bodies[0]


def test_a_request_says_what_is_needed(peer):
    head, body = sent(peer)
    assert head.startswith(b"GET /path?query HTTP/1.1\r\nHost: 127.0.0.1:")
    assert peers.field(head, "user-agent") == f"rsock/{rsock.__version__}"
    assert peers.field(head, "accept") == "*/*"
    assert peers.field(head, "content-length") is None
    assert body == b""


@pytest.mark.parametrize(
    "headers",
    [
        {"X-One": "1", "user-agent": "mine"},
        {b"X-One": b"1", "user-agent": b"mine"},
        [("X-One", "1"), ("user-agent", "mine")],
        [(b"X-One", b"1"), [b"user-agent", "mine"]],
        iter([("X-One", b"1"), (b"user-agent", "mine")]),
    ],
    ids=["mapping", "mapping of bytes", "pairs", "pairs of bytes", "iterator"],
)
def test_headers_are_added_and_replaced(peer, headers):
    head, _ = sent(peer, headers=headers)
    assert peers.field(head, "x-one") == "1"
    assert head.lower().count(b"user-agent") == 1
    assert peers.field(head, "user-agent") == "mine"


def test_headers_may_be_repeated_and_keep_their_order(peer):
    head, _ = sent(peer, headers=[("X", "1"), ("Y", "2"), ("X", "3")])
    assert head.index(b"X: 1\r\n") < head.index(b"Y: 2\r\n") < head.index(b"X: 3\r\n")


def test_a_header_may_hold_latin_1_and_any_bytes(peer):
    head, _ = sent(peer, headers={"X": "caf\xe9", "Y": "迈".encode()})
    assert b"X: caf\xe9\r\n" in head
    assert b"Y: \xe8\xbf\x88\r\n" in head


@pytest.mark.parametrize(
    ("settings", "body", "kind"),
    [
        ({"data": b"\0\xff"}, b"\0\xff", None),
        ({"data": bytearray(b"abc")}, b"abc", None),
        ({"data": memoryview(b"abc")}, b"abc", None),
        ({"data": "迈"}, "迈".encode(), None),
        ({"data": ""}, b"", None),
        (
            {"data": {"a": "1 2", "b": ["x", "&"], "c": "迈"}},
            b"a=1+2&b=x&b=%26&c=%E8%BF%88",
            "application/x-www-form-urlencoded",
        ),
        ({"json": {"a": [1, None]}}, b'{"a":[1,null]}', "application/json"),
        ({"json": None}, b"null", "application/json"),
        ({"json": 1, "headers": {"content-type": "x/y"}}, b"1", "x/y"),
    ],
)
def test_a_body_is_sent_as_what_it_is(peer, settings, body, kind):
    head, came = sent(peer, **settings)
    assert came == body
    assert head.startswith(b"POST ")
    assert peers.field(head, "content-length") == str(len(body))
    assert peers.field(head, "content-type") == kind


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "REPORT"])
def test_a_method_that_is_named_is_the_one(peer, method):
    head, body = sent(peer, method=method, data=b"x")
    assert head.startswith(method.encode() + b" ")
    assert body == b"x"


def test_a_large_body_is_sent_while_the_answer_comes(peer):
    def script(wire):
        wire.head()
        wire.send(peers.reply(b"too much", "413 Too Large", "Connection: close"))
        wire.finish()

    page = rsock.fetch(peer(script).url(), data=bytes(8 << 20), timeout=5)
    assert page.status == 413


@pytest.mark.parametrize(
    ("part", "settings", "told"),
    [
        ("name:word@", {}, "Basic bmFtZTp3b3Jk"),
        ("na%40me:w%3Ard@", {}, "Basic bmFAbWU6dzpyZA=="),
        ("name@", {}, "Basic bmFtZTo="),
        ("", {"auth": ("name", "word")}, "Basic bmFtZTp3b3Jk"),
        ("", {"auth": ("n\xe9", b"w")}, "Basic bsOpOnc="),
        ("other:x@", {"auth": ("name", "word")}, "Basic bmFtZTp3b3Jk"),
    ],
)
def test_who_asks_is_said_as_basic_authentication_has_it(peer, part, settings, told):
    server = peer(HELLO)
    page = rsock.fetch(server.url().replace("//", f"//{part}"), **settings)
    [head] = server.requests
    assert peers.field(head, "authorization") == told
    assert head.lower().count(b"authorization") == 1
    assert peers.field(head, "host") == f"127.0.0.1:{server.port}"
    assert "word" not in repr(page)


def test_a_url_may_lack_its_scheme(peer):
    server = peer(HELLO)
    assert rsock.fetch(f"127.0.0.1:{server.port}/a").url == server.url("/a")
    assert rsock.fetch(f"localhost:{server.port}").body == b"hello"


@pytest.mark.skipif(not support.has_ipv6(), reason="there is no IPv6 here")
def test_a_url_may_name_an_address_of_ipv6(peer):
    server = peer(HELLO, family=socket.AF_INET6)
    assert rsock.fetch(server.url(host="[::1]")).body == b"hello"
    assert peers.field(server.requests[0], "host") == f"[::1]:{server.port}"
    assert rsock.fetch(server.url(host="[::1%25lo]")).body == b"hello"
    assert peers.field(server.requests[1], "host") == f"[::1]:{server.port}"


def test_international_names_are_asked_for_as_dns_has_them(peer):
    server = peer(HELLO)
    page = rsock.fetch("http://例え.test/", connect_to=[f"::127.0.0.1:{server.port}"])
    assert page.body == b"hello"
    assert peers.field(server.requests[0], "host") == "xn--r8jz45g.test"


# Where to connect to.


@pytest.mark.parametrize(
    "rule",
    [
        {"www.example.test:80": "127.0.0.1:{port}"},
        {"WWW.EXAMPLE.TEST:80": "127.0.0.1:{port}"},
        ["www.example.test:80:127.0.0.1:{port}"],
        ["::127.0.0.1:{port}"],
        [":80:localhost:{port}"],
        ["other.test:80:127.0.0.1:1", "www.example.test::127.0.0.1:{port}"],
        ["::127.0.0.1:{port}", "::127.0.0.1:1"],
        "www.example.test:80:127.0.0.1:{port}",
    ],
    ids=repr,
)
def test_a_rule_leads_to_another_place_under_the_same_name(peer, rule):
    server = peer(HELLO)
    if isinstance(rule, dict):
        rule = {name: place.format(port=server.port) for name, place in rule.items()}
    elif isinstance(rule, str):
        rule = rule.format(port=server.port)
    else:
        rule = [one.format(port=server.port) for one in rule]
    page = rsock.fetch("http://www.example.test/", connect_to=rule)
    assert page.body == b"hello"
    assert page.url == "http://www.example.test/"
    assert peers.field(server.requests[0], "host") == "www.example.test"


def test_a_part_that_is_left_empty_stays_as_it_is(peer):
    server = peer(HELLO)
    url = server.url(host="www.example.test")
    assert rsock.fetch(url, connect_to=["www.example.test::127.0.0.1:"]).body == b"hello"


@pytest.mark.parametrize("joint", [",", " ", ", "])
def test_the_environment_leads_a_whole_process_elsewhere(peer, monkeypatch, joint):
    server = peer(HELLO)
    rules = ["a.test:80:127.0.0.1:1", f"www.example.test:80:127.0.0.1:{server.port}"]
    monkeypatch.setenv("RSOCK_CONNECT_TO", joint.join(rules))
    assert rsock.fetch("http://www.example.test/").body == b"hello"
    with rsock.HttpClient() as client:
        assert client.get("http://www.example.test/").body == b"hello"
    # What a call says comes first.
    rule = {"a.test:80": f"127.0.0.1:{server.port}"}
    assert rsock.fetch("http://a.test/", connect_to=rule).body == b"hello"


@pytest.mark.parametrize("rule", ["x", "a:1:b", "a:1:b:2:3", "a:x:b:1", "a:1:b:99999"])
def test_a_rule_that_is_none_is_refused(rule):
    with pytest.raises(ValueError, match=re_escape(rule.split(":")[0])):
        rsock.fetch("http://a:1/", connect_to=[rule], timeout=1)


def re_escape(text):
    return text.replace("[", r"\[")


# Where the body goes.


@pytest.fixture
def target(tmp_path):
    """Give a path in an empty folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "page"


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"


def test_a_body_goes_to_a_path(peer, target):
    page = rsock.fetch(peer(HELLO).url(), to=target)
    assert target.read_bytes() == b"hello"
    assert page.body == b""
    assert page.saved == target
    assert [each.name for each in target.parent.iterdir()] == ["page"]
    assert str(target) in repr(page)
    with pytest.raises(ValueError, match="already"):
        page.save(target)


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_mode_of_the_umask(peer, target, mask):
    before = os.umask(mask)
    try:
        page = rsock.fetch(peer(HELLO).url(), to=target)
        rsock.fetch(page.url).save(f"{target}2")
    finally:
        os.umask(before)
    for file in target.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask


def test_a_file_that_is_replaced_keeps_its_mode_and_its_links(peer, target):
    target.write_bytes(b"before")
    target.chmod(0o640)
    link = target.with_name("link")
    link.symlink_to("page")
    rsock.fetch(peer(HELLO).url(), to=link)
    assert link.is_symlink()
    assert target.read_bytes() == b"hello"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("before", [None, b"before"])
def test_a_download_that_fails_leaves_what_was_there(peer, target, before):
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(rsock.IncompleteReplyError):
        rsock.fetch(peer(CUT).url(), to=target)
    if before is None:
        assert list(target.parent.iterdir()) == []
    else:
        assert target.read_bytes() == before
        assert len(list(target.parent.iterdir())) == 1


def test_until_it_is_whole_nothing_stands_under_the_name(peer, target):
    seen = []

    def script(wire):
        wire.head()
        wire.send(CUT)
        support.until(lambda: list(target.parent.iterdir()))
        seen.append(target.exists())
        wire.send(b"world")
        wire.finish()

    rsock.fetch(peer(script).url(), to=target)
    assert seen == [False]
    assert target.read_bytes() == b"helloworld"


@pytest.mark.parametrize("to", ["no/such/folder/page", "."])
def test_a_path_that_cannot_be_written_is_found_out_before_a_byte_is_sent(peer, target, to):
    server = peer(HELLO)
    with pytest.raises((FileNotFoundError, IsADirectoryError)) as caught:
        rsock.fetch(server.url(), to=target.parent / to)
    assert ".part" not in str(caught.value)
    assert server.connections == 0
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    "file",
    [
        lambda path: open(path, "wb"),
        lambda path: open(path, "wb", buffering=0),
        lambda path: open(path, "w+b"),
        lambda path: gzip.open(path, "wb"),
    ],
    ids=["buffered", "unbuffered", "to read and write", "compressed"],
)
def test_a_body_goes_to_an_open_file_where_it_stands(peer, target, file):
    with file(target) as opened:
        opened.write(b"before ")
        page = rsock.fetch(peer(HELLO).url(), to=opened)
        opened.write(b" after")
    reader = gzip.open if target.read_bytes()[:2] == b"\x1f\x8b" else open
    with reader(target, "rb") as written:
        assert written.read() == b"before hello after"
    assert page.body == b""
    assert page.saved is None


def test_a_body_goes_to_whatever_has_a_write(peer):
    into = io.BytesIO()
    rsock.fetch(peer(HELLO).url(), to=into)
    assert into.getvalue() == b"hello"


@pytest.mark.parametrize("to", [io.StringIO(), 5, object()], ids=["text", "number", "object"])
def test_what_no_bytes_can_be_written_to_is_refused(peer, to):
    server = peer(HELLO)
    with pytest.raises(TypeError, match="binary file"):
        rsock.fetch(server.url(), to=to)
    assert server.connections == 0


def test_what_a_write_raises_ends_the_download(peer):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        rsock.fetch(peer(HELLO).url(), to=Full())


def test_a_disk_that_is_full_is_an_error():
    with peers.Peer(peers.reply(bytes(1 << 20))) as server, open("/dev/full", "wb") as full:
        with pytest.raises(OSError, match="No space left"):
            rsock.fetch(server.url(), to=full)


def test_a_compressed_body_goes_to_a_file_as_it_reads(peer, target):
    data = gzip.compress(b"hello" * 100_000)
    server = peer(peers.reply(data, "200 OK", "Content-Encoding: gzip"))
    rsock.fetch(server.url(), to=target)
    assert target.read_bytes() == b"hello" * 100_000
    rsock.fetch(server.url(), to=target, decode=False)
    assert target.read_bytes() == data


def test_the_limit_is_of_memory_unless_it_is_set(peer, target, monkeypatch):
    from rsock import _fetch

    assert inspect.signature(rsock.fetch).parameters["max_body"].default == 64 << 20
    monkeypatch.setattr(_fetch, "_MAX_BODY", _fetch._DefaultSize(3))
    server = peer(HELLO)
    with pytest.raises(rsock.TooLargeError):
        rsock.fetch(server.url(), to=target, max_body=3)
    with pytest.raises(rsock.TooLargeError):
        rsock.fetch(server.url(), max_body=_fetch._MAX_BODY)
    rsock.fetch(server.url(), to=target, max_body=_fetch._MAX_BODY)
    assert rsock.fetch(server.url(), max_body=5).body == b"hello"
    assert rsock.fetch(server.url(), max_body=None).body == b"hello"


# How far it is.


def test_progress_is_told(peer):
    size = 1 << 20
    told = []
    rsock.fetch(peer(peers.reply(bytes(size))).url(), progress=lambda *now: told.append(now))
    done = [now for now, _ in told]
    assert done == sorted(done)
    assert told[-1] == (size, size)


def test_without_a_length_there_is_no_total_until_the_end(peer):
    told = []

    def script(wire):
        wire.head()
        wire.send(b"HTTP/1.0 200 OK\r\n\r\nhello")
        support.until(lambda: told)
        wire.finish()

    rsock.fetch(peer(script).url(), progress=lambda *now: told.append(now))
    assert told[0] == (5, None)
    assert told[-1][0] == 5


def test_what_progress_raises_ends_the_download(peer, target):
    class Enough(Exception):
        pass

    def stop(done, total):
        raise Enough

    with pytest.raises(Enough):
        rsock.fetch(peer(peers.reply(bytes(1 << 20))).url(), progress=stop, to=target)
    assert list(target.parent.iterdir()) == []


def test_off_a_terminal_the_bar_is_one_line_at_the_end(peer, capsys):
    rsock.fetch(peer(HELLO).url("/page.txt?q"), progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("page.txt: 5 B in ")
    assert err.count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_bar_stays_in_its_line(monkeypatch):
    from rsock._progress import Bar

    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    bar = Bar("a\x1b[2Jname", terminal)
    for done in range(0, 101, 10):
        bar._last = -1.0
        bar(done << 20, 100 << 20)
    bar.close()
    drawn = terminal.getvalue()
    assert "\x1b" not in drawn
    assert drawn.endswith("\n")
    lines = drawn.rstrip("\n").split("\r")[1:]
    assert all(len(line) < 60 for line in lines)
    assert "100%" in lines[-1]
    assert "50%" in drawn


def test_in_a_notebook_the_bar_is_an_element(monkeypatch):
    from types import SimpleNamespace

    import rsock._progress

    shown = []
    handle = SimpleNamespace(update=lambda picture: shown.append(picture._repr_html_()))
    monkeypatch.setattr(rsock._progress, "_notebook", lambda: handle)
    bar = rsock._progress.Bar("<script>")
    bar(50, 100)
    bar.close()
    assert '<progress value="50" max="100">' in shown[0]
    assert "<script>" not in shown[0]
    bar.close(failed=True)
    assert "not finished" in shown[-1]


# A client.


def test_a_client_keeps_its_connection(peer):
    server = peer(peers.site({"/": HELLO}))
    with rsock.HttpClient() as client:
        assert [client.get(server.url()).body for _ in range(5)] == [b"hello"] * 5
        assert client.idle == 1
        assert repr(client) == "<HttpClient, 1 idle connections>"
    assert server.connections == 1
    assert repr(client) == "<HttpClient, closed>"
    assert client.closed
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.get(server.url())


def test_a_client_keeps_no_more_than_it_may(peer):
    servers = [peer(peers.site({"/": HELLO})) for _ in range(4)]
    with rsock.HttpClient(max_idle=2) as client:
        for server in servers:
            client.get(server.url())
        assert client.idle == 2


def test_a_client_goes_on_where_the_server_has_closed(peer):
    server = peer(HELLO)  # which closes behind each reply, without a word of it
    with rsock.HttpClient() as client:
        assert [client.get(server.url()).body for _ in range(3)] == [b"hello"] * 3
    assert server.connections == 3


@pytest.mark.parametrize(
    "reply",
    [
        peers.reply(b"hello", "200 OK", "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        HELLO + b"and what nobody asked for",
    ],
    ids=["it says so", "old version", "more than asked for"],
)
def test_a_client_does_not_keep_what_cannot_be_used_again(peer, reply):
    def script(wire):
        wire.head()
        wire.send(reply)
        wire.wait()

    with rsock.HttpClient() as client:
        assert client.get(peer(script).url()).body == b"hello"
        assert client.idle == 0


def test_a_client_has_headers_of_its_own(peer):
    server = peer(peers.site({"/": HELLO}))
    with rsock.HttpClient(headers={"X-One": "1", "X-Two": "2"}, auth=("a", "b")) as client:
        client.get(server.url(), headers={"x-two": "3"})
        client.get(server.url(), headers={"X-TWO": None})
        client.post(server.url(), {"k": "v"}, auth=None)
        client.head(server.url("/none"))
    one, without, two, three = server.requests
    assert peers.field(without, "x-one") == "1"
    assert peers.field(without, "x-two") is None
    assert [peers.field(one, name) for name in ("x-one", "x-two")] == ["1", "3"]
    assert peers.field(one, "authorization") == "Basic YTpi"
    assert peers.field(two, "authorization") is None
    assert peers.field(two, "x-two") == "2"
    assert [line.split(b" ")[0] for line in (one, two, three)] == [b"GET", b"POST", b"HEAD"]
    assert server.bodies[2] == b"k=v"


def test_a_setting_of_a_call_comes_before_that_of_the_client(peer):
    server = peer(peers.site({"/": HELLO, "/r": peers.redirect("/")}))
    with rsock.HttpClient(max_body=3, redirects=0) as client:
        with pytest.raises(rsock.TooLargeError):
            client.get(server.url())
        assert client.get(server.url(), max_body=5).body == b"hello"
        assert client.get(server.url("/r"), max_body=None).status == 302
        assert client.get(server.url("/r"), max_body=None, redirects=1).status == 200


def test_several_threads_share_a_client(peer, spawn):
    server = peer(peers.site({f"/{n}": peers.reply(b"%d" % n) for n in range(8)}))
    with rsock.HttpClient() as client:

        def ask(number):
            return {client.get(server.url(f"/{number}")).body for _ in range(25)}

        workers = [spawn(ask, number) for number in range(8)]
        assert [worker.result() for worker in workers] == [{b"%d" % n} for n in range(8)]


def test_a_client_that_is_closed_ends_what_it_does(peer, spawn):
    begun = threading.Event()

    def script(wire):
        wire.head()
        begun.set()
        wire.wait()

    server = peer(script)
    client = rsock.HttpClient(timeout=5)
    worker = spawn(client.get, server.url())
    assert begun.wait(support.PATIENCE)
    client.close()
    # Closed or left to its deadline, it does not hang, and it is no page.
    with pytest.raises(OSError):
        worker.result()


# Errors.


def test_a_refused_connection_is_the_error_that_sockets_raise():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError) as caught:
        rsock.fetch(f"http://127.0.0.1:{port}/")
    assert caught.value.errno is not None


def test_a_name_that_is_not_known_is_the_error_that_sockets_raise():
    with pytest.raises(socket.gaierror):
        rsock.fetch("http://does-not-exist.invalid/", timeout=10)


def test_every_error_of_the_exchange_has_a_common_base_and_says_where(peer):
    for name in ("BadReply", "IncompleteReply", "TooLarge", "Redirect", "Tls", "FetchTimeout"):
        error = getattr(rsock, f"{name}Error")
        assert issubclass(error, rsock.FetchError)
        assert error.__module__ == "rsock"
    assert issubclass(rsock.FetchError, OSError)
    assert issubclass(rsock.FetchTimeoutError, TimeoutError)
    server = peer(b"nonsense\r\n\r\n")
    with pytest.raises(rsock.BadReplyError) as caught:
        rsock.fetch(server.url())
    assert caught.value.url == server.url()
    assert caught.value.response is None
    assert str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": b"http://127.0.0.1/"},
        {"url": None},
        {"method": None},
        {"method": b"GET"},
        {"headers": 5},
        {"headers": "X: y"},
        {"headers": ["X: y"]},
        {"headers": {"X": 5}},
        {"headers": {5: "x"}},
        {"data": 5},
        {"data": b"x", "json": 1},
        {"auth": "name:word"},
        {"auth": ("name",)},
        {"auth": (1, 2)},
        {"connect_to": {"a:1": 5}},
        {"connect_to": [5]},
        {"proxies": "http://127.0.0.1/"},
        {"timeout": "5"},
        {"redirects": "5"},
        {"progress": 5},
        {"verify": None},
    ],
    ids=repr,
)
def test_an_argument_of_a_wrong_type_is_refused_before_a_byte_is_sent(peer, settings):
    server = peer(HELLO)
    with pytest.raises(TypeError):
        rsock.fetch(**{"url": server.url(), **settings})
    assert server.connections == 0


# The names.


def test_the_names_are_what_they_seem_before_they_are_loaded():
    print_ = support.python(
        """
        import inspect, sys, rsock
        assert "rsock._fetch" not in sys.modules
        assert inspect.isfunction(rsock.fetch)
        assert list(inspect.signature(rsock.fetch).parameters)[:3] == ["url", "method", "headers"]
        assert "rsock._fetch" in sys.modules
        assert rsock.fetch.__name__ == "fetch"
        import pydoc
        assert "Ask a server" in pydoc.render_doc(rsock.fetch)
        from rsock import HttpClient, Response, fetch
        assert isinstance(HttpClient(), rsock.HttpClient)
        print("as they should")
        """
    )
    assert print_ == "as they should\n"


def test_importing_does_not_load_what_fetching_needs():
    loaded = support.python(
        "import sys, rsock; print(sorted(n for n in sys.modules if n.startswith('rsock')))"
    )
    assert eval(loaded) == ["rsock", "rsock._rsock", "rsock._socket"]


def test_a_function_that_comes_late_can_be_an_attribute_of_a_class(peer):
    server = peer(HELLO)

    class Lesson:
        ask = staticmethod(rsock.fetch)

    assert Lesson().ask(server.url()).body == b"hello"
    assert Lesson.ask(server.url()).body == b"hello"


def test_a_fetch_that_waits_holds_up_no_other(peer, spawn):
    fast, slow = peer(HELLO), peer(lambda wire: wire.wait())

    def give_up():
        with pytest.raises(rsock.FetchTimeoutError):
            rsock.fetch(slow.url(), timeout=0.3)

    worker = spawn(give_up)
    for _ in range(20):
        assert rsock.fetch(fast.url()).body == b"hello"
    worker.result()


def test_headers_can_be_copied():
    headers = rsock.Headers([("A", "1"), ("a", "2")])
    assert pickle.loads(pickle.dumps(headers)) == headers
