"""`--watch`: what raises nothing is told, while it waits."""

import os
import select
import signal
import subprocess
import sys

import pytest
import support

COMMAND = [sys.executable, "-m", "rsock", "run"]

PAIR = "import socket\na, b = socket.socketpair()\n"
DATAGRAM = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
SERVER = "import socket\nlistener = socket.create_server(('127.0.0.1', 0))\n"
CLIENT = SERVER + "s = socket.create_connection(listener.getsockname())\n"

#: The script, the call and the line that are named, and what else is said.
CASES = {
    "accept": (SERVER + "listener.accept()\n", "accept on line 3", "No client has connected"),
    "recv of a stream": (CLIENT + "s.recv(1)\n", "recv on line 4", "waits in recv as well"),
    "recv of datagrams": (
        DATAGRAM + "s.bind(('127.0.0.1', 0))\ns.recvfrom(9)\n",
        "recvfrom on line 4",
        "No datagram has come to port ",
    ),
    "no reply by UDP": (
        DATAGRAM + "t = s.dup()\nt.bind(('127.0.0.1', 0))\nport = t.getsockname()[1]\n"
        "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "u.sendto(b'x', ('127.0.0.1', port))\nu.recv(9)\n",
        "recv on line 8",
        "no reply was ever sent",
    ),
    "nobody at the port": (
        DATAGRAM + "s.sendto(b'x', ('127.0.0.1', 9))\ns.recv(9)\n",
        "recv on line 4",
        "where no program receives",
    ),
    "no blank line": (
        CLIENT + "s.send(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n')\ns.recv(9)\n",
        "recv on line 5",
        "lacks its blank line",
    ),
    "kept alive": (
        CLIENT + "s.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\ns.recv(9)\n",
        "recv on line 5",
        "Connection: close",
    ),
    "nobody takes what is sent": (
        PAIR + "a.sendall(bytes(10_000_000))\n",
        "sendall on line 3",
        "never calls recv",
    ),
    "a thread": (
        PAIR + "import threading\ndef work():\n    b.recv(1)\n"
        "thread = threading.Thread(target=work, daemon=True)\nthread.start()\nthread.join()\n",
        "recv on line 5",
        "waits in recv as well",
    ),
    "a file": (PAIR + "a.makefile('r').readline()\n", "on line 3", "waits in recv as well"),
}


class Watched:
    """A script that is watched, and what it says."""

    def __init__(self, script, cwd, lang="en", seconds=0.2):
        (cwd / "script.py").write_text(script, encoding="utf-8")
        self.process = subprocess.Popen(
            [*COMMAND, f"--watch={seconds}", "script.py"],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "RSOCK_LANG": lang, "PYTHONIOENCODING": "utf-8"},
        )

    def __enter__(self):
        return self

    def line(self):
        assert select.select([self.process.stderr], [], [], support.PATIENCE)[0]
        return self.process.stderr.readline().decode()

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate(timeout=support.PATIENCE)


@pytest.mark.parametrize("name", CASES)
def test_a_call_that_waits_is_told(name, tmp_path):
    script, call, reason = CASES[name]
    with Watched(script, tmp_path) as watched:
        line = watched.line()
    assert line.startswith("Hint: ")
    assert call in line
    assert "for 0.2 s" in line
    assert reason in line


def test_it_is_told_in_chinese(tmp_path):
    with Watched(CASES["accept"][0], tmp_path, "zh") as watched:
        line = watched.line()
    assert line.startswith("提示：script.py 第 3 行的 accept 已经等了 0.2 秒")


def test_a_send_that_took_a_part_is_told(tmp_path):
    script = PAIR + "a.setblocking(False)\nprint(a.send(bytes(10_000_000)))\n"
    with Watched(script, tmp_path) as watched:
        line = watched.line()
        sent = watched.process.stdout.readline().decode().strip()
    assert line.startswith(f"Hint: send took only {sent} of 10000000 bytes")


def test_a_call_is_told_once(tmp_path):
    script = (
        SERVER + "listener.settimeout(1)\ntry:\n    listener.accept()\nexcept OSError:\n    pass\n"
    )
    with Watched(script, tmp_path) as watched:
        _, said = watched.process.communicate(timeout=support.PATIENCE)
    assert said.count(b"Hint") == 1


def test_who_does_not_wait_is_not_told_of(tmp_path):
    script = (
        PAIR + "import time\nend = time.monotonic() + 3\nwhile time.monotonic() < end:\n"
        "    a.send(b'x')\n    b.recv(1)\n"
    )
    with Watched(script, tmp_path, seconds=1) as watched:
        assert watched.process.communicate(timeout=support.PATIENCE) == (b"", b"")
        assert watched.process.returncode == 0


def test_a_thread_that_the_program_made_by_hand_is_not_taken_for_the_main_one(tmp_path):
    script = (
        PAIR + "import _thread, time\nend = time.monotonic() + 3\nlock = _thread.allocate_lock()\n"
        "def send():\n    while time.monotonic() < end:\n        a.send(b'x')\n    lock.release()\n"
        "def receive():\n    while True:\n        b.recv(1)\n"
        "lock.acquire()\nfor work in send, receive:\n    _thread.start_new_thread(work, ())\n"
        "lock.acquire()\n"
    )
    with Watched(script, tmp_path, seconds=1) as watched:
        assert watched.process.communicate(timeout=support.PATIENCE) == (b"", b"")


def test_a_listener_without_a_port_is_told_of(tmp_path):
    script = (
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('path')\ns.listen()\ns.accept()\n"
    )
    with Watched(script, tmp_path) as watched:
        assert "No client has connected yet:" in watched.line()


def test_ctrl_c_ends_what_is_watched(tmp_path):
    with Watched(CASES["accept"][0], tmp_path) as watched:
        watched.line()
        watched.process.send_signal(signal.SIGINT)
        _, said = watched.process.communicate(timeout=support.PATIENCE)
        assert watched.process.returncode == -signal.SIGINT
    assert said.endswith(b"KeyboardInterrupt\n")
