"""Redirects: which are followed, with which method, and what does not cross to another host."""

import certificate
import peers
import pytest
import rsock

END = peers.reply(b"arrived")


def asked(server):
    """Give the first lines of the requests that a server got."""
    return [head.split(b"\r\n")[0].decode() for head in server.requests]


def test_a_redirect_is_followed_and_remembered(peer):
    server = peer(peers.site({"/": peers.redirect("/there"), "/there": END}))
    page = rsock.fetch(server.url(), proxies={})
    assert (page.status, page.body, page.url) == (200, b"arrived", server.url("/there"))
    [before] = page.history
    assert (before.status, before.url, before.body) == (302, server.url("/"), b"moved")
    assert before.headers["location"] == "/there"
    assert before.request == server.requests[0]


def test_without_redirects_the_redirect_itself_comes_back(peer):
    server = peer(peers.redirect("/there"))
    page = rsock.fetch(server.url(), redirects=0, proxies={})
    assert (page.status, page.history) == (302, [])


def test_as_many_are_followed_as_are_allowed(peer):
    hops = {f"/{n}": peers.redirect(f"/{n + 1}") for n in range(5)}
    server = peer(peers.site({**hops, "/5": END}))
    assert rsock.fetch(server.url("/0"), redirects=5, proxies={}).body == b"arrived"
    with pytest.raises(rsock.RedirectError) as caught:
        rsock.fetch(server.url("/0"), redirects=4, proxies={})
    assert caught.value.response.status == 302
    assert len(caught.value.response.history) == 4


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "GET", "GET"),
        (301, "POST", "GET"),
        (301, "PUT", "PUT"),
        (302, "POST", "GET"),
        (302, "DELETE", "DELETE"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (307, "PUT", "PUT"),
        (308, "POST", "POST"),
        (308, "GET", "GET"),
        (301, "HEAD", "HEAD"),
    ],
)
def test_the_method_changes_as_it_does_with_curl(peer, status, method, then):
    head = b"" if method == "HEAD" else b"moved"
    there = f"HTTP/1.1 {status} X\r\nLocation: /there\r\nContent-Length: {len(head)}\r\n\r\n"
    end = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    server = peer(peers.site({"/": there.encode() + head, "/there": end}))
    sends = method in ("POST", "PUT")
    rsock.fetch(server.url(), method=method, data=b"data" if sends else None, proxies={})
    assert asked(server) == [f"{method} / HTTP/1.1", f"{then} /there HTTP/1.1"]
    assert server.bodies == [b"data" if sends else b"", b"data" if sends and then != "GET" else b""]
    if then == "GET":
        assert peers.field(server.requests[1], "content-type") is None
        assert peers.field(server.requests[1], "content-length") is None


@pytest.mark.parametrize("status", [304, 305, 306])
def test_other_statuses_are_not_followed(peer, status):
    reply = f"HTTP/1.1 {status} X\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n".encode()
    server = peer(reply)
    assert rsock.fetch(server.url(), proxies={}).status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("fields", [[], ["Location:"]])
def test_a_redirect_to_nowhere_is_an_answer(peer, fields):
    server = peer(peers.reply(b"where?", "302 Found", *fields))
    page = rsock.fetch(server.url(), proxies={})
    assert (page.status, page.body) == (302, b"where?")


