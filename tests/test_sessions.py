"""What the pages show of the commands: each is run, and has to print what stands there.

Programs of a page that belong together, a server and its client, are played as a reader does.
"""

import collections
import itertools
import os
import random
import re
import shlex
import shutil
import socket
import subprocess
import sys

import pages
import pytest
import said

EVERY = list(itertools.chain(*pages.PAGES, *pages.OTHERS))

SESSIONS = [
    pytest.param(page, command, lines, id=f"{page}: {command}")
    for page in EVERY
    for command, lines in pages.sessions(page)
]

PAIRS = [
    pytest.param(page, number, id=f"{page}: {pages.name_of(pair[0])}")
    for page in itertools.chain(*pages.PAGES)
    for number, pair in enumerate(pages.pairs(page))
]

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def port():
    """Give a port that is free for TCP and UDP, since 9999 may be taken on this machine.

    It is none that the system gives to clients: one of those might take it before it is used.
    """
    for number in random.sample(range(10_000, 32_768), 20):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", number))
                udp.bind(("127.0.0.1", number))
            except OSError:
                continue
            return str(number)
    raise AssertionError("no port is free")


def prepare(page, folder, port):
    """Lay out what a page speaks of: the examples and the page itself, and its own programs."""
    for name in ("examples", "docs"):
        shutil.copytree(pages.ROOT / name, folder / name)
    for name, program in pages.files(page).items():
        (folder / name).write_text(program, encoding="utf-8")
    for path in [*folder.rglob("*.py"), *folder.rglob("*.md")]:
        path.write_text(path.read_text(encoding="utf-8").replace("9999", port), encoding="utf-8")


def run(command, page, folder):
    """Run a command, and return its status and the lines that it printed."""
    words = shlex.split(command)
    assert words[0] == "rsock"
    environment = {name: text for name, text in os.environ.items() if name[:6] != "RSOCK_"}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={
            **environment,
            "RSOCK_LANG": "zh" if "zh-CN" in page else "en",
            "PYTHONIOENCODING": "utf-8",
            "COLUMNS": "100",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=80,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def by_speaker(lines, port):
    """Sort lines by who said them, since two programs speak at the same time.

    Numbers that nobody chose, such as a client's port, are the same in every run from here on.
    """
    said = collections.defaultdict(list)
    for line in lines:
        line = line.replace("\uff1a ", "\uff1a")  # a colon of Chinese, which is wide enough
        line = re.sub(r"\b\d{5}\b", "PORT", line.replace(port, "9999"))
        line = re.sub(r"\b\d+ bytes\b", "SOME bytes", line)
        # From 3.12 on Python has an idea of its own.
        line = re.sub(r"\. Did you forget to import '\w+'\?$", "", line)
        speaker, bar, _ = line.partition(" | ")
        said[speaker.strip() if bar else ""].append(line.rstrip())
    return said


@pytest.mark.parametrize(("page", "command", "lines"), SESSIONS)
def test_a_command_prints_what_the_page_shows(page, command, lines, tmp_path, port):
    prepare(page, tmp_path, port)
    _, printed = run(command, page, tmp_path)
    if "..." in lines:  # stands for lines that are of no interest
        first, last = lines.index("..."), len(lines) - lines.index("...") - 1
        assert len(printed) > first + last
        printed[first:-last] = ["..."]
    assert by_speaker(printed, port) == by_speaker(lines, port), "\n".join(printed)


@pytest.mark.parametrize(("page", "number"), PAIRS)
def test_a_server_and_its_client_print_what_stands_beside_them(page, number, tmp_path, port):
    prepare(page, tmp_path, port)
    pair = pages.pairs(page)[number]
    names = [pages.name_of(program) for program in pair]
    status, printed = run(f"rsock play {' '.join(names)}", page, tmp_path)
    assert status == 0, "\n".join(printed)
    for name, program in zip(names, pair):
        promises = list(said.promised(program))
        lines = [line.partition(" | ")[2] for line in printed if line.split()[0] == name]
        assert [line for line in lines if line in promises] == promises


@pytest.mark.parametrize("page", pages.PAGES[2])
def test_the_guide_is_notes_that_can_be_run_and_played(page, tmp_path, port):
    prepare(page, tmp_path, port)
    status, printed = run(f"rsock run {page}:1", page, tmp_path)
    assert (status, printed) == (0, list(said.promised(pages.programs(page)[0])))
    status, printed = run(f"rsock play {page}", page, tmp_path)
    assert status == 0, "\n".join(printed)
    lines = [line.partition(" | ")[2] for line in printed]
    promises = [text for pair in pages.pairs(page) for one in pair for text in said.promised(one)]
    assert len(promises) > 5
    assert [text for text in promises if text not in lines] == []


def test_the_readme_shows_a_play_at_once():
    for page in pages.PAGES[0]:
        commands = [command for command, _ in pages.sessions(page)]
        assert commands[0].startswith("rsock play ")
        assert "```console\n$ rsock play" in "\n".join(pages.text_of(page).splitlines()[:40])
