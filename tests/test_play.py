"""`rsock play`: a server and its clients, what both say, and that nothing of them is left."""

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest
import support

#: What the scripts of these tests share, in a file beside them: the server says where it is.
MEET = """
    import os, socket, sys, time

    def listening(kind=socket.SOCK_STREAM):
        sock = socket.socket(type=kind)
        sock.bind(("127.0.0.1", 0))
        with open("address.new", "w") as file:
            file.write(str(sock.getsockname()[1]))
        os.rename("address.new", "address")
        if kind == socket.SOCK_STREAM:
            sock.listen()
        return sock

    def address():
        return "127.0.0.1", int(open("address").read())

    def connected():
        return socket.create_connection(address())
"""
ECHO = """
    from meet import *
    sock = listening()
    print("listening")
    while True:
        peer, _ = sock.accept()
        print("somebody came")
        while data := peer.recv(100):
            peer.sendall(data.upper())
        peer.close()
        print("somebody went")
"""
CLIENT = """
    from meet import *
    sock = connected()
    sock.sendall(b"hello")
    print(sock.recv(100).decode())
"""


class Folder:
    """A folder with scripts, and plays of them that leave nothing behind."""

    def __init__(self, path):
        self.path = path
        self.mark = uuid.uuid4().hex
        self.write("meet", MEET)

    def write(self, name, text):
        (self.path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return f"{name}.py"

    def start(self, *words, **options):
        command = [sys.executable, "-m", "rsock", "play", *words]
        environment = {**os.environ, "RSOCK_TEST": self.mark, "RSOCK_LANG": "en"}
        settings = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            **options,
        }
        return subprocess.Popen(command, cwd=self.path, env=environment, **settings)

    def play(self, *words, given=None, limit=20):
        """Play, and return the status, what was said, and what went wrong."""
        stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
        with self.start(*words, stdin=stdin) as process:
            out, err = process.communicate(given, limit)
        assert self.left() == []
        return process.returncode, out.decode(), err.decode()

    def left(self):
        """Return the processes that this folder's plays have started and that still run."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if self.mark.encode() in file.read():
                        found.append(int(pid))
        return found

    def nothing_left(self):
        support.until(lambda: self.left() == [])


@pytest.fixture
def folder(tmp_path):
    found = Folder(tmp_path)
    yield found
    left = found.left()
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert left == []


def said(text, name):
    """Return the lines that stand under a name."""
    found = (re.fullmatch(rf"{re.escape(name)} *\| (.*)", line) for line in text.split("\n"))
    return [match[1] for match in found if match]


def proc(pid, name):
    return Path(f"/proc/{pid}/{name}").read_text()


def read_until(process, wanted):
    """Read what a play says until it has said this."""
    text = b""
    while wanted not in text:
        part = os.read(process.stdout.fileno(), 65536)
        assert part, f"{text!r} has no {wanted!r}"
        text += part
    return text


# What both say, and the statuses


def test_each_line_stands_under_the_name_of_who_said_it(folder):
    server, client = folder.write("server", ECHO), folder.write("client", CLIENT)
    status, out, err = folder.play(server, client)
    assert (status, err) == (0, "")
    assert said(out, "server.py") == ["listening", "somebody came", "somebody went"]
    assert said(out, "client.py") == ["HELLO"]
    assert out.endswith("== end: server.py stopped (Ctrl+C), client.py status 0\n")


def test_the_server_sees_its_clients_one_after_the_other_and_nobody_else(folder):
    server, client = folder.write("server", ECHO), folder.write("client", CLIENT)
    _, out, _ = folder.play(server, client, client, client)
    came_and_went = ["somebody came", "somebody went"]
    assert said(out, "server.py") == ["listening", *3 * came_and_went]
    assert said(out, "client.py (3)") == ["HELLO"]


def test_clients_run_at_the_same_time_with_together(folder):
    server = """
        from meet import *
        sock = listening()
        both = [sock.accept()[0] for _ in range(2)]
        for each in both:
            each.sendall(b"both are here")
    """
    client = "from meet import *\nprint(connected().recv(100).decode())"
    names = folder.write("server", server), folder.write("one", client), folder.write("two", client)
    status, out, _ = folder.play(*names, "--together")
    assert status == 0
    assert said(out, "one.py") == said(out, "two.py") == ["both are here"]


def test_datagrams_are_played_too(folder):
    server = """
        from meet import *
        sock = listening(socket.SOCK_DGRAM)
        while True:
            data, addr = sock.recvfrom(100)
            sock.sendto(data.upper(), addr)
    """
    client = """
        from meet import *
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.sendto(b"hello", address())
        print(sock.recv(100).decode())
    """
    status, out, _ = folder.play(folder.write("server", server), folder.write("client", client))
    assert (status, said(out, "client.py")) == (0, ["HELLO"])


def test_a_server_that_another_process_runs_is_waited_for(folder):
    server = """
        import os, subprocess, sys
        subprocess.run([sys.executable, "inner.py"])
    """
    folder.write("inner", ECHO)
    status, out, _ = folder.play(folder.write("server", server), folder.write("client", CLIENT))
    assert (status, said(out, "client.py")) == (0, ["HELLO"])


def test_a_server_that_ends_by_itself_is_fine(folder):
    server = """
        from meet import *
        peer, _ = listening().accept()
        peer.sendall(peer.recv(100))
    """
    status, out, err = folder.play(folder.write("server", server), folder.write("client", CLIENT))
    assert (status, err) == (0, "")
    assert out.endswith("== end: server.py status 0, client.py status 0\n")


def test_what_a_server_says_after_its_last_client_is_heard(folder):
    server = """
        from meet import *
        import threading
        def serve(peer):
            peer.sendall(peer.recv(100))
            time.sleep(0.5)
            print("served")
        sock = listening()
        while True:
            threading.Thread(target=serve, args=[sock.accept()[0]], daemon=True).start()
    """
    _, out, _ = folder.play(folder.write("server", server), folder.write("client", CLIENT))
    assert said(out, "server.py") == ["served"]


def test_no_traceback_is_shown_of_the_stop_that_the_play_itself_causes(folder):
    server = """
        from meet import *
        sock = listening()
        try:
            peer = sock.accept()[0]
            peer.sendall(peer.recv(100))
            sock.accept()
        finally:
            print("put away", file=sys.stderr)
    """
    status, out, err = folder.play(folder.write("server", server), folder.write("client", CLIENT))
    assert (status, said(out, "server.py"), err) == (0, ["put away"], "")


def test_an_error_while_a_server_stops_is_shown(folder):
    server = """
        from meet import *
        sock = listening()
        try:
            peer = sock.accept()[0]
            peer.sendall(peer.recv(100))
            sock.accept()
        except KeyboardInterrupt:
            sock.missing
    """
    _, out, _ = folder.play(folder.write("server", server), folder.write("client", CLIENT))
    assert "KeyboardInterrupt" in said(out, "server.py")
    assert "AttributeError: 'socket' object has no attribute 'missing'" in said(out, "server.py")


# What goes wrong


def test_a_server_that_does_not_start_shows_its_traceback(folder):
    server = folder.write("server", "import socket\nsocket.socket().bind(7)")
    status, out, err = folder.play(server, folder.write("client", CLIENT))
    assert status == 1
    assert said(out, "server.py")[0] == "Traceback (most recent call last):"
    assert any(line.startswith("TypeError: ") for line in said(out, "server.py"))
    assert "server.py ended with status 1 before it listened" in err
    assert said(out, "client.py") == []


def test_a_server_that_is_no_python_shows_why(folder):
    server = folder.write("server", "while:")
    status, out, _ = folder.play(server, folder.write("client", CLIENT))
    assert status == 1
    assert "SyntaxError: invalid syntax" in said(out, "server.py")


def test_a_server_that_never_listens_is_told_of(folder):
    server = folder.write("server", "import time\nprint('asleep')\ntime.sleep(600)")
    status, out, err = folder.play(server, folder.write("client", CLIENT), "--timeout", "0.5")
    assert (status, said(out, "server.py"), said(out, "client.py")) == (1, ["asleep"], [])
    assert "server.py did not listen within 0.5 s" in err


def test_a_server_that_ends_without_listening_is_told_of(folder):
    server = folder.write("server", "print('done')")
    status, _, err = folder.play(server, folder.write("client", CLIENT))
    assert status == 1
    assert "server.py ended with status 0 before it listened" in err


def test_a_client_that_fails_fails_the_play_and_the_server_is_stopped(folder):
    client = folder.write("client", "from meet import *\nconnected()\nsys.exit(3)")
    status, out, err = folder.play(folder.write("server", ECHO), client, client)
    assert status == 1
    assert "client.py ended with status 3" in err
    assert said(out, "server.py").count("somebody went") == 2


def test_a_client_that_takes_too_long_is_stopped_and_its_line_told(folder):
    client = folder.write("client", "from meet import *\nsock = connected()\nsock.recv(1)")
    status, out, err = folder.play(folder.write("server", ECHO), client, "--timeout", "1")
    assert status == 1
    assert "client.py did not end within 1 s and was stopped (it was in line 3)" in err
    assert said(out, "client.py") == []


def test_a_server_that_fails_after_its_clients_fails_the_play(folder):
    server = """
        from meet import *
        peer, _ = listening().accept()
        peer.sendall(peer.recv(100))
        sys.exit(4)
    """
    status, _, err = folder.play(folder.write("server", server), folder.write("client", CLIENT))
    assert status == 1
    assert "server.py ended by itself, with status 4" in err


def test_who_ignores_ctrl_c_is_killed_with_all_that_it_started(folder):
    server = """
        from meet import *
        import signal
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        sock = listening()
        if not os.fork():
            os.setsid()  # and away from its terminal and its parent, as a daemon
            if os.fork():
                os._exit(0)
        while True:
            peer, _ = sock.accept()
            peer.sendall(peer.recv(100))
    """
    names = folder.write("server", server), folder.write("client", CLIENT)
    status, out, err = folder.play(*names, "--grace", "0.3")
    assert status == 0
    assert "server.py did not heed Ctrl+C, and was killed" in err
    assert out.endswith("== end: server.py killed, client.py status 0\n")


def test_a_thread_that_holds_a_server_after_ctrl_c_does_not_hold_the_play(folder):
    server = """
        from meet import *
        import threading
        sock = listening()
        while True:
            peer, _ = sock.accept()
            peer.sendall(peer.recv(100))
            threading.Thread(target=listening().accept).start()
    """
    names = folder.write("server", server), folder.write("client", CLIENT)
    status, out, err = folder.play(*names, "--grace", "0.3")
    assert (status, err, said(out, "server.py")) == (0, "", [])


def test_bytes_that_are_no_utf_8_are_shown_as_escapes(folder):
    client = r"""
        from meet import *
        sock = connected()
        sys.stdout.buffer.write(b"\xc4\xe3 \xe4\xbd\xa0\n\xff")
        sys.stdout.flush()
    """
    _, out, _ = folder.play(folder.write("server", ECHO), folder.write("client", client))
    assert said(out, "client.py") == [r"\xc4\xe3 你", r"\xff"]


def test_the_beginning_of_a_line_is_shown_before_its_end(folder):
    client = """
        from meet import *
        sock = connected()
        print("name? ", end="", flush=True)
        sock.recv(1)
    """
    with folder.start(folder.write("server", ECHO), folder.write("client", client)) as process:
        read_until(process, b"client.py | name? \n")
        process.terminate()


def test_all_of_a_long_output_arrives(folder):
    server = """
        from meet import *
        sock = listening()
        for number in range(1_000_000):
            print(f"{number:099}")
        peer, _ = sock.accept()
        peer.sendall(peer.recv(100))
        sock.accept()
    """
    client = folder.write("client", CLIENT)
    process = folder.start(folder.write("server", server), client)
    with process:
        lines, other = 0, 0
        for line in process.stdout:
            if line == b"server.py | %099d\n" % lines:
                lines += 1
            else:
                other += 1
        assert (lines, other) == (1_000_000, 2)
    assert process.returncode == 0


def test_a_reader_who_does_not_read_stops_no_signal_and_fills_no_memory(folder):
    server = "from meet import *\nsock = listening()\nwhile True: print('x' * 1000)"
    client = folder.write("client", "from meet import *\nconnected()\ntime.sleep(600)")
    with folder.start(folder.write("server", server), client) as process:
        read_until(process, b"xxx")
        # All of it stands still when nobody takes anything any more.
        support.until(lambda: len(folder.left()) == 4)
        states = {}

        def still():
            now = {pid: proc(pid, "stat").split()[13] for pid in folder.left()}
            same = states.get("before") == now
            states["before"] = now
            os.sched_yield()
            return same

        support.until(still)
        sizes = [int(re.search(r"VmHWM:\s+(\d+)", proc(pid, "status"))[1]) for pid in folder.left()]
        assert max(sizes) < 64 * 1024  # of kilobytes
        process.terminate()
        assert process.wait(support.PATIENCE) == 143
        folder.nothing_left()


def test_who_looks_at_the_beginning_only_ends_the_play(folder):
    server = "from meet import *\nsock = listening()\nwhile True: print('x' * 1000)"
    client = folder.write("client", "from meet import *\nconnected()\ntime.sleep(600)")
    process = folder.start(folder.write("server", server), client)
    with process:
        read_until(process, b"xxx")
        process.stdout.close()
        assert process.wait(support.PATIENCE) == 23
    folder.nothing_left()


# How it can end


DAEMONS = """
    from meet import *
    import signal
    sock = listening()
    if not os.fork():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.setsid()
        if os.fork():
            os._exit(0)
        print("daemon", flush=True)
    while True:
        sock.accept()
