"""PageServer plays a site: for browsers, for curl, for other clients."""

import datetime
import email.utils
import gc
import gzip
import logging
import os
import random
import shutil
import socket
import subprocess
import urllib.request
import weakref

import pytest
import rsock
import support
from asking import PAGES, ask, get, keeping, raw

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


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
    assert rsock.PageServer(f"\0rsock-pages-test-{os.getpid()}", PAGES).url is None
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
