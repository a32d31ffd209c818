"""Where sockets come from, and to whom their numbers go."""

import errno
import os
import sys

import pytest
import support


class TestFileno:
    """socket(fileno=...) finds out what the descriptor is."""

    @pytest.mark.parametrize(
        ("family", "kind"),
        [
            ("AF_INET", "SOCK_STREAM"),
            ("AF_INET", "SOCK_DGRAM"),
            ("AF_INET6", "SOCK_STREAM"),
            ("AF_UNIX", "SOCK_SEQPACKET"),
        ],
    )
    def test_it_detects_family_type_and_protocol(self, socket, family, kind):
        family, kind = getattr(socket, family), getattr(socket, kind)
        with socket.socket(family, kind) as first:
            number = first.detach()
        with socket.socket(fileno=number) as sock:
            assert (sock.family, sock.type, sock.fileno()) == (family, kind, number)
            protocol = {
                socket.SOCK_STREAM: socket.IPPROTO_TCP,
                socket.SOCK_DGRAM: socket.IPPROTO_UDP,
            }
            assert sock.proto == (0 if family == socket.AF_UNIX else protocol[kind])

    def test_what_is_given_wins(self, socket):
        with socket.socket() as first:
            number = first.detach()
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, 7, fileno=number) as sock:
            assert (sock.family, sock.type, sock.proto) == (
                socket.AF_INET6,
                socket.SOCK_DGRAM,
                7,
            )

    @pytest.mark.parametrize("given", [{}, {"family": 2, "type": 1, "proto": 6}])
    def test_a_closed_number_is_refused(self, socket, given):
        with socket.socket() as sock:
            number = sock.fileno()
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            socket.socket(fileno=number, **given)
        assert caught.value.errno == errno.EBADF

    @pytest.mark.parametrize("given", [{}, {"family": 2, "type": 1, "proto": 6}])
    def test_a_file_that_is_no_socket_is_refused_and_left_open(self, socket, tmp_path, given):
        with open(tmp_path / "file", "wb") as file:
            with pytest.raises(OSError, match="Socket operation on non-socket") as caught:
                socket.socket(fileno=file.fileno(), **given)
            assert caught.value.errno == errno.ENOTSOCK
            os.fstat(file.fileno())


@pytest.mark.parametrize("family", ["AF_INET", "AF_UNIX"])
def test_the_defaults_are_a_tcp_socket(socket, family):
    with socket.socket() as sock:
        assert (sock.family, sock.type, sock.proto) == (socket.AF_INET, socket.SOCK_STREAM, 0)
    with socket.socket(getattr(socket, family)) as sock:
        assert (sock.family, sock.type) == (getattr(socket, family), socket.SOCK_STREAM)


class TestSocketpair:
    def test_it_defaults_to_unix_streams_of_the_class(self, socket, pair):
        for sock in pair:
            assert type(sock) is socket.socket
            assert (sock.family, sock.type, sock.proto) == (socket.AF_UNIX, socket.SOCK_STREAM, 0)

    def test_datagrams_keep_their_edges(self, socket):
        left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with left, right:
            left.send(b"one")
            left.send(b"")
            left.send(b"three")
            assert [right.recv(10) for _ in range(3)] == [b"one", b"", b"three"]


class TestDup:
    def test_it_is_another_number_for_the_same_connection(self, socket, pair):
        left, right = pair
        with left.dup() as other:
            assert type(other) is socket.socket
            assert other.fileno() != left.fileno()
            assert (other.family, other.type, other.proto) == (left.family, left.type, left.proto)
            left.close()
            other.sendall(b"x")
            assert right.recv(1) == b"x"
        assert right.recv(1) == b""

    def test_it_keeps_the_timeout_and_the_subclass(self, socket):
        class Child(socket.socket):
            pass

        with Child() as sock:
            sock.settimeout(7)
            with sock.dup() as other:
                assert (type(other), other.gettimeout()) == (Child, 7.0)

    def test_fromfd_duplicates_a_number(self, socket, pair):
        left, right = pair
        with socket.fromfd(left.fileno(), left.family, left.type) as other:
            assert other.fileno() != left.fileno()
            other.sendall(b"x")
            assert right.recv(1) == b"x"

    def test_the_function_dup_duplicates_a_number(self, socket, pair):
        left, _ = pair
        number = socket.dup(left.fileno())
        assert number != left.fileno()
        assert not os.get_inheritable(number)
        socket.close(number)
        assert number not in support.open_descriptors()


def test_detach_gives_the_number_away_open(socket, pair):
    left, right = pair
    number = left.fileno()
    assert left.detach() == number
    assert left.fileno() == -1
    assert left.detach() == -1
    left.close()
    os.write(number, b"x")
    assert right.recv(1) == b"x"
    os.close(number)


