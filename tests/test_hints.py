"""Hints: each thing that goes wrong is made to go wrong for real, and is explained."""

import os
import string
import subprocess
import sys

import pytest
import rsock
import support
from rsock._learn import _names, hints, repairs
from rsock._learn.words import ROWS

FREE = "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\nport = s.getsockname()[1]\n"
PAIR = "import socket\na, b = socket.socketpair()\n"
DATAGRAM = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"

#: Name: the script, the class that ends it, and what the hint has in Chinese and in English.
CASES = {
    "1 in use, by this program": (
        FREE + "s.listen()\nt = socket.socket()\nt.bind(('127.0.0.1', port))\n",
        "OSError",
        "被这个程序自己占用",
        "This program itself holds port",
    ),
    "1 in use, in the text of the error": (
        FREE + "s.listen()\nsocket.create_server(('127.0.0.1', port))\n",
        "OSError",
        "被这个程序自己占用",
        "This program itself holds port",
    ),
    "2 text for bytes": (PAIR + "a.send('x')\n", "TypeError", "字节", "encode"),
    "2 text to split bytes": ("b'a b'.split(' ')\n", "TypeError", "字节", "encode"),
    "2 bytes and text": ("'got ' + b'x'\n", "TypeError", "字节", "encode"),
    "2 text is decoded": ("'x'.decode('utf-8')\n", "AttributeError", "字节", "decode"),
    "3 refused": (
        FREE + "socket.socket().connect(('127.0.0.1', port))\n",
        "ConnectionRefusedError",
        "没有程序在监听",
        "Nobody listens on 127.0.0.1:",
    ),
    "3 refused, by datagrams": (
        DATAGRAM
        + "t = s.dup()\nt.bind(('127.0.0.1', 0))\nplace = t.getsockname()\nt.close()\ns.close()\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.connect(place)\n"
        "s.send(b'x')\ns.recv(1)\n",
        "ConnectionRefusedError",
        "UDP",
        "Nobody receives UDP",
    ),
    "4 borders, in JSON": (
        PAIR + "import json\na.send(b'[1]')\na.send(b'[2]')\njson.loads(b.recv(99))\n",
        "JSONDecodeError",
        "没有消息边界",
        "without borders",
    ),
    "4 borders, in structs": (
        PAIR + "import struct\na.send(b'12')\nstruct.unpack('!I', b.recv(4))\n",
        "struct.error",
        "没有消息边界",
        "without borders",
    ),
    "5 cut character": (
        PAIR + "a.send('你好'.encode())\nb.recv(5).decode()\n",
        "UnicodeDecodeError",
        "切断",
        "cut the last character",
    ),
    "5 other encoding": (
        PAIR + "a.send('你好啊'.encode('gbk'))\nb.recv(9).decode()\n",
        "UnicodeDecodeError",
        "GBK",
        "perhaps they are GBK",
    ),
    "6 broken pipe": (PAIR + "b.close()\na.send(b'x')\n", "BrokenPipeError", "断开", "has gone"),
    "6 reset": (
        FREE + "import struct\ns.listen()\na = socket.create_connection(('127.0.0.1', port))\n"
        "b = s.accept()[0]\n"
        "b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\n"
        "b.close()\na.recv(1)\n",
        "ConnectionResetError",
        "断开",
        "has gone",
    ),
    "7 no reply by UDP": (
        DATAGRAM + "t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "t.bind(('127.0.0.1', 0))\nport = t.getsockname()[1]\ns.settimeout(0.05)\n"
        "s.sendto(b'x', ('127.0.0.1', port))\ns.recv(9)\n",
        "timed out",
        "sendto 回复",
        "No UDP reply came from 127.0.0.1:",
    ),
    "10 a name with one w too many": (
        "import socket\nsocket.socket().connect(('wwww.rsock.invalid', 80))\n",
        "gaierror",
        "'www.rsock.invalid'",
        "did you mean 'www.rsock.invalid'?",
    ),
    "10 a URL": (
        "import socket\nsocket.create_connection(('http://www.rsock.invalid/a', 80))\n",
        "gaierror",
        "网址",
        "give connect 'www.rsock.invalid' alone",
    ),
    "10 a number too large": (
        "import socket\nsocket.socket().connect(('127.0.0.256', 80))\n",
        "gaierror",
        "255",
        "from 0 to 255",
    ),
    "10 a name": (
        "import socket\nsocket.gethostbyname('rsock.invalid')\n",
        "gaierror",
        "'rsock.invalid'",
        "'rsock.invalid'",
    ),
    "11 Python 2, but for a line": (
        "print 'x'\nprint(f'{1}')\nnonlocal x\n",
        "SyntaxError",
        "Python 2",
        "rsock run --py2",
    ),
    "11 a module of Python 2": ("import urllib2\n", "ModuleNotFoundError", "Python 2", "Python 2"),
    "12 no import": ("socket.socket()\n", "NameError", "import socket", "put import socket"),
    "12 defined below": (
        "def main():\n    work()\nmain()\ndef work():\n    pass\n",
        "NameError",
        "第 4 行",
        "only on line 4",
    ),
    "12 no name for the error": (
        "try:\n    1 / 0\nexcept:\n    print(e)\n",
        "NameError",
        "except Exception as e",
        "except Exception as e",
    ),
    "12 a name": (
        "nothing_of_that_name\n",
        "NameError",
        "nothing_of_that_name",
        "not defined here",
    ),
    "13 a wrong constant": (
        "import socket\nsocket.SOCKET_DGRAM\n",
        "AttributeError",
        "SOCK_DGRAM",
        "it is called SOCK_DGRAM",
    ),
    "14 not ready": (
        PAIR + "a.setblocking(False)\na.recv(1)\n",
        "BlockingIOError",
        "非阻塞",
        "selectors",
    ),
    "15 not connected": (
        "import socket\nsocket.socket().recv(1)\n",
        "OSError",
        "还没有连接",
        "not connected",
    ),
    "15 the listening socket": (
        FREE + "s.listen()\ns.recv(1)\n",
        "OSError",
        "accept()",
        "This socket only listens",
    ),
    "16 broadcast": (
        DATAGRAM + "s.sendto(b'x', ('255.255.255.255', 9))\n",
        "PermissionError",
        "SO_BROADCAST",
        "SO_BROADCAST",
    ),
    "17 timed out": (
        PAIR + "a.settimeout(0.05)\na.recv(1)\n",
        "timed out",
        "0.05 秒",
        "in time (0.05 s)",
    ),
    "18 closed": (
        PAIR + "for _ in range(2):\n    a.send(b'x')\n    a.close()\n",
        "OSError",
        "第 5 行的 close",
        "by the close on line 5",
    ),
    "19 another's address": (
        "import socket\nsocket.socket().bind(('192.0.2.7', 0))\n",
        "OSError",
        "'192.0.2.7'",
        "'192.0.2.7' is no address of this machine",
    ),
    "20 no tuple": (
        "import socket\nsocket.socket().connect('127.0.0.1', 80)\n",
        "TypeError",
        "元组",
        "one tuple",
    ),
    "20 the port is text": (
        "import socket\nport = '80'\nsocket.socket().bind(('127.0.0.1', port))\n",
        "TypeError",
        "元组",
        "bind((",
    ),
    "20 text for an address": (
        DATAGRAM + "s.sendto(b'x', '127.0.0.1')\n",
        "TypeError",
        "sendto(data, (",
        "sendto(data, (",
    ),
    "20 a port too large": (
        "import socket\nsocket.socket().connect(('127.0.0.1', 99999))\n",
        "OverflowError",
        "65535",
        "65535",
    ),
    "Chinese punctuation": ("print（1）\n", "SyntaxError", "中文标点", "punctuation"),
}