"""


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_everything(folder, number, status):
    client = folder.write("client", "from meet import *\nconnected().recv(1)")
    with folder.start(folder.write("server", DAEMONS), client) as process:
        read_until(process, b"daemon\n")
        process.send_signal(number)
        assert process.wait(support.PATIENCE) == status
        assert folder.left() == []
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("whom", ["the play", "its group", "what it has started first"])
def test_who_is_killed_leaves_nothing(folder, whom):
    client = folder.write("client", "from meet import *\nconnected().recv(1)")
    names = folder.write("server", DAEMONS), client
    with folder.start(*names, start_new_session=True) as process:
        read_until(process, b"daemon\n")
        if whom == "the play":
            process.kill()
        elif whom == "its group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
                os.kill(int(file.read()), signal.SIGKILL)
        process.wait(support.PATIENCE)
        folder.nothing_left()


def on_terminal(folder, *words):
    """Start a play on a terminal of its own; return it and the terminal."""
    terminal, other = pty.openpty()
    command = [sys.executable, "-c", TERMINAL, sys.executable, "-m", "rsock", "play", *words]
    process = subprocess.Popen(
        command,
        stdin=other,
        stdout=other,
        stderr=other,
        cwd=folder.path,
        env={**os.environ, "RSOCK_TEST": folder.mark, "RSOCK_LANG": "en", "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(other)
    return process, terminal


TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def seen(terminal, wanted):
    text = b""
    while wanted not in text:
        text += os.read(terminal, 65536)
    return text


def test_ctrl_c_on_a_terminal_ends_everything(folder):
    client = folder.write("client", "from meet import *\nconnected().recv(1)")
    process, terminal = on_terminal(folder, folder.write("server", ECHO), client)
    with process:
        seen(terminal, b"somebody came")
        os.write(terminal, b"\3")
        assert process.wait(support.PATIENCE) == 130
    assert b"Traceback" not in os.read(terminal, 65536)
    os.close(terminal)
    assert folder.left() == []


def test_a_terminal_that_is_closed_ends_everything(folder):
    client = folder.write("client", "from meet import *\nconnected().recv(1)")
    process, terminal = on_terminal(folder, folder.write("server", DAEMONS), client)
    with process:
        seen(terminal, b"daemon")
        os.close(terminal)
        assert process.wait(support.PATIENCE) == 129
    folder.nothing_left()


def test_names_have_colours_on_a_terminal_and_programs_move_no_cursor(folder):
    client = CLIENT + "    print('\\x1b[2Jmoved\\r')"
    process, terminal = on_terminal(
        folder, folder.write("server", ECHO), folder.write("client", client)
    )
    with process:
        text = seen(terminal, b"status 0").decode()
        assert process.wait(support.PATIENCE) == 0
    os.close(terminal)
    [before] = re.findall(r"(\x1b\[[\d;]*m)server.py \|\x1b\[0m listening\r\n", text)
    assert f"{before}client.py |" not in text
    assert r"\x1b[2Jmoved" + "\r\n" in text


# Ports


@pytest.fixture
def taken():
    """Give a port that somebody has, for TCP and for UDP."""
    with contextlib.ExitStack() as stack:
        while True:
            tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):
                udp.bind(tcp.getsockname())
                yield tcp.getsockname()[1]
                return


TCP_PAIR = (
    """
    import socket
    sock = socket.socket()
    sock.bind(("", PORT))
    sock.listen()
    while True:
        peer, _ = sock.accept()
        peer.sendall(b"%d" % sock.getsockname()[1])
    """,
    """
    import socket
    sock = socket.socket()
    assert sock.connect_ex(("localhost", PORT)) == 0
    print(sock.recv(100).decode(), socket.create_connection(("127.0.0.1", PORT)).recv(100).decode())
    """,
)
UDP_PAIR = (
    """
    import socket
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", PORT))
    while True:
        sock.sendto(b"%d" % sock.getsockname()[1], sock.recvfrom(100)[1])
    """,
    """
    import socket
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.sendto(b"x", ("127.0.0.1", PORT))
    first = sock.recv(100).decode()
    sock.sendto(b"x", 0, ("127.0.0.1", PORT))
    print(first, sock.recv(100).decode())
    """,
)


def pair(folder, scripts, port):
    return [
        folder.write(name, text.replace("PORT", str(port)))
        for name, text in zip(("server", "client"), scripts)
    ]


def test_a_taken_port_is_told_of_and_how_to_help_it(folder, taken):
    status, out, err = folder.play(*pair(folder, TCP_PAIR, taken))
    assert status == 1
    assert "OSError: [Errno 98] Address already in use" in said(out, "server.py")
    assert "--port auto" in err


@pytest.mark.parametrize("scripts", [TCP_PAIR, UDP_PAIR], ids=["tcp", "udp"])
def test_a_taken_port_is_changed_on_both_sides(folder, taken, scripts):
    status, out, err = folder.play(*pair(folder, scripts, taken), "--port", "auto")
    assert (status, err) == (0, "")
    [(port, other)] = re.findall(r"== Port (\d+) was changed to (\d+)\.", out)
    assert int(port) == taken != int(other)
    assert said(out, "client.py") == [f"{other} {other}"]


def test_a_port_that_is_free_stays_as_it_is(folder):
    status, out, _ = folder.play(
        folder.write("server", ECHO), folder.write("client", CLIENT), "--port", "auto"
    )
    assert (status, said(out, "client.py")) == (0, ["HELLO"])
    assert "was changed" not in out


def test_the_port_can_be_chosen(folder, taken):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, out, _ = folder.play(*pair(folder, TCP_PAIR, taken), "--port", str(port))
    assert (status, said(out, "client.py")) == (0, [f"{port} {port}"])


# What scripts are given


ASKING = """
    from meet import *
    sock = connected()
    while line := input("> "):
        print(line.upper())
