"""https: whose certificate is trusted, what is said of others, and how a connection may end."""

import socket
import ssl

import certificate
import peers
import pytest
import rsock

HELLO = peers.reply(b"hello")


@pytest.fixture(scope="module")
def authority():
    """Give who signs the certificates here."""
    return certificate.authority()


@pytest.fixture(scope="module")
def trusted(authority, tmp_path_factory):
    """Give the file that says whom to trust."""
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_text(authority.public)
    return file


@pytest.fixture
def secure(peer, authority, tmp_path):
    """Start a server with a certificate made to measure."""

    def start(script=HELLO, names=("localhost", "127.0.0.1"), valid=(2000, 2100), by=authority):
        mine = certificate.key_and_certificate(names, "A server", valid, by)
        return peer(script, tls=peers.server_context(tmp_path, mine))

    return start


def test_a_server_whose_certificate_is_in_order_is_trusted(secure, trusted):
    server = secure()
    page = rsock.fetch(server.url(host="localhost"), verify=trusted, proxies={})
    assert page.body == b"hello"
    assert page.timings.connect < page.timings.tls < page.timings.first_byte


def test_an_address_may_be_what_a_certificate_is_for(secure, trusted):
    assert rsock.fetch(secure().url(), verify=str(trusted), proxies={}).body == b"hello"


def test_a_name_with_a_star_stands_for_one_part(secure, trusted):
    server = secure(names=("*.example.test",))
    settings = {"verify": trusted, "proxies": {}, "connect_to": [f"::127.0.0.1:{server.port}"]}
    assert rsock.fetch("https://www.example.test/", **settings).body == b"hello"
    with pytest.raises(rsock.TlsError):
        rsock.fetch("https://a.b.example.test/", **settings)


def complaint(server, **settings):
    """Fetch, and return what is said of the certificate."""
    with pytest.raises(rsock.TlsError) as caught:
        rsock.fetch(server.url(host="localhost"), proxies={}, timeout=5, **settings)
    assert server.requests == []
    assert caught.value.url == server.url(host="localhost")
    return str(caught.value)


def test_a_certificate_for_another_host_is_said_to_be_so(secure, trusted):
    text = complaint(secure(names=("elsewhere.test",)), verify=trusted)
    assert "certificate" in text
    assert "localhost" in text
    assert "elsewhere.test" in text


def test_a_certificate_that_has_expired_is_said_to_be_so(secure, trusted):
    text = complaint(secure(valid=(2000, 2001)), verify=trusted)
    assert "certificate" in text
    assert "expired" in text


def test_a_certificate_of_the_future_is_said_to_be_so(secure, trusted):
    text = complaint(secure(valid=(2090, 2100)), verify=trusted)
    assert "certificate" in text
    assert "not valid yet" in text or "not yet valid" in text


@pytest.mark.parametrize("settings", ["the system's", "another one's"])
def test_a_certificate_that_signs_itself_is_not_trusted(secure, trusted, settings):
    server = secure(by=None)
    text = complaint(server, **({} if settings == "the system's" else {"verify": trusted}))
    assert "certificate" in text
    assert "trust" in text or "unknown" in text or "self-signed" in text


def test_an_authority_that_is_not_known_is_not_trusted(secure):
    assert "certificate" in complaint(secure())


@pytest.mark.parametrize("wrong", ["expired", "self-signed", "another host"])
def test_without_verification_any_certificate_will_do(secure, wrong):
    server = {
        "expired": lambda: secure(valid=(2000, 2001)),
        "self-signed": lambda: secure(by=None),
        "another host": lambda: secure(names=("elsewhere.test",)),
    }[wrong]()
    assert rsock.fetch(server.url(), verify=False, proxies={}).body == b"hello"