def said(script, cwd, lang="en", **environment):
    """Run a script; give what it said on stderr."""
    (cwd / "script.py").write_text(script, encoding="utf-8")
    return support.rsock("run", "script.py", cwd=cwd, RSOCK_LANG=lang, **environment)[2]


@pytest.mark.parametrize("name", CASES)
def test_what_went_wrong_is_explained(name, tmp_path):
    script, kind, zh, en = CASES[name]
    for lang, mark, words in (("zh", "提示：", zh), ("en", "Hint: ", en)):
        lines = said(script, tmp_path, lang).splitlines()
        assert kind in lines[-2]
        assert lines[-1].startswith(mark)
        assert words in lines[-1]


def test_every_row_that_raises_is_tried():
    tried = {int(name.split()[0]) for name in CASES if name[0].isdigit()}
    # What raises nothing is told by --watch, and after Ctrl+C.
    assert tried == set(range(1, 21)) - {8, 9}


def test_who_holds_a_port_is_named(tmp_path):
    holder = (
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
        "print(s.getsockname()[1], flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        port = int(process.stdout.readline())
        script = f"import socket\nsocket.socket().bind(('127.0.0.1', {port}))\n"
        assert f"Port {port} is held by python" in said(script, tmp_path)
        assert f"(process {process.pid})" in said(script, tmp_path)
        process.communicate(b"\n", timeout=support.PATIENCE)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may bind to every port"
)
def test_ports_of_the_administrator_are_told(tmp_path):
    assert "below 1024" in said("import socket\nsocket.socket().bind(('', 1))\n", tmp_path)


