"""The names of fetching, its errors, and calls that are wrong."""

import pickle
import re
import socket

import peers
import pytest
import rsock
import support

HELLO = peers.reply(b"hello", "200 OK", "Content-Type: text/plain")


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


@pytest.mark.parametrize(
    "settings",
    [
        {"method": ""},
        {"headers": {"": "x"}},
        {"headers": {"X:Y": "x"}},
        {"headers": {"X": "\u8fc8"}},
        {"headers": {"\u8fc8": "x"}},
        {"timeout": -1.0},
        {"redirects": -1},
        {"max_body": -1},
        {"max_head": -1},
        {"auth": ("a:b", "c")},
        {"connect_to": ["nonsense"]},
    ],
    ids=repr,
)
def test_a_setting_that_makes_no_sense_is_refused_before_a_byte_is_sent(peer, settings):
    server = peer(HELLO)
    with pytest.raises((ValueError, OverflowError)):
        rsock.fetch(server.url(), proxies={}, **settings)
    assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    ["", "/", "http://", "file:///etc/passwd", "ftp://localhost/", "mailto:a@b"],
)
def test_a_url_of_nothing_that_can_be_fetched_is_refused(url):
    with pytest.raises(ValueError, match=re.compile(r"\S")):
        rsock.fetch(url, proxies={})


def test_what_is_shared_between_calls_has_a_bound(peer):
    from rsock import _core

    server = peer(HELLO)
    for number in range(50):
        rule = [f"host{number}.test:80:127.0.0.1:{server.port}"]
        assert rsock.fetch(f"http://host{number}.test/", connect_to=rule).body == b"hello"
    assert 0 < len(_core._shared) <= 8
