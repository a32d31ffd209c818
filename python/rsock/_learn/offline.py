"""A classroom without internet: `--offline`, and `--connect-to` for the drop-in socket too."""

from __future__ import annotations

import os

from rsock import _rsock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

#: Where whoever runs a program beside others says on which port it answers for all of them.
PAGES = "RSOCK_PAGES"

_HERE = ("localhost", "127.0.0.1", "[::1]")
_WEB = (80, 443, 8080)

_PARAGRAPH = """\
<p>这不是真正的网站。你的程序想访问外面的主机，而它是用 <code>rsock run --offline</code> 运行的，
所以由本机上的一个小服务器代为回答。请求照样经过 TCP 连接，响应照样有状态行、头和正文，
程序学到的东西与在网上时一样。</p>
<p lang="en">This is a stand-in. A program asked for a page of an outside host and was run with
<code>rsock run --offline</code>, so that a small server on this machine answers in its place.</p>
"""

_STEPS = (
    "建立连接：客户端 connect 到主机的 80 端口，双方完成三次握手。",
    "发送请求：请求行、若干个头，最后是一个空行。没有空行，服务器会一直等下去。",
    "接收响应：先是状态行和头，一个空行之后才是正文，要循环 recv，直到收完。",
    "断开连接：请求里写了 Connection: close，服务器发完就关闭，recv 得到空的 bytes。",
    "解码：头里的 charset 说明正文是什么编码，这一页是 utf-8。",
    "保存：以 'wb' 打开文件，把收到的字节原样写进去，再用浏览器打开看看。",
    "出错：主机名拼错、端口不对、网络不通，各有各的异常，读一读它们的文字。",
    "限时：用 settimeout 给 recv 一个时间，免得程序永远等下去。",
)


def page() -> str:
    """Write the page that stands in for all others."""
    steps = "".join(f"<li>{step}</li>\n" for step in _STEPS)
    return (
        '<!DOCTYPE html>\n<html lang="zh">\n<head>\n<meta charset="utf-8">\n'
        "<title>离线替身页面 (offline stand-in)</title>\n</head>\n<body>\n"
        f"<h1>离线替身页面</h1>\n{_PARAGRAPH}<h2>一次网页访问的步骤</h2>\n<ol>\n{steps}</ol>\n"
        "</body>\n</html>\n"
    )


# What answers, for as long as the program runs.
_server: list[Any] = []


def serve() -> int:
    """Start the server of pages, and give its port."""
    from rsock._pages import PageServer

    text = page()
    paths = ("/", "/index.html", "/index.htm")
    server = PageServer(
        ("127.0.0.1", 0),
        {path: (200, {"Content-Type": "text/html; charset=utf-8"}, text) for path in paths},
    )
    server.start()
    _server[:] = [server]
    return int(server.address[1])


def begin(offline: bool, connect_to: Sequence[str]) -> None:
    """Send connections elsewhere, as asked for here and by the environment.

    Raise ValueError for what is no rule.
    """
    inherited = os.environ.get(_rsock._CONNECT_TO)
    rules = [*connect_to, inherited] if inherited else list(connect_to)
    if not offline:
        _rsock._detour(rules, None)
    else:
        port = int(os.environ.get(PAGES, "0")) or serve()
        _rsock._detour(rules, port)
        # For those who connect by themselves: all but this machine goes to the pages.
        rules += [f"{host}:{web}:{host}:{web}" for host in _HERE for web in _WEB]
        rules += [f":{web}:127.0.0.1:{port}" for web in _WEB]
    # `rsock.fetch` reads it as well, and processes inherit it.
    os.environ[_rsock._CONNECT_TO] = ",".join(rules)
