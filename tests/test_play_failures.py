"""`rsock play` where something goes wrong: it says so, and nothing is left."""

import os
import re
import signal
import subprocess
import time

import support
from playing import CLIENT, ECHO, proc, read_until, said


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
    status, out, err = folder.play(server, folder.write("client", CLIENT), "--timeout", "3")
    assert (status, said(out, "server.py"), said(out, "client.py")) == (1, ["asleep"], [])
    assert "server.py did not listen within 3 s" in err


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
    status, out, err = folder.play(folder.write("server", ECHO), client, "--timeout", "4")
    assert status == 1
    assert "client.py did not end within 4 s and was stopped (it was in line 3)" in err
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
    status, out, err = folder.play(*names)
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
        looks = []

        def still():
            spent = {pid: proc(pid, "stat").split()[13:15] for pid in folder.left()}
            if not looks or looks[0][1] != spent:
                looks[:] = [(time.monotonic(), spent)]
            return time.monotonic() - looks[0][0] > 0.3

        support.until(still)
        sizes = [int(re.search(r"VmHWM:\s+(\d+)", proc(pid, "status"))[1]) for pid in folder.left()]
        assert max(sizes) < 64 * 1024  # of kilobytes
        process.terminate()
        assert process.wait(support.PATIENCE) == 143
        folder.nothing_left()


def test_a_program_that_fails_while_the_play_is_held_up_is_heard_out(folder):
    # All that it said and that it has ended is seen at once then.
    server = folder.write("server", ECHO)
    client = folder.write("client", "print('ready')\nopen('go').close()\n1 / 0")
    os.mkfifo(folder.path / "go")
    with folder.start(server, client) as process:
        text = read_until(process, b"ready")
        [pid] = [pid for pid in folder.left() if '"client.py"' in proc(pid, "cmdline")]
        back = int(proc(pid, "stat").rpartition(")")[2].split()[1])
        os.kill(back, signal.SIGSTOP)
        (folder.path / "go").write_text("")
        support.until(lambda: proc(pid, "stat").rpartition(")")[2].split()[0] == "Z")
        os.kill(back, signal.SIGCONT)
        rest, err = process.communicate(timeout=20)
    out = (text + rest).decode()
    assert said(out, "client.py")[-1] == "ZeroDivisionError: division by zero"
    assert out.endswith("== end: server.py stopped (Ctrl+C), client.py status 1\n")
    assert err == b"rsock play: client.py ended with status 1.\n"


def test_a_program_that_fails_and_prints_without_end_is_stopped(folder):
    client = """
        import os, threading
        def fails():
            1 / 0
        threading.Thread(target=fails).start()
        while True:
            os.write(1, b"x" * 65535 + b"\\n")
    """
    words = folder.write("server", ECHO), folder.write("client", client), "--timeout", "4"
    with folder.start(*words, stdout=subprocess.DEVNULL) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert b"client.py did not end within 4 s" in err


def test_who_looks_at_the_beginning_only_ends_the_play(folder):
    server = "from meet import *\nsock = listening()\nwhile True: print('x' * 1000)"
    client = folder.write("client", "from meet import *\nconnected()\ntime.sleep(600)")
    process = folder.start(folder.write("server", server), client)
    with process:
        read_until(process, b"xxx")
        process.stdout.close()
        assert process.wait(support.PATIENCE) == 23
    folder.nothing_left()
