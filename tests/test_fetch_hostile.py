"""Servers that mean harm: every one of them ends in a clear error, soon, and in little memory."""

import gzip
import json
import os
import random
import re
import time
import zlib

import peers
import pytest
import rsock
import support

MIB = 1 << 20

#: What the memory of the process may grow by.
GROWTH = 16 * MIB

#: What a hostile server may cost in time where no deadline is what ends it.
SOON = 5.0

# The client runs in a process of its own, whose largest size can be asked for and set back.
CLIENT = """
import json, os, time
import rsock

def memory(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) * 1024

ordinary, url, settings, repeats = {arguments}
rsock.fetch(ordinary, proxies={{}})
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = memory("VmHWM")
begun = time.perf_counter()
for _ in range(repeats):
    try:
        came = rsock.fetch(url, proxies={{}}, **settings).status
    except Exception as error:
        came = [kind.__name__ for kind in type(error).__mro__]
        part = len(getattr(error, "partial", b"") or b"")
took = time.perf_counter() - begun
print(json.dumps([came, took, memory("VmHWM") - before]))
"""


def endless(begin, block):
    """Make a script that begins a reply, and then says the same for ever."""

    def script(wire):
        wire.head()
        wire.send(begin)
        wire.forever(block)

    return script


def bomb(size, layers=1):
    """Make so many zeros small, by gzip as often as is said."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(MIB)
    data = b"".join(packer.compress(block) for _ in range(size // MIB)) + packer.flush()
    for _ in range(layers - 1):
        data = gzip.compress(data, 9)
    return data


def packed(data, coding):
    return peers.reply(data, "200 OK", f"Content-Encoding: {coding}")


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LINES = b"X-Header: value\r\n" * 1000
LONG = b"a" * 65536

FLOODS = {
    "headers without end": (endless(HEAD, LINES), {}, "TooLargeError"),
    "interim replies without end": (
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        {},
        "FetchError",
    ),
    "interim replies with headers without end": (
        endless(b"", b"HTTP/1.1 103 Early Hints\r\n" + LINES + b"\r\n"),
        {},
        "FetchError",
    ),
    "a header line without end": (endless(HEAD + b"X: ", LONG), {}, "TooLargeError"),
    "a status line without end": (endless(b"HTTP/1.1 200 ", LONG), {}, "FetchError"),
    "empty lines without end": (endless(b"", b"\r\n" * 10000), {}, "FetchError"),
    "white space without end": (endless(HEAD + b"X:", b" " * 65536), {}, "TooLargeError"),
    "a chunk extension without end": (endless(CHUNKED + b"1;", LONG), {}, "FetchError"),
    "chunk extensions without end": (
        endless(CHUNKED, b"1;" + b"a" * 1000 + b"\r\nx\r\n"),
        {"max_body": 100_000},
        "FetchError",
    ),
    "a chunk size without end": (endless(CHUNKED, b"0" * 65536), {}, "FetchError"),
    "trailers without end": (endless(CHUNKED + b"0\r\n", LINES), {}, "FetchError"),
    "a trailer line without end": (endless(CHUNKED + b"0\r\nX: ", LONG), {}, "FetchError"),
    "a body without end": (endless(HEAD + b"\r\n", LONG), {"max_body": MIB}, "TooLargeError"),
    "chunks without end": (
        endless(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        {"max_body": MIB},
        "TooLargeError",
    ),
    "a length beyond what is allowed": (
        endless(HEAD + b"Content-Length: 99999999999\r\n\r\n", LONG),
        {"max_body": MIB},
        "TooLargeError",
    ),
    "text that is no reply": (endless(b"", LONG), {}, "BadReplyError"),
}


def run(peer, script, settings, repeats=1):
    """Let a process fetch from a server; give what came of it, the seconds and the memory."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("this system does not set back how large a process was")
    ordinary = peer(peers.reply(b"ordinary"))
    server = peer(script)
    arguments = (ordinary.url(), server.url(), settings, repeats)
    return json.loads(support.python(CLIENT.format(arguments=repr(arguments))))


@pytest.mark.parametrize(
    ("script", "settings", "expected"),
    [pytest.param(*row, id=name) for name, row in FLOODS.items()],
)
def test_a_flood_ends_in_an_error(peer, script, settings, expected):
    came, took, growth = run(peer, script, settings)
    assert expected in came
    assert took < SOON
    assert growth < GROWTH


def test_what_goes_to_a_file_takes_no_memory(peer, tmp_path):
    size = 100 * MIB

    def script(wire):
        wire.head()
        wire.send(HEAD + b"Content-Length: %d\r\n\r\n" % size, *[bytes(MIB)] * 100)

    came, _, growth = run(peer, script, {"to": str(tmp_path / "page")})
    assert came == 200
    assert (tmp_path / "page").stat().st_size == size
    assert growth < GROWTH


