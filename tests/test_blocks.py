"""The command `rsock blocks`, in a pipe and on a terminal, in both languages."""

import json
import os
import subprocess
import sys
import textwrap

import pytest
import support

PAGE = """\
# UDP

```python
import socket
s = socket.socket(socket.AF_INET, socket.SOCKET_DGRAM)
s.bind(('127.0.0.1', 9999))
print s.recvfrom(100)
```

```text
$ python server.py
```
"""


def blocks(*words, text=PAGE, lang="en", tmp_path=None):
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    words = [str(path) if word == "PAGE" else word for word in words]
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "rsock", "blocks", *words],
        env={**os.environ, "RSOCK_LANG": lang, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        input=text,
        timeout=15,
        check=False,
    )


def test_each_block_has_a_line_and_its_defects_below(tmp_path):
    done = blocks("PAGE", tmp_path=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "block  lines  what it is          Python\n"
        "1      4-7    UDP server on 9999  2\n"
        "       ! line 5: there is no SOCKET_DGRAM: SOCK_DGRAM is meant\n"
        "2      11     transcript          -\n"
    )


def test_it_speaks_chinese(tmp_path):
    done = blocks("PAGE", lang="zh", tmp_path=tmp_path)
    assert done.stdout == (
        "编号  行   内容                   Python\n"
        "1     4-7  UDP 服务器，端口 9999  2\n"
        "      ! 第 5 行：没有 SOCKET_DGRAM，应为 SOCK_DGRAM\n"
        "2     11   终端记录               -\n"
    )


def test_json_has_all_that_is_known(tmp_path):
    first, second = json.loads(blocks("PAGE", "--json", tmp_path=tmp_path).stdout)
    assert first["code"].startswith("import socket\n")
    del first["code"]
    (defect,) = first.pop("defects")
    assert (defect["line"], defect["key"]) == (5, "kind")
    assert first == {
        "number": 1,
        "lines": [4, 7],
        "parts": [[4, 7]],
        "kind": "script",
        "role": "server",
        "title": "UDP server on 9999",
        "proto": "udp",
        "host": "127.0.0.1",
        "port": 9999,
        "dialect": "2",
        "language": "python",
    }
    assert (second["kind"], second["dialect"]) == ("transcript", None)


def test_notes_may_come_by_standard_input(tmp_path):
    assert "UDP server on 9999" in blocks("-", tmp_path=tmp_path).stdout


@pytest.mark.parametrize(("words", "text"), [(["none.md"], PAGE), (["PAGE"], "no code\n")])
def test_what_is_not_there_is_one_line_and_a_status(words, text, tmp_path):
    done = blocks(*words, text=text, tmp_path=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["--json"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("text", [PAGE, PAGE * 500], ids=["short", "long"])
def test_output_that_cannot_be_written_is_one_line_and_a_status(words, unbuffered, text, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rsock", "blocks", *words, path],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=15,
            check=False,
        )
    said = "python -m rsock blocks: the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (23, said)


def test_a_command_brings_in_nothing_of_the_others():
    source = """
        import sys
        from rsock import _command
        sys.argv[0] = "rsock"
        for words in ["fetch", "--help"], ["--help"], ["nonsense"]:
            try:
                _command.main(words)
            except SystemExit:
                pass
            print(words, [name for name in sys.modules if "._command_" in name or "_learn" in name])
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        capture_output=True,
        encoding="utf-8",
        timeout=15,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert lines == [
        f"{words} ['rsock._command_fetch']"
        for words in (["fetch", "--help"], ["--help"], ["nonsense"])
    ]
    assert "rsock: argument COMMAND: invalid choice: 'nonsense'" in done.stderr
    for word in ("run", "blocks", "play", "fetch"):
        assert f"\n    {word} " in done.stdout


def test_a_terminal_gets_a_table(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    status, shown = support.on_a_terminal(
        [sys.executable, "-m", "rsock", "blocks", str(path)],
        "stdout",
        env={**os.environ, "RSOCK_LANG": "en", "TERM": "xterm", "COLUMNS": "100"},
    )
    assert status == 0
    assert "UDP server on 9999" in shown
    assert "\x1b[" in shown
