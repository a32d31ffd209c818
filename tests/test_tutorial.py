"""The tutorial's five notes: a row for each block and for each pair, as written and repaired.

What is expected is what the inventory beside the notes recorded of stock interpreters. Where that
folder is missing, these tests are skipped.
"""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import forgery
import pytest
import support

FOLDER = support.SHARED / "tutorial"
HERE = Path(__file__).parent


def why_not():
    if not (FOLDER / "inventory.json").exists():
        return f"the tutorial's notes are not at {FOLDER}"
    if not support.may_be_alone():
        return "no network namespace may be made here, and the notes have fixed ports"
    return None


REASON = why_not()
pytestmark = [
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
    pytest.mark.timeout(120),  # one pair says something each second, for twenty of them
]
INVENTORY = {} if REASON else json.loads((FOLDER / "inventory.json").read_text(encoding="utf-8"))
BLOCKS = {block["id"]: block for block in INVENTORY.get("blocks", [])}
NOTES = sorted({block["seed"] for block in BLOCKS.values() if block["seed"]})

#: The pair whose server never answers.
UNANSWERED = "003-1+003-2"

#: What differs from run to run, and what the inventory has in its place.
VARIABLE = (
    (re.compile(r"(127\.0\.0\.1(?:', |:))[0-9]+"), r"\1{CPORT}"),
    (re.compile(r"\b[0-9]\.[0-9]+(?:e-[0-9]+)?(?=!|$)"), "{RANDOM}"),
    (re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4}"), "{CTIME}"),
)


def general(text):
    for pattern, name in VARIABLE:
        text = pattern.sub(name, text)
    return text


def said(played, name):
    lines = (line.partition("| ") for line in played["out"].split("\n"))
    return [general(line[2]) for line in lines if line[1] and line[0].rstrip() == name]


def without_remarks(lines):
    return [line for line in lines if not line.startswith(("fixed: ", "warning: "))]


def rsock(*words):
    return [sys.executable, "-m", "rsock", *words]


