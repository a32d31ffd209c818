"""IPv6: addresses of two to four parts."""

import pytest


@pytest.fixture
def server(socket):
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with server:
        yield server


def test_an_address_has_four_parts(server):
    host, port, flowinfo, scope = server.getsockname()
    assert (host, flowinfo, scope) == ("::1", 0, 0)
    assert port > 0


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_connect_takes_two_to_four_parts(socket, server, parts):
    with socket.socket(socket.AF_INET6) as client:
        client.connect(server.getsockname()[:parts])
        assert client.getpeername() == server.getsockname()
        connection, address = server.accept()
        with connection:
            assert address == client.getsockname()


def test_a_sender_is_named_in_four_parts(socket, server):
    kind = (socket.AF_INET6, socket.SOCK_DGRAM)
    with socket.socket(*kind) as one, socket.socket(*kind) as two:
        one.bind(("::1", 0))
        two.bind(("::1", 0))
        one.sendto(b"x", two.getsockname())
        assert two.recvfrom(1) == (b"x", one.getsockname())


def test_the_scope_of_a_link_local_address_is_an_interface(socket, server):
    index = socket.if_nametoindex("lo")
    found = socket.getaddrinfo("fe80::1%lo", 80, type=socket.SOCK_STREAM)
    assert found[0][4] == ("fe80::1", 80, 0, index)
    found = socket.getaddrinfo(f"fe80::1%{index}", 80, type=socket.SOCK_STREAM)
    assert found[0][4] == ("fe80::1", 80, 0, index)
    name = socket.getnameinfo(
        ("fe80::1", 80, 0, index), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    )
    assert name == ("fe80::1%lo", "80")


def test_flowinfo_goes_to_the_kernel_and_comes_back(socket, server):
    ipv6_flowinfo_send = 33
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, ipv6_flowinfo_send, 1)
        sock.connect(("::1", 9, 0x12345))
        assert sock.getpeername() == ("::1", 9, 0x12345, 0)


def test_v6only_keeps_ipv4_out(socket, server):
    assert server.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.getsockname()[1]))
