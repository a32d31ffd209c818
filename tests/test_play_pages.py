"""The sessions that the pages about `rsock play` show are what the command says.

Run as a program, this prints the sessions as they are now.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import forgery
import pytest
import support

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = {"play.md": "en", "play.zh-CN.md": "zh"}
SCRIPT = re.compile(r"^```python\n(# (\S+\.py)\n.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^```text\n\$ (.*)\n((?s:.*?))^```$", re.MULTILINE)
#: What a command needs before it where ports are to be its own.
UP = [*support.ALONE, sys.executable, forgery.__file__]
#: What differs: ports of clients, folders, the marks under a line, and hints, which name processes.
VARIABLE = (
    (re.compile(r"('127\.0\.0\.1', )[0-9]+"), r"\1PORT"),
    (re.compile(r'File "[^"]*/'), 'File "'),
    (re.compile(r"^.*\| +[\^~]+\n", re.MULTILINE), ""),
    (re.compile(r"(Hint: |提示[^\n]).*"), r"\1"),
)


def general(text):
    for pattern, name in VARIABLE:
        text = pattern.sub(name, text)
    return text


def lay_out(page, folder):
    """Put a page and its scripts into a folder."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (folder / page).write_text(text, encoding="utf-8")
    for script, name in SCRIPT.findall(text):
        (folder / name).write_text(script, encoding="utf-8")
    return SESSION.findall(text)


def played(command, folder, language):
    words = shlex.split(command)
    assert words[:2] == ["rsock", "play"]
    done = subprocess.run(
        [*UP, sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, "RSOCK_LANG": language},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=25,
        check=False,
    )
    return done.stdout.decode()


def voices(text):
    """Return what each one says; whose line is seen first is up to the system, where both speak."""
    said = {}
    for line in general(text).splitlines():
        name, bar, rest = line.partition("| ")
        said.setdefault(name if bar else "", []).append(rest if bar else line)
    return said


@pytest.mark.parametrize(("page", "language"), PAGES.items())
def test_the_sessions_of_a_page_are_what_is_said(tmp_path, page, language):
    if not support.may_be_alone():
        pytest.skip("no network namespace may be made here, and the page has a fixed port")
    sessions = lay_out(page, tmp_path)
    assert len(sessions) == 3
    for command, expected in sessions:
        assert voices(played(command, tmp_path, language)) == voices(expected)


def main():
    for page, language in PAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            for command, _ in lay_out(page, Path(folder)):
                print(f"$ {command}\n{played(command, folder, language)}")


if __name__ == "__main__":
    main()
