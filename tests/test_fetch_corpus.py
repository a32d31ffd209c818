"""Some fifteen hundred replies of other projects' tests, read as five well-known clients read them.

The same with redirects, URLs and charsets. What the numbers of the corpus mean is in its README.
"""

import base64
import re
import time
from urllib.parse import unquote

import corpus
import peers
import pytest
import rsock

pytestmark = pytest.mark.timeout(120)

REPLIES = corpus.cases("http_responses.json")
CHAINS = corpus.cases("redirect_chains.json")
URLS = corpus.cases("urls_http.json")
CHARSETS = corpus.cases("charset_cjk.json")

#: What a client may raise because of what a server sends.
DOCUMENTED = (rsock.FetchError, ConnectionError)

WHOLE, TWENTY, SINGLE, OPEN = "whole", "in pieces of 20", "byte by byte", "left open"


class Outcome:
    """What came of one case."""

    def __init__(self, case, url):
        self.case = case
        self.page = self.error = None
        begun = time.perf_counter()
        try:
            self.page = rsock.fetch(
                url, method=case["method"], redirects=0, decode=False, timeout=5, proxies={}
            )
        except Exception as error:
            self.error = error.with_traceback(None)
        self.took = time.perf_counter() - begun

    def is_like(self, expected):
        """Tell whether this is what another client saw."""
        if expected.get("error"):
            return self.error is not None
        if self.page is None:
            return False
        digest = corpus.digest(self.page.body)
        return (
            self.page.status == expected["status"]
            and len(self.page.body) == expected["body_len"]
            and digest.startswith(expected["body_sha256"])
        )

    def __repr__(self):
        came = self.error if self.page is None else self.page
        return f"{self.case['id']}: {came!r}"


def serve(how):
    """Make a script that sends the case whose number stands in the path."""

    def script(wire):
        case = REPLIES[int(peers.target(wire.head())[1:])]
        reply = corpus.raw(case)
        if how == TWENTY:
            wire.pieces(reply, 20)
        elif how == SINGLE:
            wire.pieces(reply, 1)
        else:
            wire.send(reply)
        if how == OPEN:
            wire.wait()
        else:
            wire.finish()

    return script


def wanted(case, how):
    if how == SINGLE:
        return case["raw_len"] <= 8192
    return how != OPEN or case["expected"].get("self_delimited", False)


@pytest.fixture(scope="module", params=[WHOLE, TWENTY, SINGLE, OPEN])
def outcomes(request):
    """Fetch every case, served in one of four ways."""
    with peers.Peer(serve(request.param)) as peer:
        yield [
            Outcome(case, peer.url(f"/{number}"))
            for number, case in enumerate(REPLIES)
            if wanted(case, request.param)
        ]


def of(outcomes, verdict):
    """Pick the cases of a verdict."""
    return [outcome for outcome in outcomes if outcome.case["verdict"] == verdict]


def unlike(outcomes):
    return [outcome for outcome in outcomes if not outcome.is_like(outcome.case["expected"])]


def test_what_every_client_reads_is_read_to_the_byte(outcomes):
    chosen = of(outcomes, "must_accept")
    assert chosen
    assert unlike(chosen) == []


def test_what_all_but_one_strict_client_read_is_read(outcomes):
    chosen = of(outcomes, "should_accept")
    assert chosen
    wrong = unlike(chosen)
    assert len(wrong) <= 0.02 * len(chosen), wrong


def test_what_every_client_refuses_is_refused(outcomes):
    assert unlike(of(outcomes, "must_reject")) == []


def test_what_all_but_one_lenient_client_refuse_is_refused(outcomes):
    chosen = of(outcomes, "should_reject")
    wrong = unlike(chosen)
    assert len(wrong) <= 0.1 * len(chosen), wrong


def test_where_clients_differ_it_is_like_one_of_them(outcomes):
    wrong = [
        outcome
        for outcome in of(outcomes, "either")
        if outcome.error is None
        and not any(outcome.is_like(each) for each in outcome.case["expected"].get("any_of", ()))
    ]
    assert wrong == []


def test_every_refusal_is_of_a_documented_class_and_in_time(outcomes):
    assert [
        outcome
        for outcome in outcomes
        if outcome.error is not None and not isinstance(outcome.error, DOCUMENTED)
    ] == []
    assert [outcome for outcome in outcomes if outcome.took > 1.0] == []


def test_the_fields_of_the_head_are_those_that_others_see(outcomes):
    wrong = []
    for outcome in outcomes:
        fields = outcome.case["expected"].get("headers")
        if fields is None or outcome.page is None:
            continue
        seen = [[name.lower(), value.strip()] for name, value in outcome.page.headers.items()]
        if seen != fields:
            wrong.append((outcome.case["id"], seen, fields))
    assert wrong == []


def chain_script(case, port):
    """Make the server of curl's own tests: which reply it gives stands in the target."""
    replies = {
        key: bytes.fromhex(reply).replace(b"{PORT}", str(port()).encode())
        for key, reply in case["replies_hex"].items()
    }
    state = {"key": "", "bounce": False}

    def script(wire):
        while True:
            head, _ = wire.request()
            if not head:
                return
            if state["bounce"]:
                key = str(int(state["key"] or 0) + 1)
            else:
                number = int(re.findall(r"/(\d+)", peers.target(head))[-1])
                key = str(number % 10000) if number > 10000 else ""
            reply = replies[key]
            state.update(key=key, bounce=b"swsbounce" in reply)
            wire.send(reply)
            if b"swsclose" in reply:
                wire.finish()
                return

    return script


