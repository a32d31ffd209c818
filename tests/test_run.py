"""`rsock run`: a program cannot tell it from `python`, but for what serves `socket`."""

import os
import signal
import subprocess
import sys
import zipfile

import pytest
import support

PYTHON = [sys.executable]
RUN = [sys.executable, "-m", "rsock", "run"]


def outcome(command, *words, cwd, given=b"", **environment):
    """Run a command; give its status, its output and what it said on stderr."""
    done = subprocess.run(
        [*command, *words],
        cwd=cwd,
        input=given,
        capture_output=True,
        timeout=support.PATIENCE,
        env={**os.environ, "RSOCK_HINTS": "off", **environment},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def same(*words, cwd, options=(), given=b""):
    """Run by python and by rsock; hold one outcome against the other, and give it."""
    expected = outcome([*PYTHON, *options], *words, cwd=cwd, given=given)
    command = [*PYTHON, *options, "-m", "rsock", "run"]
    assert outcome(command, *words, cwd=cwd, given=given) == expected
    return expected


@pytest.mark.parametrize(
    "words",
    [
        ["--connect-to", "x", "none.py"],
        ["--fix", "none.py"],
        ["none.md:1", "--fix"],
        ["--nonsense"],
    ],
)
def test_what_is_wrong_is_said_under_the_name_of_the_command(words, tmp_path):
    (tmp_path / "none.md").write_text("no code")
    status, out, said = outcome(RUN, *words, cwd=tmp_path)
    assert (status, out, said.count(b"\n")) == (2, b"", 1)
    assert said.startswith(b"python -m rsock run: ")


SCRIPTS = {
    "names": """
        "what it is about"
        import sys
        print([name for name in globals()], __name__, __file__, __doc__, __spec__, __cached__)
        print(type(__loader__), __package__, __builtins__, __annotations__)
        print(sys.argv, sys.path[0], getattr(sys, "orig_argv", None), sys.modules["__main__"])
        """,
    "failure": """
        def fails():
            1 / 0
        try:
            fails()
        except ZeroDivisionError:
            raise ValueError("你好")
        """,
    "cause": """
        try:
            [][1]
        except IndexError as first:
            raise OSError(5, "five") from first
        """,
    "syntax": "x = 1\nprint(1 2)\n",
    "indentation": "def f():\nreturn 1\n",
    "nul": "print(1)\n\0\n",
    "open_bracket": "print((1,\n",
    "exit_number": "import sys; sys.exit(7)",
    "exit_none": "import sys; sys.exit()",
    "exit_text": "import sys; sys.exit('gone')",
    "exit_other": "raise SystemExit([1, 2])",
    "exit_hard": "import os; print('x', flush=True); os._exit(3)",
    "exit_order": """
        import atexit
        atexit.register(print, "last")
        class Late:
            def __del__(self):
                print("collected")
        late = Late()
        print("first")
        """,
    "interrupted": """
        import atexit, signal
        atexit.register(print, "tidied")
        signal.raise_signal(signal.SIGINT)
        """,
    "terminated": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "thread_failure": """
        import threading
        def work():
            raise KeyError("lost")
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print("goes on")
        """,
    "thread_exit": """
        import sys, threading
        thread = threading.Thread(target=sys.exit, args=(4,))
        thread.start()
        thread.join()
        print("goes on")
        """,
    "low_thread": """
        import _thread, time
        lock = _thread.allocate_lock()
        lock.acquire()
        def work():
            lock.release()
        _thread.start_new_thread(work, ())
        lock.acquire()
        """,
    "own_hook": """
        import sys, traceback
        def hook(kind, value, trace):
            print("caught", traceback.format_exception(kind, value, trace))
        sys.excepthook = hook
        1 / 0
        """,
    "broken_hook": "import sys\nsys.excepthook = lambda *_: 1 / 0\n[][1]\n",
    "pickled": """
        import pickle, __main__
        class Thing:
            pass
        print(type(pickle.loads(pickle.dumps(Thing()))) is Thing is __main__.Thing)
        """,
    "asked": "print(input('name? '), input())\n",
    "end_of_input": "input()\ninput()\ninput()\n",
    "warned": "import warnings\nwarnings.warn('x')\nwarnings.warn('y', DeprecationWarning)\n",
    "forked": """
        import os
        child = os.fork()
        if child == 0:
            raise ValueError("in the child")
        print(os.waitpid(child, 0)[1])
        """,
    "last_words": """
        import atexit, sys
        atexit.register(lambda: print(sys.last_type, sys.last_value))
        int("x")
        """,
    "own_hook_place": """
        import sys
        sys.excepthook = lambda *_: print("caught in", __file__)
        1 / 0
        """,
    "exit_place": """
        import atexit, sys
        atexit.register(lambda: print(__file__))
        sys.exit(3)
        """,
    "end_place": "import atexit\natexit.register(lambda: print('__file__' in globals()))\n",
    "failure_place": """
        import atexit
        atexit.register(lambda: print('__file__' in globals()))
        1 / 0
        """,
    "interrupted_place": """
        import atexit, signal
        atexit.register(lambda: print('__file__' in globals()))
        signal.raise_signal(signal.SIGINT)
        """,
    "frozen_failure": """
        import dataclasses
        @dataclasses.dataclass(frozen=True)
        class Frozen(Exception):
            text: str
        def fails():
            raise Frozen("x")
        fails()
        """,
    "frozen_thread_failure": """
        import dataclasses, threading
        @dataclasses.dataclass(frozen=True)
        class Frozen(Exception):
            text: str
        def work():
            raise Frozen("x")
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """,
    "odd_group": "class Odd(Exception):\n    exceptions = None\nraise Odd\n",
    "odd_cause": """
        class Odd(Exception):
            @property
            def exceptions(self):
                raise KeyError(self)
        raise Odd from Odd(1)
        """,
    "wrong_name": "import socket\nsocket.SOCKET_DGRAM\n",
    "event_loop": """
        import asyncio
        async def main():
            raise OSError(5, "x")
        asyncio.run(main())
        """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_as_it_does_by_python(name, tmp_path):
    code = SCRIPTS[name]
    if code.startswith("\n"):
        code = support.textwrap.dedent(code)
    (tmp_path / "script.py").write_text(code, encoding="utf-8")
    same("script.py", "one", "-m", "--two", cwd=tmp_path, given=b"first\nsecond\n")


@pytest.mark.parametrize(
    ("coding", "text"),
    [
        (b"# -*- coding: gbk -*-\n", "你好".encode("gbk")),
        (b"\xef\xbb\xbf", "你好".encode()),
        (b"# coding: no-such-coding\n", b"x"),
        (b"", "你好".encode("gbk")),
    ],
)
def test_the_encoding_of_a_script_counts(coding, text, tmp_path):
    (tmp_path / "script.py").write_bytes(coding + b'print(ascii("' + text + b'"))\n1 / 0\n')
    same("script.py", cwd=tmp_path)


@pytest.mark.parametrize("path", ["folder/script.py", "./folder/../folder/script.py", "link.py"])
def test_modules_beside_the_script_are_found(path, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "beside.py").write_text("print(__name__, __file__)\n")
    (folder / "script.py").write_text("import sys, beside\nprint(sys.path[0], __file__)\n1 / 0\n")
    (tmp_path / "link.py").symlink_to(folder / "script.py")
    same(path, cwd=tmp_path)


def test_standard_input_is_a_script(tmp_path):
    code = b"import sys\nprint(sys.argv, sys.path[0], __file__)\ndef f():\n    1 / 0\nf()\n"
    same("-", "word", cwd=tmp_path, given=code)
    same("-", cwd=tmp_path, given=b"print(1 2)\n")


def test_a_module_is_run(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(
        "import sys\nprint(sys.argv, __spec__.name, sys.path[0])\n1 / 0\n"
    )
    same("-m", "package", "word", "-x", cwd=tmp_path)
    same("-m", "package.absent", cwd=tmp_path)
    same("-m", "no_such_module", cwd=tmp_path)


def test_a_directory_and_an_archive_are_run(tmp_path):
    code = "import sys\nprint(sys.argv, __spec__.name, sys.path[0])\n1 / 0\n"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "__main__.py").write_text(code)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", code)
    same("folder", "word", cwd=tmp_path)
    same("archive.zip", cwd=tmp_path)
    (tmp_path / "empty").mkdir()
    same("empty", cwd=tmp_path)


def test_a_script_that_is_not_there_is_refused(tmp_path):
    assert same("absent.py", cwd=tmp_path)[0] == 2


@pytest.mark.parametrize("options", [("-u",), ("-W", "error"), ("-X", "dev"), ("-I",), ("-O",)])
def test_the_options_of_the_interpreter_stay(options, tmp_path):
    code = "import sys, warnings\nprint(sys.flags, sys.warnoptions, sys.path[0])\nassert 0\n"
    (tmp_path / "script.py").write_text(code)
    same("script.py", cwd=tmp_path, options=options)


def test_ctrl_c_ends_a_program_by_the_signal(tmp_path):
    (tmp_path / "script.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    ends = []
    for command in (PYTHON, RUN):
        with subprocess.Popen(
            [*command, "script.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout.readline() == b"here\n"
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=support.PATIENCE)
            # Which line it is that the signal finds differs from run to run.
            assert said.count(b"  File ") == 1
            ends.append((process.returncode, said.splitlines()[-1]))
    assert ends == [(-signal.SIGINT, b"KeyboardInterrupt")] * 2


def test_a_closed_pipe_ends_it_as_it_does_python(tmp_path):
    (tmp_path / "script.py").write_text("print('x' * 1000000)\n")
    ends = []
    for command in (PYTHON, RUN):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [*command, "script.py"],
            cwd=tmp_path,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=support.PATIENCE,
            env={**os.environ, "RSOCK_HINTS": "off"},
            check=False,
        )
        os.close(writing)
        ends.append((done.returncode, done.stderr))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_processes_are_started(way, tmp_path):
    (tmp_path / "script.py").write_text(
        "import multiprocessing, socket\n"
        "class Word:\n"
        "    text = 'word'\n"
        "def work(queue, sock, word):\n"
        "    sock.sendall(b'hello')\n"
        "    queue.put((word.text, type(word).__module__))\n"
        "if __name__ == '__main__':\n"
        f"    ways = multiprocessing.get_context({way!r})\n"
        "    queue, (one, other) = ways.Queue(), socket.socketpair()\n"
        "    process = ways.Process(target=work, args=(queue, other, Word()))\n"
        "    process.start()\n"
        "    print(queue.get()[0], one.recv(9))\n"
        "    process.join()\n"
        "    print(process.exitcode)\n"
    )
    assert same("script.py", cwd=tmp_path)[1] == b"word b'hello'\n0\n"


def test_sockets_are_served_by_rsock(tmp_path):
    (tmp_path / "script.py").write_text(
        "import http.client, rsock, socket, socketserver\n"
        "assert socket is rsock is socketserver.socket is http.client.socket\n"
    )
    assert outcome(RUN, "script.py", cwd=tmp_path) == (0, b"", b"")


def test_a_block_of_notes_keeps_its_lines(tmp_path):
    pytest.importorskip("markdown_it")
    (tmp_path / "notes.md").write_text(
        "# One\n\n```python\nprint('one')\n```\n\ntext\n\n```python\nimport sys\n"
        "print(sys.argv)\ndef f():\n    1 / 0\nf()\n```\n"
    )
    status, out, said = outcome(RUN, "notes.md:2", "word", cwd=tmp_path)
    assert (status, out) == (1, b"['notes.md:2', 'word']\n")
    path = str(tmp_path / "notes.md")
    assert f'File "{path}", line 14, in <module>\n    f()\n' in said.decode()
    assert f'File "{path}", line 13, in f\n    1 / 0\n' in said.decode()
    assert "rsock" not in said.decode()
    assert outcome(RUN, "notes.md:9", cwd=tmp_path)[0] == 2


def test_python_2_runs_as_such(tmp_path):
    (tmp_path / "old.py").write_text("print 'hello', 7 / 2\n")
    assert outcome(RUN, "old.py", cwd=tmp_path) == (0, b"hello 3\n", b"")
    (tmp_path / "both.py").write_text("print(7 / 2)\n")
    assert outcome(RUN, "both.py", cwd=tmp_path) == (0, b"3.5\n", b"")
    assert outcome(RUN, "--py2", "both.py", cwd=tmp_path) == (0, b"3\n", b"")
    assert outcome(RUN, "--py2=bytes", "both.py", cwd=tmp_path) == (0, b"3\n", b"")


BROKEN = "s = socket.socket(socket.AF_INET, socket.SOCKET_DGRAM)\nprint(s.type)\ns.close()\n"


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_traceback_of_python_2_shows_the_script_and_what_it_called_alone(where, tmp_path):
    lines = [
        "import socket, threading",
        "def work():",
        "    s = socket.socket()",
        "    s.connect(('127.0.0.1', 1))",
        "print 'begin'",
        "work()" if where == "main" else "threading.Thread(target=work).start()",
    ]
    (tmp_path / "old.py").write_text("\n".join(lines))
    status, out, err = outcome(RUN, "old.py", cwd=tmp_path)
    assert (status, out) == (1 if where == "main" else 0, b"begin\n")
    assert b"line 4, in work" in err
    assert b"ConnectionRefusedError" in err.splitlines()[-1]
    assert b"_learn" not in err


def test_a_line_that_python_2_leaves_open_is_ended(tmp_path):
    (tmp_path / "old.py").write_text("print 1,\n")
    assert outcome(RUN, "old.py", cwd=tmp_path) == (0, b"1\n", b"")
    (tmp_path / "old.py").write_text("print 1,\nraise ValueError, 'x'\n")
    status, out, err = outcome(RUN, "old.py", cwd=tmp_path)
    assert (status, out) == (1, b"1\n")
    assert err.endswith(b"ValueError: x\n")


def test_what_can_be_read_only_once_says_what_is_wrong_in_it(tmp_path):
    given = b"x = 1\nprint(1 2)\n"
    status, out, err = outcome(RUN, "/dev/stdin", cwd=tmp_path, given=given)
    assert (status, out) == (1, b"")
    assert b", line 2\n" in err
    assert err.splitlines()[-1].startswith(b"SyntaxError: ")


def test_a_repair_above_the_first_line_moves_no_hint(tmp_path):
    lines = "s = socket.socket()", "s.close()", "s.send(b'x')"
    (tmp_path / "script.py").write_text("\n".join(lines))
    english = {"RSOCK_HINTS": "", "RSOCK_LANG": "en"}
    status, _, err = outcome(RUN, "--fix", "script.py", cwd=tmp_path, **english)
    assert status == 1
    assert b"script.py\", line 3, in <module>\n    s.send(b'x')\n" in err
    assert b"(by the close on line 2)" in err


def test_what_is_broken_is_repaired_on_request(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(BROKEN)
    assert outcome(RUN, "script.py", cwd=tmp_path)[0] == 1
    status, out, said = outcome(RUN, "--fix", "script.py", cwd=tmp_path, RSOCK_LANG="en")
    assert (status, out.strip()[-1:]) == (0, b"2" if sys.version_info >= (3, 11) else b"M")
    assert b"fixed: line 1: " in said
    assert script.read_text() == BROKEN
    status, out, _ = outcome(RUN, "--fix", "--diff", "script.py", cwd=tmp_path)
    assert status == 0
    assert b"-s = socket.socket(socket.AF_INET, socket.SOCKET_DGRAM)\n" in out
    assert outcome(RUN, "--fix", "--write", "script.py", cwd=tmp_path)[0] == 0
    assert "SOCK_DGRAM" in script.read_text()
    assert outcome(RUN, "script.py", cwd=tmp_path)[0] == 0
    assert os.listdir(tmp_path) == ["script.py"]


def test_a_repair_is_saved_where_a_link_leads_and_keeps_the_mode(tmp_path):
    script, link = tmp_path / "script.py", tmp_path / "link.py"
    script.write_bytes(b"\xef\xbb\xbf" + BROKEN.replace("\n", "\r\n").encode())
    script.chmod(0o741)
    link.symlink_to("script.py")
    assert outcome(RUN, "--fix", "--write", "link.py", cwd=tmp_path)[0] == 0
    assert link.is_symlink()
    mended = "import socket\n" + BROKEN.replace("SOCKET_D", "SOCK_D")
    assert script.read_bytes() == b"\xef\xbb\xbf" + mended.replace("\n", "\r\n").encode()
    assert script.stat().st_mode & 0o7777 == 0o741


@pytest.mark.parametrize("coding", ["gbk", "latin-1"])
@pytest.mark.parametrize("written", ["utf-8", "gbk"])
def test_a_script_in_another_encoding_is_left_as_it_is(coding, written, tmp_path):
    script = tmp_path / "script.py"
    # Some bytes of UTF-8 are GBK as well, and all are Latin-1.
    script.write_bytes(f"# coding: {coding}\n# 你好\n{BROKEN}".encode(written))
    before = script.read_bytes()
    status, _, err = outcome(RUN, "--fix", "--write", "script.py", cwd=tmp_path)
    assert status == 2
    assert b"is not UTF-8, and is left as it is" in err
    assert script.read_bytes() == before
    assert os.listdir(tmp_path) == ["script.py"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--nothing", "x.py"),
        ("--watch=x", "x.py"),
        ("--diff", "x.py"),
        ("-m",),
        ("--py2=3", "x"),
    ],
)
def test_a_wrong_command_is_refused_in_a_line(words, tmp_path):
    status, out, said = outcome(RUN, *words, cwd=tmp_path)
    assert (status, out, said.count(b"\n")) == (2, b"", 1)


def test_help_names_all_options(tmp_path):
    status, out, _ = outcome(RUN, "--help", cwd=tmp_path)
    assert status == 0
    for option in ("-m", "--py2", "--fix", "--diff", "--write", "--watch", "--offline"):
        assert f"{option}".encode() in out