def start(command, folder):
    environment = {**os.environ, "PYTHONPATH": str(HERE), "RSOCK_LANG": "en"}
    return subprocess.Popen(
        [*support.ALONE, *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def number(block):
    """Return the number under which rsock knows a block of the inventory."""
    return int(block.rpartition("-")[2])


def lines_of(block):
    lines = (FOLDER / block["seed"]).read_text(encoding="utf-8").split("\n")
    first, last = block["lines"]
    return "\n".join(lines[first - 1 : last]) + "\n"


def script(block, folder):
    """Return how to name a block: in its notes, or in a file where the inventory assembled one."""
    if block["assembled_from"] is None:
        return f"{FOLDER / block['seed']}:{number(block['id'])}"
    parts = [lines_of(BLOCKS[part]) for part in block["assembled_from"]]
    path = folder / f"{block['id']}.py"
    path.write_text(block["prefix_added"] + "".join(parts), encoding="utf-8")
    return str(path)


def recorded(pair):
    """Return the runs of a pair that rsock is held against, each with what its client reads."""
    wanted = "2.7" if BLOCKS[pair["client"]]["dialect"] == "2" else "3.11"
    if pair["client"].startswith("004"):
        wanted = "2.7"
    return [run for run in pair["runs"] if wanted in run["interpreter"] and "note" not in run]


PAIRS = [
    (pair, run) for pair in INVENTORY.get("pairs", []) if pair["server"] for run in recorded(pair)
]


def label(row):
    pair, run = row
    return (
        f"{pair['id']}, {run.get('stdin_client', '')[-10:]}"
        if len(pair["runs"]) > 2
        else pair["id"]
    )


@pytest.fixture(scope="module")
def plays(tmp_path_factory):
    """Start all plays at once, since they mostly wait, and give what each did when it is asked.

    The two with the server that never answers come first, and alone: of the seconds that they
    wait for it, a slow start takes its part.
    """
    running, done = {}, {}

    def result(name):
        if name not in done:
            process, folder = running[name]
            out, err = process.communicate(timeout=100)
            assert (process.returncode, err) == (0, b"")
            done[name] = {**json.loads(out), "folder": folder}
        return done[name]

    wire = [sys.executable, str(HERE / "tutorial_wire.py")]

    def play_pair(row):
        pair, run = row
        folder = tmp_path_factory.mktemp("pair")
        blocks = [BLOCKS[pair["server"]], BLOCKS[pair["client"]]]
        words = [script(block, folder) for block in blocks]
        if blocks[0]["assembled_from"]:
            words.append("--py2")
        if "stdin_client" in run:
            text = run["stdin_client"].partition(" (")[0]
            words += ["--input", text]
        if pair["id"] == UNANSWERED:
            words += ["--timeout", "5"]
        running[label(row)] = start([*wire, *rsock("play", *words)], folder), folder

    def play_notes(notes):
        folder = tmp_path_factory.mktemp("notes")
        command = rsock("play", str(FOLDER / notes), "--fix", "--offline")
        running[notes] = start([*wire, *command], folder), folder

    try:
        for row in PAIRS:
            if row[0]["id"] == UNANSWERED:
                play_pair(row)
        for notes in NOTES:
            if UNANSWERED.startswith(notes[:3]):
                play_notes(notes)
        for name in running:
            result(name)
        for row in PAIRS:
            if label(row) not in running:
                play_pair(row)
        for notes in NOTES:
            if notes not in running:
                play_notes(notes)
        yield result
    finally:
        for process, _ in running.values():
            process.kill()
            process.communicate()


def same_exception(lines, expected):
    """Tell whether a traceback ends as recorded; suggestions differ between versions of Python."""
    text = expected.partition(". Did you mean")[0].replace("socket.error", "OSError")
    return any(line.startswith(text) for line in lines)


@pytest.mark.parametrize("row", PAIRS, ids=map(label, PAIRS))
def test_a_pair_as_it_is_written_does_what_was_recorded(plays, row):
    pair, run = row
    played = plays(label(row))
    server, client = run["server"], run["client"]
    names = [
        os.path.basename(script(BLOCKS[pair[role]], played["folder"]))
        for role in ("server", "client")
    ]
    heard = [said(played, name) for name in names]
    # Lines stand in the order in which they were said; a traceback follows what was printed.
    printed = [each["stdout"].split("\n") for each in (server, client)]
    printed = [lines if lines[-1] else lines[:-1] for lines in printed]
    assert heard[0][: len(printed[0])] == printed[0]
    fine = server["how"].startswith("still running") and client["rc"] == 0
    assert played["status"] == (0 if fine else 1), played["err"]
    if server["how"] == "exited by itself":
        assert same_exception(heard[0], server["exception"])
    else:
        assert heard[0] == printed[0]
        if client["how"].startswith("blocked"):
            assert heard[1] == []
            assert "did not end within 5 s" in played["err"]
        else:
            assert heard[1][: len(printed[1])] == printed[1]
        if client["rc"] == 0:
            assert heard[1] == printed[1]
        elif client["how"] == "exited":
            assert same_exception(heard[1], client["exception"])
    if run.get("wire_payloads_in_order"):
        assert wire_of(played, pair["port"]) == run["wire_payloads_in_order"]


def wire_of(played, port):
    return [
        [proto, "client->server" if to == port else "server->client", general(text)]
        for proto, source, to, text in played["wire"]
        if port in (source, to)
    ]


@pytest.mark.parametrize("notes", NOTES)
def test_notes_are_played_from_beginning_to_end_when_repaired(plays, notes):
    played = plays(notes)
    assert played["status"] == 0, played["out"] + played["err"]
    assert "Traceback" not in played["out"] + played["err"]


#: Of 004, whose programs were put together: the inventory's names for rsock's numbers.
ASSEMBLED = {"004-A": 1, "004-B": 2, "004-C": 3, "004-D": 4, "004-E": 5}
#: What was recorded of pairs once they were repaired.
REPAIRED = {
    each["pair"]: each["result"] for each in INVENTORY.get("repaired", []) if "pair" in each
}
INTENDED = [
    pair
    for pair in INVENTORY.get("pairs", [])
    if pair["server"] and pair["id"] not in ("004-Bdoc+004-C", UNANSWERED)
]


@pytest.mark.parametrize("pair", INTENDED, ids=lambda pair: pair["id"])
def test_a_pair_of_repaired_notes_says_what_was_meant(plays, pair):
    played = plays(next(notes for notes in NOTES if notes[:3] == pair["id"][:3]))
    run = REPAIRED.get(pair["id"])
    if run is None:
        recorded_run = recorded(pair)[0]
        run = {role: {"out": recorded_run[role]["stdout"]} for role in ("server", "client")}
    for role in ("server", "client"):
        block = pair[role]
        name = f"{ASSEMBLED.get(block) or number(block)} {role}"
        expected = run[role]["out"].split("\n")
        assert without_remarks(said(played, name)) == (expected if expected[-1] else expected[:-1])


def test_a_server_that_never_answers_ends_by_the_timeout_and_is_explained(plays):
    played = plays(next(notes for notes in NOTES if notes.startswith("003")))
    assert without_remarks(said(played, "1 server")) == [
        "Bind UDP on 9999...",
        "Received from ('127.0.0.1', {CPORT}) data:Michael",
    ]
    assert said(played, "2 client") == []
    assert "2 client did not end within 3 s and was stopped (it was in line 45)" in played["err"]
    assert "1 server never answers" in played["err"]


@pytest.mark.parametrize("notes", [notes for notes in NOTES if notes[:3] in ("001", "004")])
def test_pages_are_fetched_without_internet(plays, notes):
    played = plays(notes)
    assert said(played, "1 client")[0] == "HTTP/1.1 200 OK\r"
    assert b"<html" in (played["folder"] / "sina.html").read_bytes()


# Each block alone


def alone(block):
    text = block["run_alone_cpython311"] or ""
    if block["assembled_from"] or block["kind"] != "script":
        return None
    if block["dialect"] == "2":  # which Python 3 refuses, and rsock runs
        return "waits" if block["role"].startswith("udp sender") else "serves"
    if text.startswith("prints its first line"):
        return "serves"
    return "waits" if text.startswith("blocks for ever") else "fails"


def rows(kind):
    return [name for name, block in BLOCKS.items() if alone(block) == kind]


def run_alone(name, tmp_path, *options):
    command = rsock("run", *options, script(BLOCKS[name], tmp_path))
    up = [sys.executable, forgery.__file__]
    return start([*up, command[0], "-u", *command[1:]], tmp_path)


@pytest.mark.parametrize("name", rows("serves"))
def test_a_server_alone_serves_until_ctrl_c(tmp_path, name):
    process = run_alone(name, tmp_path)
    expected = BLOCKS[name]["expected_stdout"][0].encode() + b"\n"
    line = process.stdout.readline()
    support.until(lambda: support.at_rest(process.pid))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=support.PATIENCE)
    assert line == expected
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith(b"KeyboardInterrupt")
    if BLOCKS[name]["dialect"] != "2":  # whose sockets were of Python's own, and in tracebacks too
        assert b"rsock" not in err


@pytest.mark.parametrize("name", rows("waits"))
def test_a_client_alone_waits_and_is_told_why(tmp_path, name):
    process = run_alone(name, tmp_path, "--watch=0.3")
    told = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=support.PATIENCE)
    assert told
    assert (out, process.returncode) == (b"", -signal.SIGINT)
    assert err.rstrip().endswith(b"KeyboardInterrupt")


