"""PageServer plays a site: for browsers, for curl, for clients that break the rules."""

import contextlib
import datetime
import email.utils
import gc
import gzip
import http.client
import logging
import os
import pathlib
import random
import shutil
import socket
import subprocess
import threading
import urllib.request
import weakref

import pytest
import rsock
import support

MIB = 1 << 20
PAGES = {
    "": "<h1>Hello</h1>",
    "/ten": b"0123456789",
    "/docs/": "documents" * 5,
    "/新浪": "新浪首页",
    "/gb.html": '<meta charset="gb2312"><p>新浪'.encode("gb18030"),
    "/gone": (410, {"X-Why": "moved away"}, b"gone"),
    "/cookies": (200, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], "two"),
    "/nothing": (204, {}, b""),
    "/elsewhere": (301, {"Location": "/ten"}, b""),
}

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


@pytest.fixture(params=["events", "threads"])
def concurrency(request):
    return request.param


@pytest.fixture
def site(concurrency):
    """Give a server of the pages above."""
    server = rsock.PageServer(
        0, PAGES, redirects={"/old": "/ten", "/loop": "/loop"}, concurrency=concurrency
    )
    with server:
        yield server


@pytest.fixture
def root(tmp_path):
    """Give a directory with all that may be in one, and a secret outside of it."""
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "index.html").write_text("<h1>index</h1>")
    (root / "sub" / "index.html").write_text("sub")
    (root / "sub" / "a.txt").write_text("0123456789")
    (root / "data.bin").write_bytes(bytes(range(256)))
    (root / "a b%c.txt").write_text("odd")
    (root / "back\\slash").write_text("secret")
    (root / "within").symlink_to("sub/a.txt")
    (root / "without").symlink_to("../secret")
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to("..")
    (root / "circle").symlink_to("circle")
    (root / "broken").symlink_to("none")
    (root / "proc").symlink_to("/proc/self/environ")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.relpath(root / "sock"))
    (root / "device").symlink_to("/dev/zero")
    locked = root / "locked"
    locked.write_text("secret")
    locked.chmod(0)
    return root


@pytest.fixture
def files(root, concurrency):
    with rsock.PageServer(0, directory=root, concurrency=concurrency) as server:
        yield server


@contextlib.contextmanager
def keeping(server):
    """Give a connection of http.client."""
    connection = http.client.HTTPConnection(*server.address[:2], timeout=support.PATIENCE)
    with contextlib.closing(connection):
        yield connection


