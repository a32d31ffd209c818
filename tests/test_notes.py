"""Notes as programs: which blocks a page has, what each is, and who talks to whom."""

import hashlib
import json

import pytest
import support
from rsock._learn import notes, pairs, repairs

SHARED = support.SHARED / "tutorial"
HERE = (SHARED / "inventory.json").is_file()

#: What the inventory calls a defect, and the repair that mends it.
KEYS = {
    "host typo": "host",
    "data.split": "split",
    "SOCKET_DGRAM": "kind",
    "import socket is missing": "import",
    "except: then print(e)": "except",
    "no import line anywhere": "import",
    "stands before the definition": "order",
    " but prints ": "port",
}


def inventory():
    if not HERE:
        return []
    with open(SHARED / "inventory.json", encoding="utf-8") as file:
        return json.load(file)["blocks"]


BLOCKS = {each["id"]: each for each in inventory()}
ROWS = [each for each in BLOCKS.values() if each["kind"] in ("script", "transcript")]
PROGRAMS = [
    each for each in BLOCKS.values() if each["kind"] == "assembly" and "doc" not in each["id"]
]


def blocks_of(page):
    (path,) = SHARED.glob(f"{page}_*.txt")
    return notes.read(notes.load(str(path)), path.name)


def defects_of(row):
    return {key for text in row["defects"] for word, key in KEYS.items() if word in text}


def kind_of(row):
    role = row["role"]
    if row["kind"] == "transcript":
        return ""
    if "sina" in role:
        return "fetch"
    return "server" if "server" in role or "receiver" in role else "client"


@pytest.mark.skipif(not HERE, reason="the five notes do not lie beside the project")
@pytest.mark.parametrize("row", ROWS, ids=[each["id"] for each in ROWS])
def test_each_block_of_the_notes_is_what_the_inventory_says(row):
    page, _, number = row["id"].partition("-")
    block = next(each for each in blocks_of(page) if each.number == int(number))
    assert [block.first, block.last] == row["lines"]
    assert hashlib.sha256(f"{block.code}\n".encode()).hexdigest() == row["sha256"]
    assert block.kind == row["kind"]
    assert (block.role, block.proto, block.port) == (kind_of(row), row["proto"], row["port"])
    if block.kind == "script":
        assert block.dialect == row["dialect"][0]
    assert {each.key for each in block.defects} == defects_of(row)


@pytest.mark.skipif(not HERE, reason="the five notes do not lie beside the project")
@pytest.mark.parametrize("row", PROGRAMS, ids=[each["id"] for each in PROGRAMS])
def test_each_program_of_the_plain_page_is_put_together(row):
    blocks = blocks_of("004")
    assert len(blocks) == len(PROGRAMS)
    block = blocks["ABCDE".index(row["id"][-1])]
    fragments = [BLOCKS[each] for each in row["assembled_from"]]
    assert sorted(block.parts) == sorted(tuple(each["lines"]) for each in fragments)
    assert (block.kind, block.role) == ("script", kind_of(row))
    assert (block.proto, block.port, block.dialect) == (row["proto"], row["port"], row["dialect"])
    wanted = {key for each in fragments for key in defects_of(each)}
    assert {each.key for each in block.defects} == wanted
    # Each line is where it is in the file.
    lines = block.code.split("\n")
    for each in fragments:
        first, last = each["lines"]
        part = "\n".join(lines[first - block.first : last - block.first + 1])
        assert hashlib.sha256(f"{part}\n".encode()).hexdigest() == each["sha256"]
    # Mended, it has the imports and the order of the inventory.
    mended = repairs.repair(block.code, "x", block.first).code
    for line in row["prefix_added"].split("\n")[1:-1]:
        assert line in mended.split("\n")


@pytest.mark.skipif(not HERE, reason="the five notes do not lie beside the project")
@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("000", [(None, [1], []), (2, [3], []), (4, [5], [6])]),
        ("001", [(None, [1], []), (2, [3], [4, 5]), (6, [7], [8, 9])]),
        ("002", [(1, [2], []), (3, [4], [])]),
        ("003", [(1, [2], []), (3, [4], [])]),
        ("004", [(None, [1], []), (2, [3], []), (4, [5], [])]),
    ],
)
def test_each_server_of_the_notes_finds_its_clients(page, expected):
    assert numbers(pairs.find(blocks_of(page))) == expected


def numbers(found):
    return [
        (
            each.server and each.server.number,
            [client.number for client in each.clients],
            [transcript.number for transcript in each.transcripts],
        )
        for each in found
    ]


PAGE = """\
---
title: "Sockets"
---
# Talking

1. The server:

   ```python
   import socket
   server = socket.create_server(("127.0.0.1", 7001))
   peer, _ = server.accept()
   peer.sendall(b"hello")
   ```

~~~py
import socket
with socket.create_connection(("127.0.0.1", 7001)) as client:
    print(client.recv(100))
~~~

```console
$ python client.py
b'hello'
```

By datagrams:

    from socket import *
    HOST, PORT = "", 7002
    ADDR = (HOST, PORT)
    s = socket(AF_INET, SOCK_DGRAM)
    s.bind(ADDR)
    print(s.recvfrom(100))

```
>>> import socket
>>> s = socket.socket(type=socket.SOCK_DGRAM)
>>> for word in (b"a", b"b"):
...     s.sendto(word, ("127.0.0.1", 7002))
...
1
1
```

```json
{"port": 7001}
```

    not code at all, only set in

```python
s.close()
```
"""


