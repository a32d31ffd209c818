"""Families beside the internet and Unix, as far as this machine has them."""

import contextlib
import struct

import pytest


@contextlib.contextmanager
def opened(socket, family, *args):
    """Open a socket, or skip the test and say why."""
    if not hasattr(socket, family):
        # Both modules must lack it.
        import socket as stock

        assert not hasattr(stock, family)
        pytest.skip(f"this Python has no {family}")
    try:
        sock = socket.socket(getattr(socket, family), *args)
    except OSError as error:
        pytest.skip(f"{family}: {error}")
    with sock:
        yield sock


def test_netlink_lists_the_interfaces(socket):
    with opened(socket, "AF_NETLINK", socket.SOCK_RAW) as sock:
        assert sock.getsockname() == (0, 0)
        sock.bind((0, 0))
        port, groups = sock.getsockname()
        assert port > 0
        assert groups == 0
        rtm_getlink, request, dump = 18, 1, 0x300
        sock.sendto(
            struct.pack("=LHHLLBBHiII", 32, rtm_getlink, request | dump, 7, 0, 0, 0, 0, 0, 0, 0),
            (0, 0),
        )
        data, address = sock.recvfrom(65536)
        assert address == (0, 0)
        assert struct.unpack_from("=LHHLL", data)[3] == 7


def test_packet_sockets_see_frames_of_an_interface(socket):
    with opened(socket, "AF_PACKET", socket.SOCK_RAW) as sock:
        assert sock.getsockname() == ("", 0, 0, 0, b"")
        sock.bind(("lo", 0x0003))
        name, protocol, kind, hardware, address = sock.getsockname()
        assert (name, protocol, kind, hardware) == ("lo", 3, 0, 772)
        assert address == bytes(6)
        with pytest.raises(OverflowError):
            sock.bind(("lo", -1))
        with pytest.raises(OSError, match="No such device"):
            sock.bind(("nonsense", 0))


def test_packet_sockets_receive_what_is_sent(socket, udp):
    eth_p_ip = 0x0800
    with opened(socket, "AF_PACKET", socket.SOCK_DGRAM, socket.htons(eth_p_ip)) as sock:
        sock.bind(("lo", eth_p_ip))
        one, two = udp
        one.sendto(b"seen by a third", two.getsockname())
        while True:
            data, address = sock.recvfrom(65536)
            if data.endswith(b"seen by a third"):
                break
        assert address[0] == "lo"
        assert address[1] == eth_p_ip
        assert len(address) == 5


def test_vsock_addresses_are_a_context_and_a_port(socket):
    with opened(socket, "AF_VSOCK") as sock:
        assert sock.getsockname() == (socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY)
        sock.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
        context, port = sock.getsockname()
        assert context == socket.VMADDR_CID_ANY
        assert port != socket.VMADDR_PORT_ANY
        with pytest.raises(TypeError):
            sock.connect("nonsense")
        with pytest.raises(TypeError):
            sock.connect((1,))


def test_alg_computes_a_hash(socket):
    with opened(socket, "AF_ALG", socket.SOCK_SEQPACKET) as sock:
        sock.bind(("hash", "sha256"))
        operation, _ = sock.accept()
        with operation:
            operation.sendall(b"abc")
            assert operation.recv(32).hex().startswith("ba7816bf")
        with pytest.raises(ValueError, match="type too long"):
            sock.bind(("x" * 20, "sha256"))


def test_can_sockets_bind_to_all_interfaces(socket):
    if not hasattr(socket, "CAN_RAW"):
        pytest.skip("this Python has no CAN")
    with opened(socket, "AF_CAN", socket.SOCK_RAW, socket.CAN_RAW) as sock:
        sock.bind(("",))
        assert sock.getsockname() == ("",)


def test_raw_sockets_echo_over_loopback(socket):
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError as error:
        pytest.skip(f"raw sockets: {error}")
    with sock:
        assert sock.proto == socket.IPPROTO_ICMP
        # An echo request with its checksum: 8 << 8, id and sequence 0.
        sock.sendto(bytes([8, 0, 0xF7, 0xFF, 0, 0, 0, 0]), ("127.0.0.1", 0))
        data, address = sock.recvfrom(100)
        assert address == ("127.0.0.1", 0)
        assert data[0] >> 4 == 4


@pytest.mark.parametrize("family", [0, 9999])
def test_what_has_addresses_of_no_known_form_is_not_asked_for_them(socket, udp, family):
    one, two = udp
    for _ in range(2):
        one.sendto(b"data", two.getsockname())
    number = two.detach()
    with socket.socket(family, socket.SOCK_DGRAM, 0, number) as sock:
        for call in (
            sock.getsockname,
            sock.getpeername,
            sock.accept,
            lambda: sock.recvfrom(10),
            lambda: sock.recvfrom_into(bytearray(10)),
            lambda: sock.recvmsg(10),
            lambda: sock.recvmsg_into([bytearray(10)]),
        ):
            with pytest.raises(OSError, match=r"^getsockaddrlen: bad family$"):
                call()
        assert "addr" not in repr(sock)
        assert sock.recv(10) == b"data"
        assert sock.recv_into(bytearray(10)) == 4