@pytest.fixture(scope="module")
def bombs():
    """Give bombs of a gigabyte, packed once, twice and thrice."""
    once = bomb(1 << 30)
    twice = gzip.compress(once, 9)
    return {"gzip": once, "gzip, gzip": twice, "gzip, gzip, gzip": gzip.compress(twice, 9)}


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "gzip, gzip, gzip"])
@pytest.mark.parametrize("settings", [{}, {"max_body": MIB}], ids=["as it comes", "small limit"])
def test_a_bomb_is_stopped_before_it_fills_the_memory(peer, bombs, coding, settings):
    came, took, growth = run(peer, packed(bombs[coding], coding), settings)
    assert "FetchError" in came
    assert took < SOON
    assert growth < GROWTH


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip"])
def test_a_long_body_out_of_next_to_nothing_comes_whole_as_far_as_it_may(peer, coding):
    body = b"0" * (20 * MIB)
    data = gzip.compress(body)
    server = peer(packed(data if coding == "gzip" else gzip.compress(data), coding))
    told = []
    page = rsock.fetch(server.url(), proxies={}, progress=lambda *now: told.append(now))
    assert page.body == body
    assert told[-1] == (len(body), len(body))
    assert rsock.fetch(server.url(), proxies={}, max_body=len(body)).body == body
    with pytest.raises(rsock.TooLargeError) as caught:
        rsock.fetch(server.url(), proxies={}, max_body=len(body) - 1)
    assert caught.value.partial == body[:MIB]


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip"])
def test_a_body_that_only_begins_with_much_out_of_little_comes_whole(peer, coding):
    body = bytes(11 * MIB) + random.Random(0).randbytes(2 * MIB)
    data = gzip.compress(body)
    server = peer(packed(data if coding == "gzip" else gzip.compress(data), coding))
    page = rsock.fetch(server.url(), proxies={})
    assert len(page.body) == len(body)
    assert page.body == body


def test_a_dense_body_that_is_cut_off_is_no_success(peer):
    data = gzip.compress(bytes(20 * MIB))
    reply = packed(data, "gzip")
    with pytest.raises(rsock.IncompleteReplyError) as caught:
        rsock.fetch(peer(reply[:-10]).url(), proxies={})
    assert caught.value.partial == bytes(MIB)


def test_a_bomb_is_not_decoded_where_nobody_asked_for_it(peer, bombs):
    server = peer(packed(bombs["gzip"], "gzip"))
    assert rsock.fetch(server.url(), decode=False, proxies={}).body == bombs["gzip"]


def test_codings_beyond_a_handful_are_refused(peer):
    server = peer(packed(bomb(MIB, layers=20), ", ".join(["gzip"] * 20)))
    with pytest.raises(rsock.FetchError):
        rsock.fetch(server.url(), proxies={})


def refused(server, error=rsock.BadReplyError):
    with pytest.raises(error) as caught:
        rsock.fetch(server.url(), proxies={}, timeout=5)
    return caught.value


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: -5",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: 5.0",
        "Content-Length: 99999999999999999999999999",
        "Content-Length: 18446744073709551621",  # 5, if the digits above 64 bits get lost
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
    ],
)
def test_a_length_that_is_in_doubt_is_refused(peer, lines):
    body = b"5\r\nhello\r\n0\r\n\r\n" if "chunked" in lines else b"hello"
    refused(peer(f"HTTP/1.1 200 OK\r\n{lines}\r\n\r\n".encode() + body))


@pytest.mark.parametrize(
    "size",
    [b"FFFFFFFFFFFFFFFFF", b"10000000000000005", b"-5", b"+5", b"0x5", b"", b" ", b"5 5", b"g"],
)
def test_a_chunk_of_a_wrong_size_is_refused(peer, size):
    refused(peer(CHUNKED + size + b"\r\nhello\r\n0\r\n\r\n"))


@pytest.mark.parametrize(
    ("reply", "part"),
    [
        pytest.param(HEAD + b"Content-Length: 10\r\n\r\nhello", b"hello", id="length"),
        pytest.param(CHUNKED + b"a\r\nhello", b"hello", id="in a chunk"),
        pytest.param(CHUNKED + b"5\r\nhello", b"hello", id="after a chunk"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n", b"hello", id="between chunks"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\n", b"hello", id="before the last line"),
    ],
)
def test_a_body_that_is_cut_off_is_an_error_that_carries_what_came(peer, reply, part):
    error = refused(peer(reply), rsock.IncompleteReplyError)
    assert error.partial == part
    assert error.response.status == 200
    assert isinstance(error.response, rsock.Response)


@pytest.mark.parametrize("begin", [b"", b"HTTP", HEAD, HEAD + b"X: y\r\n"])
def test_a_head_that_is_cut_off_is_an_error(peer, begin):
    refused(peer(begin), rsock.IncompleteReplyError)


def test_a_compressed_body_that_is_cut_off_is_an_error(peer):
    data = gzip.compress(b"hello" * 1000)
    refused(peer(packed(data[:-10], "gzip")), rsock.FetchError)


def test_a_compressed_body_that_is_none_is_an_error(peer):
    refused(peer(packed(b"this is no gzip", "gzip")), rsock.FetchError)