@pytest.mark.parametrize("name", rows("fails"))
def test_a_client_alone_fails_as_recorded(tmp_path, name):
    block = BLOCKS[name]
    process = run_alone(name, tmp_path)
    out, err = process.communicate(timeout=support.PATIENCE)
    assert (out, process.returncode) == (b"" if "input" not in lines_of(block) else out, 1)
    # Without a name server, the system calls the failure temporary.
    text = block["run_alone_cpython311"].replace(
        "[Errno -2] Name or service not known", "[Errno -3] Temporary failure in name resolution"
    )
    lines = err.decode().split("\n")
    assert same_exception(lines, re.split(r" \(line|, rc|[;.] ", text)[0])
    line = re.search(r"\(line ([0-9]+)", text)
    if line:
        at = block["lines"][0] + int(line[1]) - 1
        assert f'  File "{FOLDER / block["seed"]}", line {at}, in <module>' in lines


FRAGMENTS = [name for name, block in BLOCKS.items() if block["kind"] == "fragment"]


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_is_part_of_the_program_that_it_belongs_to(name):
    from rsock._learn import notes

    block = BLOCKS[name]
    path = FOLDER / block["seed"]
    owners = [
        ASSEMBLED[other]
        for other, assembly in BLOCKS.items()
        if other in ASSEMBLED and name in assembly["assembled_from"]
    ]
    first, last = block["lines"]
    found = [
        each.number
        for each in notes.read(path.read_text(encoding="utf-8"), str(path))
        if any(
            begin <= first and last <= end for begin, end in each.parts or [(each.first, each.last)]
        )
    ]
    assert found == owners


TRANSCRIPTS = [name for name, block in BLOCKS.items() if block["kind"] == "transcript"]


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_what_a_transcript_of_the_notes_shows_is_printed(plays, name):
    """The first was written by hand: it differs from its programs by dots and a greeting."""
    played = plays(BLOCKS[name]["seed"])
    printed = [general(line.partition("| ")[2]).rstrip(".") for line in played["out"].split("\n")]
    for line in BLOCKS[name]["expected_stdout"]:
        text, _, times = line.partition(" x")
        wanted = general(text).rstrip(".")
        assert printed.count(wanted) >= int(times or 1)
