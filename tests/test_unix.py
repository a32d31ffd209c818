"""Unix sockets: their names in the file system, and the abstract ones."""

import os

import pytest


@pytest.fixture
def sock(socket):
    with socket.socket(socket.AF_UNIX) as sock:
        yield sock


def test_a_path_is_bound_and_connected_to(socket, sock, tmp_path):
    path = str(tmp_path / "socket")
    sock.bind(path)
    sock.listen()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        connection, address = sock.accept()
        with connection:
            assert address == ""
            assert client.getpeername() == sock.getsockname() == path
            assert client.getsockname() == ""


@pytest.mark.parametrize("kind", [bytes, bytearray, os.fsdecode], ids=["bytes", "bytearray", "str"])
def test_a_path_may_be_text_or_bytes(sock, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    sock.bind(kind(b"name"))
    assert sock.getsockname() == "name"
    assert os.path.exists("name")


@pytest.mark.parametrize("name", ["größe", os.fsdecode(b"\xff\xfe")], ids=["utf-8", "undecodable"])
def test_a_name_that_is_not_ascii_comes_back_as_it_went(sock, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    sock.bind(name)
    assert sock.getsockname() == name
    assert os.listdir(".") == [name]


def test_an_abstract_name_is_bytes(socket, sock):
    name = b"\0rsock test %d" % os.getpid()
    sock.bind(name)
    sock.listen()
    assert sock.getsockname() == name
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(name)
        assert client.getpeername() == name


def test_an_abstract_name_may_hold_zeros_and_fill_all_the_room(sock):
    name = b"\0" + b"h\0" * 48 + b"%010d" % os.getpid()
    assert len(name) == 107
    sock.bind(name)
    assert sock.getsockname() == name


def test_an_abstract_name_given_as_text_is_the_same(sock):
    name = f"\0rsock text {os.getpid()}"
    sock.bind(name)
    assert sock.getsockname() == name.encode()


def test_the_empty_name_lets_the_kernel_choose(sock):
    assert sock.getsockname() == ""
    sock.bind("")
    name = sock.getsockname()
    assert isinstance(name, bytes)
    assert name.startswith(b"\0")
    assert len(name) == 6


def test_the_longest_path_fits_and_one_more_byte_does_not(sock, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match="AF_UNIX path too long"):
        sock.bind("x" * 108)
    sock.bind("x" * 107)
    assert sock.getsockname() == "x" * 107


def test_a_missing_path_is_a_file_not_found(sock, tmp_path):
    with pytest.raises(FileNotFoundError):
        sock.connect(str(tmp_path / "missing"))


def test_a_path_without_a_listener_refuses(sock, tmp_path):
    path = str(tmp_path / "file")
    sock.bind(path)
    with pytest.raises(ConnectionRefusedError):
        sock.connect(path)


def test_a_datagram_names_its_sender_if_it_has_a_name(socket, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kind = (socket.AF_UNIX, socket.SOCK_DGRAM)
    with socket.socket(*kind) as one, socket.socket(*kind) as two:
        two.bind("two")
        one.sendto(b"unnamed", "two")
        assert two.recvfrom(100) == (b"unnamed", None)
        one.bind("one")
        one.sendto(b"named", b"two")
        assert two.recvfrom(100) == (b"named", "one")


def test_a_seqpacket_keeps_edges_over_a_connection(socket):
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        left.send(b"one")
        left.send(b"two")
        assert (right.recv(100), right.recv(100)) == (b"one", b"two")