def test_the_name_is_told_before_the_certificate_is_sent(secure, authority, trusted):
    server = secure(names=("one.test", "two.test"))
    told = []
    server.context.sni_callback = lambda sock, name, context: told.append(name)
    for name in ("one.test", "two.test"):
        rsock.fetch(
            f"https://{name}/",
            verify=trusted,
            proxies={},
            connect_to={f"{name}:443": f"127.0.0.1:{server.port}"},
        )
    rsock.fetch(server.url(), verify=False, proxies={})
    assert told == ["one.test", "two.test", None]  # an address is no name


def cut(reply):
    """Make a script that replies, and ends the connection without the end of TLS."""

    def script(wire):
        wire.head()
        wire.send(reply)
        socket.socket.shutdown(wire.sock, socket.SHUT_WR)
        wire.sock.recv(1)

    return script


def test_a_body_that_only_the_end_delimits_has_to_end_as_tls_does(secure, trusted):
    whole = b"HTTP/1.1 200 OK\r\n\r\nhello"
    server = secure(cut(whole))
    with pytest.raises(rsock.IncompleteReplyError) as caught:
        rsock.fetch(server.url(), verify=trusted, proxies={})
    assert caught.value.partial == b"hello"
    assert caught.value.response.status == 200


def test_a_body_that_ends_as_tls_does_is_whole(secure, trusted):
    def script(wire):
        wire.head()
        wire.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        wire.sock.unwrap()

    assert rsock.fetch(secure(script).url(), verify=trusted, proxies={}).body == b"hello"


def test_a_body_whose_length_is_known_is_whole_however_the_connection_ends(secure, trusted):
    assert rsock.fetch(secure(cut(HELLO)).url(), verify=trusted, proxies={}).body == b"hello"


def test_a_body_that_is_cut_off_is_an_error_that_carries_what_came(secure, trusted):
    server = secure(cut(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"))
    with pytest.raises(rsock.IncompleteReplyError) as caught:
        rsock.fetch(server.url(), verify=trusted, proxies={})
    assert caught.value.partial == b"hello"


def test_a_connection_is_kept(secure, trusted):
    server = secure(peers.site({"/": HELLO}))
    with rsock.HttpClient(verify=trusted, proxies={}) as client:
        assert [client.get(server.url()).body for _ in range(3)] == [b"hello"] * 3
    assert server.connections == 1


def test_large_bodies_go_both_ways(secure, trusted):
    data = bytes(range(256)) * 20000

    def script(wire):
        _, body = wire.request()
        wire.send(peers.reply(body))
        wire.wait()

    page = rsock.fetch(secure(script).url(), data=data, verify=trusted, proxies={})
    assert page.body == data


@pytest.mark.parametrize("begin", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 100, b""])
def test_a_server_that_does_not_speak_tls_is_an_error(peer, begin):
    def script(wire):
        wire.sock.recv(100)
        wire.send(begin)
        wire.finish()

    server = peer(script)
    with pytest.raises((rsock.TlsError, rsock.IncompleteReplyError, ConnectionError)):
        rsock.fetch(f"https://127.0.0.1:{server.port}/", verify=False, proxies={}, timeout=5)


def test_a_server_that_begins_tls_and_falls_silent_is_given_up(peer):
    server = peer(lambda wire: wire.wait())
    with pytest.raises(rsock.FetchTimeoutError):
        rsock.fetch(f"https://127.0.0.1:{server.port}/", proxies={}, timeout=0.2)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_that_are_in_use_are_spoken(secure, trusted, version):
    server = secure()
    server.context.minimum_version = server.context.maximum_version = version
    assert rsock.fetch(server.url(), verify=trusted, proxies={}).body == b"hello"


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, OSError), ("no certificate at all", (ValueError, rsock.TlsError))],
    ids=["missing", "nonsense"],
)
def test_a_file_of_certificates_that_holds_none_is_an_error(secure, tmp_path, content, error):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    server = secure()
    with pytest.raises(error, match=r"ca\.pem"):
        rsock.fetch(server.url(), verify=file, proxies={})
    assert server.requests == []
