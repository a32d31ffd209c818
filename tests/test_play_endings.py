"""`rsock play` ended from outside: by signals, by force, with its terminal."""

import os
import pty
import re
import signal
import subprocess
import sys

import pytest
import support
from playing import CLIENT, ECHO, read_until
from rsock._learn import keeper

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
            play = str(process.pid)
            [first] = [pid for pid, fields in keeper.processes() if fields[1] == play]
            os.kill(first, signal.SIGKILL)
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
