"""Where the body of a page goes, and how far it is."""

import gzip
import inspect
import io
import os
import stat

import peers
import pytest
import rsock
import support

HELLO = peers.reply(b"hello", "200 OK", "Content-Type: text/plain")


@pytest.fixture
def target(tmp_path):
    """Give a path in an empty folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "page"


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"


def test_a_body_goes_to_a_path(peer, target):
    page = rsock.fetch(peer(HELLO).url(), to=target)
    assert target.read_bytes() == b"hello"
    assert page.body == b""
    assert page.saved == target
    assert [each.name for each in target.parent.iterdir()] == ["page"]
    assert str(target) in repr(page)
    with pytest.raises(ValueError, match="already"):
        page.save(target)


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_mode_of_the_umask(peer, target, mask):
    before = os.umask(mask)
    try:
        page = rsock.fetch(peer(HELLO).url(), to=target)
        rsock.fetch(page.url).save(f"{target}2")
    finally:
        os.umask(before)
    for file in target.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask


def test_a_file_that_is_replaced_keeps_its_mode_and_its_links(peer, target):
    target.write_bytes(b"before")
    target.chmod(0o640)
    link = target.with_name("link")
    link.symlink_to("page")
    rsock.fetch(peer(HELLO).url(), to=link)
    assert link.is_symlink()
    assert target.read_bytes() == b"hello"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("before", [None, b"before"])
def test_a_download_that_fails_leaves_what_was_there(peer, target, before):
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(rsock.IncompleteReplyError):
        rsock.fetch(peer(CUT).url(), to=target)
    if before is None:
        assert list(target.parent.iterdir()) == []
    else:
        assert target.read_bytes() == before
        assert len(list(target.parent.iterdir())) == 1


def test_until_it_is_whole_nothing_stands_under_the_name(peer, target):
    seen = []

    def script(wire):
        wire.head()
        wire.send(CUT)
        support.until(lambda: list(target.parent.iterdir()))
        seen.append(target.exists())
        wire.send(b"world")
        wire.finish()

    rsock.fetch(peer(script).url(), to=target)
    assert seen == [False]
    assert target.read_bytes() == b"helloworld"


@pytest.mark.parametrize("to", ["no/such/folder/page", "."])
def test_a_path_that_cannot_be_written_is_found_out_before_a_byte_is_sent(peer, target, to):
    server = peer(HELLO)
    with pytest.raises((FileNotFoundError, IsADirectoryError)) as caught:
        rsock.fetch(server.url(), to=target.parent / to)
    assert ".part" not in str(caught.value)
    assert server.connections == 0
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    "file",
    [
        lambda path: open(path, "wb"),
        lambda path: open(path, "wb", buffering=0),
        lambda path: open(path, "w+b"),
        lambda path: gzip.open(path, "wb"),
    ],
    ids=["buffered", "unbuffered", "to read and write", "compressed"],
)
def test_a_body_goes_to_an_open_file_where_it_stands(peer, target, file):
    with file(target) as opened:
        opened.write(b"before ")
        page = rsock.fetch(peer(HELLO).url(), to=opened)
        opened.write(b" after")
    reader = gzip.open if target.read_bytes()[:2] == b"\x1f\x8b" else open
    with reader(target, "rb") as written:
        assert written.read() == b"before hello after"
    assert page.body == b""
    assert page.saved is None
    with pytest.raises(ValueError, match="not kept"):
        page.save(f"{target}2")
    assert os.listdir(target.parent) == ["page"]
    assert "0 bytes" not in repr(page) + page._repr_html_()


def test_what_came_of_a_body_that_went_to_a_file_is_not_there_to_be_saved(peer, target):
    for to in (target, io.BytesIO()):
        with pytest.raises(rsock.IncompleteReplyError) as caught:
            rsock.fetch(peer(CUT).url(), to=to)
        with pytest.raises(ValueError, match="not kept"):
            caught.value.response.save(target)
    with pytest.raises(rsock.IncompleteReplyError) as caught:
        rsock.fetch(peer(CUT).url())
    caught.value.response.save(target)
    assert target.read_bytes() == b"hello"


def test_help_knows_where_a_body_was_saved():
    assert "`saved`" in inspect.getdoc(rsock.Response)


def test_a_body_goes_to_whatever_has_a_write(peer):
    into = io.BytesIO()
    rsock.fetch(peer(HELLO).url(), to=into)
    assert into.getvalue() == b"hello"


@pytest.mark.parametrize("to", [io.StringIO(), 5, object()], ids=["text", "number", "object"])
def test_what_no_bytes_can_be_written_to_is_refused(peer, to):
    server = peer(HELLO)
    with pytest.raises(TypeError, match="binary file"):
        rsock.fetch(server.url(), to=to)
    assert server.connections == 0


def test_what_a_write_raises_ends_the_download(peer):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        rsock.fetch(peer(HELLO).url(), to=Full())


def test_a_disk_that_is_full_is_an_error():
    with peers.Peer(peers.reply(bytes(1 << 20))) as server, open("/dev/full", "wb") as full:
        with pytest.raises(OSError, match="No space left"):
            rsock.fetch(server.url(), to=full)


def test_a_compressed_body_goes_to_a_file_as_it_reads(peer, target):
    data = gzip.compress(b"hello" * 100_000)
    server = peer(peers.reply(data, "200 OK", "Content-Encoding: gzip"))
    rsock.fetch(server.url(), to=target)
    assert target.read_bytes() == b"hello" * 100_000
    rsock.fetch(server.url(), to=target, decode=False)
    assert target.read_bytes() == data


def test_the_limit_is_of_memory_unless_it_is_set(peer, target, monkeypatch):
    from rsock import _fetch

    assert inspect.signature(rsock.fetch).parameters["max_body"].default == 64 << 20
    monkeypatch.setattr(_fetch, "_MAX_BODY", _fetch._DefaultSize(3))
    server = peer(HELLO)
    with pytest.raises(rsock.TooLargeError):
        rsock.fetch(server.url(), to=target, max_body=3)
    with pytest.raises(rsock.TooLargeError):
        rsock.fetch(server.url(), max_body=_fetch._MAX_BODY)
    rsock.fetch(server.url(), to=target, max_body=_fetch._MAX_BODY)
    assert rsock.fetch(server.url(), max_body=5).body == b"hello"
    assert rsock.fetch(server.url(), max_body=None).body == b"hello"


def test_progress_is_told(peer):
    size = 1 << 20
    told = []
    rsock.fetch(peer(peers.reply(bytes(size))).url(), progress=lambda *now: told.append(now))
    done = [now for now, _ in told]
    assert done == sorted(done)
    assert told[-1] == (size, size)


def test_without_a_length_there_is_no_total_until_the_end(peer):
    told = []

    def script(wire):
        wire.head()
        wire.send(b"HTTP/1.0 200 OK\r\n\r\nhello")
        support.until(lambda: told)
        wire.finish()

    rsock.fetch(peer(script).url(), progress=lambda *now: told.append(now))
    assert told[0] == (5, None)
    assert told[-1][0] == 5


def test_what_progress_raises_ends_the_download(peer, target):
    class Enough(Exception):
        pass

    def stop(done, total):
        raise Enough

    with pytest.raises(Enough):
        rsock.fetch(peer(peers.reply(bytes(1 << 20))).url(), progress=stop, to=target)
    assert list(target.parent.iterdir()) == []


def test_off_a_terminal_the_bar_is_one_line_at_the_end(peer, capsys):
    rsock.fetch(peer(HELLO).url("/page.txt?q"), progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("page.txt: 5 B in ")
    assert err.count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_bar_stays_in_its_line(monkeypatch):
    from rsock._progress import Bar

    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    bar = Bar("a\x1b[2Jname", terminal)
    for done in range(0, 101, 10):
        bar._last = -1.0
        bar(done << 20, 100 << 20)
    bar.close()
    drawn = terminal.getvalue()
    assert "\x1b" not in drawn
    assert drawn.endswith("\n")
    lines = drawn.rstrip("\n").split("\r")[1:]
    assert all(len(line) < 60 for line in lines)
    assert "100%" in lines[-1]
    assert "50%" in drawn


@pytest.mark.parametrize("total", [100 << 20, None])
def test_a_wide_name_does_not_make_the_bar_longer_than_its_line(monkeypatch, total):
    from rsock._columns import width
    from rsock._progress import Bar

    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    bar = Bar("很长很长的中文文件名" * 8, terminal)
    for done in (0, 50, 100):
        bar._last = -1.0
        bar(done << 20, total)
    bar.close()
    lines = terminal.getvalue().rstrip("\n").split("\r")[1:]
    assert "很长" in lines[0]
    assert all(width(line) < 80 for line in lines)


def test_in_a_notebook_the_bar_is_an_element(monkeypatch):
    from types import SimpleNamespace

    import rsock._progress

    shown = []
    handle = SimpleNamespace(update=lambda picture: shown.append(picture._repr_html_()))
    monkeypatch.setattr(rsock._progress, "_notebook", lambda: handle)
    bar = rsock._progress.Bar("<script>")
    bar(50, 100)
    bar.close()
    assert '<progress value="50" max="100">' in shown[0]
    assert "<script>" not in shown[0]
    bar.close(failed=True)
    assert "not finished" in shown[-1]