@pytest.mark.parametrize("begin", [b"", HEAD, HEAD + b"Content-Length: 10\r\n\r\nhello"])
def test_a_reset_is_an_error(peer, begin):
    def script(wire):
        wire.head()
        wire.send(begin)
        wire.reset()

    error = refused(peer(script), (ConnectionResetError, rsock.IncompleteReplyError))
    if begin.endswith(b"hello"):
        assert error.partial == b"hello"
        assert isinstance(error.response, rsock.Response)
        assert error.response.body == b"hello"


TIMEOUT = 1.5  # long enough for a tenth of it to be more than a busy machine takes for itself


def given_up(url, **settings):
    """Fetch what takes too long; return the error, which comes within a tenth of the time."""
    errors = []

    def took():
        begun = time.monotonic()
        with pytest.raises(rsock.FetchTimeoutError) as caught:
            rsock.fetch(url, proxies={}, **settings)
        seconds = time.monotonic() - begun
        assert seconds >= TIMEOUT * 0.99
        errors.append(caught.value)
        return seconds

    support.within(TIMEOUT * 1.1, took)
    assert isinstance(errors[-1], TimeoutError)
    return errors[-1]


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(b"", id="of the head"),
        pytest.param(HEAD + b"Content-Length: 1000000\r\n\r\n", id="of the body"),
        pytest.param(CHUNKED + b"F4240\r\n", id="of a chunk"),
        pytest.param(CHUNKED, id="of a chunk's size"),
    ],
)
def test_a_byte_now_and_then_does_not_move_the_deadline(peer, begin):
    def script(wire):
        wire.head()
        wire.send(begin)
        letters = b"HTTP/1.1 200 " if not begin else b"0"
        at = 0
        while not wire.ending.wait(TIMEOUT / 20):
            wire.send(letters[at : at + 1] if at < len(letters) else b"0")
            at += 1

    # The server pauses for much less than the timeout, so that only the whole is late.
    given_up(peer(script).url(), timeout=TIMEOUT, read_timeout=TIMEOUT)


@pytest.mark.parametrize("limit", ["timeout", "read_timeout"])
@pytest.mark.parametrize("begin", [b"", HEAD, HEAD + b"Content-Length: 10\r\n\r\nhello"])
def test_a_server_that_falls_silent_is_given_up(peer, begin, limit):
    def script(wire):
        wire.head()
        wire.send(begin)
        wire.wait()

    error = given_up(peer(script).url(), **{"timeout": 10.0, limit: TIMEOUT})
    if begin.endswith(b"hello"):
        assert error.partial == b"hello"
        assert error.response.status == 200


def test_redirects_share_one_deadline(peer):
    def script(wire):
        while wire.head() and not wire.ending.wait(TIMEOUT / 10):
            wire.send(peers.redirect("/again"))

    given_up(peer(script).url(), timeout=TIMEOUT, redirects=1000)


def test_a_server_that_does_not_read_is_given_up(peer):
    server = peer(lambda wire: wire.ending.wait(support.PATIENCE))
    given_up(server.url(), method="POST", data=bytes(16 * MIB), timeout=TIMEOUT)


def test_a_loop_of_redirects_ends(peer):
    server = peer(peers.site({"/": peers.redirect("/two"), "/two": peers.redirect("/")}))
    error = refused(server, rsock.RedirectError)
    assert error.response.status == 302
    assert len(server.requests) <= 21


@pytest.mark.parametrize(
    "where",
    [
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "data:text/plain,hello",
        "javascript:alert(1)",
        "unix:/run/some.sock",
    ],
)
def test_a_redirect_out_of_http_is_refused(peer, where):
    error = refused(peer(peers.redirect(where)), rsock.RedirectError)
    assert error.response.headers["location"] == where


CONTROLS = ["\r", "\n", "\0", "\r\nX: y", " "]


@pytest.mark.parametrize("what", CONTROLS, ids=repr)
@pytest.mark.parametrize(
    "where",
    [
        lambda bad: {"url": f"a{bad}b"},
        lambda bad: {"url": f"?a{bad}b"},
        lambda bad: {"method": f"GE{bad}T"},
        lambda bad: {"method": f"GET{bad}"},
        lambda bad: {"headers": {f"X{bad}": "y"}},
        lambda bad: {"headers": {f"{bad}X": "y"}},
        lambda bad: {"headers": [(b"X" + bad.encode() + b"Y", b"z")]},
        lambda bad: {"headers": {"X": f"y{bad}z"}} if bad != " " else {"headers": {"X Y": "z"}},
        lambda bad: {"headers": {"X": f"y{bad}"}} if bad != " " else {"headers": {" ": "z"}},
    ],
    ids=[
        "path",
        "query",
        "method",
        "end of method",
        "name",
        "begin of name",
        "bytes",
        "value",
        "end",
    ],
)
def test_what_could_break_out_of_its_place_is_refused_before_a_byte_is_sent(peer, what, where):
    server = peer(peers.reply(b"too late"))
    settings = where(what)
    url = server.url("/") + settings.pop("url", "")
    with pytest.raises(ValueError, match=re.compile(r"\S")):
        rsock.fetch(url, proxies={}, **settings)
    assert server.connections == 0