def test_ports_of_the_administrator_are_explained():
    try:
        raise PermissionError(13, "Permission denied ('127.0.0.1', 80)")
    except PermissionError as refused:
        assert "Port 80" in rsock.explain(refused, lang="en")


def test_threads_that_stay_after_ctrl_c_are_named(tmp_path):
    script = (
        PAIR + "import signal, threading\n"
        "threading.Thread(target=b.recv, args=(1,), name='client 1').start()\n"
        "try:\n    signal.raise_signal(signal.SIGINT)\nfinally:\n"
        "    threading.Timer(2, a.close).start()\n"
    )
    lines = said(script, tmp_path)
    assert "Hint: Ctrl+C came, but threads still run (client 1" in lines
    assert "daemon=True" in lines


def test_a_hint_follows_the_traceback_of_a_thread(tmp_path):
    script = (
        "import socket, threading\n"
        "def work():\n    socket.socket().recv(1)\n"
        "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\n"
    )
    lines = said(script, tmp_path).splitlines()
    assert lines[0].startswith("Exception in thread")
    assert lines[-1].startswith("Hint: This socket is not connected")


@pytest.mark.parametrize("word", ["off", "0", "no"])
def test_hints_can_be_left_out(word, tmp_path):
    text = said("socket\n", tmp_path, RSOCK_HINTS=word)
    assert "NameError" in text
    assert "Hint" not in text


def test_the_locale_decides_where_nothing_else_does(tmp_path):
    def spoken(**variables):
        names = dict.fromkeys(("LC_ALL", "LC_MESSAGES", "LANG"), "")
        return said("socket\n", tmp_path, lang="", **{**names, **variables}).splitlines()[-1][:2]

    assert spoken(LANG="zh_CN.UTF-8") == "提示"
    assert spoken(LANG="zh_CN.UTF-8", LC_ALL="C.UTF-8") == "Hi"
    assert spoken(LC_MESSAGES="zh_TW", LANG="de_DE") == "提示"
    assert spoken() == "Hi"


def test_a_terminal_without_chinese_gets_english(tmp_path):
    text = said("socket\n", tmp_path, "zh", PYTHONIOENCODING="latin-1")
    assert text.splitlines()[-1].startswith("Hint: ")


def test_own_hooks_stay_alone(tmp_path):
    script = "import sys\nsys.excepthook = lambda *_: print('mine', file=sys.stderr)\nsocket\n"
    assert said(script, tmp_path) == "mine\n"


def test_what_is_no_matter_of_sockets_is_left_alone():
    for other in (ValueError("x"), KeyError(1), OSError(2, "No such file"), StopIteration()):
        assert rsock.explain(other) is None


