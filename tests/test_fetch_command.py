"""The command line: `python -m rsock fetch`, what it prints, and what it exits with."""

import os
import re
import signal
import subprocess
import sys

import certificate
import peers
import pytest
import rsock
import support

HELLO = peers.reply(b"hello\n", "200 OK", "Content-Type: text/plain")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/plain\r\n\r\n"

COMMAND = [sys.executable, "-W", "error", "-m", "rsock", "fetch"]


def fetch(*arguments, cwd=None, stdin=b"", environment=()):
    """Run the command; give its status, its output, and what it says on stderr."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **dict(environment)},
        timeout=support.PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def test_a_page_is_printed_to_the_byte(peer):
    body = bytes(range(256)) * 1000
    assert fetch(peer(peers.reply(body)).url()) == (0, body, "")


def test_a_page_is_saved(peer, tmp_path):
    server = peer(HELLO)
    assert fetch(server.url(), "-o", "page", cwd=tmp_path) == (0, b"", "")
    assert (tmp_path / "page").read_bytes() == b"hello\n"
    assert os.listdir(tmp_path) == ["page"]
    assert fetch("-o", "-", server.url()) == (0, b"hello\n", "")


def test_a_page_is_saved_under_its_own_name(peer, tmp_path):
    server = peer(HELLO)
    assert fetch("-O", server.url("/a/b/page.html?x=/y#/z"), cwd=tmp_path) == (0, b"", "")
    assert os.listdir(tmp_path) == ["page.html"]


@pytest.mark.parametrize("rest", ["", "?x=/y", "#/y", "?x=http://a/b"])
def test_a_url_without_a_scheme_has_a_name_as_well(peer, tmp_path, rest):
    server = peer(HELLO)
    for path in ("/name", "/a/b/name", "//name", "/a://name"):
        url = f"127.0.0.1:{server.port}{path}{rest}"
        for each in (url, f"http://{url}", f"HTTP://{url}"):
            assert fetch("-O", each, cwd=tmp_path) == (0, b"", "")
            os.unlink(tmp_path / "name")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", ["/", "/a/", "/a/..", "/.", ""])
def test_a_url_without_a_name_has_none_to_save_under(peer, tmp_path, path):
    status, out, err = fetch("-O", peer(HELLO).url(path), cwd=tmp_path)
    assert (status, out) == (23, b"")
    assert "-o FILE" in err
    assert os.listdir(tmp_path) == []


def test_the_head_is_printed_in_front(peer, tmp_path):
    server = peer(HELLO)
    assert fetch("-i", server.url()) == (0, HEAD + b"hello\n", "")
    assert fetch("-i", "-o", tmp_path / "page", server.url()) == (0, b"", "")
    assert (tmp_path / "page").read_bytes() == HEAD + b"hello\n"


def test_the_head_alone_is_asked_for(peer):
    server = peer(HEAD)
    assert fetch("-I", server.url()) == (0, HEAD, "")
    assert server.requests[0].startswith(b"HEAD / ")


def test_a_request_is_made_as_it_is_described(peer):
    server = peer(lambda wire: wire.request() and wire.send(HELLO))
    arguments = ["-X", "PUT", "-H", "X-One: 1", "-H", "accept: a/b", "-u", "name:word", "-d", "a=1"]
    assert fetch(*arguments, "-d", "b=2", server.url())[0] == 0
    [head] = server.requests
    assert head.startswith(b"PUT / ")
    assert peers.field(head, "x-one") == "1"
    assert peers.field(head, "accept") == "a/b"
    assert peers.field(head, "authorization") == "Basic bmFtZTp3b3Jk"
    assert peers.field(head, "content-type") == "application/x-www-form-urlencoded"
    assert server.bodies == [b"a=1&b=2"]


def test_data_is_posted_and_may_come_from_a_file(peer, tmp_path):
    server = peer(lambda wire: wire.request() and wire.send(HELLO))
    (tmp_path / "data").write_bytes("迈=1\r\n".encode())
    assert fetch("-d", f"@{tmp_path / 'data'}", server.url())[0] == 0
    assert fetch("-d", "@-", server.url(), stdin=b"a=\nb")[0] == 0
    assert server.bodies == ["迈=1".encode(), b"a=b"]
    assert server.requests[0].startswith(b"POST / ")


def test_data_may_be_any_bytes(peer, tmp_path):
    server = peer(lambda wire: wire.request() and wire.send(HELLO))
    every = bytes(range(256))
    (tmp_path / "data").write_bytes(every)
    sent = every.translate(None, b"\r\n\0")
    assert fetch("-d", f"@{tmp_path / 'data'}", "-d", "迈=1", server.url())[0] == 0
    assert fetch("-d", "@-", server.url(), stdin=every)[0] == 0
    assert fetch("-d", os.fsdecode(b"a=\xff"), server.url())[0] == 0
    assert server.bodies == [sent + "&迈=1".encode(), sent, b"a=\xff"]


def test_redirects_are_followed_as_far_as_allowed(peer):
    server = peer(peers.site({"/": peers.redirect("/a"), "/a": HELLO}))
    assert fetch("-L", server.url()) == (0, b"hello\n", "")
    assert fetch("--max-redirs", 0, server.url()) == (0, b"moved", "")
    loop = peer(peers.site({"/": peers.redirect("/")}))
    status, out, err = fetch("--max-redirs", 3, loop.url())
    assert (status, out, err.count("\n")) == (47, b"", 1)


def test_the_conversation_is_shown(peer):
    server = peer(peers.site({"/": peers.redirect("/a"), "/a": peers.reply(b"x", "200 \x1b[2J")}))
    status, out, err = fetch("-v", server.url())
    assert (status, out) == (0, b"x")
    lines = err.splitlines()
    assert lines[0] == "> GET / HTTP/1.1"
    assert "< HTTP/1.1 302 Found" in lines
    assert "> GET /a HTTP/1.1" in lines
    assert "\x1b" not in err


def test_a_site_is_led_to_another_place(peer):
    server = peer(HELLO)
    rule = f"www.example.test:80:127.0.0.1:{server.port}"
    assert fetch("--connect-to", rule, "http://www.example.test/") == (0, b"hello\n", "")
    environment = {"RSOCK_CONNECT_TO": rule}
    assert fetch("www.example.test", environment=environment) == (0, b"hello\n", "")


def test_a_proxy_may_be_named(peer):
    server = peer(HELLO)
    assert fetch("-x", server.url(), "http://example.test/a")[0] == 0
    assert server.requests[0].startswith(b"GET http://example.test/a ")
    environment = {"http_proxy": "http://127.0.0.1:1"}
    assert fetch("-x", "", server.url(), environment=environment)[0] == 0


def test_certificates_are_checked_unless_told_otherwise(peer, tmp_path):
    authority = certificate.authority()
    mine = certificate.key_and_certificate(("127.0.0.1",), "A", (2000, 2100), authority)
    (tmp_path / "ca.pem").write_text(authority.public)
    server = peer(HELLO, tls=peers.server_context(tmp_path, mine))
    assert fetch(server.url(), "--cacert", tmp_path / "ca.pem") == (0, b"hello\n", "")
    assert fetch(server.url(), "-k") == (0, b"hello\n", "")
    status, out, err = fetch(server.url())
    assert (status, out, err.count("\n")) == (60, b"", 1)
    assert "certificate" in err


def nothing_listens():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


def silent(wire):
    wire.wait()


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"


def reset(wire):
    wire.head()
    wire.send(CUT)
    wire.reset()


FAILURES = {
    "neither http nor https": (1, "ftp://127.0.0.1/", []),
    "a URL that is none": (3, "http://[::1", []),
    "a header that is none": (2, "http://127.0.0.1/", ["-H", "none"]),
    "a header with a line break": (3, "http://127.0.0.1/", ["-H", "X: a\nb"]),
    "a name that is not known": (6, "http://does-not-exist.invalid/", []),
    "nobody listens": (7, nothing_listens, []),
    "no reply of HTTP": (8, b"nonsense\r\n\r\n", []),
    "cut off": (18, CUT, []),
    "a status of an error": (22, peers.reply(b"no", "404 Not Found"), ["-f"]),
    "silence": (28, silent, ["-m", "0.2"]),
    "a loop": (47, peers.redirect("/"), []),
    "not a word": (52, b"", []),
    "too large": (63, HELLO, ["--max-body", "3"]),
    "a rule that is none": (3, "http://127.0.0.1/", ["--connect-to", "x"]),
    "data of a file that is missing": (26, "http://127.0.0.1/", ["-d", "@/does/not/exist"]),
    "data of a folder": (26, "http://127.0.0.1/", ["-d", "@/"]),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_line_and_a_status_as_curl_has_it(peer, failure, tmp_path):
    expected, server, arguments = FAILURES[failure]
    if callable(server) and server is nothing_listens:
        url = nothing_listens()
    else:
        url = server if isinstance(server, str) else peer(server).url()
    target = tmp_path / "page"
    status, out, err = fetch(url, "-o", target, *arguments)
    assert (status, out) == (expected, b""), err
    assert err.count("\n") == 1
    assert err.startswith("python -m rsock fetch: ")
    assert "Traceback" not in err
    assert len(err) > len("python -m rsock fetch: \n") + 5
    assert os.listdir(tmp_path) == []
    assert fetch(url, "-s", "-o", target, *arguments) == (expected, b"", "")


def test_a_request_that_is_not_taken_has_a_status_of_its_own(peer, tmp_path):
    (tmp_path / "data").write_bytes(b"A" * (8 << 20))
    server = peer(lambda wire: wire.sock.close())

    def ask():
        # What is learned first depends on how far both sides are: that nothing can be sent, that
        # nothing comes, or that the connection is gone.
        status, out, err = fetch(server.url(), "-d", f"@{tmp_path / 'data'}")
        assert status in (52, 55, 56)
        assert (out, err.count("\n")) == (b"", 1), err
        return status == 55 and "Broken pipe" in err

    support.until(ask)


@pytest.mark.parametrize("content", [None, b"", b"no certificate at all"])
def test_a_file_of_certificates_that_holds_none_has_a_status_of_its_own(peer, tmp_path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    mine = certificate.key_and_certificate(("127.0.0.1",), "A", (2000, 2100))
    server = peer(HELLO, tls=peers.server_context(tmp_path, mine))
    status, out, err = fetch(server.url(), "--cacert", file)
    assert (status, out, err.count("\n")) == (77, b"", 1)
    assert str(file) in err


def test_a_reset_has_a_status_of_its_own(peer):
    status, _, err = fetch(peer(reset).url())
    assert status in (18, 56)
    assert err.count("\n") == 1


def test_an_error_does_not_show_who_asks():
    status, _, err = fetch(nothing_listens().replace("//", "//me:secret@"))
    assert (status, err.count("\n")) == (7, 1)
    assert "nobody listens at 127.0.0.1:" in err
    assert "secret" not in err


def test_a_command_that_is_wrong_says_so_in_one_line():
    for arguments in ([], ["--nonsense", "http://a/"], ["-m", "soon", "http://a/"]):
        status, out, err = fetch(*arguments)
        assert (status, out) == (2, b"")
        assert err.count("\n") == 1


def test_output_that_cannot_be_written_is_said_to_be_so(peer, tmp_path):
    server = peer(HELLO)
    status, _, err = fetch(server.url(), "-o", tmp_path / "no" / "page")
    assert (status, err.count("\n")) == (23, 1)
    assert str(tmp_path / "no" / "page") in err
    status, _, err = fetch(server.url(), "-o", "/dev/full")
    assert (status, err.count("\n")) == (23, 1)


# What is larger than this cannot be written, and a part of it can.
LIMITED = "import os, resource, sys; most = 1 << 20; "
LIMITED += "resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)); "
LIMITED += "os.execv(sys.argv[1], sys.argv[1:])"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("where", ["-o", ">"])
def test_a_file_with_its_head_is_written_whole_or_said_not_to_be(peer, tmp_path, where, unbuffered):
    server = peer(peers.reply(bytes(1 << 20)))
    target = tmp_path / "page"
    words = [*COMMAND, "-i", server.url(), *(["-o", target] if where == "-o" else [])]
    with open(tmp_path / "output", "wb") as output:
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, *words],
            stdout=output,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            timeout=support.PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (23, 1), done.stderr
    assert not target.exists()


def test_a_reader_who_has_seen_enough_is_no_failure_to_speak_of(peer):
    server = peer(peers.reply(bytes(8 << 20)))
    with subprocess.Popen(
        [*COMMAND, server.url()], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.read(10) == bytes(10)
        process.stdout.close()
        assert process.wait(support.PATIENCE) == 23
        assert process.stderr.read() == b""


def test_a_failed_page_is_printed_without_f(peer):
    server = peer(peers.reply(b"no", "404 Not Found"))
    assert fetch(server.url()) == (0, b"no", "")
    status, out, err = fetch("-f", "-i", server.url())
    assert (status, out) == (22, b"")
    assert "404 Not Found" in err


def test_a_header_can_be_left_out_or_sent_empty_as_with_curl(peer):
    server = peer(peers.reply(b"hello"))
    status, _, _ = fetch(server.url(), "-H", "Accept:", "-H", "X-Empty;", "-H", "X-One: 1")
    assert status == 0
    [head] = server.requests
    assert peers.field(head, "accept") is None
    assert [peers.field(head, name) for name in ("x-empty", "x-one")] == ["", "1"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_quietly_and_leaves_nothing_behind(peer, tmp_path, number):
    def script(wire):
        wire.head()
        wire.send(CUT)
        wire.wait()

    command = [*COMMAND, peer(script).url(), "-o", "page"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        part = []
        support.until(lambda: part.extend(os.listdir(tmp_path)) or part)
        support.until(lambda: (tmp_path / part[0]).stat().st_size)
        process.send_signal(number)
        assert process.wait(support.PATIENCE) == 128 + number
        assert process.stderr.read() == b""
    assert os.listdir(tmp_path) == []


def on_a_terminal(*arguments, cwd):
    """Run the command with a terminal for its errors; give its status and what is seen there."""
    command = [*COMMAND, *arguments]
    return support.on_a_terminal(command, "stderr", stdout=subprocess.DEVNULL, cwd=cwd)


def test_a_bar_is_shown_on_a_terminal_only(peer, tmp_path):
    server = peer(peers.reply(bytes(1 << 20)))
    status, seen = on_a_terminal(server.url(), "-o", "page", cwd=tmp_path)
    assert status == 0
    assert re.search(r"\r(page)? +100%.*1\.0 MiB of 1\.0 MiB", seen)
    assert seen.endswith("\r\n")
    assert on_a_terminal(server.url(), "-s", "-o", "page", cwd=tmp_path) == (0, "")


def test_the_bar_does_not_show_who_asks(peer, tmp_path):
    server = peer(peers.reply(bytes(1 << 20)))
    url = server.url("/?token=secret#secret").replace("//", "//me:secret@", 1)
    status, seen = on_a_terminal(url, cwd=tmp_path)
    assert status == 0
    assert "100%" in seen
    assert "\r127.0.0.1:" in seen
    assert "secret" not in seen


def test_a_large_page_is_printed_from_little_memory(peer):
    def script(wire):
        wire.head()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (100 << 20))
        for _ in range(100):
            wire.send(bytes(1 << 20))
        wire.wait()

    # The most memory that a process ever had is in kilobytes.
    source = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    source += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"

    def peak(*arguments):
        done = subprocess.run(
            [sys.executable, "-c", source, *COMMAND, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=support.PATIENCE,
            check=True,
        )
        return int(done.stderr)

    little = peak(peer(HELLO).url())
    for options in ([], ["-i"]):
        assert peak(*options, peer(script).url()) < little + 16 * 1024


def test_help_shows_all_exit_statuses():
    status, out, err = fetch("--help")
    assert (status, err) == (0, "")
    said = {
        int(number) for number in re.findall(r"(?:^|  ) *(\d+)  \S", out.decode(), re.MULTILINE)
    }
    expected = {0, 1, 2, 3, 6, 7, 8, 18, 22, 23, 26, 28, 35, 47, 52, 55, 56, 60, 63, 77, 130}
    assert expected <= said


def test_the_version_is_told():
    command = [sys.executable, "-m", "rsock", "--version"]
    assert subprocess.check_output(command, text=True) == f"rsock {rsock.__version__}\n"
