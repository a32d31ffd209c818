"""A file sent over a socket."""

import io

import pytest

DATA = bytes(range(256)) * 3000


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def exchange(tcp, spawn):
    """Send by a call on the one end, and give what it returned and what arrived."""
    client, server = tcp

    def receive():
        received = b""
        while data := server.recv(100000):
            received += data
        return received

    def run(send):
        reader = spawn(receive)
        try:
            sent = send(client)
        finally:
            client.close()
        return sent, reader.result()

    return run


@pytest.mark.parametrize("timeout", [None, 10])
def test_a_whole_file_arrives(exchange, path, timeout):
    with open(path, "rb") as file:

        def send(sock):
            sock.settimeout(timeout)
            return sock.sendfile(file)

        assert exchange(send) == (len(DATA), DATA)
        assert file.tell() == len(DATA)


def test_a_part_of_a_file_arrives(exchange, path):
    with open(path, "rb") as file:
        assert exchange(lambda sock: sock.sendfile(file, 1000, 5000)) == (5000, DATA[1000:6000])
        assert file.tell() == 6000


def test_a_count_past_the_end_sends_what_there_is(exchange, path):
    with open(path, "rb") as file:
        sent = exchange(lambda sock: sock.sendfile(file, offset=len(DATA) - 10, count=100))
        assert sent == (10, DATA[-10:])


def test_a_file_without_a_descriptor_is_read_and_sent(exchange):
    file = io.BytesIO(DATA)
    assert exchange(lambda sock: sock.sendfile(file, 10)) == (len(DATA) - 10, DATA[10:])
    assert file.tell() == len(DATA)


def test_an_empty_file_sends_nothing(exchange, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    with open(tmp_path / "empty", "rb") as file:
        assert exchange(lambda sock: sock.sendfile(file)) == (0, b"")


def test_sendfile_times_out_when_nobody_reads(socket, pair, path):
    left, _ = pair
    left.settimeout(0.05)
    with open(path, "rb") as file:
        with pytest.raises(socket.timeout, match="timed out"):
            left.sendfile(file)


def test_a_closed_socket_sends_no_file(socket, path):
    sock = socket.socket()
    sock.close()
    with open(path, "rb") as file:
        with pytest.raises(ValueError, match=r"^Invalid file descriptor: -1$"):
            sock.sendfile(file)