def ask(server, path, method="GET", **headers):
    """Return a reply of the server, and its body."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with keeping(server) as connection:
        connection.request(method, path, headers=headers)
        reply = connection.getresponse()
        return reply, reply.read()


def raw(server, data):
    """Send bytes, and return all that comes until the server closes."""
    with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
        sock.sendall(data)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def get(path, *headers, version="1.1", method="GET"):
    lines = [f"{method} {path} HTTP/{version}", "Host: h", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def test_pages_are_served_as_what_they_are(site):
    for path, kind, body in (
        ("/", "text/html; charset=utf-8", b"<h1>Hello</h1>"),
        ("/ten", "text/plain; charset=utf-8", b"0123456789"),
        ("/docs/", "text/plain; charset=utf-8", b"documents" * 5),
        ("/%E6%96%B0%E6%B5%AA", "text/plain; charset=utf-8", "新浪首页".encode()),
        ("/gb.html", "text/html", PAGES["/gb.html"]),
    ):
        reply, got = ask(site, path)
        assert (reply.status, reply.headers["Content-Type"], got) == (200, kind, body)
        assert reply.headers["Content-Length"] == str(len(body))
        assert reply.headers["Server"] == f"rsock/{rsock.__version__}"
        date = email.utils.parsedate_to_datetime(reply.headers["Date"])
        assert abs(datetime.datetime.now(datetime.timezone.utc) - date).total_seconds() < 60
    reply, body = ask(site, "/gone")
    assert (reply.status, reply.headers["X-Why"], body) == (410, "moved away", b"gone")
    reply, _ = ask(site, "/cookies")
    assert reply.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    reply, body = ask(site, "/nothing")
    assert (reply.status, reply.headers["Content-Length"], body) == (204, None, b"")
    assert ask(site, "/none")[0].status == 404


def test_urllib_follows_where_it_is_sent(site):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path in ("old", "elsewhere"):
        with opener.open(site.url + path, timeout=support.PATIENCE) as reply:
            assert (reply.url, reply.read()) == (site.url + "ten", b"0123456789")
    reply, _ = ask(site, "/docs?a=b")
    assert (reply.status, reply.headers["Location"]) == (301, "/docs/?a=b")


def test_one_server_plays_several_hosts(concurrency):
    hosts = {"www.sina.com.cn": {"/": "新浪"}, "example.org": {"/": "example"}}
    with rsock.PageServer(0, {"/": "any"}, hosts=hosts, concurrency=concurrency) as server:
        assert ask(server, "/", Host="www.sina.com.cn")[1].decode() == "新浪"
        assert ask(server, "/", Host="Example.org:80")[1] == b"example"
        assert ask(server, "/")[1] == b"any"
        assert ask(server, "http://example.org/")[1] == b"example"


def test_head_tells_what_get_would_send(site, files):
    for server, path in ((site, "/ten"), (files, "/sub/a.txt")):
        got, _ = ask(server, path)
        head, body = ask(server, path, "HEAD")
        assert body == b""
        assert head.headers["Content-Length"] == "10"
        assert {*head.headers} == {*got.headers}


def test_other_methods_are_told_which_there_are(site):
    with keeping(site) as connection:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get"):
            connection.request(method, "/ten", body=b"0123456789")
            reply = connection.getresponse()
            assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
            reply.read()
        assert connection.sock is not None
    assert site.stats["accepted"] == 1


def test_a_connection_is_kept_unless_somebody_wants_its_end(site):
    with keeping(site) as connection:
        for _ in range(50):
            connection.request("GET", "/ten")
            assert connection.getresponse().read() == b"0123456789"
        connection.request("GET", "/ten", headers={"Connection": "close"})
        reply = connection.getresponse()
        assert (reply.headers["Connection"], reply.read()) == ("close", b"0123456789")
    assert (site.stats["accepted"], site.stats["messages"]) == (1, 51)
    assert b"Connection: close" in raw(site, get("/ten", version="1.0"))
    two = get("/ten", "Connection: keep-alive", version="1.0") + get("/ten", version="1.0")
    assert raw(site, two).count(b"0123456789") == 2


def test_pipelined_requests_are_answered_in_order(site):
    requests = [get(path) for path in ("/ten", "/none", "/docs/")] * 300
    received = raw(site, b"".join(requests) + get("/ten", "Connection: close"))
    assert received.count(b"HTTP/1.1 200 OK") == 601
    assert received.count(b"HTTP/1.1 404 Not Found") == 300
    assert received.endswith(b"0123456789")


def test_text_of_a_few_bytes_is_left_as_it_is(concurrency):
    pages = {"/19": "x" * 19, "/20": "x" * 20}
    with rsock.PageServer(0, pages, concurrency=concurrency) as server:
        for path, coding in (("/19", None), ("/20", "gzip")):
            reply, body = ask(server, path, Accept_Encoding="gzip")
            assert reply.headers["Content-Encoding"] == coding
            assert reply.headers["Content-Length"] == str(len(body))
            assert (gzip.decompress(body) if coding else body) == pages[path].encode()


def test_text_is_compressed_for_those_who_take_it(site, root, concurrency):
    reply, body = ask(site, "/docs/", Accept_Encoding="gzip, br")
    assert (reply.headers["Content-Encoding"], reply.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(body) == b"documents" * 5
    assert reply.headers["Content-Length"] == str(len(body))
    assert reply.headers["ETag"].startswith("W/")
    assert ask(site, "/docs/", Accept_Encoding="gzip;q=0")[0].headers["Content-Encoding"] is None
    long = "".join(random.Random(7).choices("新浪abcdef <>", k=300_000)).encode()
    (root / "long.html").write_bytes(long)
    with rsock.PageServer(0, directory=root, concurrency=concurrency) as server:
        reply, body = ask(server, "/long.html", Accept_Encoding="gzip")
        assert (reply.headers["Transfer-Encoding"], reply.headers["Content-Length"]) == (
            "chunked",
            None,
        )
        assert gzip.decompress(body) == long
        # Before 1.1 there were no chunks.
        head, _, body = raw(
            server, get("/long.html", "Accept-Encoding: gzip", version="1.0")
        ).partition(b"\r\n\r\n")
        assert b"chunked" not in head
        assert gzip.decompress(body) == long
        assert (
            ask(server, "/data.bin", Accept_Encoding="gzip")[0].headers["Content-Encoding"] is None
        )
    with rsock.PageServer(0, PAGES, gzip=False, concurrency=concurrency) as server:
        assert ask(server, "/", Accept_Encoding="gzip")[0].headers["Content-Encoding"] is None


def test_bodies_go_in_chunks_on_request(site, concurrency):
    assert ask(site, "/ten")[0].headers["Transfer-Encoding"] is None
    reply, body = ask(site, "/ten?chunked=1")
    assert (reply.headers["Transfer-Encoding"], body) == ("chunked", b"0123456789")
    with rsock.PageServer(0, PAGES, chunked=True, concurrency=concurrency) as server:
        reply, body = ask(server, "/ten")
        assert (reply.headers["Transfer-Encoding"], body) == ("chunked", b"0123456789")
        assert raw(server, get("/ten", version="1.0")).endswith(b"\r\n\r\n0123456789")


def test_parts_of_a_page_and_of_a_file(site, files):
    for server, path in ((site, "/ten"), (files, "/sub/a.txt")):
        reply, body = ask(server, path, Range="bytes=2-4")
        assert (reply.status, reply.headers["Content-Range"], body) == (206, "bytes 2-4/10", b"234")
        assert ask(server, path, Range="bytes=-3")[1] == b"789"
        reply, _ = ask(server, path, Range="bytes=10-")
        assert (reply.status, reply.headers["Content-Range"]) == (416, "bytes */10")
        reply, body = ask(server, path, Range="bytes=0-1,3-4")
        assert (reply.status, body) == (200, b"0123456789")
        tag = ask(server, path)[0].headers["ETag"]
        assert ask(server, path, Range="bytes=8-", If_Range=tag)[1] == b"89"
        assert ask(server, path, Range="bytes=8-", If_Range='"old"')[1] == b"0123456789"
        # What is asked for in parts is not compressed, or the parts would not fit.
        reply, body = ask(server, path, Range="bytes=8-", Accept_Encoding="gzip")
        assert (reply.headers["Content-Encoding"], body) == (None, b"89")


def test_what_a_client_has_already_is_not_sent(site, files, root):
    for server, path in ((site, "/ten"), (files, "/sub/a.txt")):
        reply, _ = ask(server, path)
        same, body = ask(server, path, If_None_Match=reply.headers["ETag"])
        assert (same.status, same.headers["ETag"], body) == (304, reply.headers["ETag"], b"")
        assert same.headers["Content-Length"] is None
        weak = ask(server, path, Accept_Encoding="gzip")[0].headers["ETag"]
        assert ask(server, path, If_None_Match=weak)[0].status == 304
        assert ask(server, path, If_None_Match='"other"')[0].status == 200
        assert ask(server, path, If_Match='"other"')[0].status == 412
    changed = ask(files, "/sub/a.txt")[0].headers["Last-Modified"]
    assert ask(files, "/sub/a.txt", If_Modified_Since=changed)[0].status == 304
    before = "Sun, 09 Sep 2001 01:46:40 GMT"
    assert ask(files, "/sub/a.txt", If_Modified_Since=before)[0].status == 200
    tag = ask(files, "/sub/a.txt")[0].headers["ETag"]
    (root / "sub" / "a.txt").write_text("other")
    reply, body = ask(files, "/sub/a.txt", If_None_Match=tag)
    assert (reply.status, body) == (200, b"other")


def test_a_directory_is_served_with_its_index_and_without_listings(files):
    for path, kind, body in (
        ("/", "text/html; charset=utf-8", b"<h1>index</h1>"),
        ("/sub/", "text/html; charset=utf-8", b"sub"),
        ("/sub/./a.txt", "text/plain; charset=utf-8", b"0123456789"),
        ("/data.bin", "application/octet-stream", bytes(range(256))),
        ("/a%20b%25c.txt", "text/plain; charset=utf-8", b"odd"),
        ("/within", "application/octet-stream", b"0123456789"),
    ):
        reply, got = ask(files, path)
        assert (reply.status, reply.headers["Content-Type"], got) == (200, kind, body)
    reply, _ = ask(files, "/sub?a=b")
    assert (reply.status, reply.headers["Location"]) == (301, "/sub/?a=b")
    for path in ("/sub/empty/", "/sub/a.txt/", "/none", "/sub/a.txt/none", "/" + "a" * 300):
        assert ask(files, path)[0].status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/sub/../../secret",
        "/sub/../index.html",
        "/%2e%2e/secret",
        "/.%2e/secret",
        "/%2E./secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/sub%2f..%2f..%2fsecret",
        "/..\\secret",
        "/..%5csecret",
        "/back\\slash",
        "/back%5Cslash",
        "/..%00/secret",
        "/index.html%00",
        "/%00",
        "/%",
        "/%2",
        "/%zz",
        "/%252e%252e/secret",
        "/%c0%ae%c0%ae/secret",
        "/%ef%bc%8e%ef%bc%8e/secret",
        "//../secret",
        "/./../secret",
        "/without",
        "/absolute",
        "/up/secret",
        "/up/root/index.html",
        "/circle",
        "/broken",
        "/proc",
        "/fifo",
        "/sock",
        "/device",
        "/locked",
        "http://h/../secret",
        "/" + "../" * 40 + "etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_directory_or_to_what_is_no_file(files, path):
    if path == "/locked" and os.geteuid() == 0:
        pytest.skip("nothing is locked for root")
    reply = raw(files, get(path, "Connection: close"))
    assert reply[9:12] in (b"400", b"403", b"404")
    assert b"secret" not in reply
    assert ask(files, "/")[0].status == 200


def test_two_slashes_name_no_other_host(files, root):
    (root / "evil.example").mkdir()
    reply = raw(files, get("//evil.example", "Connection: close"))
    assert b"\r\nLocation: /evil.example/\r\n" in reply


def test_links_that_change_under_way_never_lead_out(root, concurrency):
    outside, way = root.parent / "other", root / "way"
    outside.mkdir()
    (outside / "a.txt").write_text("secret")
    over = threading.Event()

    def swap():
        targets = ["sub", "../other"]
        while not over.is_set():
            targets.reverse()
            (root / "next").symlink_to(targets[0], target_is_directory=True)
            (root / "next").replace(way)

    way.symlink_to("sub")
    worker = support.Worker(swap)
    try:
        with rsock.PageServer(0, directory=root, concurrency=concurrency) as server:
            with keeping(server) as connection:
                statuses = set()
                for _ in range(500):
                    connection.request("GET", "/way/a.txt")
                    reply = connection.getresponse()
                    statuses.add(reply.status)
                    assert b"secret" not in reply.read()
    finally:
        over.set()
        worker.result()
    assert {200} <= statuses <= {200, 404, 503}


def test_a_directory_is_the_one_that_was_there_at_the_start(root, concurrency):
    with rsock.PageServer(0, directory=root, concurrency=concurrency) as server:
        root.rename(root.parent / "moved")
        assert ask(server, "/sub/a.txt")[1] == b"0123456789"


def test_pages_may_be_files_and_go_before_the_directory(root, concurrency):
    pages = {
        "/": root / "data.bin",
        "/page": (200, {"Content-Type": "text/x-own"}, pathlib.Path(root / "sub" / "a.txt")),
        "/gone": root / "none",
        "/fifo": root / "fifo",
    }
    with rsock.PageServer(0, pages, directory=root, concurrency=concurrency) as server:
        assert ask(server, "/")[1] == bytes(range(256))
        reply, body = ask(server, "/page")
        assert (reply.headers["Content-Type"], body) == ("text/x-own", b"0123456789")
        (root / "sub" / "a.txt").write_text("new")
        assert ask(server, "/page")[1] == b"new"
        assert ask(server, "/gone")[0].status == 404
        assert ask(server, "/fifo")[0].status == 403
        assert ask(server, "/sub/")[1] == b"sub"


def test_a_saved_page_keeps_its_own_charset(tmp_path, concurrency):
    sina = '<html><meta charset="gb2312"><title>新浪首页</title>'
    # One that comes to Chinese late: only its label tells, and a look at the start shows no more.
    late = '<meta charset="gb2312">' + "<br>" * 20_000 + "新浪"
    pages = {"/sina.html": sina.encode("gb18030"), "/late.html": late.encode("gb18030")}
    for path, page in pages.items():
        (tmp_path / path[1:]).write_bytes(page)
    (tmp_path / "own.html").write_text("新浪" * 20_000, encoding="utf-8")
    named = {"/named": tmp_path / "sina.html"}
    with rsock.PageServer(0, named, directory=tmp_path, concurrency=concurrency) as server:
        for path, text in (("/sina.html", sina), ("/late.html", late), ("/named", sina)):
            reply = rsock.fetch(server.url + path[1:])
            assert (reply.headers["Content-Type"], reply.text) == ("text/html", text)
        reply = rsock.fetch(server.url + "own.html")
        assert reply.headers["Content-Type"] == "text/html; charset=utf-8"


REFUSED = [
    (400, b"nonsense\r\n\r\n"),
    (400, b"\x16\x03\x01"),
    (400, b"GET / HTTP/1.1\nHost: h\n\n"),
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"),
    (400, get("/", "Content-Length: 5", "Transfer-Encoding: chunked", method="POST")),
    (400, get("/", "Content-Length: 5", "Content-Length: 6", method="POST")),
    (400, get("/", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n"),
    (413, get("/", "Content-Length: 1000", method="POST")),
    (413, get("/", "Transfer-Encoding: chunked", method="POST") + b"3e8\r\n"),
    (414, b"GET /" + b"a" * 5000),
    (431, get("/", "X: " + "a" * 5000)),
    (431, get("/", *["X: a"] * 200)),
    (417, get("/", "Expect: miracle", "Content-Length: 1", method="POST")),
    (501, get("/", "Transfer-Encoding: gzip, chunked", method="POST")),
    (505, b"GET / HTTP/3.0\r\nHost: h\r\n\r\n"),
]


@pytest.mark.parametrize(
    ("status", "request_"), [pytest.param(*row, id=repr(row[1][:60])) for row in REFUSED]
)
def test_a_bad_request_is_answered_and_closed(concurrency, status, request_):
    server = rsock.PageServer(
        0, PAGES, max_request_head=4096, max_body=100, concurrency=concurrency
    )
    with server:
        with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
            sock.sendall(request_)
            received = b"".join(iter(lambda: sock.recv(65536), b""))
        assert received.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"\r\nConnection: close\r\n" in received
        assert received.count(b"\r\nDate: ") == 1
        support.until(lambda: server.connections == 0)
        assert server.stats["errors"] == 1
        assert ask(server, "/ten")[1] == b"0123456789"


def test_nothing_is_smuggled_behind_a_refused_request(site):
    hidden = get("/ten")
    for first in (
        get("/", "Content-Length: 0", "Transfer-Encoding: chunked", method="POST"),
        get("/", "Transfer-Encoding: xchunked", method="POST"),
        get("/", "Transfer-Encoding : chunked", method="POST"),
        get("/", "Content-Length: +5", method="POST"),
        get("/", "Content-Length: 0\n", method="POST"),
    ):
        assert b"0123456789" not in raw(site, first + hidden)


def test_bodies_are_passed_over_and_their_sender_may_ask_first(site):
    with keeping(site) as connection:
        connection.request("GET", "/ten", body=b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.getresponse().read() == b"0123456789"
        connection.request("GET", "/ten", body=iter([b"GET ", b"/none"]), encode_chunked=True)
        assert connection.getresponse().read() == b"0123456789"
    with socket.create_connection(site.address, timeout=support.PATIENCE) as sock:
        sock.sendall(get("/ten", "Expect: 100-continue", "Content-Length: 3"))
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_whoever_sends_too_much_comes_to_read_that_it_is(site):
    much = "a" * (5 * MIB)
    for status, path, headers, body in (
        (413, "/ten", {}, much),
        (414, "/" + much, {}, None),
        (431, "/", {"X": much}, None),
    ):
        with keeping(site) as connection:
            connection.request("POST", path, body=body, headers=headers)
            assert connection.getresponse().status == status


def test_a_head_without_end_costs_no_memory(site):
    gc.collect()
    before = resident()
    with socket.create_connection(site.address, timeout=support.PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nX: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                sock.sendall(b"a" * MIB)
            pytest.fail("all of it was taken")
    assert resident() - before < 8 * MIB


def test_a_slow_reader_costs_no_more_than_a_part(tmp_path, concurrency):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    with contextlib.ExitStack() as stack:
        server = rsock.PageServer(
            0, {"/page": bytes(64 * MIB)}, directory=tmp_path, concurrency=concurrency
        )
        stack.enter_context(server)
        gc.collect()
        before = resident()
        socks = []
        for path in ["/large.bin", "/page", "/large.bin?chunked=1"] * 8:
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.settimeout(support.PATIENCE)
            sock.connect(server.address)
            sock.sendall(get(path) * 100)
            socks.append(sock)
        for _ in range(50):
            for sock in socks:
                assert sock.recv(65536)
        assert resident() - before < 16 * MIB
        # Somebody who reads is served meanwhile.
        assert ask(server, "/page", Range="bytes=0-9")[1] == bytes(10)


def test_a_large_file_arrives_whole(tmp_path, concurrency):
    content = random.Random(3).randbytes(9 * MIB + 5)
    (tmp_path / "large.bin").write_bytes(content)
    with rsock.PageServer(
        0, {"/page.bin": content}, directory=tmp_path, concurrency=concurrency, max_pending=5000
    ) as server:
        for path in ("/large.bin", "/page.bin", "/large.bin?chunked=1"):
            assert ask(server, path)[1] == content
        # Whoever says that it sends no more is answered nevertheless.
        with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
            sock.sendall(get("/large.bin"))
            sock.shutdown(socket.SHUT_WR)
            received = b"".join(iter(lambda: sock.recv(MIB), b""))
        assert received.partition(b"\r\n\r\n")[2] == content


def test_others_are_served_while_much_is_sent(tmp_path):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    with rsock.PageServer(0, {"/ten": b"0123456789"}, directory=tmp_path) as server:
        with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
            sock.sendall(get("/large.bin"))
            over = threading.Event()

            def drain():
                while not over.is_set():
                    sock.recv(MIB)

            worker = support.Worker(drain)
            with keeping(server) as connection:
                for _ in range(20):
                    connection.request("GET", "/ten")
                    assert connection.getresponse().read() == b"0123456789"
            over.set()
            worker.result()


def test_stop_ends_a_long_answer(tmp_path, concurrency):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    server = rsock.PageServer(0, directory=tmp_path, concurrency=concurrency).start()
    with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
        sock.sendall(get("/large.bin"))
        assert sock.recv(100)
        assert server.stop()
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(MIB):
                pass
    assert server.stats["active"] == 0


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(tmp_path, concurrency):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    with rsock.PageServer(0, directory=tmp_path, concurrency=concurrency) as server:
        # The first one shows what stays open for good.
        for _ in range(5):
            with socket.create_connection(server.address, timeout=support.PATIENCE) as sock:
                sock.sendall(get("/large.bin"))
                assert sock.recv(100)
            support.until(lambda: server.connections == 0)
            descriptors = support.open_descriptors()
        assert not [
            number
            for number in descriptors
            if "large.bin" in os.readlink(f"/proc/self/fd/{number}")
        ]


def test_who_says_nothing_or_reads_nothing_is_closed(tmp_path, concurrency):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 30)
    with rsock.PageServer(
        0, directory=tmp_path, idle_timeout=0.3, concurrency=concurrency
    ) as server:
        with socket.create_connection(server.address, timeout=support.PATIENCE) as silent:
            with socket.create_connection(server.address, timeout=support.PATIENCE) as deaf:
                deaf.sendall(get("/large.bin"))
                silent.sendall(b"GET / HT")
                assert silent.recv(100) == b""
                support.until(lambda: server.connections == 0)


def test_the_log_tells_of_each_request(concurrency, caplog, capsys):
    with caplog.at_level(logging.INFO, logger="site"):
        server = rsock.PageServer(0, PAGES, log=logging.getLogger("site"), concurrency=concurrency)
        with server:
            ask(server, "/ten?a=b")
            raw(server, b"GET\r\n\r\n")
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "Waiting for connection..."
    assert any(line.endswith(' "GET /ten?a=b HTTP/1.1" 200') for line in lines)
    assert any(line.endswith(" bad request: 400") for line in lines)
    assert lines[1].startswith("Accept new connection from 127.0.0.1:")
    assert capsys.readouterr().out == ""


def test_it_tells_where_it_is_and_what_it_does(tmp_path):
    server = rsock.PageServer(("127.0.0.1", 0), PAGES)
    assert repr(server) == f"<rsock.PageServer 127.0.0.1:{server.address[1]} not running>"
    with server:
        assert server.url == f"http://127.0.0.1:{server.address[1]}/"
        with keeping(server) as connection:
            connection.request("GET", "/ten")
            connection.getresponse().read()
            assert repr(server).endswith(" running, 1 connection>")
        assert server.stats["messages"] == 1
    with rsock.PageServer(str(tmp_path / "path"), PAGES) as server:
        assert server.url is None
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(server.address)
            sock.sendall(get("/ten", "Connection: close"))
            assert b"".join(iter(lambda: sock.recv(65536), b"")).endswith(b"0123456789")
    assert rsock.PageServer("\0rsock-pages-test", PAGES).url is None
    everywhere = rsock.PageServer(("", 0), PAGES)
    assert everywhere.url == f"http://127.0.0.1:{everywhere.address[1]}/"


def test_an_address_of_ipv6_stands_in_brackets():
    try:
        server = rsock.PageServer(("::1", 0), PAGES)
    except OSError:
        pytest.skip("there is no IPv6")
    with server:
        assert server.url == f"http://[::1]:{server.address[1]}/"
        assert ask(server, "/ten")[1] == b"0123456789"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, TypeError, "needs pages"),
        ({"pages": 5}, TypeError, "pages must be a dict"),
        ({"pages": {5: "x"}}, TypeError, "the path of a page"),
        ({"pages": {"/": 5}}, TypeError, "the page '/'"),
        ({"pages": {"/": None}}, TypeError, "the page '/'"),
        ({"pages": {"/": (200, "x")}}, ValueError, "status, headers, body"),
        ({"pages": {"/": ("x", {}, "x")}}, ValueError, "'x'"),
        ({"pages": {"/": (99, {}, "x")}}, ValueError, "from 200 to 599"),
        ({"pages": {"/": (70000, {}, "x")}}, ValueError, "not 70000"),
        ({"pages": {"/": (204, {}, "x")}}, ValueError, "no body"),
        ({"pages": {"/": (200, {"A b": "c"}, "x")}}, ValueError, "A b"),
        ({"pages": {"/": (200, {"A": "b\r\nC: d"}, "x")}}, ValueError, "header A"),
        ({"pages": {"/": (200, {"A": 5}, "x")}}, TypeError, "header A"),
        ({"pages": {"/": (200, {5: "a"}, "x")}}, TypeError, "name must be str"),
        ({"pages": {"/": (200, {"Content-Length": "1"}, "x")}}, ValueError, "Content-Length"),
        ({"hosts": {"h": 5}}, TypeError, "host 'h'"),
        ({"hosts": [5]}, TypeError, "hosts must be a dict"),
        ({"redirects": [5]}, TypeError, "redirects must be a dict"),
        ({"redirects": {"/": 5}}, TypeError, "redirect of '/'"),
        ({"redirects": {"/": "a\r\nb"}}, ValueError, "Location"),
        ({"directory": "/none/such"}, FileNotFoundError, "/none/such"),
        ({"directory": __file__}, NotADirectoryError, "test_pages"),
        ({"directory": 5.5}, TypeError, "float"),
        ({"pages": {}, "max_request_head": 0}, ValueError, "max_request_head"),
        ({"pages": {}, "max_body": -1}, OverflowError, "negative"),
        ({"pages": {}, "max_pending": 0}, ValueError, "max_pending"),
        ({"pages": {}, "max_connections": 0}, ValueError, "max_connections"),
        ({"pages": {}, "log": 5}, TypeError, "log"),
        ({"pages": {}, "concurrency": "asyncio"}, ValueError, "concurrency"),
    ],
)
def test_a_wrong_argument_is_named(arguments, error, text):
    with pytest.raises(error, match=text):
        rsock.PageServer(0, **arguments)


def test_a_server_that_its_log_refers_to_is_collected():
    class Own:
        def line(self, text):
            pass

    own = Own()
    own.server = rsock.PageServer(0, PAGES, log=own.line).start()
    gone = weakref.ref(own)
    ask(own.server, "/ten")
    del own
    gc.collect()
    assert gone() is None


@needs_curl
def test_curl_gets_what_it_asks_for(site, files, root):
    def curl(*arguments):
        command = ["curl", "--silent", "--show-error", "--max-time", "10", "--noproxy", "*"]
        done = subprocess.run([*command, *arguments], capture_output=True, check=True, timeout=20)
        return done.stdout

    assert curl(site.url + "ten") == b"0123456789"
    assert curl("--compressed", site.url) == b"<h1>Hello</h1>"
    assert curl("-L", site.url + "old") == b"0123456789"
    assert curl("-0", site.url + "ten") == b"0123456789"
    assert curl("-r", "2-4", site.url + "ten") == b"234"
    assert curl("-I", site.url + "ten").startswith(b"HTTP/1.1 200 OK\r\n")
    assert curl(site.url + "ten", site.url + "docs/") == b"0123456789" + b"documents" * 5
    assert curl(site.url + "ten?chunked=1") == b"0123456789"
    expecting = curl("-H", "Expect: 100-continue", "-d", "x" * 2000, site.url + "ten")
    assert expecting.startswith(b"POST is not for pages")
    assert curl("--path-as-is", files.url + "../secret") == b"404 Not Found\n"
    (root / "half").write_bytes(b"01234")
    curl("-C", "-", "-o", str(root / "half"), files.url + "sub/a.txt")
    assert (root / "half").read_bytes() == b"0123456789"


def resident():
    """Return how many bytes of memory this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
