"""Python 2 as Python 3: what is rewritten, and whole programs that run as they did."""

import os
import shutil
import subprocess
import sys

import pytest
from python2_scripts import SCRIPTS
from rsock._learn import _check, python2

# What runs a program as Python 2: the translation, among the names that it needs.
DRIVER = """
import builtins, sys
import rsock
from rsock._learn import python2
path, tier, module = sys.argv[1:4]
if module == "rsock":
    rsock.install()
python2.prepare(tier)
with open(path, encoding="utf-8") as file:
    code = compile(python2.translate(file.read(), tier), path, "exec", dont_inherit=True)
given = python2.environment(tier)
names = {"__name__": "__main__", "__builtins__": {**vars(builtins), **given}}
try:
    exec(code, names)
finally:
    given["_py2_end"]()
"""


def run(path, code, tier, module):
    path.write_bytes(code.encode())
    return subprocess.run(
        [sys.executable, "-c", DRIVER, str(path), tier, module],
        capture_output=True,
        timeout=15,
        check=False,
        input=b"",
    )


@pytest.mark.parametrize("module", ["socket", "rsock"])
@pytest.mark.parametrize("tier", ["text", "bytes"])
@pytest.mark.parametrize("script", SCRIPTS, ids=[each.name for each in SCRIPTS])
def test_programs_print_what_python_2_prints(script, tier, module, tmp_path):
    if not hasattr(__import__("select"), "epoll") and "epoll" in script.name:
        pytest.skip("there is no epoll here")
    done = run(tmp_path / "script.py", script.code, tier, module)
    assert (done.stdout.decode(), done.returncode) == (script.printed, 0), done.stderr.decode()
    assert done.stderr in (b"", b"unseen\n")


@pytest.mark.parametrize("script", SCRIPTS, ids=[each.name for each in SCRIPTS])
def test_python_2_itself_prints_it(script, tmp_path):
    python = shutil.which("python2.7")
    if python is None or subprocess.run([python, "-V"], capture_output=True).returncode:
        pytest.skip("there is no Python 2.7 here")
    path = tmp_path / "script.py"
    path.write_bytes(script.code.encode())
    done = subprocess.run([python, str(path)], capture_output=True, timeout=15, check=False)
    assert (done.stdout.decode(), done.returncode) == (script.printed, 0), done.stderr.decode()


@pytest.mark.parametrize("script", SCRIPTS, ids=[each.name for each in SCRIPTS])
def test_they_are_python_2_and_keep_their_lines(script):
    assert python2.is_python2(script.code)
    for tier in ("text", "bytes"):
        done = python2.translate(script.code, tier)
        assert _check.is_python3(done)
        assert done.count("\n") == script.code.count("\n")


REWRITTEN = [
    ("print", "_py2_print()"),
    ("print 'a',", "_py2_print( 'a', comma=True)"),
    ("print >>f, a, b # c", "_py2_print_to( f, a, b) # c"),
    ("if x: print a; print b", "if x: _py2_print( a); _py2_print( b)"),
    ("x.print_ = 1", "x.print_ = 1"),
    ("a <> b", "a != b"),
    ("0777 + 10L + 0xFFL + 0 + 1.5", "0o777 + 10 + 0xFF + 0 + 1.5"),
    ("`a` + `b.c`", "_py2_repr(a) + _py2_repr(b.c)"),
    ("raise E, 'x'", "raise _py2_raise(E, 'x')"),
    ("raise E('x')", "raise E('x')"),
    ("a.b(1)[2].has_key(c)", "_py2_has_key(a.b(1)[2], c)"),
    ("f(d.keys())", "f(_py2_keys(d))"),
    ("'%s' 'x'.decode('hex')", "_py2_decode('%s' 'x', 'hex')"),
    ("return (a).encode()", "return _py2_encode((a))"),
    ("lambda (k, v): k", "lambda  _py2_pair0: (lambda k, v:  k)(*_py2_pair0)"),
    ("lambda (a): a", "lambda  a : a"),
    ("exec code in ns", "exec(_py2_code( code ), ns)"),
    ("exec(code, ns)", "exec(_py2_code(code), ns)"),
    ("a / b / c", "a /_py2_div/ b /_py2_div/ c"),
    ("a /= 2 + 1 # half", "a /=_py2_by( 2 + 1) # half"),
    ("ur'\\d' + ur\"x\"", "r'\\d' + r\"x\""),
    ("'C:\\users'", "'C:\\\\users'"),
    ("'\\xff'", "'\\U0000dcff'"),
    ("'\\xe4\\xbd\\xa0'", "'\\U00004f60'"),
    ("async = 1", "async_ = 1"),
    ("# print a", "# print a"),
    ("'print a'", "'print a'"),
    ("from __future__ import division\na / b", "from __future__ import division\na / b"),
    ("from __future__ import print_function\nprint(a)",) * 2,
    ("if a:\n\tb\n        c", "if a:\n        b\n        c"),
]


@pytest.mark.parametrize(("code", "done"), REWRITTEN, ids=[row[0] for row in REWRITTEN])
def test_translation(code, done):
    assert python2.translate(code) == done


@pytest.mark.parametrize(
    "code", ["print(1)", "import SocketServer", "", "x = 1\n", "print ('a', 1)", "# 注释\n"]
)
def test_what_compiles_as_python_3_is_python_3(code):
    assert not python2.is_python2(code)


@pytest.mark.parametrize("code", ["这是一段文字", "print 'a", "a b c", "(", "x = ，1"])
def test_what_is_neither_is_not_python_2(code):
    assert not python2.is_python2(code)


@pytest.mark.parametrize(
    ("code", "tier"),
    [("print 'a'", "text"), ("import struct", "bytes"), ("open('x', 'rb')", "bytes")],
)
def test_programs_that_count_bytes_get_strings_of_bytes(code, tier):
    assert python2.tier(code) == tier


@pytest.mark.parametrize("tier", ["text", "bytes"])
def test_strings_come_through_whole(tier, tmp_path):
    # A character that recv cuts, bytes that are no UTF-8, and what a file holds.
    code = r"""# coding: utf-8
import socket, sys
a, b = socket.socketpair()
a.sendall('你好\xff\x00')
parts = []
while len(''.join(parts)) < 3 or not parts[-1].endswith('\0'):
    parts.append(b.recv(4))
data = ''.join(parts)
print data[:-2] == '你好', `data[-2:]`, len(data)
sys.stdout.write(data)
"""
    done = run(tmp_path / "script.py", code, tier, "socket")
    whole = "你好".encode() + b"\xff\x00"
    if tier == "bytes":
        assert done.stdout == b"True '\\xff\\x00' 8\n" + whole
    assert done.stdout.endswith(b"\n" + whole), done.stderr


@pytest.mark.parametrize("tier", ["text", "bytes"])
def test_input_is_evaluated_and_raw_input_is_not(tier, tmp_path):
    code = "n = 3\nprint input('? ') + 1, raw_input()\n"
    path = tmp_path / "script.py"
    path.write_text(code)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(path), tier, "socket"],
        capture_output=True,
        timeout=15,
        check=False,
        input="n * 2\n你好\n".encode(),
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout.decode() == "? 7 你好\n", done.stderr.decode()


@pytest.mark.parametrize("tier", ["text", "bytes"])
def test_tracebacks_have_the_lines_of_the_program(tier, tmp_path):
    done = run(tmp_path / "script.py", "print 'a'\n\nraise ValueError, 'b'\n", tier, "socket")
    assert done.returncode == 1
    assert b'script.py", line 3' in done.stderr
    assert done.stderr.endswith(b"ValueError: b\n")
