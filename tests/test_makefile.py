"""A socket as a file: every mode, and who closes what."""

import io

import pytest
import support


def test_modes_and_buffers_give_the_classes_of_io(socket, pair):
    left, _ = pair
    cases = [
        (("r",), {}, io.TextIOWrapper),
        (("w",), {}, io.TextIOWrapper),
        (("rw",), {}, io.TextIOWrapper),
        (("r", 1), {}, io.TextIOWrapper),
        (("rb",), {}, io.BufferedReader),
        (("wb",), {}, io.BufferedWriter),
        (("rwb",), {}, io.BufferedRWPair),
        (("brw",), {}, io.BufferedRWPair),
        (("rb", 0), {}, socket.SocketIO),
        (("wb", 0), {}, socket.SocketIO),
        (("rwb", 0), {}, socket.SocketIO),
        (("rb", 4096), {}, io.BufferedReader),
        ((), {"encoding": "utf-8"}, io.TextIOWrapper),
    ]
    for arguments, keywords, expected in cases:
        with left.makefile(*arguments, **keywords) as file:
            assert type(file) is expected, arguments


def test_a_file_tells_its_mode_name_and_number(socket, pair):
    left, _ = pair
    for mode, reads, writes in (("rb", True, False), ("wb", False, True), ("rwb", True, True)):
        with left.makefile(mode, 0) as file:
            assert (file.mode, file.name, file.fileno()) == (mode, left.fileno(), left.fileno())
            assert (file.readable(), file.writable(), file.seekable()) == (reads, writes, False)
    assert (file.name, file.closed) == (-1, True)
    with pytest.raises(ValueError, match="I/O operation on closed socket"):
        file.readable()
    with pytest.raises(ValueError, match="I/O operation on closed file"):
        file.fileno()


def test_text_is_encoded_and_decoded(pair):
    left, right = pair
    with (
        left.makefile("w", encoding="utf-8", newline="\n") as out,
        right.makefile("r", encoding="utf-8", newline="\n") as into,
    ):
        out.write("größe\n")
        out.flush()
        assert into.readline() == "größe\n"
        assert out.encoding == "utf-8"


def test_newlines_are_translated_as_told(pair):
    left, right = pair
    left.sendall(b"a\r\nb\r\n")
    with right.makefile("r", encoding="ascii", newline=None) as file:
        assert (file.readline(), file.readline()) == ("a\n", "b\n")
    left.sendall(b"a\r\n")
    with right.makefile("r", encoding="ascii", newline="") as file:
        assert file.readline() == "a\r\n"


def test_errors_are_treated_as_told(pair):
    left, right = pair
    left.sendall(b"\xff\n")
    with right.makefile("r", encoding="ascii", errors="replace") as file:
        assert file.readline() == "\ufffd\n"


@pytest.mark.parametrize("buffering", [-1, 0, 2, 4096])
def test_lines_come_one_by_one_until_the_end(pair, buffering):
    left, right = pair
    left.sendall(b"one\ntwo\n\nlast")
    left.close()
    with right.makefile("rb", buffering) as file:
        assert list(file) == [b"one\n", b"two\n", b"\n", b"last"]


def test_read_reads_to_the_end(tcp, spawn):
    client, server = tcp
    data = bytes(range(256)) * 4000

    def send():
        with server.makefile("wb") as file:
            file.write(data)
        server.close()

    writer = spawn(send)
    with client.makefile("rb") as file:
        assert file.read() == data
    writer.result()


def test_an_unbuffered_write_says_how_much_went(pair):
    left, right = pair
    with left.makefile("wb", 0) as file:
        assert file.write(b"abc") == 3
        assert right.recv(10) == b"abc"
        left.setblocking(False)
        while file.write(bytes(100000)) is not None:
            pass


def test_an_unbuffered_read_gives_none_where_it_would_block(pair):
    left, right = pair
    left.setblocking(False)
    with left.makefile("rb", 0) as file:
        assert file.read(10) is None
        assert file.readinto(bytearray(10)) is None
        right.sendall(b"abc")
        assert file.read(10) == b"abc"


def test_a_buffered_write_waits_for_flush(pair):
    left, right = pair
    right.setblocking(False)
    with left.makefile("wb") as file:
        file.write(b"abc")
        with pytest.raises(BlockingIOError):
            right.recv(10)
        file.flush()
        assert right.recv(10) == b"abc"


def test_one_file_reads_and_writes(pair):
    left, right = pair
    with left.makefile("rw", encoding="ascii") as one, right.makefile("rwb") as other:
        one.write("question\n")
        one.flush()
        assert other.readline() == b"question\n"
        other.write(b"answer\n")
        other.flush()
        assert one.readline() == "answer\n"


def test_a_mode_is_kept_to(pair):
    left, _ = pair
    with left.makefile("rb", 0) as file:
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")
    with left.makefile("wb", 0) as file:
        with pytest.raises(io.UnsupportedOperation):
            file.read(1)


def test_after_a_timeout_a_file_refuses_to_read(socket, pair):
    left, right = pair
    left.settimeout(0.01)
    with left.makefile("rb") as file:
        with pytest.raises(socket.timeout):
            file.read(1)
        right.sendall(b"late")
        with pytest.raises(OSError, match="cannot read from timed out object"):
            file.read(1)


class TestClosing:
    def test_the_socket_stays_open_for_its_file(self, pair):
        left, right = pair
        number = left.fileno()
        with left.makefile("rb") as file:
            left.close()
            assert left.fileno() == number
            right.sendall(b"still")
            assert file.read(5) == b"still"
        assert left.fileno() == -1
        assert number not in support.open_descriptors()

    def test_the_last_of_many_files_closes_it(self, pair):
        left, _ = pair
        files = [left.makefile("rb") for _ in range(3)]
        left.close()
        for file in files:
            assert left.fileno() != -1
            file.close()
        assert left.fileno() == -1

    def test_the_file_leaves_an_open_socket_open(self, pair):
        left, right = pair
        with left.makefile("rb"):
            pass
        right.sendall(b"x")
        assert left.recv(1) == b"x"

    def test_closing_a_file_twice_counts_once(self, pair):
        left, _ = pair
        with left.makefile("rb") as other:
            file = left.makefile("rb")
            file.close()
            file.close()
            left.close()
            assert left.fileno() != -1
            assert not other.closed
        assert left.fileno() == -1

    def test_a_forgotten_file_lets_go_of_the_socket(self, pair):
        left, right = pair
        file = left.makefile("rb", 0)
        left.close()
        assert left.fileno() != -1
        del file
        assert left.fileno() == -1
        assert right.recv(1) == b""

    def test_detach_leaves_a_file_without_a_socket(self, socket, pair):
        left, _ = pair
        with left.makefile("rb", 0) as file:
            with socket.socket(fileno=left.detach()):
                with pytest.raises(OSError, match="Bad file descriptor"):
                    file.read(1)

    def test_the_context_manager_of_the_socket_waits_for_the_file(self, pair):
        left, right = pair
        with left:
            file = left.makefile("wb")
        file.write(b"at the end")
        file.close()
        assert right.recv(100) == b"at the end"
        assert right.recv(100) == b""
