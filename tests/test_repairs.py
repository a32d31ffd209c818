"""What `--fix` mends, what it says of it, and what it leaves alone."""

import pytest
from rsock._learn import python2, repairs

SERVER = "import socket\ns = socket.socket()\ns.bind(('', 9999))\ns.listen(1)\n"

# A key, the lines as they are, the lines as they are to be, and where that is.
MENDED = [
    (
        "kind",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCKET_DGRAM) # SOCKET_DGRAM\n",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) # SOCKET_DGRAM\n",
        2,
    ),
    ("host", "h = 'wwww.example.com'\n", "h = 'www.example.com'\n", 1),
    (
        "import",
        "# hi\nx = 1\ns = socket.socket()\n",
        "# hi\nimport socket\nx = 1\ns = socket.socket()\n",
        3,
    ),
    ("import", '"""Doc."""\ntime.sleep(0)\n', '"""Doc."""\nimport time\ntime.sleep(0)\n', 2),
    (
        "import",
        "import socket\r\nprint(sys.argv)\r\n",
        "import socket\r\nimport sys\r\nprint(sys.argv)\r\n",
        2,
    ),
    (
        "import",
        "s = socket(AF_INET, SOCK_STREAM)\n",
        "from socket import *\ns = socket(AF_INET, SOCK_STREAM)\n",
        1,
    ),
    (
        "import",
        "import socket\ns = socket.socket(AF_INET)\n",
        "import socket\nfrom socket import AF_INET\ns = socket.socket(AF_INET)\n",
        2,
    ),
    (
        "import",
        "from socket import *\nprint(ctime(), AF_INET)\n",
        "from socket import *\nfrom time import ctime\nprint(ctime(), AF_INET)\n",
        2,
    ),
    (
        "import",
        "print(urllib.request.urlopen('x'))\n",
        "import urllib.request\nprint(urllib.request.urlopen('x'))\n",
        1,
    ),
    (
        "split",
        "data = b''.join(parts)\nhead, body = data.split('\\r\\n', 1)\n",
        "data = b''.join(parts)\nhead, body = data.split(b'\\r\\n\\r\\n', 1)\n",
        2,
    ),
    (
        "split",
        "data = s.recv(9)\nhead, html = data.split(b'\\r\\n', 1)",
        "data = s.recv(9)\nhead, html = data.split(b'\\r\\n\\r\\n', 1)",
        2,
    ),
    (
        "split",
        "data = s.recv(9)\nfirst, rest = data.split('\\r\\n', 1)\n",
        "data = s.recv(9)\nfirst, rest = data.split(b'\\r\\n', 1)\n",
        2,
    ),
    (
        "split",
        "data = ''.join(b)\nheader, html = data.split('\\r\\n', 1)\nprint header\n",
        "data = ''.join(b)\nheader, html = data.split('\\r\\n\\r\\n', 1)\nprint header\n",
        2,
    ),
    (
        "except",
        "try:\n    f()\nexcept:\n    print(e)\n",
        "try:\n    f()\nexcept Exception as e:\n    print(e)\n",
        3,
    ),
    (
        "except",
        "try:\n    f()\nexcept OSError: # no\n    print err\n",
        "try:\n    f()\nexcept OSError as err: # no\n    print err\n",
        3,
    ),
    (
        "order",
        "import socket\n# wait\nwhile True:\n    talk(1)\n\n# talk\ndef talk(x):\n    return x\n",
        "import socket\n# talk\ndef talk(x):\n    return x\n\n# wait\nwhile True:\n    talk(1)\n\n",
        7,
    ),
]


@pytest.mark.parametrize(("key", "code", "whole", "line"), MENDED)
def test_it_is_mended_and_said_in_one_line(key, code, whole, line):
    done = repairs.repair(code, "notes.md")
    assert done.code == whole
    assert [(each.key, each.line, each.warning) for each in done.repairs] == [(key, line, False)]
    (repair,) = done.repairs
    assert repair.say("en").startswith(f"line {line}: ")
    assert repair.say("zh").startswith(f"第 {line} 行：")
    assert "\n" not in repair.say("en") + repair.say("zh")


@pytest.mark.parametrize("code", [row[2] for row in MENDED])
def test_what_was_mended_is_left_alone(code):
    done = repairs.repair(code, "x")
    assert (done.code, done.repairs, done.diff()) == (code, (), "")


@pytest.mark.parametrize(("key", "code", "whole", "line"), MENDED)
def test_a_repaired_program_keeps_its_dialect(key, code, whole, line):
    assert python2.is_python2(code) == python2.is_python2(whole)


@pytest.mark.parametrize(("key", "code", "whole", "line"), MENDED)
def test_each_line_knows_the_number_it_had(key, code, whole, line):
    done = repairs.repair(code, "x", first=100)
    before, after = code.splitlines(), done.code.splitlines()
    assert len(done.numbers) == len(after)
    changed = 0
    for number, text in zip(done.numbers, after):
        changed += number != 0 and before[number - 100] != text
    assert changed <= 1
    assert {number for number in done.numbers if number} == set(range(100, 100 + len(before)))


@pytest.mark.parametrize(
    "code",
    [
        "import socket\nprint(socket.SOCK_DGRAM)\n",
        "def f(socket):\n    return socket.recv(1)\n",
        "for time in range(3):\n    print(time.real)\n",
        "try:\n    f()\nexcept:\n    raise\n",
        "e = 2.7\ntry:\n    f()\nexcept:\n    print(e)\n",
        "a, b = 'x\\r\\ny'.split('\\r\\n', 1)\n",
        "head, body = text.split(b'\\r\\n\\r\\n', 1)\n",
        "def a():\n    b()\ndef b():\n    pass\na()\n",
        "if __name__ == '__main__':\n    pass\ndef f():\n    pass\n",
        "from socket import *\ns = socket(AF_INET, SOCK_STREAM)\n",
        "这里不是程序\n",
        "",
    ],
)
def test_what_is_not_known_to_be_broken_stays(code):
    done = repairs.repair(code, "x")
    assert (done.code, done.repairs) == (code, ())


def test_a_function_takes_those_along_that_it_needs():
    code = "while True:\n    a()\ndef a():\n    b()\ndef b():\n    pass\ndef c():\n    pass\n"
    done = repairs.repair(code, "x")
    assert done.code.index("def a") < done.code.index("while")
    assert done.code.index("def b") < done.code.index("while")
    assert done.code.index("def c") > done.code.index("while")


@pytest.mark.parametrize("said", ["Bind UDP on 8888", "listening on port 8888", "端口：8888"])
def test_another_port_in_a_print_is_a_warning_only(said):
    code = SERVER + f"print('{said}...')\ns.accept()\n"
    done = repairs.repair(code, "x")
    assert done.code == code
    assert [(each.key, each.line, each.warning) for each in done.repairs] == [("port", 5, True)]
    assert not repairs.repair(code.replace("8888", "9999"), "x").repairs


def test_the_diff_names_the_file_and_what_changed():
    done = repairs.repair("h = 'wwww.a.cn'", "notes.md:1")
    assert done.diff().splitlines() == [
        "--- notes.md:1",
        "+++ notes.md:1 (repaired)",
        "@@ -1 +1 @@",
        "-h = 'wwww.a.cn'",
        "\\ No newline at end of file",
        "+h = 'www.a.cn'",
        "\\ No newline at end of file",
    ]
