"""The examples, run as a reader runs them."""

import contextlib
import hashlib
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

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(params=["socket", "rsock"])
def module(request):
    """Name the module that `import socket` gives: the programs of a lesson run on both."""
    return request.param


def command(name, arguments, module="socket"):
    """Spell out what runs an example: `python`, or `rsock run`."""
    words = [sys.executable, "-u", "-W", "error"]
    words += ["-m", "rsock", "run"] if module == "rsock" else []
    return [*words, EXAMPLES / name, *map(str, arguments)]


ENVIRONMENT = {**os.environ, "PYTHONIOENCODING": "utf-8"}


def output(name, *arguments, module="socket", typed="", status=0):
    """Run an example to its end, and return what it printed."""
    done = subprocess.run(
        command(name, arguments, module),
        input=typed,
        capture_output=True,
        encoding="utf-8",
        env=ENVIRONMENT,
        timeout=support.PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr if status == 0 else "") == (status, "")
    return (done.stdout + (done.stderr if status else "")).splitlines()


def rests(group):
    """Tell whether all threads of a group of processes sleep, and slept between two looks.

    That is so, too, when they have ended.
    """

    def look():
        seen = {}
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if os.getpgid(int(pid)) == group:
                    for status in Path("/proc", pid, "task").glob("*/status"):
                        text = status.read_text()
                        seen[status] = re.findall(r"^State:\s+(\w)|switches:\s+(\d+)", text, re.M)
        return seen

    first = look()
    return all(each[0][0] in "SZ" for each in first.values()) and look() == first


