"""Proxies: which requests go through one, in which form, and what it is told."""

import base64

import certificate
import peers
import pytest
import rsock


@pytest.fixture
def environment(monkeypatch):
    """Say in the environment which proxies there are."""
    return monkeypatch


@pytest.fixture
def proxy(peer):
    """Start what answers as a proxy does that has the page."""
    return peer(peers.reply(b"by proxy"))


@pytest.fixture
def tunnel(peer):
    """Start a proxy that answers CONNECT, and then is what it was asked for, without TLS."""

    def start(answer=b"HTTP/1.1 200 Connection established\r\n\r\n"):
        def script(wire):
            wire.head()
            wire.send(answer)
            wire.finish()

        return peer(script)

    return start


def lines(server):
    return [head.split(b"\r\n")[0].decode() for head in server.requests]


def test_a_proxy_gets_the_whole_url(proxy, environment):
    environment.setenv("http_proxy", proxy.url())
    assert rsock.fetch("http://example.test/a?b").body == b"by proxy"
    assert lines(proxy) == ["GET http://example.test/a?b HTTP/1.1"]
    assert peers.field(proxy.requests[0], "host") == "example.test"


@pytest.mark.parametrize("name", ["http_proxy", "all_proxy", "ALL_PROXY"])
def test_the_variables_are_those_of_curl(proxy, environment, name):
    environment.setenv(name, proxy.url())
    assert rsock.fetch("http://example.test/").body == b"by proxy"


def test_the_variable_that_a_server_could_set_is_not_one_of_them(proxy, peer, environment):
    # Whoever runs a CGI program sets HTTP_PROXY by sending a header called Proxy.
    environment.setenv("HTTP_PROXY", proxy.url())
    assert rsock.fetch(peer(peers.reply(b"direct")).url()).body == b"direct"


def test_a_proxy_may_be_named_without_a_scheme(proxy, environment):
    environment.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
    assert rsock.fetch("http://example.test/").body == b"by proxy"


@pytest.mark.parametrize(
    "but", ["127.0.0.1", "example.test,127.0.0.1", "*", "127.0.0.0/8", " 127.0.0.1 , x"]
)
def test_some_hosts_are_asked_directly(proxy, peer, environment, but):
    environment.setenv("http_proxy", proxy.url())
    environment.setenv("no_proxy", but)
    assert rsock.fetch(peer(peers.reply(b"direct")).url()).body == b"direct"


@pytest.mark.parametrize(
    ("but", "host", "answer"),
    [
        ("example.test", "www.example.test", b"direct"),
        (".example.test", "www.example.test", b"direct"),
        ("example.test", "notexample.test", b"by proxy"),
        ("www.example.test", "example.test", b"by proxy"),
        ("EXAMPLE.test", "example.TEST", b"direct"),
    ],
)
def test_a_name_stands_for_what_is_below_it_too(proxy, peer, environment, but, host, answer):
    environment.setenv("http_proxy", proxy.url())
    environment.setenv("no_proxy", but)
    server = peer(peers.reply(b"direct"))
    # A rule for the host comes before the proxy, so that there is one only where none is used.
    rule = {f"{host}:80": f"127.0.0.1:{server.port}"} if answer == b"direct" else None
    assert rsock.fetch(f"http://{host}/", connect_to=rule).body == answer
    assert len(server.requests) == (answer == b"direct")


def test_the_proxies_of_a_call_come_before_the_environment(proxy, peer, environment):
    environment.setenv("http_proxy", "http://127.0.0.1:9/")
    assert rsock.fetch("http://a.test/", proxies={"http": proxy.url()}).body == b"by proxy"
    assert rsock.fetch("http://a.test/", proxies={"http_proxy": proxy.url()}).body == b"by proxy"
    assert rsock.fetch("http://a.test/", proxies={"all": proxy.url()}).body == b"by proxy"
    server = peer(peers.reply(b"direct"))
    assert rsock.fetch(server.url(), proxies={}).body == b"direct"
    both = {"http": proxy.url(), "no": "127.0.0.1"}
    assert rsock.fetch(server.url(), proxies=both).body == b"direct"


def test_the_password_of_a_proxy_is_told_to_the_proxy(proxy):
    url = proxy.url().replace("//", "//name:p%40ss@")
    rsock.fetch("http://example.test/", proxies={"http": url})
    told = peers.field(proxy.requests[0], "proxy-authorization")
    assert told == "Basic " + base64.b64encode(b"name:p@ss").decode()
    assert peers.field(proxy.requests[0], "authorization") is None


def test_a_site_is_not_told_the_password_of_the_proxy(peer):
    # Redirected to where no proxy is used, the request goes without what was for the proxy.
    site = peer(peers.reply(b"direct"))
    proxy = peer(peers.redirect(site.url()))
    proxies = {"http": proxy.url().replace("//", "//name:word@"), "no": "127.0.0.1"}
    assert rsock.fetch("http://example.test/", proxies=proxies).body == b"direct"
    assert peers.field(site.requests[0], "proxy-authorization") is None


def test_https_goes_through_a_tunnel(peer, tmp_path):
    mine = certificate.key_and_certificate(("secret.test",), "A server", (2000, 2100))
    context = peers.server_context(tmp_path, mine)

    def script(wire):
        wire.head()
        wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(wire.sock, server_side=True) as inner:
            asked = peers.Wire(inner, server)
            asked.head()
            asked.send(peers.reply(b"in secret"))
            asked.wait()

    server = peer(script)
    proxy = server.url().replace("//", "//name:word@")
    page = rsock.fetch(
        "https://secret.test/a",
        headers={"Authorization": "Bearer abc"},
        proxies={"https": proxy},
        verify=False,
    )
    assert page.body == b"in secret"
    assert lines(server) == ["CONNECT secret.test:443 HTTP/1.1", "GET /a HTTP/1.1"]
    connect, get = server.requests
    assert peers.field(connect, "host") == "secret.test:443"
    assert peers.field(connect, "proxy-authorization") is not None
    assert peers.field(connect, "authorization") is None
    assert peers.field(get, "proxy-authorization") is None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200",
        b"",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_proxy_that_refuses_a_tunnel_is_an_error(tunnel, answer):
    server = tunnel(answer)
    with pytest.raises(rsock.FetchError):
        rsock.fetch("https://secret.test/", proxies={"https": server.url()}, timeout=5)


def test_a_proxy_that_falls_silent_is_given_up(peer):
    server = peer(lambda wire: wire.head() and wire.wait())
    with pytest.raises(rsock.FetchTimeoutError):
        rsock.fetch("https://secret.test/", proxies={"https": server.url()}, timeout=0.2)


def test_a_proxy_that_floods_is_stopped(peer):
    def script(wire):
        wire.head()
        wire.send(b"HTTP/1.1 200 OK\r\n")
        wire.forever(b"X: y\r\n" * 1000)

    server = peer(script)
    with pytest.raises(rsock.FetchError):
        rsock.fetch("https://secret.test/", proxies={"https": server.url()}, timeout=5)


def test_a_proxy_that_is_not_there_is_an_error():
    with pytest.raises(ConnectionRefusedError):
        rsock.fetch("http://example.test/", proxies={"http": "http://127.0.0.1:1/"})


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:9/", "ftp://127.0.0.1/", "http://"])
def test_a_proxy_of_a_kind_that_is_not_spoken_is_refused(url):
    with pytest.raises(ValueError, match="proxy"):
        rsock.fetch("http://example.test/", proxies={"http": url})