def test_the_blocks_of_markdown():
    found = notes.read(PAGE, "page.md")
    assert [(each.kind, each.title(), each.first, each.last) for each in found] == [
        ("script", "TCP server on 7001", 9, 12),
        ("script", "TCP client to 7001", 16, 18),
        ("transcript", "transcript", 22, 23),
        ("script", "UDP server on 7002", 28, 33),
        ("script", "UDP client to 7002", 36, 42),
        ("other", "json", 46, 46),
        ("fragment", "fragment (program)", 52, 52),
    ]
    assert found[4].code.split("\n")[2:5] == [
        'for word in (b"a", b"b"):',
        '    s.sendto(word, ("127.0.0.1", 7002))',
        "",
    ]
    assert numbers(pairs.find(found)) == [(1, [2], [3]), (4, [5], [])]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_change_nothing(end):
    assert notes.read(PAGE.replace("\n", end), "page.md") == notes.read(PAGE, "page.md")


PLAIN = """\
怎样写一个服务器？

先导入模块，再绑定端口：
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.bind(('127.0.0.1', 7003))
socket
下面的这一行和上面一样：

s.bind(('127.0.0.1', 7003))

然后等待：
s.listen(1)

while True:
    peer, addr = s.accept()
    # 回答
    peer.send(b'hi' if addr else b'')

client.py

The client comes next, and it is short.
import socket
c = socket.socket()
c.connect(('127.0.0.1', 7003))
运行 python client.py 就可以了。
print(c.recv(10))
c.close()
"""


def test_the_programs_of_a_plain_page_are_put_together():
    found = notes.read(PLAIN, "page.txt")
    assert [(each.title(), each.parts) for each in found] == [
        ("TCP server on 7003", ((4, 6), (13, 18))),
        ("TCP client to 7003", ((23, 25), (27, 28))),
    ]
    server = found[0]
    lines = PLAIN.split("\n")
    for number, line in enumerate(server.code.split("\n"), server.first):
        assert line in ("", lines[number - 1])
    assert numbers(pairs.find(found)) == [(1, [2], [])]


@pytest.mark.parametrize(
    "page",
    [
        "正文\nimport socket\nif 1 &gt; 0 &amp;&amp; 2:\n    pass\n".replace(" &amp;&amp; 2", ""),
        "正文\nimport socket\nif\xa01 > 0:\n\xa0\xa0\xa0\xa0pass\n",
        "正文\n1 import socket\n2 if 1 > 0:\n3     pass\n",
        "正文\n    import socket\n    if 1 > 0:\n        pass\n",
        "正文\n1. import socket\n2. if 1 > 0:\n3.     pass\n",
        "正文\n&gt;&gt;&gt; import socket\n&gt;&gt;&gt; if 1 &gt; 0:\n...     pass\n",
        "\ufeff正文\r\nimport socket\r\nif 1 > 0:\r\n    pass\r\n",
    ],
)
def test_what_the_web_makes_of_code_is_undone(page):
    (block,) = notes.read(page)
    assert block.code == "import socket\nif 1 > 0:\n    pass"
    assert (block.first, block.last) == (2, 4)


def test_curly_quotes_of_a_plain_page_are_straightened():
    (block,) = notes.read("正文\nimport socket\nprint(“你好”, ‘x’)\n结束\n")
    assert block.code == "import socket\nprint(\"你好\", 'x')"


def test_chinese_punctuation_in_a_block_is_reported():
    (block,) = notes.read("```python\nimport socket\nprint（'，'）\ns = socket.socket()，\n```\n")
    assert [(each.line, each.key) for each in block.defects] == [
        (3, "character"),
        (3, "character"),
        (4, "character"),
    ]
    assert "（" in block.defects[0].zh
    assert "U+FF08" in block.defects[0].en


@pytest.mark.parametrize(
    "page", ["", "\n\n", "只有文字\n", "client-server\nUDP\nSend: x\n", "```\n```"]
)
def test_a_page_without_code_has_no_blocks(page):
    assert notes.read(page) == []


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_files_are_read_whatever_their_encoding(coding, tmp_path):
    path = tmp_path / "笔记.md"
    path.write_bytes("# 服务器\n```python\nprint('你好')\n```\n".encode(coding))
    source = notes.find(f"{path}:1")
    assert (source.code, source.first, source.name) == ("print('你好')", 3, str(path))
    assert notes.find(str(path)).code == source.code  # the only program of the page


def test_a_script_is_found_as_it_is(tmp_path):
    path = tmp_path / "a:1"
    path.write_text("print(1)\n")
    assert notes.find(str(path)).code == "print(1)\n"
    path = tmp_path / "old.py"
    path.write_bytes("# coding: gbk\nprint '中'\n".encode("gbk"))
    source = notes.find(str(path))
    assert (source.code, source.first) == ("# coding: gbk\nprint '中'\n", 1)


def test_the_number_of_a_block_may_have_wide_digits(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    assert notes.find(f"{path}:１").code == notes.find(f"{path}:1").code


def test_what_is_not_there_is_said_in_both_languages(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    for spec, word in ((f"{path}:99", "no block 99"), (f"{path}:3", "is no program"), (path, "4")):
        with pytest.raises(notes.NotesError, match=word) as caught:
            notes.find(str(spec))
        assert caught.value.zh
        assert caught.value.zh != caught.value.en
    with pytest.raises(FileNotFoundError):
        notes.find(str(tmp_path / "none.md:1"))


def test_a_huge_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(notes, "MOST", 10)
    path = tmp_path / "page.md"
    path.write_text("x" * 11)
    with pytest.raises(notes.NotesError):
        notes.load(str(path))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "line", ["a=1\n", "(" * 50 + "\n", "print x\n", "`" * 40 + "\n", "x y(z)=\n"]
)
def test_a_long_page_takes_no_long_time(line):
    notes.read(line * (1000 if len(line) < 20 else 200))
