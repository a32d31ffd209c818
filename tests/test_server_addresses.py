"""Where a server listens, and what it says when it cannot."""

import contextlib
import errno
import os
import pathlib
import socket
import subprocess
import sys

import pytest
import rsock
import support


@pytest.fixture(params=["hello", "handler"])
def make(request):
    """Make a server that greets with `Welcome!`, run by the core or by Python's threads."""
    if request.param == "hello":
        return rsock.HelloServer
    return lambda address, **options: rsock.TcpServer(address, greet, **options)


def greet(sock, addr):
    # Somebody who only looks whether the server is there does not wait for the greeting.
    with contextlib.suppress(OSError):
        sock.sendall(b"Welcome!")


def greets(address):
    with rsock.TcpClient(address, timeout=support.PATIENCE) as client:
        return client.recv() == b"Welcome!"


def test_a_port_alone_is_on_this_machine_only(make):
    with make(0) as server:
        assert server.address[0] == "127.0.0.1"
        assert server.address[1] > 0
        assert greets(server.address)
        assert greets(server.address[1])


def test_a_host_may_be_a_name(make):
    with make(("localhost", 0)) as server:
        assert server.address[0] in ("127.0.0.1", "::1")
        assert greets(server.address)


def test_the_address_is_also_named_as_socketserver_names_it(make):
    with make(0) as server:
        assert server.server_address == server.address


@pytest.mark.parametrize("kind", [str, os.fsencode, pathlib.Path])
def test_a_path_is_a_unix_socket_that_goes_with_its_server(make, tmp_path, kind):
    path = kind(str(tmp_path / "s"))
    with make(path) as server:
        assert os.fspath(server.address) == str(tmp_path / "s")
        assert greets(path)
        assert greets(server.address)
    del server
    assert not os.path.exists(path)