def arguments(args):
    """Read a command line of curl; give the URL, and what fetch() takes."""
    url, settings, given = None, {"redirects": 20}, iter(args)
    for word in given:
        if word in ("-L", "--location"):
            continue
        if word == "--max-redirs":
            settings["redirects"] = int(next(given))
        elif word == "-d":
            settings.update(method="POST", data=next(given))
        elif word == "-u":
            settings["auth"] = tuple(next(given).split(":", 1))
        else:
            assert not word.startswith("-"), f"no test knows what {word} means"
            url = word
    return url, settings


def essence(request, port):
    """Give what matters of a request: its first line, Host, and what others must not see."""
    head = request.replace("{PORT}", str(port)).encode("latin-1")
    names = ("host", "authorization", "cookie")
    return [head.split(b"\r\n")[0], *(peers.field(head, name) for name in names)]


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for case in CHAINS if not case["needs_proxy"]]
)
def test_redirects_lead_where_they_lead_curl(case, peer):
    server = None
    server = peer(lambda wire: script(wire))
    script = chain_script(case, lambda: server.port)
    expected = case["observed_curl7881"]
    url, settings = arguments([arg.replace("{PORT}", str(server.port)) for arg in case["args"]])
    page = None
    try:
        page = rsock.fetch(url, proxies={}, timeout=5, **settings)
    except rsock.RedirectError as error:
        assert expected["exit"] == 47, error
        assert error.response.status == expected["final_status"]
    else:
        # With no redirects at all, the redirect itself comes back, and is no error.
        assert expected["exit"] == 0 or settings["redirects"] == 0
        assert page.status == expected["final_status"]
        assert len(page.history) == expected["redirects"]
        if expected["exit"] == 0:
            assert corpus.digest(page.body) == expected["body_sha256"]
    asked = [essence(head.decode("latin-1"), server.port) for head in server.requests]
    assert asked == [essence(head, server.port) for head in expected["requests"]]


def address(case):
    """Give the parts of a URL that a server sees."""
    plain = case["href"].partition("#")[0]
    return case["host"], "/" + plain.split("/", 3)[3]


def seen(peer):
    head = peer.requests[-1]
    return peers.field(head, "host"), peers.target(head)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Give servers for http and https, and the rule that leads every name to one of them."""
    import certificate

    mine = certificate.key_and_certificate(("localhost",), "localhost", (2000, 2100))
    context = peers.server_context(tmp_path_factory.mktemp("tls"), mine)

    def script(wire):
        if wire.head():
            wire.send(peers.reply(b"", "200 OK", "Connection: close"))

    with peers.Peer(script) as plain, peers.Peer(script, tls=context) as secure:
        yield {"http:": plain, "https:": secure}


@pytest.fixture
def anywhere(both, nothing_stays_open):
    """Give the same servers, once they are done with the test before."""
    yield both
    for peer in both.values():
        peer.settle()


def expect_url(case, anywhere, ask):
    """Hold what the server saw of a URL against what the corpus says."""
    if case.get("failure"):
        before = [len(peer.requests) for peer in anywhere.values()]
        with pytest.raises((ValueError, rsock.RedirectError)):
            ask(anywhere["http:"])
        assert [len(peer.requests) for peer in anywhere.values()] == before
        return
    peer = anywhere[case["protocol"]]
    try:
        page = ask(peer)
    except (ValueError, rsock.RedirectError):
        assert re.search(r"[\x00-\x20\x7f]|\\", case["input"]), "an ordinary URL is refused"
        return
    assert page.status == 200
    assert seen(peer) == address(case)
    if case["username"] or case["password"]:
        told = base64.b64decode(peers.field(peer.requests[-1], "authorization")[6:]).decode()
        assert told == f"{unquote(case['username'])}:{unquote(case['password'])}"


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case["id"])
        for case in URLS
        if case["base"] is None or re.match(r"https?://", case["input"])
    ],
)
def test_a_url_means_what_it_means_to_browsers(case, anywhere):
    expect_url(
        case,
        anywhere,
        lambda peer: rsock.fetch(
            case["input"],
            connect_to=[f"::127.0.0.1:{peer.port}"],
            verify=False,
            proxies={},
            timeout=5,
        ),
    )


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case["id"])
        for case in URLS
        if case["base"] is not None and not re.match(r"https?://", case["input"])
    ],
)
def test_a_redirect_to_a_relative_url_means_what_it_means_to_browsers(case, anywhere, peer):
    # The server of the base sends there once; all other names lead to the one that looks.
    pages = {"/foo/bar": peers.redirect(case["input"])}
    begin = peer(
        lambda wire: wire.send(pages.pop(peers.target(wire.head()), peers.reply(b"there")))
    )
    same = case["href"].startswith(case["base"].partition("/foo")[0])
    expect_url(
        case,
        {"http:": begin} if same else anywhere,
        lambda target: rsock.fetch(
            case["base"],
            connect_to=[
                f"{case['base'].split('/')[2]}:80:127.0.0.1:{begin.port}",
                f"::127.0.0.1:{target.port}",
            ],
            verify=False,
            proxies={},
            timeout=5,
        ),
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CHARSETS])
def test_text_is_read_in_the_charset_that_is_named(case, peer):
    server = peer(bytes.fromhex(case["raw_response_hex"]))
    page = rsock.fetch(server.url(), proxies={}, timeout=5)
    assert page.text == bytes.fromhex(case["expected_text_utf8_hex"]).decode("utf-8")