class TestInheritance:
    def test_no_new_descriptor_is_inherited(self, socket, listener, pair):
        left, _ = pair
        with socket.create_connection(listener.getsockname()) as client:
            accepted, _ = listener.accept()
            with accepted, left.dup() as other, socket.socket() as fresh:
                with socket.fromfd(left.fileno(), left.family, left.type) as again:
                    for sock in (client, accepted, other, fresh, again, left, listener):
                        assert sock.get_inheritable() is False
                        assert os.get_inheritable(sock.fileno()) is False

    def test_it_can_be_switched(self, socket):
        with socket.socket() as sock:
            sock.set_inheritable(True)
            assert sock.get_inheritable() is True
            assert os.get_inheritable(sock.fileno()) is True
            sock.set_inheritable(False)
            assert sock.get_inheritable() is False


class TestAccept:
    def test_it_gives_a_socket_of_the_module_and_the_address(self, socket, listener):
        with socket.create_connection(listener.getsockname()) as client:
            connection, address = listener.accept()
            with connection:
                assert type(connection) is socket.socket
                assert address == client.getsockname()
                assert (connection.family, connection.type) == (socket.AF_INET, socket.SOCK_STREAM)

    def test_it_makes_the_class_that_the_module_holds_by_then(self, socket, listener, monkeypatch):
        class Child(socket.socket):
            pass

        monkeypatch.setattr(socket, "socket", Child)
        with socket.create_connection(listener.getsockname()) as client:
            connection, _ = listener.accept()
            with connection:
                assert (type(client), type(connection)) == (Child, Child)

    @pytest.mark.parametrize("timeout", [None, 5])
    def test_the_new_socket_is_blocking_whatever_the_listener_is(self, socket, listener, timeout):
        listener.settimeout(timeout)
        with socket.create_connection(listener.getsockname()):
            connection, _ = listener.accept()
            with connection:
                assert connection.gettimeout() is None
                assert os.get_blocking(connection.fileno())

    def test_the_new_socket_has_the_default_timeout(self, socket, listener):
        with socket.create_connection(listener.getsockname()):
            socket.setdefaulttimeout(7)
            try:
                connection, _ = listener.accept()
            finally:
                socket.setdefaulttimeout(None)
            with connection:
                assert connection.gettimeout() == 7.0

    def test_the_low_level_accept_gives_a_number(self, socket, listener):
        with socket.create_connection(listener.getsockname()) as client:
            number, address = listener._accept()
            assert address == client.getsockname()
            socket.close(number)


class TestCreateConnection:
    def test_it_tries_the_addresses_in_turn(self, socket, listener, monkeypatch):
        lookup = socket.getaddrinfo

        def two(host, port, *args):
            with socket.socket() as reserved:
                reserved.bind(("127.0.0.1", 0))
                dead = lookup(*reserved.getsockname(), *args)
            return dead + lookup(host, port, *args)

        monkeypatch.setattr(socket, "getaddrinfo", two)
        with socket.create_connection(listener.getsockname()) as client:
            assert client.getpeername() == listener.getsockname()

    def test_it_binds_to_the_source_address(self, socket, listener):
        with socket.create_connection(
            listener.getsockname(), source_address=("127.0.0.2", 0)
        ) as client:
            assert client.getsockname()[0] == "127.0.0.2"

    def test_it_raises_the_last_error_with_its_class(self, socket, listener):
        address = listener.getsockname()
        listener.close()
        with pytest.raises(ConnectionRefusedError) as caught:
            socket.create_connection(address)
        assert caught.value.errno == errno.ECONNREFUSED

    def test_it_says_so_when_there_are_no_addresses(self, socket, monkeypatch):
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [])
        with pytest.raises(OSError, match="getaddrinfo returns an empty list"):
            socket.create_connection(("127.0.0.1", 1))

    def test_it_gathers_all_errors_when_asked(self, socket, listener):
        address = listener.getsockname()
        listener.close()
        if sys.version_info < (3, 11):
            with pytest.raises(TypeError):
                socket.create_connection(address, all_errors=True)
            return
        with pytest.raises(ExceptionGroup) as caught:  # noqa: F821
            socket.create_connection(address, all_errors=True)
        assert [type(error) for error in caught.value.exceptions] == [ConnectionRefusedError]
        assert caught.value.message == "create_connection failed"


class TestCreateServer:
    def test_it_listens_on_a_port_of_its_own(self, socket, listener):
        assert listener.getsockname()[1] > 0
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1

    def test_a_taken_port_is_named_in_the_error(self, socket, listener):
        address = listener.getsockname()
        with pytest.raises(OSError, match=r"Address already in use") as caught:
            socket.create_server(address)
        assert caught.value.errno == errno.EADDRINUSE
        assert f"(while attempting to bind on address {address!r})" in str(caught.value)

    def test_dual_stack_takes_both_families(self, socket):
        if not socket.has_dualstack_ipv6():
            pytest.skip("this machine has no dual-stack sockets")
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            pytest.skip(f"this machine has no IPv6 loopback: {error}")
        with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
            port = server.getsockname()[1]
            for host in ("127.0.0.1", "::1"):
                with socket.create_connection((host, port)):
                    connection, address = server.accept()
                    with connection:
                        assert address[0] in ("::1", "::ffff:127.0.0.1")

    def test_reuse_port_is_set_when_asked(self, socket):
        with socket.create_server(("127.0.0.1", 0), reuse_port=True) as one:
            with socket.create_server(one.getsockname(), reuse_port=True) as two:
                assert one.getsockname() == two.getsockname()