def test_a_path_that_a_dead_server_left_behind_is_used_again(make, tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    with make(path):
        assert greets(path)


def test_a_path_where_a_server_listens_is_in_use(make, tmp_path):
    path = str(tmp_path / "s")
    with make(path):
        with pytest.raises(OSError, match="another server listens there") as caught:
            make(path)
        assert caught.value.errno == errno.EADDRINUSE
        assert greets(path)


def test_a_file_that_is_no_socket_is_left_alone(make, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(OSError, match="no socket"):
        make(path)
    assert path.read_text() == "data"


@pytest.mark.parametrize("kind", [str, os.fsencode])
def test_an_abstract_name_begins_with_nul(make, tmp_path, kind):
    name = kind(f"\0rsock-test{tmp_path}")
    with make(name) as server:
        assert os.fsencode(server.address) == os.fsencode(name)
        assert greets(name)


@pytest.mark.parametrize("listening", [False, True])
def test_a_socket_that_is_bound_already_serves(make, listening):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        if listening:
            bound.listen()
        address = bound.getsockname()
        with make(bound) as server:
            assert server.address == address
            assert greets(address)
        assert bound.getsockname() == address, "it stays with its owner"


def test_an_object_with_a_descriptor_serves_even_when_it_is_closed(make):
    bound = rsock.create_server(("127.0.0.1", 0))
    address = bound.getsockname()
    server = make(bound)
    bound.close()
    with server:
        assert greets(address)


REFUSED = {
    "reply": lambda sock: rsock.HelloServer(sock, reply="{oops}"),
    "limit": lambda sock: rsock.EchoServer(sock, max_connections=0),
    "on_data": lambda sock: rsock.TcpServer(sock, on_data=print, framing="none"),
    "handler": lambda sock: rsock.TcpServer(sock, print, backlog=1 << 40),
    "page": lambda sock: rsock.PageServer(sock, {"/": b""}, max_pending=0),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_socket_that_is_given_with_a_mistake_beside_it_stays_with_its_owner(mistake):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        address = sock.getsockname()
        with pytest.raises((ValueError, OverflowError)):
            REFUSED[mistake](sock)
    with pytest.raises(ConnectionRefusedError):
        rsock.TcpClient(address)


def test_a_socket_that_is_closed_is_no_place(make):
    sock = socket.create_server(("127.0.0.1", 0))
    sock.close()
    with pytest.raises(OSError) as caught:
        make(sock)
    assert caught.value.errno == errno.EBADF


def test_a_datagram_socket_is_refused(make):
    with socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="no stream socket"):
            make(bound)


def test_systemd_hands_over_a_socket():
    printed = support.python(
        """
        import os, rsock, socket
        listener = socket.create_server(("127.0.0.1", 0))
        address = listener.getsockname()
        if listener.fileno() != 3:
            os.dup2(listener.detach(), 3)
        else:
            listener.detach()
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        for kind in "events", "threads", "handler":
            if kind == "handler":
                server = rsock.TcpServer("systemd", lambda sock, addr: sock.sendall(b"Welcome!"))
            else:
                server = rsock.HelloServer("systemd", concurrency=kind)
            with server, rsock.TcpClient(address) as client:
                assert server.address == address
                print(client.recv().decode())
        """
    )
    assert printed == "Welcome!\n" * 3


def test_without_systemd_the_error_says_what_is_missing(make):
    with pytest.raises(OSError, match="LISTEN_FDS"):
        make("systemd")


@pytest.mark.skipif(not support.has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(make):
    with make(("::1", 0)) as server:
        assert server.address[0] == "::1"
        assert greets(server.address)
        assert "[::1]:" in repr(server)


@pytest.mark.skipif(not support.has_ipv6(), reason="this machine has no IPv6")
def test_all_interfaces_of_both_versions(make):
    with make(("", 0), dualstack=True) as server:
        port = server.address[1]
        assert server.address[0] == "::"
        assert greets(("127.0.0.1", port))
        assert greets(("::1", port))


@pytest.mark.skipif(not support.has_ipv6(), reason="this machine has no IPv6")
def test_a_client_of_both_versions_is_logged(spawn):
    lines = []
    with rsock.HelloServer(("::", 0), dualstack=True, log=lines.append) as server:
        assert greets(("127.0.0.1", server.address[1]))
    assert len(lines) == 3


def test_a_port_in_use_is_named_and_who_holds_it(make):
    with make(0) as server:
        port = server.address[1]
        with pytest.raises(OSError, match=f"port {port} .*this process itself") as caught:
            make(port)
        assert caught.value.errno == errno.EADDRINUSE
        assert greets(port)


def test_a_port_that_another_process_holds_is_in_use_by_it(make):
    code = (
        "import socket, sys\n"
        "with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "    print(server.getsockname()[1], flush=True)\n"
        "    sys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as other:
        port = int(other.stdout.readline())
        with pytest.raises(OSError, match=rf"port {port} .*process {other.pid}\b") as caught:
            make(port)
        assert caught.value.errno == errno.EADDRINUSE
        other.communicate(timeout=support.PATIENCE)


def test_reuse_port_lets_several_servers_share_a_port(make):
    with make(0, reuse_port=True) as one, make(one.address, reuse_port=True) as other:
        assert one.address == other.address
        for _ in range(10):
            assert greets(one.address)
        assert one.stats["accepted"] + other.stats["accepted"] == 10


def test_a_server_that_is_run_again_gets_its_port_again(make):
    with make(0) as server:
        address = server.address
        client = rsock.TcpClient(address)
        assert client.recv() == b"Welcome!"
    # The server closed first: its side of the connection lingers.
    assert client.recv() == b""
    client.close()
    with make(address):
        assert greets(address)


@pytest.mark.parametrize("address", [None, 1.5, True, (), ("127.0.0.1",), ["127.0.0.1", 0], {}])
def test_what_is_no_address_is_refused(make, address):
    with pytest.raises(TypeError, match="address"):
        make(address)


@pytest.mark.parametrize("port", [-1, 65536, 1 << 70])
def test_a_port_out_of_range_is_refused(make, port):
    for address in (port, ("127.0.0.1", port)):
        with pytest.raises(OverflowError):
            make(address)


def test_an_address_of_another_machine_is_refused(make):
    with pytest.raises(OSError, match=r"192\.0\.2\.1") as caught:
        make(("192.0.2.1", 0))
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_an_unknown_host_is_refused(make):
    with pytest.raises(socket.gaierror):
        make(("no such host", 0))
