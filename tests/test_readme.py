"""What the README, the documentation and the examples say: every block of Python in them runs."""

import ast
import itertools
import re
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest
import said
import support

ROOT = Path(__file__).resolve().parent.parent

PAGES = [
    ("README.md", "README.zh-CN.md"),
    ("docs/fetch.md", "docs/fetch.zh-CN.md"),
    ("docs/servers.md", "docs/servers.zh-CN.md"),
]

FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What a service manager does: it opens a socket, gives it the number 3, and names the process.
ACTIVATION = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
"""


def blocks(page):
    return FENCE.findall((ROOT / page).read_text(encoding="utf-8"))


def run(source, folder):
    """Run a block as it stands, but for its port: it may be in use on this machine."""
    prefix = [sys.executable, "-c", ACTIVATION] if '"systemd"' in source else []
    return support.python(source.replace("9999", "0"), prefix=prefix, cwd=folder).splitlines()


EVERY = [
    pytest.param(source, id=f"{page}-{number}")
    for page in itertools.chain(*PAGES)
    for number, source in enumerate(blocks(page), 1)
]


@pytest.mark.parametrize("source", EVERY)
def test_a_block_runs_and_prints_what_stands_beside_it(source, tmp_path):
    promises = list(said.promised(source))
    assert [line for line in run(source, tmp_path) if line in promises] == promises


@pytest.mark.parametrize(("english", "chinese"), PAGES)
def test_both_languages_show_the_same_programs(english, chinese):
    # A tree has no comments, which are translated.
    trees = [[ast.dump(ast.parse(block)) for block in blocks(page)] for page in (english, chinese)]
    assert trees[0]
    assert trees[0] == trees[1]


@pytest.mark.parametrize("page", list(itertools.chain(*PAGES)))
def test_what_a_page_links_to_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)", text)
    missing = [
        link
        for link in links
        if not link.startswith("https:") and not ((ROOT / page).parent / link).exists()
    ]
    assert links
    assert missing == []


@pytest.mark.parametrize(
    "drawing", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name
)
def test_a_drawing_can_be_read_and_says_what_it_shows(drawing):
    picture = xml.etree.ElementTree.parse(drawing).getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert picture.tag == f"{space}svg"
    assert picture.findtext(f"{space}title")
