"""PageServer and files: what leads to one, what leads nowhere, and what they are said to be."""

import os
import pathlib
import random
import socket
import threading

import pytest
import rsock
import support
from asking import ask, get, keeping, raw

MIB = 1 << 20


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