def test_explaining_changes_nothing():
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except ConnectionRefusedError as refused:
        before = (refused.args, str(refused), refused.errno, refused.__traceback__, vars(refused))
        assert "听" in rsock.explain(refused, lang="zh")
        assert "listens" in rsock.explain(refused, lang="en")
        assert (
            refused.args, str(refused), refused.errno, refused.__traceback__, vars(refused)
        ) == before  # fmt: skip
        assert not hasattr(refused, "__notes__")


def test_the_reason_within_another_error_is_explained():
    inner = ConnectionResetError(104, "Connection reset by peer")
    outer = RuntimeError("failed")
    outer.__cause__ = inner
    assert rsock.explain(outer, lang="en") == rsock.explain(inner, lang="en") is not None


class Odd(OSError):
    """An exception whose attributes are not what they are in others."""

    exceptions = None
    reason = "no reason"

    @property
    def __cause__(self):
        raise KeyError(self)


@pytest.mark.parametrize("members", [None, 5, ["x"], (ValueError("x"), "x")])
def test_an_exception_may_have_attributes_of_its_own(members):
    odd = Odd(2, "x")
    odd.exceptions = members
    assert rsock.explain(odd) is None
    odd.exceptions = [5, ConnectionRefusedError(111, "Connection refused")]
    assert "Nobody listens:" in rsock.explain(odd, lang="en")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("key", ROWS)
def test_what_is_not_known_is_left_out(key, lang):
    names = [name for _, name, _, _ in string.Formatter().parse("".join(ROWS[key])) if name]
    text = hints.say(key, lang, **dict.fromkeys([*names, "at", "closing"]))
    assert "None" not in text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(99, "x"), "That is no address of this machine: bind"),
        (OSError(9, "x"), "This socket has been closed: close it after"),
        (ConnectionRefusedError(111, "x"), "Nobody listens: start the server first"),
        (TimeoutError("timed out"), "Nothing came in time: the other side"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_is_known_without_a_traceback_is_explained(error, text):
    assert rsock.explain(error, lang="en").startswith(text)
    assert "None" not in rsock.explain(error, lang="zh")


def test_the_part_of_a_package_that_is_missing_is_named(tmp_path):
    assert "put import urllib.request at" in said("urllib.request.urlopen('x')\n", tmp_path)
    assert "put import urllib at" in said("urllib\n", tmp_path)


@pytest.mark.parametrize("module", sorted(_names.MODULES))
def test_what_a_hint_says_is_repaired_is_repaired(module):
    assert repairs.repair(f"{module}.x\n").code == f"import {module}\n{module}.x\n"


def test_explain_takes_exceptions_and_two_languages():
    with pytest.raises(TypeError):
        rsock.explain("x")
    with pytest.raises(ValueError):
        rsock.explain(ValueError(), lang="de")


class Shell:
    """What a notebook's shell has to do with tracebacks."""

    def __init__(self):
        self.shown = []

    def showtraceback(self, exc_tuple=None, **_):
        if sys.exc_info()[0] is SyntaxError:
            self.showsyntaxerror()
        else:
            self.shown.append(sys.exc_info()[0])

    def showsyntaxerror(self, **_):
        self.shown.append(sys.exc_info()[0])


def test_a_notebook_asks_for_hints(capsys, monkeypatch):
    monkeypatch.setenv("RSOCK_LANG", "en")
    shell = Shell()
    rsock.load_ipython_extension(shell)
    rsock.load_ipython_extension(shell)
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except ConnectionRefusedError:
        shell.showtraceback()
    assert capsys.readouterr().err.count("Hint: Nobody listens") == 1
    try:
        compile("print 'x'", "module.py", "exec")
    except SyntaxError:
        shell.showtraceback()
    assert capsys.readouterr().err.count("Hint: This is Python 2") == 1
    rsock.unload_ipython_extension(shell)
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except ConnectionRefusedError:
        shell.showtraceback()
    assert capsys.readouterr().err == ""
    assert shell.shown == [ConnectionRefusedError, SyntaxError, ConnectionRefusedError]
