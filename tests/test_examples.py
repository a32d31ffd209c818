"""The examples, run as a reader runs them."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import rsock
import support

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))


# A shell has what it starts in the background ignore Ctrl+C, and tests may be among it.
HEEDING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def output(name, *arguments):
    """Run an example to its end, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=support.PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@contextlib.contextmanager
def serving(name):
    """Run an example that serves, give its port, and end it as a reader does."""
    command = [sys.executable, "-c", HEEDING]
    command += [sys.executable, "-u", "-W", "error", EXAMPLES / name, "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            for line in process.stdout:
                found = re.search(r"Ctrl\+C ends it.* (\d+)\b", line)
                if found:
                    break
            yield int(found[1])
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=support.PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")


def test_the_hello_client_is_greeted_and_answered_by_the_hello_server():
    with serving("hello_server.py") as port:
        answers = output("hello_client.py", port, "Michael", "Tracy")
    assert answers == ["Welcome!", "Hello, Michael!", "Hello, Tracy!"]


def test_the_echo_server_turns_lines_around_and_closes_on_a_word():
    with serving("echo_server.py") as port, rsock.TcpClient(port) as client:
        client.sendall("abc\ndef\nbye\nnot any more\n")
        assert list(client) == [b"cba\n", b"fed\n", b"eyb\n"]


def test_what_one_says_in_the_chat_the_others_hear():
    with serving("chat_server.py") as port:
        with rsock.TcpClient(port) as tom, rsock.TcpClient(port) as ann:
            assert [client.recv_line() for client in (tom, ann)] == [b"What is your name?\n"] * 2
            tom.sendall("Tom\n")
            assert tom.recv_line() == b"* 1 in the room\n"
            ann.sendall("Ann\n")
            assert ann.recv_line() == b"* 2 in the room\n"
            assert tom.recv_line() == b"* Ann has come\n"
            ann.sendall("hello\n")
            assert tom.recv_line() == b"Ann: hello\n"
            ann.close()
            assert tom.recv_line() == b"* Ann has left\n"


def test_the_client_with_lengths_keeps_messages_apart():
    assert output("length_client.py") == [
        "'Hello, Michael!'",
        "'Hello, 迈克尔!'",
        "'Hello, !'",
        "'Hello, two\\nlines!'",
    ]


def test_the_first_example_still_says_hello():
    assert output("hello.py")[-1] == "client: the server answers 'Hello, world!'"


def test_a_page_is_fetched_and_saved(tmp_path):
    file = tmp_path / "page.html"
    lines = output("fetch_page.py", "-", file)
    assert re.match(r"302 Found from http://127\.0\.0\.1:\d+/old$", lines[0])
    assert lines[1] == "HTTP/1.1 200 OK"
    assert lines[-2:] == [
        "34 bytes, as text 30 characters (gb18030)",
        f"saved as {file}",
    ]
    assert "你好世界" in file.read_text(encoding="gb2312")
    with rsock.PageServer(0, {"/": "hello"}) as server:
        assert output("fetch_page.py", server.url, file)[-1] == f"saved as {file}"
    assert file.read_text() == "hello"


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_example_is_left_out(name):
    assert name in Path(__file__).read_text(encoding="utf-8")
