"""What the README, the documentation and the examples say: every block of Python in them runs."""

import ast
import itertools
import re
import sys
import xml.etree.ElementTree

import pages
import pytest
import said
import support

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


def run(source, folder):
    """Run a block as it stands, but for its port: it may be in use on this machine."""
    prefix = [sys.executable, "-c", ACTIVATION] if '"systemd"' in source else []
    return support.python(source.replace("9999", "0"), prefix=prefix, cwd=folder).splitlines()


EVERY = [
    pytest.param(source, id=f"{page}-{number}")
    for page in itertools.chain(*pages.PAGES)
    for number, source in enumerate(pages.programs(page), 1)
    if not pages.name_of(source)  # those go together, and are played in test_sessions.py
]


@pytest.mark.parametrize("source", EVERY)
def test_a_block_runs_and_prints_what_stands_beside_it(source, tmp_path):
    promises = list(said.promised(source))
    assert [line for line in run(source, tmp_path) if line in promises] == promises


@pytest.mark.parametrize(("english", "chinese"), pages.PAGES)
def test_both_languages_show_the_same_programs(english, chinese):
    # A tree has no comments, which are translated.
    trees = [
        [ast.dump(ast.parse(program)) for program in pages.programs(page)]
        for page in (english, chinese)
    ]
    assert trees[0]
    assert trees[0] == trees[1]


@pytest.mark.parametrize(("english", "chinese"), [*pages.PAGES, *pages.OTHERS])
def test_both_languages_have_the_same_sections(english, chinese):
    def outline(page):
        lines = re.sub(r"^```.*?^```$", "", pages.text_of(page), flags=re.M | re.S).splitlines()
        return [line.partition(" ")[0] for line in lines if line.startswith("#")]

    if english != "docs/reference.md":  # which is made, and only explained in Chinese
        assert outline(english) == outline(chinese)


@pytest.mark.parametrize("page", list(itertools.chain(*pages.PAGES, *pages.OTHERS)))
def test_what_a_page_links_to_is_there(page):
    links = re.findall(r"\]\(([^)#]+)", pages.text_of(page))
    missing = [
        link
        for link in links
        if not link.startswith("https:") and not ((pages.ROOT / page).parent / link).exists()
    ]
    assert links
    assert missing == []


def test_the_reference_is_what_the_docstrings_say():
    support.python(
        "import make_reference, sys; assert make_reference.main(['--check']) == 0",
        cwd=pages.ROOT / "docs",
    )


def test_the_reference_in_chinese_names_everything():
    names = re.findall(r"^### (\w+)", pages.text_of("docs/reference.md"), re.MULTILINE)
    chinese = pages.text_of("docs/reference.zh-CN.md")
    assert [name for name in names if name != "What" and f"`{name}" not in chinese] == []


def test_every_example_is_listed_in_both_languages():
    programs = {path.name for path in (pages.ROOT / "examples").glob("*.py")}
    for page in ("examples/README.md", "examples/README.zh-CN.md"):
        assert set(re.findall(r"\]\((\w+\.py)\)", pages.text_of(page))) == programs


@pytest.mark.parametrize(
    "drawing", sorted((pages.ROOT / "docs").glob("*.svg")), ids=lambda path: path.name
)
def test_a_drawing_can_be_read_and_says_what_it_shows(drawing):
    picture = xml.etree.ElementTree.parse(drawing).getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert picture.tag == f"{space}svg"
    assert picture.findtext(f"{space}title")
