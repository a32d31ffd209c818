"""A site and a directory that are served, and requests of them, well-formed or not."""

import contextlib
import http.client
import os
import socket

import pytest
import rsock
import support

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
