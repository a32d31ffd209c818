"""Servers at addresses that mean something on one interface alone."""

import shutil
import subprocess

import pytest
import support

#: Runs a command in a network of its own, whose loopback is a link with an address of that kind.
ALONE = (
    *("unshare", "--user", "--map-root-user", "--net", "sh", "-c"),
    'ip link set lo up && ip -6 address add fe80::1/64 dev lo nodad && exec "$@"',
    "sh",
)


@pytest.fixture(scope="module")
def alone():
    """Give the command before a command that has it find the address fe80::1."""
    missing = [program for program in ("unshare", "ip") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)}")
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace with IPv6 may be made here")
    return ALONE


SERVERS = """
    import rsock, socket

    zone = socket.if_nametoindex("lo")
    for address in ("fe80::1", 0, 0, zone), ("fe80::1%lo", 0):
        with rsock.HelloServer(address) as server:
            assert server.address == ("fe80::1", server.address[1], 0, zone)
            with rsock.TcpClient(server.address) as client:
                assert client.recv() == b"Welcome!"
            port = server.address
        # What a server says of itself is an address for the next one.
        with rsock.TcpServer(port, lambda sock, addr: sock.sendall(b"here")) as server:
            assert server.address == port
            with rsock.TcpClient(port) as client:
                assert client.recv() == b"here"
        with rsock.UdpServer(port) as server, rsock.UdpClient(server.address) as client:
            assert client.ask(b"you") == b"Hello, you!"
        with rsock.PageServer(port, {"/": "page"}) as server:
            assert server.url == f"http://[fe80::1%25{zone}]:{port[1]}/"
            assert rsock.fetch(server.url).text == "page"
    print("over")
"""


def test_a_link_local_address_is_taken_and_told_with_its_interface(alone):
    assert support.python(SERVERS, prefix=alone) == "over\n"


EVERYWHERE = """
    import rsock

    # The number of an interface says nothing where the address is one of all of them.
    for address in ("::", 0, 0, 0), ("::1", 0, 0, 0), ("localhost", 0, 0, 1), ("", 0, 0, 1):
        with rsock.HelloServer(address) as server:
            assert server.running
    print("over")
"""


def test_other_addresses_are_taken_as_they_are(alone):
    assert support.python(EVERYWHERE, prefix=alone) == "over\n"
