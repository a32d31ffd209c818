"""`rsock play`: what a server and its clients say, and what they are given."""

import contextlib
import os
import re
import select
import socket
import subprocess

import pytest
from playing import CLIENT, ECHO, read_until, said


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


@pytest.mark.parametrize("scripts", [TCP_PAIR, UDP_PAIR], ids=["tcp", "udp"])
@pytest.mark.parametrize("call", ["bind", "listen"])
def test_clients_are_not_started_before_the_port_is_known(folder, taken, scripts, call, tampering):
    # Each call is made at once, and returns 0.3 s late.
    late = tampering(f"{call}:delay_exit=300000")
    status, out, err = folder.play(*pair(folder, scripts, taken), "--port", "auto", prefix=late)
    assert (status, err) == (0, "")
    [other] = re.findall(r"was changed to (\d+)\.", out)
    assert said(out, "client.py") == [f"{other} {other}"]


def test_a_changed_port_is_found_under_the_name_of_the_machine_too(folder, taken):
    try:
        socket.getaddrinfo(socket.gethostname(), taken)
    except OSError:
        pytest.skip("the name of this machine cannot be looked up")
    server, client = TCP_PAIR
    client = client.replace('"localhost"', "socket.gethostname()")
    status, out, err = folder.play(*pair(folder, (server, client), taken), "--port", "auto")
    assert (status, err) == (0, "")
    assert len(said(out, "client.py")) == 1


@pytest.mark.parametrize("words", [(), ("--port", "auto")], ids=["", "auto"])
def test_what_is_wrong_with_an_address_is_told_as_ever(folder, words):
    server = folder.write("server", "import socket\nsocket.socket().bind('127.0.0.1', 9999)")
    _, out, _ = folder.play(server, folder.write("client", CLIENT), *words)
    *_, error, hint = said(out, "server.py")
    assert error.startswith("TypeError: ")
    assert error.endswith("socket.bind() takes exactly one argument (2 given)")
    assert hint.startswith("Hint: An address is one tuple")


def test_a_module_of_the_scripts_own_is_for_the_scripts_alone(folder, tmp_path_factory):
    for name in ("json", "fcntl", "argparse", "selectors"):
        folder.write(name, f"name = 'my own {name}'")
    words = folder.write("server", ECHO), folder.write("client", CLIENT)
    # As the command `rsock` begins, which looks for modules beside itself.
    start = tmp_path_factory.mktemp("bin") / "start"
    start.write_text("import sys\nfrom rsock._command import main\nsys.exit(main())")
    with folder.start(*words, by=[start]) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert said(out.decode(), "client.py") == ["HELLO"]


@pytest.mark.parametrize("option", ["--py2", "--py2=text", "--py2=bytes"])
def test_python_2_is_played_as_it_is_run(folder, option):
    server, client = folder.write("server", ECHO), folder.write("client", "print(7 / 2)")
    assert said(folder.play(server, client)[1], "client.py") == ["3.5"]
    client = folder.write("client", "import socket\nprint(7 / 2, len('\u4f60'))")
    server = folder.write("server", TCP_PAIR[0].replace("PORT", "0"))
    status, out, err = folder.play(option, server, client)
    assert (status, err) == (0, "")
    assert said(out, "client.py") == [f"(3, {3 if option.endswith('bytes') else 1})"]


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


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_the_input_of_the_play_may_be_a_file(folder, size):
    (folder.path / "lines.txt").write_bytes(b"x" * size)
    client = folder.write("client", "import sys\nprint(len(sys.stdin.read()))")
    with open(folder.path / "lines.txt", "rb") as lines:
        with folder.start(folder.write("server", ECHO), client, stdin=lines) as process:
            out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert said(out.decode(), "client.py") == [str(size)]


def test_no_more_input_is_taken_than_is_read(folder):
    server = """
        from meet import *
        sock = listening()
        peers = []
        while True:
            peers.append(sock.accept())
    """
    client = """
        from meet import *
        sock = connected()
        print(input())
        sock.recv(1)
    """
    words = folder.write("server", server), folder.write("client", client)
    with folder.start(*words, stdin=subprocess.PIPE) as process:
        sent = os.write(process.stdin.fileno(), b"one\n")
        read_until(process, b"one")
        os.set_blocking(process.stdin.fileno(), False)
        # Full for a while, that is: for good.
        while select.select([], [process.stdin], [], 1.0)[1]:
            sent += os.write(process.stdin.fileno(), b"more\n" * 1000)
            assert sent < 1 << 20
        process.terminate()
        assert process.wait(20) == 143
    folder.nothing_left()


def test_who_does_not_read_the_input_any_more_holds_nothing_up(folder):
    client = "import os\nprint(input())\nos.close(0)\nopen('go').close()"
    os.mkfifo(folder.path / "go")
    words = folder.write("server", ECHO), folder.write("client", client)
    with folder.start(*words, stdin=subprocess.PIPE) as process:
        process.stdin.write(b"one\n" + b"more\n" * 20_000)
        process.stdin.flush()
        read_until(process, b"one")
        (folder.path / "go").write_text("")
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")


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


def test_a_server_offline_is_waited_for_like_any_other(folder):
    server = """
        from meet import *
        end = time.monotonic() + 0.5
        while time.monotonic() < end and not os.path.exists("early"):
            pass
        print("too early" if os.path.exists("early") else "first")
        sock = listening()
        sock.accept()[0].sendall(b"hello")
    """
    client = """
        from meet import *
        open("early", "w").close()
        page = socket.create_connection(("www.example.com", 80))
        page.sendall(b"HEAD / HTTP/1.0\\r\\n\\r\\n")
        print(page.recv(100).split(b"\\r\\n")[0].decode(), connected().recv(100))
    """
    names = folder.write("server", server), folder.write("client", client)
    status, out, err = folder.play("--offline", *names)
    assert (status, err) == (0, "")
    assert said(out, "server.py") == ["first"]
    assert said(out, "client.py") == ["HTTP/1.1 200 OK b'hello'"]


def test_the_port_of_a_server_that_closed_first_can_be_used_again_at_once(folder):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    server = f"""
        import socket
        sock = socket.socket()
        sock.bind(("127.0.0.1", {port}))
        sock.listen()
        while True:
            peer, _ = sock.accept()
            peer.sendall(b"hello")
            peer.close()
    """
    client = f"""
        import socket
        sock = socket.create_connection(("127.0.0.1", {port}))
        while data := sock.recv(100):
            print(data.decode())
    """
    names = folder.write("server", server), folder.write("client", client)
    for _ in range(2):
        status, out, err = folder.play(*names)
        assert (status, err) == (0, "")
        assert said(out, "client.py") == ["hello"]
