"""What is sent, and where to: headers, bodies, names, rules."""

import socket

import peers
import pytest
import rsock
import support

HELLO = peers.reply(b"hello", "200 OK", "Content-Type: text/plain")


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


@pytest.mark.parametrize("name", ["User-Agent", "Accept", "accept-encoding", "Host"])
def test_a_header_that_is_sent_anyway_can_be_left_out(peer, name):
    assert peers.field(sent(peer)[0], name) is not None
    head, _ = sent(peer, headers={name: None})
    assert peers.field(head, name) is None
    with rsock.HttpClient(headers={name: "x"}) as client:
        server = peer(peers.site({"/": HELLO}))
        client.get(server.url(), headers={name.upper(): None})
        client.get(server.url())
    without, ours = server.requests
    assert peers.field(without, name) is None
    assert peers.field(ours, name) == "x"


def test_what_a_url_says_of_the_user_can_be_left_out(peer):
    server = peer(peers.site({"/": HELLO}))
    url = server.url().replace("//", "//me:secret@")
    rsock.fetch(url, headers={"Authorization": None})
    assert peers.field(server.requests[0], "authorization") is None


def test_a_host_that_is_left_out_stays_out_behind_a_redirect(peer):
    server = peer(peers.site({"/": peers.redirect("/there"), "/there": HELLO}))
    rsock.fetch(server.url(), headers={"Host": None})
    assert [peers.field(head, "host") for head in server.requests] == [None, None]


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


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("a.test", "http://a.test/"),
        ("a.test:80", "http://a.test/"),
        ("a.test:8080/b", "http://a.test:8080/b"),
        ("a.test/b:1/c://d?e=http://f#g:h", "http://a.test/b:1/c://d?e=http://f#g:h"),
        ("a.test?b:c", "http://a.test/?b:c"),
        ("a_b.test:80/", "http://a_b.test/"),
        ("1.2.3.4:80", "http://1.2.3.4/"),
        ("[::1]", "http://[::1]/"),
        ("[::1]:81/a", "http://[::1]:81/a"),
        ("例え.test:80/", "http://xn--r8jz45g.test/"),
        ("HTTP://A.test", "http://a.test/"),
    ],
)
def test_what_people_type_is_a_url_of_http(peer, given, url):
    server = peer(HELLO)
    page = rsock.fetch(given, connect_to=[f"::127.0.0.1:{server.port}"])
    assert (page.url, page.body) == (url, b"hello")


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
    with pytest.raises(ValueError, match=f'"{rule}" is no rule'):
        rsock.fetch("http://a:1/", connect_to=[rule], timeout=1)


def test_a_rule_that_is_none_is_told_how_to_be_one():
    with pytest.raises(ValueError, match="connect_to: write HOST:PORT:OTHER-HOST:OTHER-PORT"):
        rsock.fetch("http://a:1/", connect_to=["a:1:b"])
    with pytest.raises(ValueError, match=r"a:x -> b:1.* a port is not a number"):
        rsock.fetch("http://a:1/", connect_to={"a:x": "b:1"})
    with pytest.raises(TypeError, match="pairs of 'host:port', not of 5"):
        rsock.fetch("http://a:1/", connect_to=[5])