"""


@pytest.mark.parametrize("how", ["text", "file", "input of the play"])
def test_scripts_that_ask_are_answered(folder, how):
    words = folder.write("server", ECHO), folder.write("client", ASKING)
    given = None
    if how == "text":
        words = (*words, "--input", r"one\n你好\n\n")
    elif how == "file":
        (folder.path / "lines.txt").write_text("one\n你好\n\n", encoding="utf-8")
        words = (*words, "--input", "lines.txt")
    else:
        given = "one\n你好\n\n".encode()
    status, out, _ = folder.play(*words, given=given)
    assert (status, said(out, "client.py")) == (0, ["> ONE", "> 你好", "> "])


def test_a_script_that_asks_in_vain_is_told_of(folder):
    status, out, err = folder.play(folder.write("server", ECHO), folder.write("client", ASKING))
    assert status == 1
    assert said(out, "client.py")[-1] == "EOFError: EOF when reading a line"
    assert "--input" in err


def test_scripts_are_given_their_arguments(folder):
    client = folder.write("client", "import sys\nprint(sys.argv)")
    _, out, _ = folder.play(folder.write("server", ECHO), f"{client} 'a b' c")
    assert said(out, "client.py") == [f"['{client}', 'a b', 'c']"]


def test_a_script_has_no_descriptors_and_no_folders_more_than_usual(folder):
    client = """
        import os, socket, sys
        print(socket.socket().fileno(), sys.path[0] == os.getcwd())
        print(any("_learn" in each for each in sys.path))
    """
    _, out, _ = folder.play(folder.write("server", ECHO), folder.write("client", client))
    assert said(out, "client.py") == ["3 True", "False"]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["missing.py", "client.py"], "there is no file 'missing.py'"),
        (["client.py"], "a server needs a client"),
        (["client.py", "client.py", "--port", "x"], "--port takes auto, or a number"),
        (["client.py", "client.py", "--port", "65536"], "--port takes auto, or a number"),
        (["client.py", "client.py", "--timeout", "0"], "--timeout takes a number of seconds"),
        (["client.py", "client.py", "--grace", "nan"], "--grace takes a number of seconds"),
    ],
)
def test_a_wrong_command_is_one_line(folder, words, wrong):
    folder.write("client", CLIENT)
    status, out, err = folder.play(*words)
    assert (status, out) == (2, "")
    assert wrong in err
    assert err.count("\n") == 1


def test_it_speaks_chinese(folder):
    server = folder.write("server", "import time\ntime.sleep(600)")
    words = server, folder.write("client", CLIENT), "--timeout", "0.3", "--lang", "zh"
    _, out, err = folder.play(*words)
    assert "server.py 在 0.3 秒内没有开始监听" in err
    assert "== 结束：server.py 已停止（Ctrl+C）" in out