@contextlib.contextmanager
def serving(name, *arguments, module="socket", said=None):
    """Run an example that serves, give its port, and end it as a reader does.

    What it prints afterwards is put into `said`.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command(name, [0, *arguments], module),
        stdout=pipe,
        stderr=pipe,
        encoding="utf-8",
        env=ENVIRONMENT,
        start_new_session=True,
    ) as process:
        try:
            for line in process.stdout:
                found = re.search(r"(?:Ctrl\+C ends it.*|^Waiting on port) (\d+)\b", line)
                if found:
                    break
            else:
                raise AssertionError(f"it did not start:\n{process.stderr.read()}")
            yield int(found[1])
            # A signal that comes right before a wait begins does not end it.
            support.until(lambda: rests(process.pid))
            os.killpg(process.pid, signal.SIGINT)  # to its children, too, as a terminal does
            printed, errors = process.communicate(timeout=support.PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    if said is not None:
        said += printed.splitlines()


def test_the_hello_client_is_greeted_and_answered_by_the_hello_server():
    with serving("hello_server.py") as port:
        answers = output("hello_client.py", port, "Michael", "Tracy")
    assert answers == ["Welcome!", "Hello, Michael!", "Hello, Tracy!"]


def test_the_echo_server_turns_lines_around_and_closes_on_a_word():
    with serving("echo_server.py") as port, rsock.TcpClient(port) as client:
        client.sendall("abc\ndef\nbye\nnot any more\n")
        assert list(client) == [b"cba\n", b"fed\n", b"eyb\n"]


@pytest.mark.parametrize("name", ["chat_server.py", "chat_threads.py"])
def test_what_one_says_in_the_chat_the_others_hear(name, module):
    with serving(name, module=module) as port:
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


GREETINGS = ["Welcome!", "Hello, Michael!", "Hello, Tracy!", "Hello, 小明!"]

GREETERS = [
    "tcp_server.py",
    "asyncio_server.py",
    "fork_server.py",
    "socketserver_hello.py",
]


@pytest.mark.parametrize("name", GREETERS)
def test_two_clients_at_once_are_greeted_by(name, module):
    with serving(name, module=module) as port:
        with rsock.TcpClient(port) as early:
            assert early.recv() == b"Welcome!"
            assert output("tcp_client.py", port, module=module) == GREETINGS
            assert early.ask("Bob") == b"Hello, Bob!"


@pytest.mark.parametrize("name", GREETERS)
def test_a_client_that_is_cut_off_harms_nobody(name, module):
    with serving(name, module=module) as port:
        client = rsock.create_connection(("127.0.0.1", port))
        assert client.recv(100) == b"Welcome!"
        client.sendall(b"Bob")
        support.until(lambda: client.recv(1) == b"H")
        support.reset(client)  # with the rest of the answer unread
        assert output("tcp_client.py", port, module=module) == GREETINGS


# What makes a server that does not speak first answer.
SERVERS = {
    **dict.fromkeys(GREETERS),
    **dict.fromkeys(["hello_server.py", "chat_server.py", "chat_threads.py"]),
    **dict.fromkeys(["echo_server.py", "select_server.py", "selectors_server.py"], b"abc\n"),
    "file_receiver.py": b"nonsense\n",
}


@pytest.mark.parametrize("name", SERVERS)
def test_ctrl_c_ends_a_server_while_a_client_is_there(name, module, tmp_path):
    arguments = [tmp_path] if name == "file_receiver.py" else []
    with contextlib.ExitStack() as stack:
        with serving(name, *arguments, module=module) as port:
            client = stack.enter_context(rsock.TcpClient(port))
            if SERVERS[name] is not None:
                client.sendall(SERVERS[name])
            assert client.recv()
        assert not list(client)  # the connection has ended, too


def test_the_server_with_threads_says_who_comes_and_goes(module):
    said = []
    with serving("tcp_server.py", module=module, said=said) as port:
        with rsock.TcpClient(port) as client:
            host, own = client.address
            client.recv()
            client.sendall(b"exit")
            assert client.recv() == b""
    assert said == [f"{host}:{own} has come", f"{host}:{own} has left", "Bye."]


def test_datagrams_are_answered(module):
    said = []
    with serving("udp_server.py", module=module, said=said) as port:
        assert output("udp_client.py", port, module=module) == GREETINGS[1:]
    assert [re.sub(r"\d+ ", "PORT ", line) for line in said] == [
        "127.0.0.1:PORT has asked",
        "127.0.0.1:PORT has asked",
        "127.0.0.1:PORT has asked",
        "Bye.",
    ]


def test_who_asks_by_datagrams_asks_again_and_gives_up_in_the_end(module):
    with rsock.socket(rsock.AF_INET, rsock.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        lines = output("udp_client.py", port, 0.01, module=module, status=1)
        asked = [silent.recv(100) for _ in range(3)]
    assert asked == [b"Michael"] * 3
    assert lines[:3] == [f"no answer to question {number}" for number in (1, 2, 3)]
    assert lines[-1] == "TimeoutError: asked 3 times in vain"


def test_a_page_is_fetched_by_hand(tmp_path, module):
    file = tmp_path / "page.html"
    with rsock.PageServer(0, {"/": "<h1>你好</h1>"}) as server:
        lines = output("fetch_raw.py", *server.address, file, module=module)
    assert lines[0] == "HTTP/1.1 200 OK"
    assert lines[-2:] == ["", f"15 bytes saved as {file}"]
    assert file.read_text(encoding="utf-8") == "<h1>你好</h1>"


@pytest.mark.parametrize("name", ["select_server.py", "selectors_server.py"])
def test_one_thread_turns_around_what_many_send(name, module):
    with serving(name, module=module) as port:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(rsock.TcpClient(port)) for _ in range(20)]
            for number, client in enumerate(clients):
                client.sendall(f"this is {number}\n")
            support.reset(rsock.create_connection(("127.0.0.1", port)))
            for number, client in enumerate(clients):
                assert client.recv_line() == f"this is {number}\n".encode()


def test_the_server_with_selectors_is_not_held_up_by_one_who_does_not_read(module):
    with serving("selectors_server.py", module=module) as port:
        with rsock.create_connection(("127.0.0.1", port)) as lazy, rsock.TcpClient(port) as other:
            lazy.setblocking(False)
            taken = 0
            with pytest.raises(BlockingIOError):  # it takes no more: nothing is read here
                while True:
                    taken += lazy.send(bytes(100_000))
                    assert other.ask(b"and me?") == b"and me?"
            lazy.settimeout(support.PATIENCE)
            while taken > 0:
                taken -= len(lazy.recv(1_000_000))
            assert taken == 0


def test_a_length_in_front_keeps_messages_apart(module):
    assert output("messages.py", module=module) == [
        "without lengths: Tom小明Ann",
        "with lengths:",
        "  Tom",
        "  小明",
        "  Ann",
    ]


@pytest.mark.parametrize("name", ["chat_server.py", "chat_threads.py"])
def test_the_chat_client_says_what_is_typed_and_prints_what_is_said(name, module):
    with serving(name, module=module) as port, rsock.TcpClient(port) as ann:
        ann.sendall("Ann\n")
        assert ann.recv_line() == b"What is your name?\n"
        assert ann.recv_line() == b"* 1 in the room\n"
        typed = "Tom\n你好\nbye\nnot any more\n"
        lines = output("chat_client.py", port, module=module, typed=typed)
        assert lines == ["What is your name?", "* 2 in the room"]
        heard = [ann.recv_line().decode() for _ in range(3)]
        assert heard == ["* Tom has come\n", "Tom: 你好\n", "* Tom has left\n"]


@pytest.mark.parametrize("size", [0, 1_000_000])
def test_a_file_arrives_as_it_was(tmp_path, module, size):
    original = tmp_path / "a picture.png"
    original.write_bytes(os.urandom(size))
    folder = tmp_path / "received"
    folder.mkdir()
    said = []
    with serving("file_receiver.py", folder, module=module, said=said) as port:
        lines = output("file_sender.py", original, port, module=module)
    assert lines == ["saved a picture.png"]
    assert said == ["saved a picture.png", "Bye."]
    assert (folder / original.name).read_bytes() == original.read_bytes()
    assert os.listdir(folder) == [original.name]


def test_a_file_that_is_cut_changed_or_led_astray_is_not_kept(tmp_path, module):
    folder = tmp_path / "received"
    folder.mkdir()
    digest = hashlib.sha256(b"abc").hexdigest()
    said, answers = [], []
    with serving("file_receiver.py", folder, module=module, said=said) as port:
        for text, answer in [
            (f"3 {digest} a.txt\nab", "failed: 1 bytes are missing"),
            (f"3 {digest} b.txt\nabd", "failed: the file has changed on its way"),
            (f"-3 {digest} c.txt\n", "failed: -3 bytes are too many"),
            (f"3 {digest} ../../d.txt\nabc", "saved d.txt"),
        ]:
            with rsock.create_connection(("127.0.0.1", port), support.PATIENCE) as client:
                client.sendall(text.encode())
                client.shutdown(rsock.SHUT_WR)
                assert client.recv(100).decode() == answer
                answers.append(answer)
        with rsock.TcpClient(port) as client:
            assert client.ask("nonsense\n").startswith(b"failed: ")
    assert said[:4] == answers
    assert (folder / "d.txt").read_text() == "abc"
    assert not (tmp_path.parent / "d.txt").exists()
    assert {name for name in os.listdir(folder) if not name.endswith(".part")} == {"d.txt"}


def test_a_broadcast_is_heard_by_all(module):
    assert output("broadcast.py", module=module) == [
        "first hears: Is anybody there?",
        "second hears: Is anybody there?",
    ]


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_example_is_left_out(name):
    assert name in Path(__file__).read_text(encoding="utf-8")