@pytest.mark.parametrize(
    ("where", "then"),
    [
        ("there", "/a/there"),
        ("../there", "/there"),
        ("?x=1", "/a/b?x=1"),
        ("/there#part", "/there"),
        ("/a b", "/a%20b"),
        ("/\u8fc8", "/%E8%BF%88"),
        ("//127.0.0.1:{port}/there", "/there"),
        ("http://127.0.0.1:{port}", "/"),
    ],
)
def test_what_is_relative_is_so_to_the_page(peer, where, then):
    port = []

    def script(wire):
        wire.head()
        line = f"Location: {where.format(port=port[0])}".encode()
        wire.send(b"HTTP/1.1 302 X\r\n" + line + b"\r\nContent-Length: 0\r\n\r\n")
        if wire.head():
            wire.send(END)
            wire.wait()

    # On one connection or two: either way the second request is answered with the end.
    first = [True]

    def either(wire):
        if first:
            first.pop()
            script(wire)
        else:
            wire.head()
            wire.send(END)
            wire.wait()

    server = peer(either)
    port.append(server.port)
    page = rsock.fetch(server.url("/a/b?q"), proxies={})
    assert page.body == b"arrived"
    assert peers.target(server.requests[-1]) == then


SECRETS = {"Authorization": "Bearer abc", "Cookie": "id=1"}


def seen(server):
    return [
        [peers.field(head, name) is not None for name in ("authorization", "cookie", "x-other")]
        for head in server.requests
    ]


def test_secrets_stay_with_the_host_and_the_port_they_are_for(peer):
    other = peer(peers.site({"/there": END}))
    server = peer(
        peers.site({"/": peers.redirect("/again"), "/again": peers.redirect(other.url("/there"))})
    )
    rsock.fetch(server.url(), headers={**SECRETS, "X-Other": "x"}, proxies={})
    assert seen(server) == [[True, True, True]] * 2
    assert seen(other) == [[False, False, True]]


def test_secrets_do_not_cross_to_another_name(peer):
    server = peer(peers.site({"/": peers.redirect("http://b.test/there"), "/there": END}))
    rule = [f"::127.0.0.1:{server.port}"]
    rsock.fetch("http://a.test/", headers=SECRETS, connect_to=rule, proxies={})
    assert seen(server) == [[True, True, False], [False, False, False]]


def test_secrets_do_not_come_back(peer):
    back = []
    other = peer(lambda wire: wire.send(back[0]) if wire.head() else None)
    server = peer(peers.site({"/": peers.redirect(other.url("/")), "/back": END}))
    back.append(peers.redirect(server.url("/back")))
    rsock.fetch(server.url(), headers=SECRETS, proxies={})
    assert seen(other) == [[False, False, False]]
    assert seen(server)[0] == [True, True, False]


def test_the_password_of_a_url_stays_with_its_host(peer):
    other = peer(peers.site({"/there": END}))
    server = peer(peers.site({"/": peers.redirect(other.url("/there"))}))
    rsock.fetch(server.url().replace("//", "//name:word@"), proxies={})
    assert seen(server) == [[True, False, False]]
    assert seen(other) == [[False, False, False]]


@pytest.fixture
def secure(peer, tmp_path):
    """Start a server for https."""

    def start(script):
        mine = certificate.key_and_certificate(("127.0.0.1",), "A server", (2000, 2100))
        return peer(script, tls=peers.server_context(tmp_path, mine))

    return start


def test_http_may_lead_to_https(peer, secure):
    safe = secure(END)
    server = peer(peers.redirect(safe.url("/there")))
    assert rsock.fetch(server.url(), verify=False, proxies={}).body == b"arrived"


def test_https_leads_to_http_only_if_asked_to(peer, secure):
    plain = peer(END)
    server = secure(peers.redirect(plain.url("/there")))
    with pytest.raises(rsock.RedirectError) as caught:
        rsock.fetch(server.url(), verify=False, proxies={})
    assert caught.value.response.status == 302
    assert plain.requests == []
    page = rsock.fetch(server.url(), verify=False, proxies={}, downgrade=True)
    assert page.body == b"arrived"


def test_the_body_of_a_redirect_does_not_reach_the_file(peer, tmp_path):
    server = peer(peers.site({"/": peers.redirect("/there"), "/there": END}))
    page = rsock.fetch(server.url(), to=tmp_path / "page", proxies={})
    assert (tmp_path / "page").read_bytes() == b"arrived"
    assert page.status == 200
