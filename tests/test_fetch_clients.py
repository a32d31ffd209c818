"""A client that keeps its connections, and its settings."""

import threading

import peers
import pytest
import rsock
import support

HELLO = peers.reply(b"hello", "200 OK", "Content-Type: text/plain")


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


def test_the_authorization_of_a_call_comes_before_who_the_client_is(peer):
    server = peer(peers.site({"/": HELLO}))
    with rsock.HttpClient(auth=("a", "b"), headers={"authorization": "never"}) as client:
        client.get(server.url(), headers={"authorization": "Bearer x"})
        client.get(server.url(), headers=[(b"AUTHORIZATION", None)])
        client.get(server.url(), headers={"Authorization": "Bearer x"}, auth=("c", "d"))
        client.get(server.url(), headers={"X": "y"})
    told = [peers.field(head, "authorization") for head in server.requests]
    assert told == ["Bearer x", None, "Basic Yzpk", "Basic YTpi"]
    assert all(head.lower().count(b"authorization") <= 1 for head in server.requests)


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
